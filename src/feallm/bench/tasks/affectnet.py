"""AffectNet, manually annotated (Mollahosseini, Hasani & Mahoor, IEEE TAC 2017): its validation set, 7 or 8 classes.

The owners keep the test set: what papers call AffectNet's test set is the validation set, 500 pictures a class. The
pictures count as crops. In the npy release they are; those of the CSV release are cut out by the set's own box with a
margin. A detector that fails would measure the release that a user has, and not the reading of the expression.
"""

from feallm.bench.tasks.asked import emotion_task

SHARES = ("faba", "fea20k")
"""FABA-Instruct's pictures are AffectNet's; FEA-20K holds some of both."""
_CUT = (
    "The crops of the npy release, or of the CSV release the pictures cut out by its own box with a margin of a "
    "quarter of the box; codes 8 to 10 (none, uncertain, non-face) are left out."
)

AFFECTNET7 = emotion_task(
    "affectnet7",
    "AffectNet, seven emotions",
    "affectnet",
    "val",
    "affectnet7",
    f"The validation set without contempt, 3,500 pictures, 500 for each of seven classes. {_CUT} Not comparable to "
    "numbers over eight classes.",
    shares=SHARES,
)
AFFECTNET8 = emotion_task(
    "affectnet8",
    "AffectNet, eight emotions",
    "affectnet",
    "val",
    "affectnet8",
    f"The validation set, 4,000 pictures, 500 for each of eight classes. {_CUT} Not comparable to numbers over seven "
    "classes.",
    shares=SHARES,
)
