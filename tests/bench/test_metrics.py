"""Emotion, action-unit and intensity scores: by hand, against scikit-learn, and where there is nothing to score."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from feallm.bench.emotion_scores import emotion_score, emotion_tally
from feallm.bench.intensity_scores import add_intensity, icc, intensity_tally
from feallm.bench.items import Item, Response, Truth
from feallm.bench.outcomes import outcome
from feallm.bench.resample import intervals
from feallm.bench.tally import Metric
from feallm.bench.tasks.by_fold import score_with_folds
from feallm.bench.unit_scores import unit_score, unit_tally

CLASSES = ("neutral", "happiness", "sadness", "anger")
UNITS = ("AU01", "AU04", "AU12")


def felt(truth, given, place=0, scores=None, subject=None):
    """An outcome of an emotion item; `given` None: no answer."""
    item = Item(f"s{place}", f"f{place}", "emotion", "q", Truth(emotion=truth), subject)
    response = Response(emotion=given, scores=scores) if given else Response(text="It is hard to say.", scores=scores)
    return outcome(item, response, CLASSES)


def felts(pairs):
    return [felt(truth, given, place) for place, (truth, given) in enumerate(pairs)]


def moved(units, present, place=0, subject=None, intensity=None):
    """An outcome of an action-unit item; `units` is one pass or a tuple of them; `present` None: no answer."""
    passes = units if isinstance(units, tuple) else (units,)
    item = Item(f"s{place}", f"f{place}", "aus", "q", Truth(units=passes), subject)
    response = Response(present=present, intensity=intensity) if present is not None else Response(text="Nice photo.")
    return outcome(item, response)


def values(score):
    return {name: metric.value for name, metric in score.metrics.items()}


def random_pairs(seed=0, count=300):
    rng = np.random.default_rng(seed)
    truth = rng.choice(CLASSES, count, p=[0.5, 0.3, 0.15, 0.05])
    given = np.where(rng.random(count) < 0.5, truth, rng.choice([*CLASSES, ""], count))
    return [(str(a), str(b) or None) for a, b in zip(truth, given, strict=True)]


def test_emotions_by_hand():
    pairs = [("neutral", "neutral"), ("neutral", "happiness"), ("happiness", "happiness"), ("sadness", None)]
    score = emotion_score(felts(pairs), CLASSES)
    found = values(score)
    assert next(iter(found)) == "accuracy"
    assert found["accuracy"] == pytest.approx(2 / 4)
    assert found["uar"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    assert found["recall_neutral"] == pytest.approx(1 / 2)
    assert found["recall_anger"] is None
    assert found["answered"] == pytest.approx(3 / 4)
    assert "ece" not in found
    assert "reliability" not in score.tables
    assert score.tables["confusion"] == [
        {"truth": "neutral", "neutral": 1, "happiness": 1, "sadness": 0, "anger": 0, "none": 0},
        {"truth": "happiness", "neutral": 0, "happiness": 1, "sadness": 0, "anger": 0, "none": 0},
        {"truth": "sadness", "neutral": 0, "happiness": 0, "sadness": 0, "anger": 0, "none": 1},
        {"truth": "anger", "neutral": 0, "happiness": 0, "sadness": 0, "anger": 0, "none": 0},
    ]
    assert score.tables["classes"] == [
        {"class": "neutral", "n": 2, "recall": 0.5, "precision": 1.0, "f1": pytest.approx(2 / 3)},
        {"class": "happiness", "n": 1, "recall": 1.0, "precision": 0.5, "f1": pytest.approx(2 / 3)},
        {"class": "sadness", "n": 1, "recall": 0.0, "precision": None, "f1": 0.0},
        {"class": "anger", "n": 0, "recall": None, "precision": None, "f1": None},
    ]
    assert score.results[3] == {
        "sample": "s3", "face": "f3", "truth": "sadness", "given": None, "fate": "unparsed", "right": 0,
        "confidence": None,
    }  # fmt: skip


def test_means_are_over_the_classes_that_occur_in_the_truth():
    """An answer of a class that never occurs costs its true class recall, and no model more classes than another."""
    found = values(
        emotion_score(felts([("neutral", "anger"), ("neutral", "neutral"), ("sadness", "sadness")]), CLASSES)
    )
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["uar"] == pytest.approx((1 / 2 + 1) / 2)


@pytest.mark.parametrize("seed", range(3))
def test_emotions_against_scikit_learn(seed):
    pairs = random_pairs(seed)
    truth, given = [a for a, _ in pairs], [b or "none" for _, b in pairs]
    score = emotion_score(felts(pairs), CLASSES)
    found = values(score)
    options = {"labels": CLASSES, "zero_division": 0}
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, given))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, given, average="macro", **options))
    assert found["uar"] == pytest.approx(sk.recall_score(truth, given, average="macro", **options))
    table = sk.confusion_matrix(truth, given, labels=[*CLASSES, "none"])[:-1]
    assert [[row[name] for name in (*CLASSES, "none")] for row in score.tables["confusion"]] == table.tolist()
    precision, recall, f1, n = sk.precision_recall_fscore_support(truth, given, **options)
    for place, row in enumerate(score.tables["classes"]):
        assert row["n"] == n[place]
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx(
            [precision[place], recall[place], f1[place]]
        )


def test_uar_is_scikit_learns_balanced_accuracy_where_all_is_answered():
    pairs = [(a, b or "anger") for a, b in random_pairs(5)]
    found = values(emotion_score(felts(pairs), CLASSES))
    assert found["uar"] == pytest.approx(sk.balanced_accuracy_score(*zip(*pairs, strict=True)))


def test_whatever_is_no_class_is_wrong_and_counted():
    item = Item("s", "f", "emotion", "q", Truth(emotion="neutral"))
    answers = [
        Response(emotion="contempt"), Response(text="The emotion is contempt."), Response(text="A photo of a face."),
        Response(text="I'm sorry, but I can't identify emotions."), Response(status="no_face"),
        Response(status="unreadable"), Response(status="failed"), None, Response(emotion="neutral"),
    ]  # fmt: skip
    outcomes = [outcome(item, answer, CLASSES) for answer in answers]
    score = emotion_score(outcomes, CLASSES)
    assert values(score)["accuracy"] == pytest.approx(1 / 9)
    assert values(score)["answered"] == pytest.approx(1 / 9)
    assert score.tables["confusion"][0]["none"] == 8
    assert [row["fate"] for row in score.results] == [
        "out_of_vocabulary", "out_of_vocabulary", "unparsed", "refused", "no_face", "unreadable", "missing", "missing",
        "answered",
    ]  # fmt: skip
    assert [row["right"] for row in score.results] == [0] * 8 + [1]


def test_emotions_of_nothing_of_one_and_of_no_answers():
    assert set(values(emotion_score([], CLASSES)).values()) == {None}
    one = emotion_score([felt("neutral", "neutral")], CLASSES).metrics["accuracy"]
    assert one == Metric(1.0)
    silent = emotion_score(felts([("neutral", None), ("anger", None)]), CLASSES).metrics
    assert [silent[name] for name in ("accuracy", "macro_f1", "uar")] == [Metric(0.0, 0.0, 0.0)] * 3
    assert silent["recall_happiness"] == Metric(None)


@pytest.mark.parametrize("truth", [None, "contempt"])
def test_an_item_without_an_emotion_of_the_task_is_an_error(truth):
    with pytest.raises(ValueError, match=r"s0: the true emotion is .*expected one of neutral"):
        emotion_tally([felt(truth, "neutral")], CLASSES)


def test_the_frames_of_a_person_are_resampled_together():
    outcomes = [felt("neutral", "neutral", place, subject="p1") for place in range(5)]
    assert emotion_score(outcomes, CLASSES).metrics["accuracy"] == Metric(1.0)
    assert emotion_tally(outcomes, CLASSES).groups == ("p1",) * 5
    assert emotion_tally([felt("neutral", "neutral")], CLASSES).groups is None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from([*CLASSES, None])), min_size=1, max_size=30),
    st.randoms(),
)
def test_the_order_of_items_changes_no_number(pairs, random):
    shuffled = list(pairs)
    random.shuffle(shuffled)
    first, second = emotion_score(felts(pairs), CLASSES), emotion_score(felts(shuffled), CLASSES)
    assert values(first) == pytest.approx(values(second))
    assert first.tables == second.tables
    assert all(0 <= value <= 1 for value in values(first).values() if value is not None)


def test_calibration_by_hand():
    """0.95 and 0.99 share the last bin, 1/3 is the top of the fifth; an answer without a probability is in no bin."""
    sure = [
        ("neutral", "neutral", 0.95),
        ("neutral", "anger", 0.99),
        ("anger", "anger", 1 / 3),
        ("anger", "anger", None),
    ]
    outcomes = [
        felt(truth, given, place, {given: value} if value is not None else {"neutral": 0.2})
        for place, (truth, given, value) in enumerate(sure)
    ]
    outcomes.append(felt("anger", None, 9, {"anger": 1.0}))
    score = emotion_score(outcomes, CLASSES)
    expected = 2 / 3 * abs((0.95 + 0.99) / 2 - 0.5) + 1 / 3 * abs(1 / 3 - 1)
    assert values(score)["ece"] == pytest.approx(expected)
    bins = score.tables["reliability"]
    assert [row["n"] for row in bins] == [0] * 4 + [1] + [0] * 9 + [2]
    assert (bins[14]["low"], bins[14]["high"]) == (pytest.approx(14 / 15), 1.0)
    assert bins[14]["confidence"] == pytest.approx(0.97)
    assert bins[14]["accuracy"] == 0.5
    assert bins[0]["confidence"] is bins[0]["accuracy"] is None
    assert [row["confidence"] for row in score.results] == [0.95, 0.99, pytest.approx(1 / 3), None, None]


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1.5])
def test_what_is_no_probability_is_no_confidence(value):
    odd = [felt("neutral", "neutral", place, {"neutral": value}) for place in range(3)]
    assert "ece" not in emotion_score(odd, CLASSES).metrics
    mixed = emotion_score([*odd, felt("anger", "neutral", 3, {"neutral": 0.25})], CLASSES)
    assert values(mixed)["ece"] == pytest.approx(0.25)
    assert sum(row["n"] for row in mixed.tables["reliability"]) == 1


def test_probabilities_of_0_and_1_are_in_the_outer_bins():
    outcomes = [felt("anger", "neutral", 0, {"neutral": 0.0}), felt("anger", "anger", 1, {"anger": 1.0})]
    score = emotion_score(outcomes, CLASSES)
    assert values(score)["ece"] == 0
    assert [row["n"] for row in score.tables["reliability"]] == [1] + [0] * 13 + [1]


HAND = [
    moved({"AU01": 3, "AU04": 0, "AU12": 0}, ("AU01", "AU25"), 0),  # tp, tn, tn
    moved({"AU01": 1, "AU04": 2, "AU12": 0}, ("AU04",), 1),  # fn, tp, tn
    moved({"AU01": 0, "AU04": 0, "AU12": 0}, ("AU01", "AU04"), 2),  # fp, fp, tn
    moved({"AU01": 2, "AU12": 0}, None, 3),  # fn, not judged, tn
]


def test_units_by_hand():
    score = unit_score(HAND, UNITS, 0.5)
    found = values(score)
    assert next(iter(found)) == "mean_f1"
    first, second = 2 * 1 / (2 * 1 + 1 + 2), 2 * 1 / (2 * 1 + 1)
    assert found["f1_AU01"] == pytest.approx(first)
    assert found["f1_AU04"] == pytest.approx(second)
    assert found["f1_AU12"] == 0
    assert found["mean_f1"] == pytest.approx((first + second + 0) / 3)
    assert found["micro_f1"] == pytest.approx(2 * 2 / (2 * 2 + 2 + 2))
    assert found["answered"] == pytest.approx(3 / 4)
    assert score.tables["units"] == [
        {"unit": "AU01", "n": 4, "positives": 3, "base_rate": 0.75, "precision": 0.5,
         "recall": pytest.approx(1 / 3), "f1": pytest.approx(first)},
        {"unit": "AU04", "n": 3, "positives": 1, "base_rate": pytest.approx(1 / 3), "precision": 0.5, "recall": 1.0,
         "f1": pytest.approx(second)},
        {"unit": "AU12", "n": 4, "positives": 0, "base_rate": 0.0, "precision": None, "recall": None, "f1": 0.0},
    ]  # fmt: skip
    assert score.tables["totals"] == [
        {"items": 4, "answered": 3, "passes": 1, "units": 3, "units_without_positives": 1, "units_never_judged": 0,
         "named_outside": 1}
    ]  # fmt: skip
    assert score.results[2] == {
        "sample": "s2", "face": "f2", "subject": None, "fate": "answered", "right": pytest.approx(1 / 3),
        "units": {"AU01": "fp", "AU04": "fp", "AU12": "tn"},
    }  # fmt: skip
    assert score.results[3]["units"] == {"AU01": "fn", "AU12": "tn"}
    assert score.results[3]["fate"] == "unparsed"


def test_present_begins_at_the_positive_strength():
    weak = [moved({"AU12": 1.0}, ("AU12",), 0), moved({"AU12": 2.0}, ("AU12",), 1)]
    assert values(unit_score(weak, ("AU12",), 2.0))["f1_AU12"] == pytest.approx(2 / 3)
    assert values(unit_score(weak, ("AU12",), 0.5))["f1_AU12"] == 1


@pytest.mark.parametrize("seed", range(2))
def test_units_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, given = rng.random((200, 3)) < [0.5, 0.2, 0.05], rng.random((200, 3)) < 0.3
    outcomes = [
        moved(dict(zip(UNITS, map(float, there), strict=True)), tuple(np.array(UNITS)[named]), place)
        for place, (there, named) in enumerate(zip(truth, given, strict=True))
    ]
    score = unit_score(outcomes, UNITS, 0.5)
    found = values(score)
    precision, recall, f1, n = sk.precision_recall_fscore_support(truth, given, zero_division=0)
    assert [found[f"f1_{unit}"] for unit in UNITS] == pytest.approx(f1)
    assert found["mean_f1"] == pytest.approx(sk.f1_score(truth, given, average="macro"))
    assert found["micro_f1"] == pytest.approx(sk.f1_score(truth, given, average="micro"))
    rows = score.tables["units"]
    assert [row["positives"] for row in rows] == n.tolist()
    assert [row["precision"] for row in rows] == pytest.approx(precision)
    assert [row["recall"] for row in rows] == pytest.approx(recall)


def test_answers_are_scored_against_each_pass():
    """F1 against pass 1 is 1, against pass 2 2/3; the third item has one pass only, in which AU12 is not judged."""
    outcomes = [
        moved(({"AU12": 3}, {"AU12": 1}), ("AU12",), 0),
        moved(({"AU12": 1}, {"AU12": 0}), ("AU12",), 1),
        moved({"AU01": 0}, (), 2),
    ]
    score = unit_score(outcomes, ("AU12",), 0.5)
    assert values(score)["f1_AU12"] == pytest.approx((1 + 2 / 3) / 2)
    row = score.tables["units"][0]
    assert (row["n"], row["positives"], row["base_rate"]) == (4, 3, 0.75)
    assert (row["f1_pass1"], row["f1_pass2"]) == (1.0, pytest.approx(2 / 3))
    assert row["agreement"] == pytest.approx(2 / 3)
    assert [result["units"] for result in score.results] == [{"AU12": "tp/tp"}, {"AU12": "tp/fp"}, {}]
    assert [result["right"] for result in score.results] == [1, 0.5, None]


def test_agreement_is_what_a_pass_gets_as_an_answer():
    rng = np.random.default_rng(4)
    passes = rng.random((60, 2, 3)) < 0.4
    units = [tuple(dict(zip(UNITS, map(float, one), strict=True)) for one in pair) for pair in passes]
    both = unit_score([moved(pair, (), place) for place, pair in enumerate(units)], UNITS, 0.5)
    answers = [tuple(unit for unit in UNITS if second[unit]) for _, second in units]
    alone = [moved(pair[0], said, place) for place, (pair, said) in enumerate(zip(units, answers, strict=True))]
    agreement = [row["agreement"] for row in both.tables["units"]]
    assert agreement == pytest.approx([row["f1"] for row in unit_score(alone, UNITS, 0.5).tables["units"]])


def test_folds_are_averaged_after_the_units_and_an_empty_one_is_left_out():
    folds = (frozenset({"p1"}), frozenset({"p2", "p3"}), frozenset({"p4"}))
    outcomes = [
        moved({"AU01": 1, "AU12": 1}, ("AU01",), 0, "p1"),  # AU01 1, AU12 0
        moved({"AU01": 1, "AU12": 0}, ("AU01",), 1, "p2"),
        moved({"AU01": 1, "AU12": 0}, (), 2, "p3"),  # AU01 2/3, AU12 0: nothing to find
    ]
    score = score_with_folds(outcomes, ("AU01", "AU12"), 0.5, folds)
    assert values(score)["mean_f1"] == pytest.approx((2 * 2 / (2 * 2 + 1) + 0) / 2), "all items at once"
    first, second, empty, mean = score.tables["folds"]
    assert first == {"fold": 1, "subjects": 1, "n": 1, "mean_f1": 0.5, "AU01": 1.0, "AU12": 0.0}
    assert second == {
        "fold": 2, "subjects": 2, "n": 2, "mean_f1": pytest.approx(1 / 3), "AU01": pytest.approx(2 / 3), "AU12": 0.0,
    }  # fmt: skip
    assert (empty["n"], empty["mean_f1"]) == (0, None)
    assert (mean["n"], mean["AU01"]) == (3, pytest.approx((1 + 2 / 3) / 2))
    assert mean["mean_f1"] == pytest.approx(((1 + 0) / 2 + (2 / 3 + 0) / 2) / 2)
    assert unit_tally(outcomes, UNITS, 0.5).groups == ("p1", "p2", "p3")


def test_units_of_nothing_and_of_nothing_known():
    assert set(values(unit_score([], UNITS, 0.5)).values()) == {None}
    unknown = unit_score([moved({"AU01": math.nan}, ("AU01",))], UNITS, 0.5)
    assert values(unknown)["mean_f1"] is None
    assert unknown.tables["totals"][0]["units_never_judged"] == 3
    silent = unit_score([moved({"AU01": 1.0, "AU04": 0.0}, None, place) for place in range(3)], UNITS, 0.5)
    assert silent.metrics["mean_f1"] == Metric(0.0, 0.0, 0.0)
    assert silent.metrics["answered"].value == 0
    assert silent.metrics["f1_AU12"] == Metric(None)


def test_an_item_without_a_coding_pass_is_an_error():
    with pytest.raises(ValueError, match="s0 has no coding pass"):
        unit_tally([moved((), ("AU12",))], UNITS, 0.5)


def shrout_fleiss(*columns):
    """ICC(3,1) from the mean squares of the two-way table, as the paper has it."""
    table = np.stack(columns, axis=1)
    n, k = table.shape
    between = k * ((table.mean(1) - table.mean()) ** 2).sum() / (n - 1)
    judges = n * ((table.mean(0) - table.mean()) ** 2).sum()
    residual = ((table - table.mean()) ** 2).sum() - between * (n - 1) - judges
    error = residual / ((n - 1) * (k - 1))
    return (between - error) / (between + (k - 1) * error)


def graded(truth, given, unit="AU12"):
    return [
        moved({unit: float(x)}, (), place, intensity={unit: float(y)} if y is not None else None)
        for place, (x, y) in enumerate(zip(truth, given, strict=True))
    ]


def test_icc_of_the_papers_judges():
    """Table 2 of Shrout & Fleiss: 0.71 for its four judges; of the first two, by the moments around their means."""
    judges = [9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]
    assert shrout_fleiss(*judges) == pytest.approx(0.71, abs=0.005)
    found = intervals(intensity_tally(graded(*judges[:2]), ("AU12",)))
    assert found["icc_AU12"].value == pytest.approx(2 * 10 / (40 / 3 + 13.5))
    assert found["icc_AU12"].value == pytest.approx(shrout_fleiss(*judges[:2]))
    assert found["mae_AU12"].value == pytest.approx((7 + 5 + 4 + 6 + 5 + 4) / 6)
    assert found["mean_icc"] == found["icc_AU12"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 5)), min_size=2, max_size=40))
def test_icc_is_the_one_of_the_mean_squares(pairs):
    x, y = np.array(pairs, float).T
    found = intervals(intensity_tally(graded(x, y), ("AU12",)))["icc_AU12"].value
    if np.ptp(x) + np.ptp(y) < 1e-3:
        return
    assert found == pytest.approx(shrout_fleiss(x, y), abs=1e-6)
    assert found <= 1 + 1e-9


def test_icc_forgives_an_offset_and_mae_does_not():
    found = intervals(intensity_tally(graded([0, 1, 2, 3], [1, 2, 3, 4]), ("AU12",)))
    assert found["icc_AU12"].value == pytest.approx(1)
    assert found["mae_AU12"].value == pytest.approx(1)


@pytest.mark.parametrize(("truth", "given"), [([3.6] * 50, [0.3] * 50), ([1], [2]), ([], []), ([1, 2], [None, None])])
def test_icc_needs_two_items_that_vary(truth, given):
    assert intervals(intensity_tally(graded(truth, given), ("AU12",)))["icc_AU12"].value is None


def test_intensity_joins_a_score_and_says_what_is_missing():
    outcomes = graded([0, 2, 4, 1], [0.5, 2.0, 3.0, None])
    odd = moved({"AU12": 3.0}, ("AU12",), 9, intensity={"AU12": math.nan, "AU25": 4.0})
    score = unit_score([*outcomes, odd], ("AU12", "AU01"), 0.5, graded=True)
    assert next(iter(score.metrics)) == "mean_f1"
    assert values(score)["mean_mae"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert values(score)["icc_AU01"] is None
    row, never = score.tables["intensity"]
    assert (row["n"], row["missing"]) == (3, 2)
    assert row["truth_mean"] == pytest.approx(2)
    assert row["icc"] == pytest.approx(shrout_fleiss([0, 2, 4], [0.5, 2, 3]))
    assert (never["n"], never["missing"], never["icc"]) == (0, 0, None)
    plain = unit_score(outcomes, ("AU12",), 0.5)
    assert "intensity" not in plain.tables
    assert add_intensity(plain, graded([1, 2], [None, None]), ("AU12",)) is plain


def test_icc_of_two_passes_is_their_mean():
    x, other, y = [0, 1, 3, 5], [1, 1, 4, 4], [0.5, 2, 2.5, 4]
    outcomes = [
        moved(({"AU12": a}, {"AU12": b}), (), place, intensity={"AU12": c})
        for place, (a, b, c) in enumerate(zip(x, other, y, strict=True))
    ]
    found = intervals(intensity_tally(outcomes, ("AU12",)))["icc_AU12"].value
    assert found == pytest.approx((shrout_fleiss(x, y) + shrout_fleiss(other, y)) / 2)


def test_icc_bears_many_sums_at_once():
    moments = np.zeros((2, 3, 7))
    assert np.isnan(icc(moments)).all()
    assert icc(moments).shape == (2, 3)


@pytest.mark.parametrize(("there", "named"), product([0.0, 1.0], [(), ("AU12",)]))
def test_each_cell_of_one_item(there, named):
    score = unit_score([moved({"AU12": there}, named)], ("AU12",), 0.5)
    cell = ("tp" if named else "fn") if there else ("fp" if named else "tn")
    assert score.results[0]["units"] == {"AU12": cell}
    assert score.metrics["f1_AU12"] == Metric(float(cell == "tp"))
