"""How far a model's confidence in its answers can be trusted: reliability bins and the expected calibration error.

Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks (ICML 2017): 15 bins of equal width, each open
below and closed above; ECE = sum over bins of n_bin / n |accuracy - confidence|. Confidence is the probability given to
the class that was answered. Items without an answer or a probability are in no bin.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import number, ratio
from feallm.bench.tally import Array

BINS = 15
Places = NDArray[np.intp]


def confidence(outcome: Outcome) -> float | None:
    """The probability of the answered class; None where there is none, or it is no number in 0..1."""
    scores = outcome.response.scores if outcome.response is not None else None
    if not scores or outcome.emotion is None:
        return None
    value = scores.get(outcome.emotion)
    return float(value) if value is not None and math.isfinite(value) and 0 <= value <= 1 + 1e-6 else None


def gaps(confidences: Sequence[float | None], right: Array) -> Array:
    """Columns of a tally, [N, BINS + 1]: confidence minus right (0 or 1) in its bin, and whether it is in one."""
    columns = np.zeros((len(confidences), BINS + 1))
    items, values, bins = _binned(confidences)
    columns[items, bins] = values - right[items]
    columns[items, BINS] = 1
    return columns


def expected_error(sums: Array) -> Array:
    """ECE of sums of `gaps` [..., BINS + 1]; NaN where no item has a confidence."""
    return ratio(np.abs(sums[..., :BINS]).sum(-1), sums[..., BINS])


def reliability(confidences: Sequence[float | None], right: Array) -> list[dict[str, object]]:
    """A row a bin: low, high, n, and the mean confidence and the accuracy of its n items (None for no items)."""
    items, values, bins = _binned(confidences)
    n = np.bincount(bins, minlength=BINS)
    means = ratio(np.bincount(bins, values, BINS), n)
    rates = ratio(np.bincount(bins, right[items], BINS), n)
    return [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "n": int(n[place]),
            "confidence": number(means[place]),
            "accuracy": number(rates[place]),
        }
        for place in range(BINS)
    ]


def _binned(confidences: Sequence[float | None]) -> tuple[Places, Array, Places]:
    """Which items have a confidence, its value, and its bin."""
    items = np.array([place for place, value in enumerate(confidences) if value is not None], np.intp)
    values = np.array([value for value in confidences if value is not None], np.float64)
    bins = np.clip(np.ceil(values * BINS).astype(np.intp) - 1, 0, BINS - 1)
    return items, values, bins
