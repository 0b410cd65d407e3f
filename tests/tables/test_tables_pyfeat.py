"""Our tables in py-feat's form: its reader's columns, and the way back."""

import csv
import json

import pytest

from feallm.analyze import FaceReading
from feallm.analyze.reading import ActionUnitReading
from feallm.facs.emotions import EMOTIONS
from feallm.tables import OutputError, write
from feallm.tables.foreign import read
from feallm.tables.pyfeat_writer import COLUMNS, convert

SHARES = dict.fromkeys(EMOTIONS, 0.0) | {"happiness": 0.7, "surprise": 0.2, "contempt": 0.1}
UNITS = {"AU06": ActionUnitReading(0.8, 2.5, True), "AU16": ActionUnitReading(0.3, 0.4, False)}
BOX = (1.0, 2.0, 30.0, 40.0)


def face(name, **more):
    return FaceReading(
        name, face_id=0, box=BOX, score=0.98, emotion="happiness", emotion_scores=SHARES, action_units=UNITS, **more
    )


READINGS = [
    face("a.png"),
    FaceReading("b.png", status="no_face"),
    FaceReading("c.png", status="unreadable", error="cut short"),
    face("clip.mp4", frame=4, timestamp=67.25),
    face("clip.mp4", frame=9, timestamp=67.45),
]


@pytest.fixture(params=[".csv", ".jsonl"])
def converted(request, tmp_path):
    ours = write(READINGS, tmp_path / f"ours{request.param}", metadata={"label_set": "ferplus", "model": "tiny"})
    said = convert(ours, tmp_path / "fex.csv")
    assert "5 rows" in said
    assert "landmarks and head pose are empty" in said
    return tmp_path / "fex.csv"


def test_every_column_that_its_reader_looks_up_is_there(converted):
    """The groups of columns are those of `read_feat` and `Fex` of py-feat 2.1."""
    with converted.open(newline="", encoding="utf-8") as stream:
        names, first, *_ = csv.reader(stream)
    boxes = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    landmarks = [f"{axis}_{place}" for axis in "xy" for place in range(68)]
    emotions = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    assert names[:5] == boxes
    assert {*landmarks, *emotions, "Pitch", "Roll", "Yaw", "X", "Y", "Z", "frame", "input"} <= set(names)
    units = [name for name in names if "AU" in name]
    assert len(units) == 22
    assert all(len(name) == 4 for name in units), "every name with AU in it is taken for a unit"
    assert not any(name.startswith("Identity") for name in names)
    row = dict(zip(names, first, strict=True))
    assert row["x_0"] == row["Pitch"] == row["AU11"] == ""
    assert float(row["AU06"]) == 0.8


def test_our_reader_takes_it_for_pyfeats(converted):
    table = read(converted)
    still, nobody, broken, early, late = table.rows
    assert table.form == "pyfeat"
    assert (still.picture, still.frame, still.status, still.box, still.confidence) == ("a.png", 0, "ok", BOX, 0.98)
    assert still.emotion == "happiness"
    assert still.scores == pytest.approx(SHARES)
    assert still.probability == {"AU06": 0.8, "AU16": 0.3}
    assert [(row.picture, row.frame, row.status) for row in (nobody, broken)] == [
        ("b.png", 1, "no_face"),
        ("c.png", 2, "no_face"),
    ]
    assert [(row.frame, row.timestamp, row.face) for row in (early, late)] == [(4, 67.25, 0), (9, 67.45, 0)]


def test_no_face_and_unreadable_differ_in_their_score(converted):
    with converted.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["FaceScore"] for row in rows] == ["0.98", "0.0", "", "0.98", "0.98"]
    assert [row["approx_time"] for row in rows] == ["", "", "", "01:07", "01:07"]
    assert list(rows[0]) == list(COLUMNS)


def test_the_description_goes_along(converted):
    told = json.loads(converted.with_name("fex.csv.meta.json").read_text())
    assert (told["form"], told["model"]) == ("pyfeat", "tiny")
    assert told["converted_from"].startswith("ours.")


def test_what_cannot_be_converted_is_said_before_anything_is_written(tmp_path):
    other = tmp_path / "fex.csv"
    other.write_text("input,AU12,approx_time\na.png,0.5,00:03\n")
    with pytest.raises(ValueError, match="no table of FEALLM: it has no column 'status'"):
        convert(other, tmp_path / "out.csv")
    ours = write(READINGS, tmp_path / "ours.csv", metadata={"label_set": "ferplus"})
    with pytest.raises(OutputError, match="is the table itself"):
        convert(ours, ours)
    with pytest.raises(OutputError, match=r"ends in \.csv"):
        convert(ours, tmp_path / "out.parquet")
    with pytest.raises(ValueError, match="cannot write the form 'openface': expected pyfeat"):
        convert(ours, tmp_path / "out.csv", "openface")
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "gone.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(tmp_path):
    ours = write([face("=1+1.png")], tmp_path / "ours.jsonl", metadata={"label_set": "ferplus"})
    convert(ours, tmp_path / "fex.csv")
    assert read(tmp_path / "fex.csv").rows[0].picture == "./=1+1.png"
