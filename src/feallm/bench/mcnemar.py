"""McNemar's test: whether of two models one is right more often on the same items (McNemar, Psychometrika 1947)."""

from dataclasses import dataclass

FEW = 25
"""Fewer items than this on which just one model is right are tested exactly."""


@dataclass(frozen=True)
class McNemar:
    """How many items both, only one, or neither model has right; `p` is two-sided.

    `statistic` is chi-square with one degree of freedom; None where the test is the exact binomial one. Items count as
    independent of each other.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p: float
    statistic: float | None = None

    @property
    def method(self) -> str:
        return "exact binomial" if self.statistic is None else "chi-square with continuity correction"


def mcnemar(both: int, only_a: int, only_b: int, neither: int) -> McNemar:
    """The test on the four counts. Where the models differ on fewer than `FEW` items, the binomial test of a fair coin;
    else (|only_a - only_b| - 1)^2 / (only_a + only_b) (Edwards, Psychometrika 1948)."""
    from scipy.stats import binomtest, chi2

    differ = only_a + only_b
    if not differ:
        return McNemar(both, only_a, only_b, neither, p=1.0)
    if differ < FEW:
        return McNemar(both, only_a, only_b, neither, p=float(binomtest(only_a, differ, 0.5).pvalue))
    statistic = max(0, abs(only_a - only_b) - 1) ** 2 / differ
    return McNemar(both, only_a, only_b, neither, float(chi2.sf(statistic, df=1)), statistic)
