"""Two run folders against each other: the tests, the common items, and runs that must not be compared."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from scipy.stats import binomtest, chi2

from feallm.bench.compare import compare
from feallm.bench.compare_view import show
from feallm.bench.fingerprint import fingerprint
from feallm.bench.items import Item, Prediction, Response, Truth
from feallm.bench.manifest import manifest_of, write_manifest
from feallm.bench.mcnemar import FEW, McNemar, mcnemar
from feallm.bench.predictions import ITEMS, PREDICTIONS, RunError, item_line, prediction_line
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.bench.tasks import TASKS

EMOTION, UNITS = TASKS["mini_fer2013"], TASKS["disfa"]


def emotion_items(count, task=EMOTION):
    question = task.questions["emotion"]
    truths = [task.classes[place % 3] for place in range(count)]
    return [
        Item(f"s{place}", f"s{place}", "emotion", question, Truth(emotion=truth)) for place, truth in enumerate(truths)
    ]


def unit_items(count, people=4):
    question = UNITS.questions["aus"]
    return [
        Item(f"s{place}", f"s{place}", "aus", question, Truth(units=(coded,)), f"p{place % people}")
        for place, coded in enumerate({"AU12": float(place % 6), "AU01": 0.0} for place in range(count))
    ]


def run_folder(folder, task, items, answers, model="model", limit=None):
    """A run folder as `feallm bench run` leaves it; an answer of None was not given."""
    folder.mkdir()
    info = ResponderInfo("table", model, "r1", frozenset(task.kinds))
    write_manifest(folder, manifest_of(task, info, Options(), len(items), fingerprint(items), limit))
    (folder / ITEMS).write_bytes(b"".join(map(item_line, items)))
    lines = [
        prediction_line(Prediction(item.sample, item.asked, answer))
        for item, answer in zip(items, answers, strict=True)
        if answer is not None
    ]
    (folder / PREDICTIONS).write_bytes(b"".join(lines))
    return folder


def felt(items, right):
    """Answers to emotion items: the truth where `right`, else anger."""
    return [Response(emotion=item.truth.emotion if good else "anger") for item, good in zip(items, right, strict=True)]


@pytest.mark.parametrize(("b", "c"), [(0, 1), (1, 7), (12, 12), (3, 21), (20, 0)])
def test_few_disagreements_are_tested_exactly(b, c):
    found = mcnemar(5, b, c, 2)
    assert found.p == pytest.approx(binomtest(b, b + c, 0.5).pvalue)
    assert found.statistic is None
    assert found.method == "exact binomial"
    assert found.p == pytest.approx(mcnemar(5, c, b, 2).p)


@pytest.mark.parametrize(("b", "c"), [(5, 20), (40, 60), (121, 59), (30, 30), (200, 201)])
def test_many_are_tested_by_chi_square(b, c):
    """121 and 59: the textbook's 61 ** 2 / 180 = 20.67."""
    found = mcnemar(101, b, c, 33)
    assert b + c >= FEW
    assert found.statistic == pytest.approx(max(0, abs(b - c) - 1) ** 2 / (b + c))
    assert found.p == pytest.approx(chi2.sf(found.statistic, 1))
    assert found.p == pytest.approx(binomtest(b, b + c, 0.5).pvalue, abs=0.03)


def test_models_that_never_differ_are_equal():
    assert mcnemar(7, 0, 0, 3) == McNemar(7, 0, 0, 3, p=1.0)


def test_two_runs_by_hand(tmp_path):
    items = emotion_items(40)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [place < 30 for place in range(40)]), "first")
    b = run_folder(tmp_path / "b", EMOTION, items, felt(items, [10 <= place < 33 for place in range(40)]), "second")
    found = compare(a, b)
    assert (found.task, found.items, found.a.model) == ("mini_fer2013", 40, "table first")
    assert next(iter(found.metrics)) == "accuracy"
    accuracy = found.metrics["accuracy"]
    assert (accuracy.a, accuracy.b) == (pytest.approx(30 / 40), pytest.approx(23 / 40))
    assert accuracy.difference == pytest.approx(7 / 40)
    assert accuracy.low < accuracy.difference < accuracy.high
    assert found.mcnemar == McNemar(20, 10, 3, 7, p=pytest.approx(binomtest(10, 13, 0.5).pvalue))
    assert [one.sample for one in found.a_better] == [f"s{place}" for place in range(10)]
    assert [one.sample for one in found.b_better] == ["s30", "s31", "s32"]
    first = found.a_better[0]
    assert (first.truth, first.answer_a, first.answer_b) == ("neutral", "neutral", "anger")
    assert found.notes == ()


def test_a_run_against_itself(tmp_path):
    items = emotion_items(9)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 5 + [False] * 4))
    found = compare(a, a)
    assert found.metrics["accuracy"].difference == 0
    assert found.metrics["accuracy"].p == 1
    assert found.mcnemar.p == 1
    assert found.a_better == found.b_better == ()


def test_what_was_not_answered_is_wrong_and_named(tmp_path):
    items = emotion_items(4)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 4))
    b = run_folder(tmp_path / "b", EMOTION, items, [None, Response(status="no_face"), Response(text="Hm."), None])
    found = compare(a, b)
    assert found.metrics["accuracy"].b == 0
    assert [one.answer_b for one in found.a_better] == ["missing", "no face", "unparsed", "missing"]
    assert any("2 items are missing" in note for note in found.notes)


def test_a_limited_run_is_compared_on_the_items_it_has(tmp_path):
    items = emotion_items(30)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [place < 6 for place in range(30)]))
    b = run_folder(tmp_path / "b", EMOTION, items[:12], felt(items[:12], [True] * 12), limit=12)
    for found, difference in ((compare(a, b), -0.5), (compare(b, a), 0.5)):
        assert found.items == 12
        assert found.metrics["accuracy"].difference == pytest.approx(difference)
        assert any("has 30 items, of which 12 are compared" in note for note in found.notes)


def test_units_of_people(tmp_path):
    """No McNemar's test where an item is right in part; the widest gaps stand first."""
    items = unit_items(24)
    there = [tuple(unit for unit, strength in item.truth.units[0].items() if strength >= 2) for item in items]
    a = run_folder(tmp_path / "a", UNITS, items, [Response(present=units) for units in there])
    wrong = [("AU01",) if place == 5 else units for place, units in enumerate(there)]
    wrong[3] = ("AU01", "AU12")
    b = run_folder(tmp_path / "b", UNITS, items, [Response(present=units) for units in wrong])
    found = compare(a, b)
    assert next(iter(found.metrics)) == "mean_f1"
    assert found.metrics["f1_AU12"].a == 1
    assert found.metrics["f1_AU12"].b == pytest.approx(2 * 15 / (2 * 15 + 1))
    assert found.mcnemar is None
    assert [(one.sample, one.right_a, one.right_b) for one in found.a_better] == [("s5", 1, 0), ("s3", 1, 0.5)]
    assert (found.a_better[0].truth, found.a_better[0].answer_b) == ("AU12", "AU01")
    assert found.notes == ()


def test_mcnemar_is_told_to_count_items_of_a_person_as_independent(tmp_path):
    items = [replace(item, subject=f"p{place % 4}") for place, item in enumerate(emotion_items(12))]
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 12))
    b = run_folder(tmp_path / "b", EMOTION, items, felt(items, [False] * 12))
    assert any("draw 4 people or faces whole" in note for note in compare(a, b).notes)


def test_one_person_leaves_no_interval(tmp_path):
    items = unit_items(5, people=1)
    a = run_folder(tmp_path / "a", UNITS, items, [Response(present=("AU12",))] * 5)
    b = run_folder(tmp_path / "b", UNITS, items, [Response(present=())] * 5)
    one = compare(a, b).metrics["mean_f1"]
    assert one.difference > 0
    assert (one.low, one.high, one.p) == (None, None, None)
    text = shown(compare(a, b))
    assert "A is more right" in text


def test_runs_of_other_tasks_are_refused(tmp_path):
    items = emotion_items(3)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 3))
    other = emotion_items(3, TASKS["fer2013"])
    b = run_folder(tmp_path / "b", TASKS["fer2013"], other, felt(other, [True] * 3))
    with pytest.raises(RunError, match=r"task is 'mini_fer2013' in .*a and 'fer2013' in .*b"):
        compare(a, b)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"questions": {"emotion": "What?"}}, "questions is"), ({"classes": ("neutral", "anger")}, "classes is")],
)
def test_runs_that_asked_otherwise_are_refused(tmp_path, change, told):
    items = emotion_items(3)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 3))
    b = run_folder(tmp_path / "b", replace(EMOTION, **change), items, felt(items, [True] * 3))
    with pytest.raises(RunError, match=told):
        compare(a, b)


def relabelled(items):
    return [replace(items[0], truth=Truth(emotion="fear")), *items[1:]]


def test_other_data_are_refused(tmp_path):
    items = emotion_items(3)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 3))
    b = run_folder(tmp_path / "b", EMOTION, relabelled(items), felt(items, [True] * 3))
    with pytest.raises(RunError, match=r"fingerprints of .* differ.* 1 with other labels \(s0\)"):
        compare(a, b)
    short = run_folder(tmp_path / "short", EMOTION, items[:2], felt(items[:2], [True] * 2))
    with pytest.raises(RunError, match=r"1 missing \(s2\)"):
        compare(a, short)
    limited = run_folder(tmp_path / "c", EMOTION, relabelled(items)[:2], felt(items[:2], [True] * 2), limit=2)
    with pytest.raises(RunError, match="1 with other labels"):
        compare(a, limited)
    strangers = [replace(item, sample=f"x{item.sample}") for item in items]
    d = run_folder(tmp_path / "d", EMOTION, strangers, felt(items, [True] * 3), limit=3)
    with pytest.raises(RunError, match="no item in common"):
        compare(a, d)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="run"):
        compare(tmp_path, tmp_path)


def shown(comparison):
    console = Console(width=160, file=io.StringIO())
    show(comparison, console)
    return console.file.getvalue()


def test_it_is_shown_and_written_down(tmp_path):
    items = emotion_items(40)
    a = run_folder(tmp_path / "a", EMOTION, items, felt(items, [True] * 40), "one[bold]")
    b = run_folder(tmp_path / "b", EMOTION, items, felt(items, [place < 20 for place in range(40)]))
    found = compare(a, b)
    text = shown(found)
    assert "table one[bold] (r1)" in text, "the responder too: one checkpoint may stand on both sides"
    assert "+50.0" in text
    assert "both 20, only A 20, only B 0, neither 0; McNemar" in text
    assert "A is more right on 20 items" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("accuracy"))
    assert row.split()[1:4] == ["100.0", "50.0", "+50.0"]
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert written["metrics"]["accuracy"]["difference"] == pytest.approx(0.5)
    assert written["mcnemar"]["method"] == "exact binomial"
    assert len(written["a_better"]) == 20
    assert written["a"]["counts"]["n"] == 40
