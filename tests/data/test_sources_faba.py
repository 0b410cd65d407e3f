"""FABA-Instruct's lists as the repository of EmoLA shows them, in miniature."""

import json

import numpy as np
import pytest
from PIL import Image

from feallm.data.records import Problem
from feallm.data.sources import SOURCES, load
from feallm.data.sources.faba import layout, scan

AUS = "1. AU4 - Brow Lowerer: the eyebrows are drawn together.\n2. AU15 - Lip Corner Depressor. There is no AU12."


def entry(name, answer, folder="train", **more):
    return {
        "source": "AffectNet",
        "image": f"FABAInstruct/{folder}/images/AffectNet/AffectNet_v2/1/{name}.jpg",
        "id": f"AffectNet/AffectNet_v2/1/{name}",
        "conversations": [
            {"from": "human", "value": "What is the emotion of this face?\n<image>"},
            {"from": "gpt", "value": answer},
        ],
        **more,
    }


@pytest.fixture
def folder(tmp_path):
    def write(split, task, entries, start=""):
        place = tmp_path / "FABAInstruct" / split
        place.mkdir(parents=True, exist_ok=True)
        text = start + json.dumps(entries, indent=2).replace("\n", "\r\n")
        (place / f"{split}_{task}_anno.json").write_text(text, encoding="utf-8", newline="")

    write("train", "emotion", [entry("a", "The person looks sad."), entry("b", "A soft look; hard to say.")], "\ufeff")
    write("train", "au", [entry("a", AUS)])
    write("eval", "emotion", [entry("c", "She smiles.", "eval", label="Happiness"), entry("d", "Hm.", "eval", label=3)])
    picture = tmp_path / "FABAInstruct/train/images/AffectNet/AffectNet_v2/1/a.jpg"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (20, 20), "red").save(picture)
    return tmp_path


def test_both_lists_make_one_face(folder):
    sad, unclear = load("faba", folder, "train")
    assert sad.id == "AffectNet/AffectNet_v2/1/a"
    assert sad.references == {"expression": "The person looks sad.", "movements": AUS}
    assert sad.labels == {"faba": "sadness"}
    assert sad.emotions["faba"][2] == 1.0
    assert sad.action_units == {"AU04": 1.0, "AU15": 1.0, "AU12": 0.0}, "AU6 is not spoken of, so not known"
    assert (sad.graded, sad.provenance["faba"], sad.provenance["action_units"]) == (False, *["read from the text"] * 2)
    assert np.asarray(sad.picture()).shape == (20, 20, 3)
    assert (unclear.labels, unclear.action_units) == ({}, {})
    assert list(unclear.references) == ["expression"]


def test_labels_of_the_scorer_are_taken_before_the_words(folder):
    happy, angry = load("faba", folder / "FABAInstruct", "test")
    assert [face.labels["faba"] for face in (happy, angry)] == ["happiness", "anger"]
    assert happy.provenance["faba"] == "FABA-Instruct labels"


def test_au_labels_are_numbers_and_the_rest_stays_unknown(folder):
    file = folder / "FABAInstruct/eval/eval_au_anno.json"
    rows = [{"image": "x/1.jpg", "id": "1", "gpt4": "AU4 and AU9.", "label": "4, 9.0, 31", "landmark": "x/1.npy"}]
    file.write_text(json.dumps([*rows, {"image": "x/2.jpg", "id": "2", "gpt4": "AU4.", "label": "four"}]))
    *faces, last = scan(folder, "test")
    assert [face.id for face in (*faces, last) if not isinstance(face, Problem)][-1] == "1"
    (problem,) = [item for item in (*faces, last) if isinstance(item, Problem)]
    assert "label 'four'" in problem.what
    assert last.action_units == {"AU04": 1.0, "AU09": 1.0}
    assert last.references == {"movements": "AU4 and AU9."}
    assert last.image == folder / "FABAInstruct/eval/images/x/1.jpg"


def test_entries_that_cannot_be_used_are_problems(folder):
    file = folder / "FABAInstruct/train/train_emotion_anno.json"
    no_answer = entry("z", "")
    file.write_text(
        json.dumps([no_answer, entry("y", "Angry.", label="9"), "text", entry("a", "Fear."), entry("a", "Joy.")])
    )
    found = list(scan(folder, "train"))
    assert [item.what.split(",")[0] for item in found if isinstance(item, Problem)] == [
        "expected an image and an answer from 'gpt'",
        "label '9'",
        "expected an object",
    ]
    assert [face.id[-3:] for face in found if not isinstance(face, Problem)] == ["1/a", "a#2"]
    file.write_text(file.read_text()[:-40])
    cut = next(item for item in scan(folder, "train") if isinstance(item, Problem))
    assert "no JSON" in cut.what
    assert "download" in cut.fix


def test_layouts_and_what_is_not_there(folder, tmp_path_factory):
    assert layout(folder) == layout(folder / "FABAInstruct") == "emotions and AUs"
    (folder / "FABAInstruct/train/train_au_anno.json").unlink()
    assert layout(folder) == "emotions"
    empty = tmp_path_factory.mktemp("empty")
    assert layout(empty) is None
    with pytest.raises(FileNotFoundError, match="eval_au_anno"):
        scan(empty, "test")
    with pytest.raises(ValueError, match="splits train, test"):
        scan(folder, "eval")
    assert SOURCES["faba"].counts["emotions and AUs/test"] == 403
