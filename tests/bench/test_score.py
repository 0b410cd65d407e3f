"""Scoring: from files alone, counting whatever is no answer, refusing what does not belong together."""

import json
import shutil

import pytest

from feallm.bench.predictions import RunError
from feallm.bench.score import check_data, find_runs, finite, load_outcomes, score
from feallm.bench.tasks import TASKS
from tests.bench.runs import TASK, Looks, draw, ran, rows


@pytest.fixture
def data(tmp_path):
    return draw(tmp_path / "data")


@pytest.fixture
def folder(data, tmp_path):
    ran(Looks(), data, tmp_path / "run")
    return tmp_path / "run"


def rewrite(folder, changes):
    """Put other responses into predictions.jsonl: place -> response, None to leave the line out."""
    path = folder / "predictions.jsonl"
    found = rows(path)
    for place, response in changes.items():
        found[place] = None if response is None else {**found[place], "response": response}
    path.write_text("".join(json.dumps(row) + "\n" for row in found if row is not None), encoding="utf-8")


def change_manifest(folder, **values):
    made = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps({**made, **values}), encoding="utf-8")


def test_a_score_is_written_and_returned(folder):
    truths = {row["sample"]: row["truth"]["emotion"] for row in rows(folder / "items.jsonl")}
    answers = {row["sample"]: row["response"]["emotion"] for row in rows(folder / "predictions.jsonl")}
    right = sum(truths[name] == answer for name, answer in answers.items())
    result = score(folder)
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(right / 22)
    assert json.loads((folder / "score.json").read_text(encoding="utf-8")) == result
    assert result["run"] == json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert result["counts"]["n"] == result["counts"]["answered"] == 22
    assert [row["sample"] for row in rows(folder / "results.jsonl")] == list(truths)


def test_what_is_no_answer_is_counted_and_wrong(folder):
    truths = [row["truth"]["emotion"] for row in rows(folder / "items.jsonl")]
    rewrite(folder, {place: {"emotion": truth} for place, truth in enumerate(truths)})
    assert score(folder)["metrics"]["accuracy"]["value"] == 1
    doubtful = [
        {"text": "A face."},
        {"text": "It shows boredom, nothing else."},
        {"text": "I'm sorry, but I cannot help with identifying emotions."},
        {"status": "no_face"},
        {"status": "unreadable", "error": "broken"},
        None,
        {"emotion": "pride"},
    ]
    rewrite(folder, dict(enumerate(doubtful)))
    path = folder / "predictions.jsonl"
    raw = path.read_bytes()
    lines = raw.splitlines(keepends=True)
    path.write_bytes(raw + lines[-1] + lines[0][:9])
    result = score(folder)
    counts = result["counts"]
    assert counts["n"] == 22
    for name in ("refused", "no_face", "unreadable", "missing", "duplicates", "half_line"):
        assert counts[name] == 1, name
    assert counts["unparsed"] + counts["out_of_vocabulary"] == 3
    assert counts["answered"] == 15
    assert result["metrics"]["accuracy"]["value"] == pytest.approx(15 / 22)


def test_no_predictions_at_all_are_all_missing(folder):
    (folder / "predictions.jsonl").unlink()
    result = score(folder)
    assert result["counts"]["missing"] == 22
    assert result["metrics"]["accuracy"]["value"] == 0


def test_outcomes_keep_the_order_of_the_items(folder):
    path = folder / "predictions.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[::-1]))
    manifest, outcomes, counts = load_outcomes(folder)
    assert [one.item.sample for one in outcomes] == [row["sample"] for row in rows(folder / "items.jsonl")]
    assert all(one.emotion in TASK.classes for one in outcomes)
    assert (manifest["task"], counts["missing"]) == ("mini_ferplus", 0)


def test_many_texts_are_read_by_all_processors_alike(folder, monkeypatch):
    rewrite(folder, {place: {"text": f"It shows {TASK.classes[place % 8]}."} for place in range(22)})
    alone = load_outcomes(folder)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1}, raising=False)
    monkeypatch.setattr("feallm.bench.reading.MANY", 3)
    monkeypatch.setattr("feallm.bench.reading.CHUNK", 4)
    assert load_outcomes(folder) == alone


def test_data_are_compared_only_where_asked_for(folder, data):
    assert score(folder, data)["counts"]["answered"] == 22
    draw(data, seed=5)
    with pytest.raises(RunError, match=r"was run on other data than .* holds now: 22 with other pictures"):
        score(folder, data)
    score(folder)


def test_a_limited_run_is_compared_with_as_many(data, tmp_path):
    ran(Looks(), data, tmp_path / "run", limit=4)
    check_data(tmp_path / "run", TASK, data)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": "rafdb9", "version": "9.0"}, "'rafdb9' is not known to this release; feallm 9.0 ran it"),
        ({"questions": {"emotion": "How?"}}, r"questions of mini_ferplus are {'emotion': 'How\?'}, this release has"),
        ({"classes": ["anger"]}, r"classes of mini_ferplus are \['anger'\]"),
        ({"tool": "other"}, r"run\.json cannot be read .*tool"),
        ({"verdict": 3}, r"run\.json cannot be read .*verdict: Extra inputs"),
        ({"items": 21}, r"items\.jsonl has 22 items, run\.json says 21"),
    ],
)
def test_what_does_not_belong_together_is_refused(folder, changes, told):
    change_manifest(folder, **changes)
    with pytest.raises(RunError, match=told):
        score(folder)
    assert not (folder / "score.json").exists()


def test_runs_are_found_wherever_they_are(folder, tmp_path):
    for name in ("suite/b", "suite/a", "suite/deep/c"):
        shutil.copytree(folder, tmp_path / name)
    suite = tmp_path / "suite"
    found = find_runs([folder, suite, suite / "a"])
    assert found == [folder, suite / "a", suite / "b", suite / "deep" / "c"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"no run in .*empty: expected a folder with run\.json"):
        find_runs([tmp_path / "empty"])
    with pytest.raises(RunError, match="no run in"):
        find_runs([tmp_path / "nowhere"])


def test_numbers_that_are_not_finite_are_null():
    import numpy as np

    found = finite({"a": float("nan"), "b": [np.float64("inf"), np.int64(3), (1.5, None, True)], "c": "nan"})
    assert found == {"a": None, "b": [None, 3, [1.5, None, True]], "c": "nan"}


@pytest.mark.parametrize("name", ["mini_fer2013", "mini_ferplus"])
def test_other_tasks_are_scored_by_their_own_rules(data, tmp_path, name):
    ran(Looks(), data, tmp_path / name, TASKS[name])
    result = score(tmp_path / name)
    assert set(result["run"]["classes"]) == set(TASKS[name].classes)
    assert TASKS[name].headline in result["metrics"]
