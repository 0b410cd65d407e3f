"""Measures of agreement: against scikit-learn, scipy and an analysis of variance written out; and where undefined."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import pearsonr
from sklearn.metrics import cohen_kappa_score, f1_score

from feallm.bench.intensity_scores import moments_of
from feallm.compare import measures


def two_raters(seed=0, offset=0.7):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 5, 60)
    return truth + rng.normal(0, 0.8, 60), 0.7 * truth + offset + rng.normal(0, 0.8, 60)


def moments(x, y):
    return moments_of(np.asarray(x, float), np.asarray(y, float)).sum(0)


def by_variance(x, y):
    """ICC(3,1) and ICC(2,1) from the mean squares of a two-way analysis of variance (Shrout & Fleiss 1979)."""
    table = np.stack([x, y], axis=1)
    n, k = table.shape
    grand = table.mean()
    between = k * ((table.mean(1) - grand) ** 2).sum() / (n - 1)
    judges = n * ((table.mean(0) - grand) ** 2).sum() / (k - 1)
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + grand
    error = (residual**2).sum() / ((n - 1) * (k - 1))
    consistency = (between - error) / (between + (k - 1) * error)
    return consistency, (between - error) / (between + (k - 1) * error + k * (judges - error) / n)


@pytest.mark.parametrize("seed", range(4))
def test_strengths_against_others(seed):
    x, y = two_raters(seed, offset=0.3 * seed)
    one = moments(x, y)
    consistency, absolute = by_variance(x, y)
    assert measures.icc_3_1(one) == pytest.approx(consistency)
    assert measures.icc_2_1(one) == pytest.approx(absolute)
    assert measures.pearson(one) == pytest.approx(pearsonr(x, y).statistic)
    assert measures.bias(one) == pytest.approx((x - y).mean())
    assert measures.spread(one) == pytest.approx((x - y).std(ddof=1))


def test_an_offset_costs_absolute_agreement_alone():
    x = np.array([0.0, 1, 2, 3, 4])
    one = moments(x, x + 1)
    assert measures.icc_3_1(one) == pytest.approx(1)
    assert measures.pearson(one) == pytest.approx(1)
    assert measures.icc_2_1(one) == pytest.approx(by_variance(x, x + 1)[1])
    assert measures.icc_2_1(one) < 0.85
    assert measures.pearson(moments(x, 10 * x)) == pytest.approx(1)
    assert measures.icc_3_1(moments(x, 10 * x)) < 0.3


@pytest.mark.parametrize("seed", range(4))
def test_labels_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 4, 80)
    b = np.where(rng.random(80) < 0.6, a, rng.integers(0, 4, 80))
    counts = np.zeros((4, 4))
    np.add.at(counts, (a, b), 1)
    assert measures.kappa(counts) == pytest.approx(cohen_kappa_score(a, b))
    assert measures.agreement(counts) == pytest.approx((a == b).mean())
    for place, table in enumerate(measures.against_rest(counts)):
        assert measures.f1(table) == pytest.approx(f1_score(a == place, b == place))
        assert measures.kappa(table) == pytest.approx(cohen_kappa_score(a == place, b == place))


def test_f1_is_the_same_whoever_is_taken_for_the_truth():
    counts = np.array([[50.0, 7], [3, 12]])
    assert measures.f1(counts) == measures.f1(counts.T)


def test_divergence_against_scipy():
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.ones(7), 5), rng.dirichlet(np.ones(7), 5)
    assert measures.jensen_shannon(a, b) == pytest.approx(jensenshannon(a, b, base=2, axis=1) ** 2)
    apart = np.array([[1.0, 0], [0.5, 0.5]]), np.array([[0.0, 1], [0.5, 0.5]])
    assert measures.jensen_shannon(*apart) == pytest.approx([1, 0])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("x", "y", "defined"),
    [
        ([], [], set()),
        ([2.0], [3.0], {"bias"}),
        ([0.0, 0, 0], [0.0, 0, 0], {"bias", "spread"}),
        ([0.1, 0.1, 0.1], [1.0, 2, 3], {"bias", "spread", "icc_3_1", "icc_2_1"}),
        ([0.1, 0.1, 0.1], [0.2, 0.2, 0.2], {"bias", "spread", "icc_2_1"}),
    ],
    ids=["nobody", "one face", "all the same", "A does not vary", "both constant, apart"],
)
def test_strengths_where_there_is_little(x, y, defined):
    one = moments(x, y)
    names = ("icc_3_1", "icc_2_1", "pearson", "bias", "spread")
    assert {name for name in names if np.isfinite(getattr(measures, name)(one))} == defined


@pytest.mark.filterwarnings("error")
def test_labels_where_there_is_little():
    nobody, always, never = np.zeros((2, 2)), np.diag([0.0, 5]), np.diag([5.0, 0])
    for counts, f1, kappa in ((nobody, None, None), (always, 1.0, None), (never, None, None)):
        for value, expected in ((measures.f1(counts), f1), (measures.kappa(counts), kappa)):
            assert np.isnan(value) if expected is None else value == expected
    apart = np.array([[0.0, 3], [4, 0]])
    assert measures.f1(apart) == 0
    assert measures.kappa(apart) < 0
