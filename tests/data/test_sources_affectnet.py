"""AffectNet in both releases, written here in miniature."""

import numpy as np
import pytest
from PIL import Image

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources import affectnet
from feallm.facs.emotions import LABEL_SETS

NAMES = ["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"]
HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
POINTS = "1.0;2.0;3.0;4.0"


def row(name="1/a.jpg", code="1", valence="0.5", arousal="-0.25", box="10,20,30,40"):
    return f"{name},{box},{POINTS},{code},{valence},{arousal}"


def write_csv(folder, rows, file="training.csv", header=True, images="Manually_Annotated_Images", **form):
    """A list of pictures, and the pictures it names, each red as its line number."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [HEADER, *rows] if header else rows
    text = form.get("bom", "") + form.get("newline", "\n").join(lines)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(text.encode())
    for number, line in enumerate(rows):
        picture = folder / images / line.split(",")[0]
        picture.parent.mkdir(parents=True, exist_ok=True)
        if picture.suffix:
            Image.new("RGB", (64, 64), (number * 20, 0, 0)).save(picture)


def write_npy(folder, number, code, valence, arousal, picture=True):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    for name, value in (("exp", code), ("val", valence), ("aro", arousal), ("lnd", np.zeros(136))):
        np.save(folder / "annotations" / f"{number}_{name}.npy", value)
    if picture:
        Image.new("RGB", (224, 224), (0, 60, 0)).save(folder / "images" / f"{number}.jpg")


def faces(path, split):
    found = list(affectnet.scan(path, split))
    assert all(isinstance(item, LabelledFace) for item in found), found
    return found


def test_csv_in_its_order_with_boxes_and_dimensions(tmp_path):
    write_csv(tmp_path, [row("2/b.jpg", "6", "-0.5", "0.75"), row("1/a.jpg", "1"), row("3/c.jpg", "7", "-2", "-2")])
    anger, happiness, contempt = faces(tmp_path, "train")
    assert [face.id for face in (anger, happiness, contempt)] == ["2/b.jpg", "1/a.jpg", "3/c.jpg"]
    assert anger.labels == {"affectnet8": "anger", "affectnet7": "anger"}
    assert (anger.valence, anger.arousal, anger.box) == (-0.5, 0.75, (10.0, 20.0, 30.0, 40.0))
    assert happiness.emotions["affectnet7"] == one_hot("happiness", LABEL_SETS["affectnet7"])
    assert happiness.image == tmp_path / "Manually_Annotated_Images" / "1" / "a.jpg"
    assert abs(int(happiness.picture()[9, 9, 0]) - 20) < 6
    assert contempt.labels == {"affectnet8": "contempt"}
    assert set(contempt.emotions) == {"affectnet8"}
    assert (contempt.valence, contempt.arousal) == (None, None)
    assert affectnet.layout(tmp_path) == "CSV"


@pytest.mark.parametrize(("bom", "newline"), [("", "\n"), ("\ufeff", "\r\n")])
@pytest.mark.parametrize("header", [True, False])
def test_csv_with_and_without_names_byte_order_mark_and_floats(tmp_path, bom, newline, header):
    rows = [row("1/a.jpg", "2.0", " 0.25 ", "1"), row("1/b.jpg", "0", "0", "0")]
    write_csv(tmp_path, rows, file="validation.csv", header=header, bom=bom, newline=newline)
    first, second = faces(tmp_path, "val")
    assert (first.labels["affectnet8"], first.valence, first.arousal) == ("sadness", 0.25, 1.0)
    assert (second.id, second.labels["affectnet7"]) == ("1/b.jpg", "neutral")


@pytest.mark.parametrize("images", affectnet.IMAGES)
def test_csv_with_lists_and_pictures_in_the_owners_folders(tmp_path, images):
    write_csv(tmp_path, [row()], file="Manually_Annotated_file_lists/training.csv", images=images)
    (face,) = faces(tmp_path, "train")
    assert face.picture().shape == (64, 64, 3)
    with pytest.raises(FileNotFoundError, match=r"expected validation\.csv"):
        list(affectnet.scan(tmp_path, "val"))


@pytest.mark.parametrize("code", range(11))
def test_every_code_has_its_name_or_is_left_out(tmp_path, code):
    write_csv(tmp_path, [row(code=str(code), valence="-2", arousal="-2")])
    write_npy(tmp_path / "npy" / "train_set", 0, np.array(str(code)), np.array("-2"), np.array("-2"))
    expected = [NAMES[code]] if code < 8 else []
    assert [face.labels["affectnet8"] for face in faces(tmp_path, "train")] == expected
    assert [face.labels["affectnet8"] for face in faces(tmp_path / "npy", "train")] == expected


@pytest.mark.parametrize("box", ["NULL,NULL,NULL,NULL", "-1,-1,-1,-1", ",,,", "0,0,0,0"])
def test_a_box_that_is_not_given_is_none(tmp_path, box):
    write_csv(tmp_path, [row(box=box)])
    assert [face.box for face in faces(tmp_path, "train")] == [None]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (row(code="11"), "expression code '11', expected 0 to 10"),
        (row(code="-1"), "expression code '-1'"),
        (row(code="1.5"), "expression code '1.5'"),
        (row(code=""), "expression '', expected a number"),
        (row(code="nan"), "expression code 'nan'"),
        (row(valence="1.5"), "valence '1.5', expected -1 to 1"),
        (row(arousal="nan"), "arousal 'nan'"),
        (row(box="a,1,2,3"), "face_x 'a', expected a number"),
        (row(name=""), "no picture is named"),
        ("1/a.jpg,1", "2 cells, expected 9"),
    ],
)
def test_a_broken_row_is_a_problem_with_its_line(tmp_path, broken, message):
    write_csv(tmp_path, [row("1/b.jpg"), broken, row("1/c.jpg")])
    before, problem, after = affectnet.scan(tmp_path, "train")
    assert isinstance(problem, Problem)
    assert message in problem.what
    assert problem.where.endswith("training.csv, line 3")
    assert (before.id, after.id) == ("1/b.jpg", "1/c.jpg")


def test_csv_without_a_column_names_it(tmp_path):
    write_csv(tmp_path, [], file="training.csv")
    (tmp_path / "Manually_Annotated_Images").mkdir()
    (tmp_path / "training.csv").write_text("subDirectory_filePath,expression\n1/a.jpg,1\n")
    with pytest.raises(ValueError, match=r"missing columns \['arousal'"):
        list(affectnet.scan(tmp_path, "train"))


def test_npy_in_the_order_of_numbers_texts_and_numbers_alike(tmp_path):
    folder = tmp_path / "val_set"
    write_npy(folder, 10, np.array("3"), np.array("0.1"), np.array("0.7"))
    write_npy(folder, 9, np.array(7), np.array(-0.5), np.array([0.25]))
    write_npy(folder, 100, np.array("0"), np.array("-2"), np.array("-2"))
    contempt, surprise, neutral = faces(tmp_path, "val")
    assert [face.id for face in (contempt, surprise, neutral)] == ["val_set/9", "val_set/10", "val_set/100"]
    assert contempt.labels == {"affectnet8": "contempt"}
    assert (contempt.valence, contempt.arousal, contempt.box) == (-0.5, 0.25, None)
    assert surprise.labels == {"affectnet8": "surprise", "affectnet7": "surprise"}
    assert (neutral.valence, neutral.arousal) == (None, None)
    assert surprise.picture().shape == (224, 224, 3)
    assert affectnet.layout(tmp_path) == "npy"


def test_npy_missing_and_broken_parts(tmp_path):
    folder = tmp_path / "train_set"
    for number in range(4):
        write_npy(folder, number, np.array("1"), np.array("0.1"), np.array("0.1"), picture=number != 3)
    (folder / "annotations" / "0_exp.npy").unlink()
    (folder / "annotations" / "1_val.npy").write_bytes(b"no array")
    np.save(folder / "annotations" / "2_exp.npy", np.zeros(3))
    *problems, face = affectnet.scan(tmp_path, "train")
    assert [problem.where.rsplit(", ")[-1] for problem in problems] == ["0", "1", "2"]
    assert "0_exp.npy" in problems[0].what
    assert face.id == "train_set/3", "a missing picture is left to the doctor"


def test_a_wrong_folder_and_a_wrong_split_say_what_was_expected(tmp_path):
    assert affectnet.layout(tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"expected training\.csv .* or train_set/images"):
        list(affectnet.scan(tmp_path, "train"))
    with pytest.raises(ValueError, match="splits train, val, not 'test'"):
        list(affectnet.scan(tmp_path, "test"))
    (tmp_path / "training.csv").write_text(HEADER)
    with pytest.raises(FileNotFoundError, match="Manually_Annotated_Images"):
        list(affectnet.scan(tmp_path, "train"))


def test_published_counts():
    assert dict(affectnet.SOURCE.counts) == {"train": 287651, "val": 4000}
    assert affectnet.SOURCE.label_sets == ("affectnet8", "affectnet7")
