"""Running: what a folder holds, going on after any interruption to the same bytes, and refusing what does not fit."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feallm.bench.items import Item, Response, Sample, Truth
from feallm.bench.manifest import contamination, read_manifest
from feallm.bench.predictions import RunError
from feallm.bench.responders.responder import Options, ResponderError
from feallm.bench.samples import Batches, request_of, samples_of
from feallm.bench.session import sentence
from feallm.data.records import LabelledFace
from feallm.media.ahead import prefetched
from feallm.tables import OutputError
from tests.bench.runs import OPTIONS, TASK, Looks, contents, draw, ran, rows


@pytest.fixture
def data(tmp_path):
    return draw(tmp_path / "data")


@pytest.fixture
def whole(data, tmp_path):
    """The bytes of an uninterrupted run."""
    ran(Looks(), data, tmp_path / "whole")
    return contents(tmp_path / "whole")


def test_a_run_folder_says_what_was_asked_and_answered(data, tmp_path):
    told = []
    result = ran(Looks(), data, tmp_path / "run", progress=lambda done, items: told.append((done, items)))
    assert (result.items, result.answered, result.asked, result.failed) == (22, 22, 22, 0)
    assert result.complete
    assert told == [(done, 22) for done in (0, 4, 8, 12, 16, 20, 22)]
    items, predictions = (rows(tmp_path / "run" / name) for name in ("items.jsonl", "predictions.jsonl"))
    assert [item["sample"] for item in items] == [one["sample"] for one in predictions]
    assert items[1]["truth"]["emotion"] == "happiness"
    assert set(predictions[0]) == {"sample", "asked", "response"}
    assert sum(predictions[0]["response"]["scores"].values()) == pytest.approx(1, abs=1e-5)
    made = read_manifest(tmp_path / "run")
    assert (made.task, made.items, made.contamination) == ("mini_ferplus", 22, "none")
    assert made.questions["emotion"] == TASK.questions["emotion"]


def test_a_finished_run_is_left_as_it_is(data, tmp_path, whole):
    model = Looks()
    assert ran(model, data, tmp_path / "whole").asked == 0
    assert model.seen == []
    assert contents(tmp_path / "whole") == whole


@pytest.mark.parametrize("cut", [0, 1, 300, 301, 777, 5000])
def test_a_file_cut_anywhere_is_completed_to_the_same_bytes(data, tmp_path, whole, cut):
    for name, raw in whole.items():
        (tmp_path / "cut").mkdir(exist_ok=True)
        (tmp_path / "cut" / name).write_bytes(raw[:cut] if name == "predictions.jsonl" else raw)
    ran(Looks(), data, tmp_path / "cut")
    assert contents(tmp_path / "cut") == whole


def test_a_batch_that_was_half_written_is_asked_again_as_a_whole(data, tmp_path, whole):
    lines = whole["predictions.jsonl"].splitlines(keepends=True)
    for independent, expected in ((False, [4, 5, 6, 7]), (True, [6, 7])):
        folder = tmp_path / f"half{independent}"
        model = Looks(independent=independent)
        ran(model, data, folder)
        (folder / "predictions.jsonl").write_bytes(b"".join(lines[:6]))
        model.seen.clear()
        ran(model, data, folder)
        samples = [item["sample"] for item in rows(folder / "items.jsonl")]
        assert model.seen[0] == [samples[place] for place in expected]
        assert len(rows(folder / "predictions.jsonl")) == 22


KILLED = """
import sys, time
from pathlib import Path
from tests.bench.runs import Looks, ran
class Slow(Looks):
    def respond(self, requests):
        time.sleep(0.05)
        return super().respond(requests)
ran(Slow(), Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_killed_process_leaves_a_run_that_goes_on_to_the_same_bytes(data, tmp_path, whole):
    folder = tmp_path / "killed"
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(data), str(folder)], cwd=root)
    predictions = folder / "predictions.jsonl"
    deadline = time.monotonic() + 60
    while not (predictions.is_file() and predictions.stat().st_size > 500):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < len(predictions.read_bytes().splitlines()) < 22
    ran(Looks(), data, folder)
    assert contents(folder) == whole


def test_a_model_that_dies_keeps_what_was_answered(data, tmp_path, whole):
    with pytest.raises(ResponderError, match=r"the model is gone.*\n8 of 22 answers are kept"):
        ran(Looks(dies_at=2), data, tmp_path / "run")
    assert len(rows(tmp_path / "run" / "predictions.jsonl")) == 8
    assert ran(Looks(), data, tmp_path / "run").asked == 14
    assert contents(tmp_path / "run") == whole


def test_failures_are_not_written_and_asked_again(data, tmp_path, whole):
    names = [item["sample"] for item in rows(tmp_path / "whole" / "items.jsonl")]
    result = ran(Looks(fails=[names[1], names[9]]), data, tmp_path / "run")
    assert (result.answered, result.failed, result.error) == (20, 2, "no reply in 120 s")
    assert not result.complete
    model = Looks()
    assert ran(model, data, tmp_path / "run").complete
    assert model.seen == [names[0:4], names[8:12]]
    assert contents(tmp_path / "run") == whole


def test_numbers_that_are_none_fail_and_harm_nothing_else(data, tmp_path):
    class Overflows(Looks):
        def respond(self, requests):
            return [Response(emotion="anger", scores={"anger": float("nan")}), *super().respond(requests)[1:]]

    result = ran(Overflows(), data, tmp_path / "run")
    assert (result.answered, result.failed) == (16, 6)
    assert "cannot be written" in result.error


def test_old_scores_go_when_answers_come(data, tmp_path, whole):
    folder = tmp_path / "whole"
    (folder / "score.json").write_text("{}")
    ran(Looks(), data, folder)
    assert (folder / "score.json").is_file()
    (folder / "predictions.jsonl").write_bytes(whole["predictions.jsonl"][:900])
    ran(Looks(), data, folder)
    assert not (folder / "score.json").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"responder": Looks(model="other")}, "its model is looks, this one's other"),
        ({"options": Options(batch_size=8)}, "its --set batch_size is 4, this one's 8"),
        ({"limit": 3}, "its --limit is not set, this one's 3"),
        ({"task": replace(TASK, name="other")}, "its task is mini_ferplus, this one's other"),
    ],
)
def test_a_folder_of_another_run_is_refused(data, tmp_path, whole, changes, told):
    with pytest.raises(RunError, match=told + ".*choose another output folder"):
        ran(changes.pop("responder", Looks()), data, tmp_path / "whole", **changes)
    assert contents(tmp_path / "whole") == whole


def test_patience_may_change_on_the_way(data, tmp_path, whole):
    ran(Looks(), data, tmp_path / "whole", options=OPTIONS.model_copy(update={"timeout": 5.0, "concurrency": 2}))
    assert contents(tmp_path / "whole") == whole


def test_changed_data_are_refused_in_words(data, tmp_path, whole):
    draw(data, count=20, seed=1)
    with pytest.raises(
        RunError, match=r"2 missing \(.*\); 20 with other pictures \(fer0000000, .*, …\); give the same"
    ):
        ran(Looks(), data, tmp_path / "whole")
    assert contents(tmp_path / "whole") == whole


def test_nothing_is_left_where_nothing_came_of_it(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(FileNotFoundError):
        ran(Looks(), tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_named(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot make the folder .*file/run: .*; choose another"):
        ran(Looks(), data, tmp_path / "file" / "run")


def test_predictions_without_their_run_are_refused(data, tmp_path, whole):
    (tmp_path / "whole" / "run.json").unlink()
    with pytest.raises(RunError, match=r"run\.json is gone"):
        ran(Looks(), data, tmp_path / "whole")


def test_a_model_that_cannot_answer_is_named(data, tmp_path):
    with pytest.raises(
        RunError, match=r"mini_ferplus asks for emotion, which looks looks cannot answer \(it answers aus\)"
    ):
        ran(Looks(kinds=["aus"]), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_must_answer_each_request(data, tmp_path):
    class Forgets(Looks):
        def respond(self, requests):
            return super().respond(requests)[1:]

    with pytest.raises(ResponderError, match="gave 3 responses to 4 requests"):
        ran(Forgets(), data, tmp_path / "run")


def test_a_limit_takes_the_same_faces_in_order(data, tmp_path):
    ran(Looks(), data, tmp_path / "five", limit=5)
    every = [sample.item.sample for sample in samples_of(TASK, data)]
    five = [item["sample"] for item in rows(tmp_path / "five" / "items.jsonl")]
    seven = [sample.item.sample for sample in samples_of(TASK, data, 7)]
    assert len(five) == 5
    assert five != every[:5]
    assert five == [name for name in every if name in five]
    assert set(five) < set(seven)
    with pytest.raises(ValueError, match="at least one face"):
        next(samples_of(TASK, data, 0))


def test_all_views_of_a_limited_face_stay_together():
    faces = [LabelledFace(f"face{number}", b"", "fer2013", "val") for number in range(9)]
    views = [
        Sample(Item(f"{face.id}:{view}", face.id, "emotion", "Which?", Truth("anger"), view=view), face)
        for face in faces
        for view in ("", "dark")
    ]
    task = replace(TASK, samples=lambda path, split: iter(views))
    found = [sample.item.sample for sample in samples_of(task, Path(), 2)]
    assert len(found) == 4
    assert {name.split(":")[0] for name in found} == {found[0].split(":")[0], found[2].split(":")[0]}


def test_pictures_that_cannot_be_read_are_answers(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    raw = (tmp_path / "whole.png").read_bytes()
    images = [tmp_path / "broken.png", tmp_path / "gone.png", b"\x89PNG", raw[:200], raw]
    faces = [LabelledFace(f"face{place}", image, "fer2013", "val") for place, image in enumerate(images)]
    samples = [Sample(Item(face.id, face.id, "emotion", "Which?", Truth("anger")), face) for face in faces]
    model = Looks()
    result = ran(model, tmp_path, tmp_path / "run", replace(TASK, samples=lambda path, split: iter(samples)))
    found = [one["response"] for one in rows(tmp_path / "run" / "predictions.jsonl")]
    assert [one["status"] for one in found] == ["unreadable"] * 4 + ["ok"]
    assert all(one["error"] for one in found[:4])
    assert not any("0x" in one["error"] for one in found[:4])  # an address would differ each time
    assert result.complete
    assert model.seen == [["face4"]]
    assert "5 of 5 answered, 5 of them now; no answer among them: 4 unreadable (" in sentence(result)
    again = ran(model, tmp_path, tmp_path / "run", replace(TASK, samples=lambda path, split: iter(samples)))
    assert (again.asked, again.lacking) == (0, {"unreadable": 4})


def test_a_picture_is_cut_and_changed_before_it_is_shown(tmp_path):
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[10:20, 10:20] = 200
    face = LabelledFace("one", pixels, "fer2013", "val", box=(10, 10, 10, 10))
    sample = Sample(Item("one", "one", "emotion", "Which?", Truth("anger")), face, lambda picture: picture // 2)
    shown = []

    class Sees(Looks):
        def respond(self, requests):
            shown.extend(requests)
            return super().respond(requests)

    ran(Sees(), tmp_path, tmp_path / "run", replace(TASK, samples=lambda path, split: iter([sample])))
    assert shown[0].picture.shape == (14, 14, 3)
    assert shown[0].picture.max() == 100
    assert shown[0].classes == TASK.classes
    assert shown[0].names == ("one",)


def test_a_view_of_a_face_goes_by_a_name_of_its_own():
    """A table of the faces as they are must not answer for them blurred."""
    face = LabelledFace("one", np.zeros((8, 8, 3), np.uint8), "fer2013", "val")
    item = Item("one:blur:3", "one", "emotion", "Which?", Truth("anger"), view="blur 3")
    assert request_of(TASK, Sample(item, face)).names == ("one:blur:3",)


def test_names_that_are_not_text_resume_too(data, tmp_path):
    odd = [replace(one, item=replace(one.item, sample=f"caf\udce9{one.item.sample}")) for one in samples_of(TASK, data)]
    task = replace(TASK, samples=lambda path, split: iter(odd))
    ran(Looks(), data, tmp_path / "run", task)
    before = contents(tmp_path / "run")
    (tmp_path / "run" / "predictions.jsonl").write_bytes(before["predictions.jsonl"][:1000])
    ran(Looks(), data, tmp_path / "run", task)
    assert contents(tmp_path / "run") == before


def test_batches_are_the_same_in_any_order(data):
    batches = Batches(TASK, data, 4)
    names = [sample.item.sample for sample in samples_of(TASK, data)]
    for place in (0, 1, 4, 2, 5, 5):
        assert [sample.item.sample for sample in batches[place]] == names[4 * place : 4 * place + 4]


def test_prefetching_keeps_order_brings_errors_and_ends():
    import threading

    before = threading.active_count()
    with prefetched(range(20), lambda number: number * number) as made:
        assert list(made) == [number * number for number in range(20)]
    made_here = []

    def fails_late(number):
        made_here.append(number)
        if number == 7:
            raise ValueError("seven")
        return number

    with prefetched(range(1000), fails_late, ahead=2) as made:
        assert [next(made) for _ in range(7)] == list(range(7))
        with pytest.raises(ValueError, match="seven"):
            next(made)
    with prefetched(range(1000), fails_late, ahead=2) as made:
        pass
    assert len(made_here) < 20
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("trained_on", "expected"),
    [
        (None, "unknown"),
        ((), "none"),
        (("rafdb",), "none"),
        (("fer2013:train",), "same set"),
        (("fer2013:train", "fer2013:val"), "seen"),
        (("FER2013",), "seen"),
        (("fea20k:train",), "seen"),
        (("affectnet:val",), "same set"),
        (("affectnet:train",), "seen"),
    ],
)
def test_contamination(trained_on, expected):
    task = replace(TASK, shares=("fea20k", "affectnet:train"))
    assert contamination(trained_on, task) == expected


def test_a_password_in_an_address_is_not_written_down(data, tmp_path):
    options = OPTIONS.model_copy(update={"base_url": "http://me:secret@host:8000/v1?key=secret"})
    ran(Looks(), data, tmp_path / "run", options=options)
    assert read_manifest(tmp_path / "run").options["base_url"] == "http://host:8000/v1"
    assert b"secret" not in (tmp_path / "run" / "run.json").read_bytes()
