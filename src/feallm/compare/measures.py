"""How far two judges agree, as functions of sums over faces: NaN where a measure is not defined, never a warning.

- F1 of presence, 2 TP / (2 TP + FP + FN): the same whichever of the two is taken for the truth.
- Cohen's kappa (Educational and Psychological Measurement 1960): agreement beyond what the two judges' own rates would
  give by chance; unweighted.
- Pearson's correlation: forgives another scale and an offset.
- ICC(3,1), consistency, and ICC(2,1), absolute agreement, of single measures (Shrout & Fleiss, Psychological Bulletin
  1979). The first forgives a constant offset and is what papers on action units report; the second does not, and says
  whether the numbers of one tool may stand for the other's.
- Bias, the mean of A - B, with the limits within which 95 % of the differences lie if they are normal (Bland & Altman,
  Lancet 1986).
- Jensen-Shannon divergence of two distributions, in bits: 0 the same, 1 nothing in common (Lin, IEEE Transactions on
  Information Theory 1991).

Shapes: counts [..., K, K], rows A's label, columns B's; moments [..., 7] as in `bench.intensity_scores`, x of A, y of
B.
"""

import numpy as np

from feallm.bench.intensity_scores import ROUNDING, icc
from feallm.bench.ratios import ratio
from feallm.bench.tally import Array

LIMITS = 1.96
"""Standard deviations on each side that hold 95 % of a normal distribution."""
icc_3_1 = icc
"""Of `bench.intensity_scores`."""


def f1(counts: Array) -> Array:
    """F1 of presence from counts [..., 2, 2] (absent, present); NaN where neither ever has it."""
    both, wrong = counts[..., 1, 1], counts[..., 0, 1] + counts[..., 1, 0]
    return ratio(2 * both, 2 * both + wrong)


def agreement(counts: Array) -> Array:
    """Share of faces that both label alike; NaN for no face."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum((-2, -1)))


def kappa(counts: Array) -> Array:
    """Cohen's kappa; NaN for no face, and where both always say the same label: chance alone agrees then."""
    n, same = counts.sum((-2, -1)), np.trace(counts, axis1=-2, axis2=-1)
    chance = (counts.sum(-1) * counts.sum(-2)).sum(-1)
    return ratio(n * same - chance, n**2 - chance)


def against_rest(counts: Array) -> Array:
    """Counts [..., K, K] as K tables of one label against all others, [..., K, 2, 2]."""
    both = np.diagonal(counts, axis1=-2, axis2=-1)
    only_a, only_b = counts.sum(-1) - both, counts.sum(-2) - both
    neither = counts.sum((-2, -1))[..., None] - both - only_a - only_b
    return np.stack([np.stack([neither, only_b], -1), np.stack([only_a, both], -1)], -2)


def pearson(moments: Array) -> Array:
    """Correlation; NaN for fewer than two faces, or where one of the judges does not vary."""
    var_x, var_y, shared = variances(moments)
    return np.clip(ratio(shared, np.sqrt(var_x * var_y)), -1, 1)


def icc_2_1(moments: Array) -> Array:
    """ICC(2,1); NaN for fewer than two faces, or where neither judge varies nor is off."""
    n, x, y, *_ = np.moveaxis(moments, -1, 0)
    var_x, var_y, shared = variances(moments)
    offset = ratio(x - y, n) ** 2
    residual = ratio(var_x + var_y - 2 * shared, n - 1)
    whole = ratio(n * (var_x + var_y), n - 1) + offset - residual
    return ratio(ratio(2 * n * shared, n - 1), np.where(whole > 0, whole, 0.0))


def bias(moments: Array) -> Array:
    """Mean of A - B; NaN for no face."""
    return ratio(moments[..., 1] - moments[..., 2], moments[..., 0])


def spread(moments: Array) -> Array:
    """Standard deviation of A - B; NaN for fewer than two faces."""
    n = moments[..., 0]
    var_x, var_y, shared = variances(moments)
    return np.sqrt(ratio(n * np.maximum(var_x + var_y - 2 * shared, 0), np.where(n >= 2, n - 1, 0.0)))


def variances(moments: Array) -> tuple[Array, Array, Array]:
    """Population variances of both judges and their covariance; a variance that is mere rounding is 0."""
    n, x, y, xx, yy, xy, _ = np.moveaxis(moments, -1, 0)
    mean_x, mean_y = ratio(x, n), ratio(y, n)
    var_x, var_y = ratio(xx, n) - mean_x**2, ratio(yy, n) - mean_y**2
    flat_x, flat_y = var_x <= ROUNDING * ratio(xx, n), var_y <= ROUNDING * ratio(yy, n)
    shared = np.where(flat_x | flat_y, 0.0, ratio(xy, n) - mean_x * mean_y)
    return np.where(flat_x, 0.0, var_x), np.where(flat_y, 0.0, var_y), shared


def jensen_shannon(a: Array, b: Array) -> Array:
    """Divergence of distributions [..., C] in bits, each summing to 1."""
    middle = (a + b) / 2
    return np.asarray((_relative(a, middle) + _relative(b, middle)) / 2)


def _relative(a: Array, b: Array) -> Array:
    """Kullback-Leibler divergence in bits; b is nowhere 0 where a is not."""
    there = a > 0
    return np.asarray(np.where(there, a * np.log2(np.where(there, a, 1) / np.where(there, b, 1)), 0.0).sum(-1))
