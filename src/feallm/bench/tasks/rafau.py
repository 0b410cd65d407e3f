"""RAF-AU (Yan et al. 2020): action units of pictures from the wild, by FACS coders. There is no agreed protocol."""

from feallm.bench.tasks.asked import unit_task
from feallm.data.sources import rafau
from feallm.facs.action_units import CODED_AUS

UNITS = tuple(unit for unit in rafau.UNITS if unit in CODED_AUS)
"""Those of the set's units that the project's own codes have too; 18, 19 and 22 are left."""

RAFAU = unit_task(
    "rafau",
    "RAF-AU, nineteen action units",
    "rafau",
    "all",
    UNITS,
    "All aligned pictures, nineteen units, present or absent whatever their side: F1 of each unit with hits and errors "
    "pooled over the pictures, then the mean over the units. The set has no published split or list of units to score, "
    "and papers choose their own: do not put this number beside theirs. Which units the coders looked for is not "
    "confirmed.",
    is_crop=True,
    shares=("rafdb", "fea20k"),
)
