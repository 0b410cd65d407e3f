"""FEA-20K's JSONL as the repository of Facial-R1 describes it, in miniature."""

import json

import pytest
from PIL import Image

from feallm.data.records import Problem
from feallm.data.sources import load
from feallm.data.sources.fea20k import layout, scan

REASON = "The brows are lowered (AU4), which points to sadness."


def row(**changes):
    given = {
        "id": "a",
        "dataset": "RAF-DB",
        "image": "train_00001.jpg",
        "question": "Analyze the facial expression in the image.",
        "AUs": ["AU4", "AU15", "AU31"],
        "labels": ["Sadness"],
        "description": REASON,
        "meta_info": {},
    }
    return given | changes


def write(file, *rows, start="", end="\n"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((start + "".join(json.dumps(one) + end for one in rows)).encode())


def test_labels_reasons_and_unknown_units(tmp_path):
    write(tmp_path / "RAF-DB-Train.jsonl", row(), start="\ufeff", end="\r\n")
    (tmp_path / "images").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "images/train_00001.jpg")
    (face,) = load("fea20k", tmp_path, "train")
    assert (face.id, face.labels, face.references) == ("rafdb/a", {"rafdb": "sadness"}, {"reason": REASON})
    assert (face.action_units, face.graded) == ({"AU04": 1.0, "AU15": 1.0}, False), "the rest is not known"
    assert face.provenance == {"action_units": "FEA-20K labels", "rafdb": "FEA-20K labels"}
    assert face.picture().shape == (9, 9, 3)


def test_what_the_file_does_not_label_is_read_from_the_text(tmp_path):
    rows = [
        row(dataset="FABA", labels=[], AUs=[]),
        row(dataset="BP4D", labels=[], AUs=["AU12"], description="AU12 is there."),
        row(dataset="AffectNet", labels=["contempt"], AUs=None, description=""),
        row(dataset="FER2013", labels=["fear", "surprise"]),
    ]
    write(tmp_path / "FEA-Test.jsonl", *rows)
    faba, bp4d, affectnet, fer = load("fea20k", tmp_path, "test")
    assert (faba.labels, faba.action_units) == ({"faba": "sadness"}, {"AU04": 1.0})
    assert set(faba.provenance.values()) == {"read from the text"}
    assert (bp4d.labels, bp4d.references) == ({}, {"movements": "AU12 is there."})
    assert (affectnet.labels, affectnet.references, affectnet.action_units) == ({"affectnet8": "contempt"}, {}, {})
    assert fer.labels == {}, "two emotions are no single label"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"labels": ["hungry"]}, "label 'hungry'"),
        ({"labels": ["contempt"]}, "label 'contempt'"),
        ({"AUs": ["brow"]}, "action units ['brow']"),
        ({"AUs": "AU4"}, "action units 'AU4'"),
        ({"dataset": "ImageNet"}, "data set 'ImageNet'"),
        ({"image": ""}, "no image"),
    ],
)
def test_rows_that_are_not_as_published(tmp_path, changes, what):
    write(tmp_path / "Train.jsonl", row(), row(**changes), row(is_valid=False))
    _, problem = scan(tmp_path, "train")
    assert isinstance(problem, Problem)
    assert problem.what.startswith(what)
    assert "line 2" in problem.where


def test_a_cut_line_and_a_line_without_its_fields(tmp_path):
    file = tmp_path / "Train.jsonl"
    write(file, row(), {"id": "b", "dataset": "FABA"})
    file.write_text(file.read_text() + '{"id": "c", "ima')
    _, short, cut = scan(tmp_path, "train")
    assert short.what == "no AUs, description, image, labels"
    assert cut.what.startswith("no JSON")


def test_only_the_first_stage_is_the_training_set(tmp_path):
    for stage in (1, 2, 3):
        write(tmp_path / f"FABA-Train-stage{stage}.jsonl", row(id=f"s{stage}", dataset="FABA"))
    write(tmp_path / "FABA-Test.jsonl", row(dataset="FABA"))
    assert [face.id for face in load("fea20k", tmp_path, "train")] == ["faba/s1"]
    assert layout(tmp_path) == "JSONL, stage 1"
    assert len(list(load("fea20k", tmp_path, "test"))) == 1


@pytest.mark.parametrize("place", ["RAF-DB-Train", "images/RAF-DB-Train", "images/RAF-DB", "images"])
def test_pictures_lie_beside_the_files(tmp_path, place):
    write(tmp_path / "RAF-DB-Train.jsonl", row())
    (tmp_path / place).mkdir(parents=True)
    (face,) = load("fea20k", tmp_path, "train")
    assert face.image == tmp_path / place / "train_00001.jpg"


def test_other_jsonl_files_are_not_taken_for_it(tmp_path):
    write(tmp_path / "train.jsonl", {"id": 1, "image": "x.jpg", "conversations": []})
    assert layout(tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"FABA-Train\.jsonl"):
        scan(tmp_path, "train")
    with pytest.raises(ValueError, match="splits train, test"):
        scan(tmp_path, "val")
