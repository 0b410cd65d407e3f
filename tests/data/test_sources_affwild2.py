"""Aff-Wild2 as the ABAW competitions ship it, in miniature."""

import shutil

import pytest
from PIL import Image

from feallm.data.records import Problem
from feallm.data.sources import SOURCES, load
from feallm.data.sources.affwild2 import UNITS
from feallm.facs.emotions import LABEL_SETS, ORDERS, decode

CLASSES = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
NAMES = ",".join(f"AU{int(unit[2:])}" for unit in UNITS)
ANNOTATIONS = "6th ABAW Annotations"
EXPR, AU, VA = "EXPR_Recognition_Challenge", "AU_Detection_Challenge", "VA_Estimation_Challenge"


def write_labels(root, challenge, part, video, lines, newline="\n", start=""):
    folder = root / ANNOTATIONS / challenge / part
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{video}.txt").write_bytes((start + newline.join(lines) + newline).encode())


def write_pictures(root, video, frames, folder="cropped_aligned"):
    place = root / folder / video
    place.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        Image.new("RGB", (6, 6), (10 * frame, 0, 0)).save(place / f"{frame:05d}.jpg", quality=100)


@pytest.fixture
def abaw(tmp_path):
    write_pictures(tmp_path, "1-30-1280x720", (1, 2, 3, 4, 5, 6, 7, 8, 9))
    write_pictures(tmp_path, "video5_left", (1, 3, 4), "cropped_aligned_new_50_vids")
    write_pictures(tmp_path, "7-60", (1, 2, 3))
    codes = ["0", "1", "2", "3", "4", "5", "6", "7", "-1"]
    write_labels(tmp_path, EXPR, "Train_Set", "1-30-1280x720", [CLASSES, *codes])
    write_labels(tmp_path, EXPR, "Train_Set", "video5_left", [CLASSES, "4", "4", "4", "-1", "4"])
    write_labels(tmp_path, EXPR, "Validation_Set", "7-60", [CLASSES, "6", "6", "0"])
    rows = [",".join(["1"] + ["0"] * 11), ",".join(["-1"] * 12), ",".join(["0", "-1"] + ["1"] * 10)]
    write_labels(tmp_path, AU, "Train_Set", "7-60", [NAMES, *rows])
    write_labels(tmp_path, VA, "Validation_Set", "7-60", ["valence,arousal", "0.5,-0.25", "-5,-5", "-1.0,1"])
    return tmp_path


def test_expressions_by_code(abaw):
    faces = [face for face in load("affwild2_expr", abaw, "train") if face.id.startswith("1-30")]
    assert [(face.id[-5:], face.labels["affwild2"]) for face in faces] == [
        ("00001", "neutral"),
        ("00002", "anger"),
        ("00003", "disgust"),
        ("00004", "fear"),
        ("00005", "happiness"),
        ("00006", "sadness"),
        ("00007", "surprise"),
    ], "other and -1 name no emotion"
    assert faces[1].emotions["affwild2"] == tuple(float(name == "anger") for name in LABEL_SETS["affwild2"])
    assert (faces[1].subject, faces[1].source, faces[1].split) == ("1-30-1280x720", "affwild2_expr", "train")
    assert abs(int(faces[6].picture()[2, 2, 0]) - 70) < 8
    assert faces[6].action_units == {}


def test_the_label_set_is_the_seven():
    assert set(ORDERS["affwild2"]) == {*LABEL_SETS["affwild2"], "other"}
    assert LABEL_SETS["affwild2"] == LABEL_SETS["rafdb"]
    assert [decode("affwild2", code) for code in (0, 1, 4, 7)] == ["neutral", "anger", "happiness", "other"]


def test_frames_without_a_picture_are_left_out(abaw):
    faces = [face for face in load("affwild2_expr", abaw, "train") if face.id.startswith("video5")]
    assert [face.id for face in faces] == ["video5_left/00001", "video5_left/00003"]
    assert abs(int(faces[1].picture()[2, 2, 0]) - 30) < 8


def test_splits(abaw):
    assert [face.id for face in load("affwild2_expr", abaw, "val")] == ["7-60/00001", "7-60/00002", "7-60/00003"]
    with pytest.raises(ValueError, match="not 'test'"):
        SOURCES["affwild2_expr"].scan(abaw, "test")
    with pytest.raises(FileNotFoundError, match="AU_Detection_Challenge/Validation_Set"):
        SOURCES["affwild2_au"].scan(abaw, "val")


def test_action_units(abaw):
    first, last = load("affwild2_au", abaw, "train")
    assert (first.id, last.id) == ("7-60/00001", "7-60/00003"), "nothing is known of frame 2"
    assert dict(first.action_units) == {unit: float(unit == "AU01") for unit in UNITS}
    assert dict(last.action_units) == {unit: float(unit != "AU01") for unit in UNITS if unit != "AU02"}
    assert (last.graded, last.labels) == (False, {})


def test_valence_and_arousal(abaw):
    first, last = load("affwild2_va", abaw, "val")
    assert (first.id, first.valence, first.arousal) == ("7-60/00001", 0.5, -0.25)
    assert (last.id, last.valence, last.arousal) == ("7-60/00003", -1.0, 1.0)


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_byte_order_mark_and_newlines(abaw, newline):
    lines = [CLASSES.replace(",", ", "), " 6", "6.0", "0 "]
    write_labels(abaw, EXPR, "Validation_Set", "7-60", lines, newline=newline, start="\ufeff")
    faces = list(load("affwild2_expr", abaw, "val"))
    assert [face.labels["affwild2"] for face in faces] == ["surprise", "surprise", "neutral"]


def test_older_competitions(abaw):
    annotations = abaw / ANNOTATIONS
    (annotations / EXPR).rename(abaw / "EXPR_Set")
    shutil.rmtree(annotations)
    (abaw / "EXPR_Set" / "Validation_Set" / "7-60.txt").write_text(CLASSES.removesuffix(",Other") + "\n6\n-1\n0\n")
    assert [face.id for face in load("affwild2_expr", abaw, "val")] == ["7-60/00001", "7-60/00003"]
    assert SOURCES["affwild2_expr"].layout(abaw) == "EXPR_Set"


@pytest.mark.parametrize(
    ("name", "challenge", "lines", "what"),
    [
        ("affwild2_expr", EXPR, [CLASSES, "8", "0"], "expected one code, 0 to 7 or -1 (none), got '8'"),
        ("affwild2_expr", EXPR, [CLASSES, "0,1", "0"], "got '0,1'"),
        ("affwild2_au", AU, [NAMES, "0,1", ",".join("0" * 12)], "expected 12 codes"),
        ("affwild2_au", AU, ["AU1,AU2", "0,9", "0,1"], "0, 1 or -1 (unknown), got '0,9'"),
        ("affwild2_va", VA, ["valence,arousal", "0.5,1.5", "0,0"], "in -1..1, or -5 (unknown), got '0.5,1.5'"),
        ("affwild2_va", VA, ["valence,arousal", "0.5", "0,0"], "got '0.5'"),
        ("affwild2_va", VA, ["valence,arousal", "nan,0.1", "0,0"], "got 'nan,0.1'"),
    ],
)
def test_what_is_out_of_range_is_reported_and_the_rest_read(abaw, name, challenge, lines, what):
    write_labels(abaw, challenge, "Validation_Set", "7-60", lines)
    problem, face = SOURCES[name].scan(abaw, "val")
    assert isinstance(problem, Problem)
    assert what in problem.what
    assert problem.where.endswith("7-60.txt, frame 1")
    assert face.id == "7-60/00002"
    with pytest.raises(ValueError, match=f"feallm data check {name}"):
        list(load(name, abaw, "val"))


@pytest.mark.parametrize(
    ("name", "challenge", "header"),
    [
        ("affwild2_expr", EXPR, "Neutral,Happiness,Sadness,Surprise,Fear,Disgust,Anger"),
        ("affwild2_au", AU, "0,1,1,0"),
        ("affwild2_va", VA, "arousal,valence"),
    ],
)
def test_another_header_is_not_guessed_at(abaw, name, challenge, header):
    write_labels(abaw, challenge, "Validation_Set", "7-60", [header, "0", "1"])
    (problem,) = SOURCES[name].scan(abaw, "val")
    assert "first row" in problem.what


def test_a_video_without_pictures_is_reported(abaw):
    shutil.rmtree(abaw / "cropped_aligned" / "1-30-1280x720")
    problem, *faces = SOURCES["affwild2_expr"].scan(abaw, "train")
    assert "no folder 1-30-1280x720" in problem.what
    assert len(faces) == 2


def test_the_wrong_folder_says_what_was_expected(abaw, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    for name, challenge in (("affwild2_expr", EXPR), ("affwild2_au", AU), ("affwild2_va", VA)):
        assert SOURCES[name].layout(empty) is None
        assert SOURCES[name].layout(abaw) == challenge
        with pytest.raises(FileNotFoundError, match=f"{challenge}/Train_Set/VIDEO.txt"):
            SOURCES[name].scan(empty, "train")
    for folder in abaw.glob("cropped_aligned*"):
        shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match=r"cropped_aligned/VIDEO/00001\.jpg"):
        SOURCES["affwild2_expr"].scan(abaw, "val")
