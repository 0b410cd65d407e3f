"""Arithmetic that bears sums of nothing: NaN where a ratio or a mean is not defined, never a warning."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.bench.outcomes import Outcome
from feallm.bench.tally import Array


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> Array:
    """`part / whole`, NaN where the whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole != 0, np.true_divide(part, whole), np.nan))


def known_mean(values: Array, axis: int = -1) -> Array:
    """The mean of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis), known.sum(axis))


def number(value: float | Array) -> float | None:
    """A plain number for a table, of a number or an array of one; None where it is not finite."""
    return float(value) if math.isfinite(value) else None


def subjects(outcomes: Sequence[Outcome]) -> tuple[str | None, ...] | None:
    """Whom each item shows: the groups of a `Tally`. None where no item says."""
    people = tuple(outcome.item.subject for outcome in outcomes)
    return people if any(person is not None for person in people) else None
