"""Tables of one's own and of other tools, written here in miniature."""

import csv
import json

import pytest
from PIL import Image

from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.data.records import LabelledFace, Problem, VideoFrame
from feallm.data.sources import load, table
from feallm.data.sources.table_units import unit_of
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.emotions import EMOTIONS, LABEL_SETS
from feallm.tables import write

PLACE = ("input", "frame", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")


def write_csv(path, names, *rows, newline="\n", bom=""):
    lines = [",".join(names), *(",".join(str(cell) for cell in row) for row in rows)]
    path.write_bytes((bom + newline.join(lines) + newline).encode())
    return path


def faces(path, split="all"):
    found = list(table.scan(path, split))
    assert all(isinstance(item, LabelledFace) for item in found), found
    return found


def units(tmp_path, names, *rows):
    """What the AU columns of a table say of each row."""
    path = write_csv(tmp_path / "units.csv", ["image", *names], *(["a.jpg", *row] for row in rows))
    return [face.action_units for face in faces(path)]


def test_names_order_paths_subjects_and_splits(tmp_path):
    path = write_csv(
        tmp_path / "faces.csv",
        ["Path", "Emotion", "subject", "split", "valence", "arousal"],
        ("b/2.png", "Happy", "S2", "train", "0.5", ""),
        ("a/1.png", " ANGER ", "", "test", "-1", "1"),
        ("/elsewhere/3.png", "sad", "S3", "train", "nan", ""),
    )
    (tmp_path / "b").mkdir()
    Image.new("RGB", (20, 10), (200, 0, 0)).save(tmp_path / "b" / "2.png")
    happy, angry, sad = faces(path)
    assert [face.id for face in (happy, angry, sad)] == ["b/2.png", "a/1.png", "/elsewhere/3.png"]
    assert [face.labels["affectnet7"] for face in (happy, angry, sad)] == ["happiness", "anger", "sadness"]
    assert happy.picture().shape == (10, 20, 3)
    assert str(sad.image) == "/elsewhere/3.png"
    assert [face.subject for face in (happy, angry, sad)] == ["S2", None, "S3"]
    assert (happy.valence, happy.arousal, angry.valence, sad.valence) == (0.5, None, -1.0, None)
    assert (happy.split, angry.split, happy.action_units) == ("train", "test", {})
    assert [face.id for face in faces(tmp_path, "test")] == ["a/1.png"], "a folder with just one table"
    with pytest.raises(ValueError, match="splits all, train, test, not 'val'"):
        list(table.scan(path, "val"))
    assert [face.id for face in load("table", path, "train")] == ["b/2.png", "/elsewhere/3.png"]


@pytest.mark.parametrize(("bom", "newline"), [("", "\n"), ("\ufeff", "\r\n")])
def test_openface_columns_blanks_byte_order_mark_and_floats(tmp_path, bom, newline):
    path = write_csv(
        tmp_path / "openface.csv",
        ["image", " success", " AU06_r", " AU12_r", " AU06_c", " AU12_c", " AU28_c"],
        ("a.jpg", " 1", " 2.31", " 0.90", " 1.00", " 0.00", " 1.00"),
        ("b.jpg", " 0", " 5.00", " 5.00", " 1.00", " 1.00", " 0.00"),
        ("c.jpg", " 1", " 0.20", " 0.20", " 1.00", " 0.00", " 0.00"),
        bom=bom,
        newline=newline,
    )
    first, last = faces(path)
    assert first.action_units == {"AU06": 2.31, "AU12": 0.0}, "_c says whether, _r how much; AU28 has no strength"
    assert first.graded
    assert last.action_units == {"AU12": 0.0}, "present without a strength is unknown"


def test_pyfeat_shares_and_probabilities(tmp_path):
    path = write_csv(
        tmp_path / "fex.csv",
        [*PLACE, "AU01", "AU12", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"],
        ("a.jpg", 0, 1, 2, 30, 40, 0.49, 0.5, 0.1, 0, 0, 0.7, 0, 0, 0.2),
        ("clip.mp4", 12.0, 1, 2, 30, 40, 1, 0, 0.5, 0, 0, 0.5, 0, 0, 0),
        ("b.jpg", 0, "", "", "", "", "", "", "", "", "", "", "", "", ""),
    )
    picture, frame = faces(path)
    assert (picture.action_units, picture.graded) == ({"AU01": 0.0, "AU12": 1.0}, False)
    assert picture.box == (1.0, 2.0, 30.0, 40.0)
    assert picture.labels == {"affectnet7": "happiness"}
    shares = dict(zip(LABEL_SETS["affectnet7"], picture.emotions["affectnet7"], strict=True))
    assert (shares["happiness"], shares["neutral"]) == (pytest.approx(0.7), pytest.approx(0.2))
    assert (frame.image, frame.id) == (VideoFrame(tmp_path / "clip.mp4", 12), "clip.mp4@12")
    assert frame.labels == {}, "a tie has no label"


def test_percent_shares_and_another_tools_words(tmp_path):
    names = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    path = write_csv(tmp_path / "deepface.csv", ["img", *names], ("a.jpg", 10, 0, 0, 80, 0, 0, 10))
    (face,) = faces(path)
    assert dict(zip(EMOTIONS, face.emotions["affectnet7"], strict=False))["happiness"] == pytest.approx(0.8)


def test_libreface_columns(tmp_path):
    path = write_csv(
        tmp_path / "libreface.csv",
        ["file", "facial_expression", "au_6", "au_7", "au_6_intensity", "au_25_intensity"],
        ("a.jpg", "Happiness", 1, 1, 2.5, 0.1),
        ("b.jpg", "Neutral", 0, 0, 1.5, 3.0),
    )
    first, second = faces(path)
    assert (first.action_units, first.labels["affectnet7"]) == ({"AU06": 2.5, "AU25": 0.0}, "happiness")
    assert second.action_units == {"AU06": 0.0, "AU25": 3.0}


@pytest.mark.parametrize("unit", ACTION_UNITS.values(), ids=lambda unit: unit.id)
def test_every_unit_in_every_spelling(unit):
    number = unit.number
    for name in (f"au{number:02d}", f"au{number}", f"au_{number}", f"au {number}"):
        assert unit_of(name) == (unit.id, "plain")
    assert unit_of(f"au{number:02d}_r") == unit_of(f"au_{number}_intensity") == (unit.id, "strength")
    assert unit_of(f"au{number:02d}_c") == (unit.id, "presence")


@pytest.mark.parametrize("name", ["au99", "au", "auth", "au06_x", "audio", "status", "emotion"])
def test_other_columns_are_no_units(name):
    assert unit_of(name) is None


@pytest.mark.parametrize(
    ("names", "row", "expected"),
    [
        (["AU06"], ["1"], {"AU06": 1.0}),
        (["AU06"], ["0.2"], {"AU06": 0.0}),
        (["AU06"], ["3"], {"AU06": 3.0}),
        (["AU06", "AU12"], ["1", "5"], {"AU06": 1.0, "AU12": 5.0}),
        (["AU06_c"], ["1"], {"AU06": 1.0}),
        (["AU06_c", "AU06"], ["0", "0.9"], {"AU06": 0.0}),
        (["AU06_r"], ["0.4"], {"AU06": 0.0}),
        (["AU06_r"], ["0.5"], {"AU06": 0.5}),
        (["AU06_r", "AU06"], ["2", "0.9"], {"AU06": 2.0}),
        (["AU06_r", "AU06", "AU04"], ["2", "4", "3"], {"AU04": 3.0, "AU06": 2.0}),
        (["AU06_r", "AU06", "AU06_c"], ["2", "0.1", "1"], {"AU06": 2.0}),
        (["AU06_r", "AU06", "AU06_c"], ["0.3", "0.6", "0"], {"AU06": 0.0}),
        (["AU06_r", "AU04", "AU17_c"], ["2", "1", "1"], {"AU06": 2.0}),
        (["AU06_r", "AU06"], ["", "1"], {}),
        (["AU06", "AU12"], ["", "0"], {"AU12": 0.0}),
    ],
)
def test_which_column_counts(tmp_path, names, row, expected):
    path = write_csv(tmp_path / "units.csv", ["image", "emotion", *names], ["a.jpg", "fear", *row])
    (face,) = faces(path)
    assert face.action_units == expected


def test_the_scale_of_plain_columns_is_that_of_the_whole_table(tmp_path):
    assert units(tmp_path, ["AU06"], ["1"], ["0.3"]) == [{"AU06": 1.0}, {"AU06": 0.0}]
    path = write_csv(tmp_path / "units.csv", ["image", "AU06"], ["a.jpg", "1"], ["b.jpg", "5"])
    assert [face.graded for face in faces(path)] == [True, True], "1 is slight here, not present"


@pytest.mark.parametrize(
    ("names", "row", "message"),
    [
        (["AU06", "AU06_r"], ["0.9", "0"], "AU06 is 0.9 in its plain column and 0.0 in that of its strength"),
        (["AU06", "AU06_r"], ["0", "3"], "AU06 is 0.0 in its plain column"),
        (["AU06"], ["999"], "au06 is '999', expected 0 to 1"),
        (["AU06", "AU04"], ["6", "2"], "au06 is '6', expected 0 to 5"),
        (["AU06", "au_6"], ["1", "0"], "another column of AU06 says 1.0"),
        (["AU06_r"], ["-0.5"], "au06_r is '-0.5', expected 0 to 5"),
        (["AU06_c"], ["0.5"], "au06_c is '0.5', expected 0 or 1"),
        (["AU06_c"], ["9"], "au06_c is '9', expected 0 to 1"),
        (["AU06"], ["yes"], "au06 is 'yes', expected a number"),
        (["emotion"], ["gladly"], "emotion is 'gladly', expected one of neutral, happiness"),
        (["emotion"], ["3"], "codes differ from set to set"),
        (["label_set", "emotion"], ["raf", "fear"], "label_set is 'raf', expected one of"),
        (["label_set", "emotion"], ["rafdb", "contempt"], "emotion is 'contempt'"),
        (["emotion", "valence"], ["fear", "2"], "valence is '2', expected -1 to 1"),
        (["emotion", *EMOTIONS], ["fear", *[0] * 8], "expected numbers from 0, one above it"),
        (["emotion", *EMOTIONS], ["fear", "", *[1] * 7], "expected numbers from 0"),
        (["emotion", "AU06"], ["fear", "1", "1"], "4 cells, expected 3"),
    ],
)
def test_a_wrong_row_is_a_problem_with_its_line(tmp_path, names, row, message):
    good = ["b.jpg", *("" for _ in names)]
    path = write_csv(tmp_path / "wrong.csv", ["image", *names], good, ["a.jpg", *row])
    problems = [item for item in table.scan(path, "all") if isinstance(item, Problem)]
    assert len(problems) == 1
    assert message in problems[0].what
    assert problems[0].where.endswith("wrong.csv, line 3")


@pytest.mark.parametrize("name", ["", "https://example.org/a.jpg"])
def test_a_row_without_a_file_is_a_problem(tmp_path, name):
    path = write_csv(tmp_path / "a.csv", ["image", "emotion"], [name, "fear"])
    (problem,) = table.scan(path, "all")
    assert "expected the path of a picture" in problem.what


def test_a_video_without_the_number_of_a_frame_is_a_problem(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["input", "emotion", "frame"], ["a.mp4", "fear", ""], ["a.mp4", "fear", "0"])
    problem, face = table.scan(path, "all")
    assert "expected the number of a frame of a.mp4" in problem.what
    assert face.image == VideoFrame(tmp_path / "a.mp4", 0)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_emotion_has_its_name_and_contempt_makes_eight_classes(tmp_path, emotion):
    path = write_csv(tmp_path / "a.csv", ["frame", "label"], ["f1.png", emotion.upper()], ["f2.png", "neutral"])
    first, second = faces(path)
    chosen = "affectnet8" if emotion == "contempt" else "affectnet7"
    assert (first.labels, second.labels) == ({chosen: emotion}, {chosen: "neutral"})
    assert second.emotions[chosen][0] == 1.0


def test_label_set_column(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["image", "emotion", "label_set"], ["a.jpg", "fear", "rafdb"])
    assert faces(path)[0].labels == {"rafdb": "fear"}


def test_jsonl_and_parquet_rows(tmp_path):
    rows = [{"image": "a.jpg", "AU06": 1, "emotion": "joy"}, {"image": "b.jpg", "AU06": None, "emotion": "calm"}]
    (tmp_path / "jsonl").mkdir()
    lines = [json.dumps(rows[0]), "", "{broken", json.dumps(rows[1])]
    (tmp_path / "jsonl" / "a.jsonl").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    first, problem, second = table.scan(tmp_path / "jsonl", "all")
    assert (first.labels, first.action_units) == ({"affectnet7": "happiness"}, {"AU06": 1.0})
    assert (second.labels, second.action_units) == ({"affectnet7": "neutral"}, {})
    assert problem.where.endswith("a.jsonl, line 3")
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert [face.labels for face in faces(tmp_path / "a.parquet")] == [first.labels, second.labels]
    assert [table.layout(path) for path in (tmp_path / "jsonl", tmp_path)] == ["JSONL", "Parquet"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_feallms_own_tables(tmp_path, suffix):
    scores = dict.fromkeys(LABEL_SETS["ferplus"], 0.05) | {"happiness": 0.65}
    measured = {
        "AU06": ActionUnitReading(probability=0.4, intensity=1.5, present=True),
        "AU04": ActionUnitReading(probability=0.1, intensity=0.7, present=False),
    }
    common = {"box": (1.0, 2.0, 3.0, 4.0), "label_set": "ferplus", "emotion_scores": scores, "action_units": measured}
    readings = [
        FaceReading("a.jpg", face_id=0, emotion="happiness", **common),
        FaceReading("a.jpg", face_id=1, status="abstained", **common),
        FaceReading("b.jpg", status="no_face"),
    ]
    path = write(readings, tmp_path / f"own.{suffix}", metadata={"label_set": "ferplus"})
    first, abstained = faces(path)
    assert (first.id, abstained.id) == ("a.jpg", "a.jpg#1")
    assert (first.labels, abstained.labels) == ({"ferplus": "happiness"}, {})
    assert first.emotions["ferplus"][1] == pytest.approx(0.65)
    assert first.action_units == {"AU04": 0.0, "AU06": 1.5}
    assert first.box == (1.0, 2.0, 3.0, 4.0)
    (tmp_path / f"own.{suffix}.meta.json").unlink()
    assert list(faces(path)[0].labels) == ["ferplus" if suffix == "jsonl" else "affectnet8"]


def test_what_is_no_table_says_what_was_expected(tmp_path):
    assert table.layout(tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"expected one \.csv, \.jsonl, \.parquet file"):
        list(table.scan(tmp_path, "all"))
    write_csv(tmp_path / "openface.csv", ["frame", "face_id", " AU06_r"], (1, 0, 2.0))
    with pytest.raises(FileNotFoundError, match=r"a column of pictures \(image, input"):
        list(table.scan(tmp_path, "all"))
    write_csv(tmp_path / "openface.csv", ["image", "age"], ("a.jpg", 30))
    assert table.layout(tmp_path) is None
    write_csv(tmp_path / "openface.csv", ["image", "emotion"], ("a.jpg", "fear"))
    assert table.layout(tmp_path) == "CSV"
    with (tmp_path / "second.csv").open("w", newline="") as stream:
        csv.writer(stream).writerow(["image", "emotion"])
    assert table.layout(tmp_path) is None, "which of the two?"
