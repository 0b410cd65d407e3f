"""BP4D-Spontaneous (Zhang et al. 2014): twelve action units in the coded frames of all 41 people.

For models that were not trained on it. Trained models are published as the mean over three folds, each of them tested
by a model that has not seen its people: one model's mean over the folds is in the table "folds", for comparison.
"""

from feallm.bench.tasks.asked import unit_task
from feallm.bench.tasks.by_fold import fold_people
from feallm.data.sources import bp4d, folds

BP4D = unit_task(
    "bp4d",
    "BP4D, twelve action units",
    "bp4d",
    "all",
    bp4d.UNITS,
    "Zero-shot, over all coded frames of the 41 people, none left out and none rebalanced: F1 of each of twelve units "
    "with hits and errors pooled over the frames, then the mean over the units. Code 9 (unknown) takes a frame out of "
    "that unit's counts. Intervals resample people. Not comparable to Facial-R1's BP4D column (27 units, selected "
    "frames, only units that occur in its test file).",
    shares=("fea20k",),
    parts=fold_people(folds.BP4D),
)
