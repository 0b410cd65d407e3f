"""DISFA (Mavadati et al. 2013): action units in all frames of 27 people, left camera, present from strength 2 on.

"disfa" has the field's eight units, "disfa12" all twelve that are coded. The note on folds in `tasks/bp4d.py` holds
here too.
"""

from feallm.bench.tasks.asked import unit_task
from feallm.bench.tasks.by_fold import fold_people
from feallm.data.sources import disfa, folds

POSITIVE = 2.0
SHARES = ("disfa_right", "fea20k")
EIGHT = tuple(f"AU{number:02d}" for number in (1, 2, 4, 6, 9, 12, 25, 26))
_POOLED = (
    "present from strength 2 on; zero-shot, over all 130,815 frames of the left camera, none left out and none "
    "rebalanced: F1 of each unit with hits and errors pooled over the frames, then the mean over the units. Intervals "
    "resample people."
)

DISFA = unit_task(
    "disfa",
    "DISFA, eight action units",
    "disfa",
    "all",
    EIGHT,
    f"Eight units, {_POOLED} Not comparable to Facial-R1's DISFA column (twelve units, selected frames, only units "
    "that occur in its test file).",
    positive=POSITIVE,
    graded=True,
    shares=SHARES,
    parts=fold_people(folds.DISFA),
)
DISFA12 = unit_task(
    "disfa12",
    "DISFA, twelve action units",
    "disfa",
    "all",
    disfa.UNITS,
    f"All twelve coded units, {_POOLED} The field reports eight of them (task disfa): do not put this number beside "
    "those, nor beside Facial-R1's, whose twelve units are scored on selected frames.",
    positive=POSITIVE,
    graded=True,
    shares=SHARES,
    parts=fold_people(folds.DISFA),
)
