"""Intervals and paired differences: against what statistics says they are, and where nothing can be resampled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feallm.bench.ratios import ratio
from feallm.bench.resample import differences, intervals
from feallm.bench.tally import RESAMPLES, Metric, Tally


def mean(sums):
    return {"mean": ratio(sums[..., 0], sums[..., 1])}


def of(values, groups=None):
    values = np.asarray(values, float)
    return Tally(np.stack([values, np.ones_like(values)], axis=1), mean, groups)


def test_the_value_is_of_all_items_and_the_interval_as_wide_as_the_binomial_one():
    values = np.arange(2000) % 10 < 3
    found = intervals(of(values))["mean"]
    wide = 1.96 * np.sqrt(0.3 * 0.7 / 2000)
    assert found.value == pytest.approx(0.3)
    assert found.low == pytest.approx(0.3 - wide, abs=0.003)
    assert found.high == pytest.approx(0.3 + wide, abs=0.003)


def test_distinct_and_equal_rows_are_drawn_alike():
    """Few distinct rows are merged and drawn by multinomial, many one by one: both are the same bootstrap."""
    coarse = np.repeat([0.0, 1.0], 500)
    fine = coarse + np.linspace(0, 1e-6, 1000)
    merged, single = intervals(of(coarse))["mean"], intervals(of(fine))["mean"]
    wide = 1.96 * 0.5 / np.sqrt(1000)
    for found in (merged, single):
        assert found.high - found.low == pytest.approx(2 * wide, rel=0.1)


def test_people_are_drawn_whole():
    """Ten people of 200 equal frames: the interval is one of ten values, not of two thousand."""
    people = np.repeat(np.arange(10) / 10, 200)
    groups = tuple(f"p{place // 200}" for place in range(2000))
    frames, whole = intervals(of(people))["mean"], intervals(of(people, groups))["mean"]
    assert frames.value == whole.value == pytest.approx(0.45)
    wide = 1.96 * np.std(np.arange(10) / 10) / np.sqrt(10)
    assert whole.high - whole.low == pytest.approx(2 * wide, rel=0.1)
    assert frames.high - frames.low < 0.1 * (whole.high - whole.low)


def test_items_of_no_subject_stand_by_themselves():
    values = np.arange(100) % 2
    alone = intervals(of(values, (None,) * 100))["mean"]
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * 0.5 / 10, rel=0.15)


def test_the_same_seed_gives_the_same_interval_and_another_another():
    tally = of(np.random.default_rng(0).random(50))
    assert intervals(tally, seed=3) == intervals(tally, seed=3)
    assert intervals(tally, seed=3) != intervals(tally, seed=4)


def test_one_person_has_no_interval():
    assert intervals(of([0, 1, 1], ("a", "a", "a")))["mean"] == Metric(pytest.approx(2 / 3))


def test_one_item_has_no_interval():
    assert intervals(of([1]))["mean"] == Metric(1.0)


def test_no_item_has_no_value():
    assert intervals(Tally(np.zeros((0, 2)), mean)) == {"mean": Metric(None)}
    assert intervals(Tally(np.zeros((0, 2)), mean, ())) == {"mean": Metric(None)}


def rare(has, known):
    """40 items, `known` of which count for the metric, the first `has` of them as right."""
    rows = np.zeros((40, 2))
    rows[:known, 1] = 1
    rows[:has, 0] = 1
    return Tally(rows, lambda sums: {"rare": ratio(sums[..., 0], sums[..., 1])})


def test_resamples_without_a_value_are_left_out():
    """Of five items one is right: a resample in 170 draws none of the five."""
    found = intervals(rare(1, 5))["rare"]
    assert (found.value, found.low) == (0.2, 0)
    assert 0.5 < found.high < 0.9
    never = Tally(np.ones((40, 1)), lambda sums: {"never": sums[..., 0] * np.nan})
    assert intervals(never) == {"never": Metric(None)}


def test_a_metric_of_one_item_has_no_interval_and_no_p():
    """A third of the resamples lack it, and in the rest it is that item again: 1 for certain, it would seem."""
    assert intervals(rare(1, 1)) == {"rare": Metric(1.0)}
    found = differences(rare(1, 1), rare(0, 1))["rare"]
    assert (found.a, found.b, found.difference) == (1, 0, 1)
    assert (found.low, found.high, found.p) == (None, None, None)


def test_what_is_not_finite_or_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="finite"):
        intervals(of([1, np.nan]))
    with pytest.raises(ValueError, match="one group for each of its 2 items, got 1"):
        intervals(of([1, 0], ("a",)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=2, max_size=60), st.randoms())
def test_low_is_below_high_and_the_order_of_items_does_not_change_the_value(values, random):
    found = intervals(of(values))["mean"]
    assert min(values) <= found.low <= found.high <= max(values)
    shuffled = list(values)
    random.shuffle(shuffled)
    assert intervals(of(shuffled))["mean"].value == pytest.approx(found.value)


def test_a_paired_difference_knows_that_the_items_are_the_same():
    """One is right on 20 items more: the intervals overlap, and yet the paired difference is beyond doubt."""
    hard = np.arange(400) % 2
    better = hard.copy()
    better[:40:2] = 1
    found = differences(of(better), of(hard))["mean"]
    assert found.difference == pytest.approx(20 / 400)
    spread = np.sqrt(0.05 * 0.95 / 400)
    assert found.low == pytest.approx(0.05 - 1.96 * spread, abs=0.004)
    assert found.high == pytest.approx(0.05 + 1.96 * spread, abs=0.004)
    assert found.share == 0
    assert found.p == pytest.approx(2 / (RESAMPLES + 1))
    assert intervals(of(hard))["mean"].high > intervals(of(better))["mean"].low


def test_the_other_way_round_the_signs_change():
    rng = np.random.default_rng(1)
    a, b = of(rng.random(80) < 0.6), of(rng.random(80) < 0.5)
    there, back = differences(a, b)["mean"], differences(b, a)["mean"]
    assert there.difference == pytest.approx(-back.difference)
    assert there.low == pytest.approx(-back.high)
    assert there.p == pytest.approx(back.p)


def test_a_model_does_not_differ_from_itself():
    tally = of(np.arange(30) % 3 == 0)
    found = differences(tally, tally)["mean"]
    assert (found.difference, found.low, found.high, found.share, found.p) == (0, 0, 0, 1, 1)


def test_differences_of_people_and_of_nothing():
    groups = ("a", "a", "a")
    found = differences(of([1, 1, 0], groups), of([0, 1, 0], groups))["mean"]
    assert found.difference == pytest.approx(1 / 3)
    assert (found.low, found.high, found.share, found.p) == (None,) * 4
    empty = Tally(np.zeros((0, 2)), mean)
    assert differences(empty, empty)["mean"].difference is None


def test_only_shared_metrics_are_compared():
    a = of([1, 0, 1])
    more = Tally(a.rows, lambda sums: {**mean(sums), "ece": sums[..., 0]})
    assert list(differences(a, more)) == list(differences(more, a)) == ["mean"]
    other = Tally(a.rows, lambda sums: {"ece": sums[..., 0]})
    with pytest.raises(ValueError, match="share no metric"):
        differences(a, other)


def test_other_items_cannot_be_paired():
    with pytest.raises(ValueError, match="got 2 and 3 items"):
        differences(of([1, 0]), of([1, 0, 1]))
    with pytest.raises(ValueError, match="of different subjects"):
        differences(of([1, 0], ("a", "b")), of([1, 0], ("a", "c")))
