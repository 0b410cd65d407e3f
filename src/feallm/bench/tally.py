"""Every metric of the benchmark is a function of sums over items, so that intervals and
comparisons are the same few lines for all.

Shapes: N items, C columns, G groups (subjects, or items), R resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RESAMPLES = 1000


@dataclass(frozen=True)
class Tally:
    """`rows` [N, C]: what each item adds to each column; `finish` turns sums [..., C] into metrics, each [...].

    `finish` must bear sums of nothing: NaN where a metric is not defined. `groups` [N] are the subjects that are
    resampled together (None: each item by itself). The first metric is the headline.
    """

    rows: Array
    finish: Callable[[Array], Mapping[str, Array]]
    groups: tuple[str | None, ...] | None = None


@dataclass(frozen=True)
class Metric:
    """A value with its bootstrap 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Score:
    """What a task's predictions are worth.

    `metrics`: the headline first. `tables`: name -> rows of equal keys, such as "classes" (class, n, recall …),
    "confusion" (truth, a column a class, and a column for what is no class), "units" (unit, positives,
    base_rate, f1 …).
    `results`: a row an item: sample, and what of it was right.
    """

    metrics: Mapping[str, Metric]
    tables: Mapping[str, Sequence[Mapping[str, object]]]
    results: Sequence[Mapping[str, object]]
