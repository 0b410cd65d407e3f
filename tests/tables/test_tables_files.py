"""Tables on disk: every format holds the same rows, whatever ends the run, and reads back as written."""

import csv
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.analyze.reading import Consistency, FaceReading
from feallm.facs import CODED_AUS, LABEL_SETS
from feallm.tables import OutputError, TableWriter, check_path, columns, meta_path, read, rows, write
from feallm.tables.writer import SUFFIXES
from tests.report.conftest import make_reading

METADATA = {"tool": "feallm", "model": "feallm-tiny", "label_set": "ferplus"}
BLANK = FaceReading(input="empty.jpg", status="no_face", model="feallm-tiny", label_set="ferplus")
BROKEN = replace(BLANK, input="é名\udce9.jpg", status="unreadable", error="the file is damaged")


def readings():
    flagged = replace(make_reading().quality, flags=("small", "dark"))
    return [
        BLANK,
        make_reading(frame=3, timestamp=0.125),
        make_reading(status="low_quality", quality=flagged, consistency=Consistency(True, 2)),
        make_reading(input="=cmd|x.jpg", consistency=Consistency(False), explanation="-1 or\n“more”, said"),
        BROKEN,
    ]


def escaped(name):
    return name.encode("utf-8", "backslashreplace").decode()


def test_columns_come_in_the_stated_order():
    names = columns(LABEL_SETS["fer2013"], ["AU01", "AU12"])
    places = "input frame timestamp face_id status FaceRectX FaceRectY FaceRectWidth FaceRectHeight FaceScore"
    assert names[:12] == [*places.split(), "emotion", "confidence"]
    assert names[12:19] == list(LABEL_SETS["fer2013"])
    assert names[19:25] == ["AU01", "AU01_r", "AU01_c", "AU12", "AU12_r", "AU12_c"]
    assert names[25:] == ["explanation", "consistency", "quality_flags", "model", "error"]


def test_what_is_not_known_is_empty_and_never_neutral():
    (row,) = rows([BLANK])
    known = {name: value for name, value in row.items() if value is not None}
    assert known == {"input": "empty.jpg", "status": "no_face", "model": "feallm-tiny"}


def test_a_reading_becomes_numbers_words_and_flags():
    _, smile, poor, odd, _ = rows(readings())
    assert (smile["emotion"], smile["happiness"], smile["AU12"], smile["AU12_r"], smile["AU12_c"]) == (
        "happiness",
        0.921,
        0.97,
        4.2,
        1,
    )
    assert (smile["FaceRectX"], smile["FaceRectHeight"], smile["frame"], smile["timestamp"]) == (176.0, 120.0, 3, 0.125)
    assert [row["consistency"] for row in (smile, poor, odd)] == ["agrees", "repaired", "disagrees"]
    assert poor["quality_flags"] == "small;dark"


def test_the_confidence_stands_though_no_emotion_is_named(tmp_path):
    abstained = make_reading(emotion=None, status="abstained")
    (row,) = rows([abstained])
    assert (row["emotion"], row["confidence"], row["status"]) == (None, 0.921, "abstained")
    for suffix in SUFFIXES:
        (back,) = read(write([abstained], tmp_path / f"x{suffix}", metadata=METADATA))
        assert (back["emotion"], back["confidence"]) == (None, 0.921)


def test_dicts_are_taken_as_readings_are():
    assert list(rows(reading.to_dict() for reading in readings())) == list(rows(readings()))


def test_what_is_not_finite_is_empty():
    (row,) = rows([make_reading(score=math.nan, timestamp=math.inf)])
    assert row["FaceScore"] is None
    assert row["timestamp"] is None


def test_scores_without_a_column_are_refused():
    with pytest.raises(ValueError, match="no column for the emotion 'contempt'"):
        list(rows([make_reading()], classes=LABEL_SETS["fer2013"]))
    with pytest.raises(ValueError, match="action unit 'AU12'"):
        list(rows([make_reading()], units=[unit for unit in CODED_AUS if unit != "AU12"]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_reads_back_as_the_flat_rows(tmp_path, suffix):
    path = write(readings(), tmp_path / f"deep/er/x{suffix}", metadata=METADATA)
    expected = list(rows(readings()))
    if suffix in (".csv", ".parquet"):
        expected[-1]["input"] = escaped(expected[-1]["input"])
    if suffix == ".csv":
        expected[3]["input"] = "./=cmd|x.jpg"
    assert read(path) == expected
    described = json.loads(meta_path(path).read_text(encoding="utf-8"))
    assert described == {
        **METADATA,
        "readings": 5,
        "statuses": {"low_quality": 1, "no_face": 1, "ok": 2, "unreadable": 1},
        "complete": True,
    }


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_holds_the_readings_in_full(tmp_path, suffix):
    path = write(readings(), tmp_path / f"x{suffix}", metadata=METADATA)
    text = path.read_text(encoding="utf-8")
    records = json.loads(text) if suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    assert records == [reading.to_dict() for reading in readings()]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_what_was_done_is_kept_when_the_run_is_stopped(tmp_path, suffix, stop):
    path = tmp_path / f"x{suffix}"

    def interrupted():
        yield BLANK
        yield make_reading()
        raise stop

    with pytest.raises(stop):
        write(interrupted(), path, metadata=METADATA)
    assert [row["status"] for row in read(path)] == ["no_face", "ok"]
    assert json.loads(meta_path(path).read_text(encoding="utf-8"))["complete"] is False
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, meta_path(path).name])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_rows_are_on_disk_as_they_come(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    with TableWriter(path, metadata=METADATA) as table:
        for done in (1, 2):
            table.add(make_reading())
            assert len(read(path)) == done


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_without_readings_is_a_table(tmp_path, suffix):
    assert read(write([], tmp_path / f"x{suffix}", metadata=METADATA)) == []


def test_columns_follow_the_label_set_though_the_first_row_has_no_face(tmp_path):
    seven = dict.fromkeys(LABEL_SETS["fer2013"], 1 / 7)
    read_as_seven = make_reading(emotion_scores=seven, label_set="fer2013")
    path = write([BLANK, read_as_seven], tmp_path / "x.csv", metadata={"label_set": "fer2013"})
    first, second = read(path)
    assert list(first) == list(second) == columns(LABEL_SETS["fer2013"])


def test_csv_is_plain_utf8_that_no_spreadsheet_takes_for_formulas(tmp_path):
    path = write(readings(), tmp_path / "x.csv", metadata=METADATA)
    data = path.read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    assert "'-1 or\n“more”, said" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "-"))]


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1))
def test_any_explanation_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write([make_reading(explanation=text)], path, metadata=METADATA)
    assert read(path)[0]["explanation"] == text


def test_a_path_that_cannot_be_written_is_told_before_any_work(tmp_path):
    with pytest.raises(OutputError, match=r"\.csv, \.jsonl, \.json, \.parquet"):
        check_path(tmp_path / "x.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_path(tmp_path / "folder.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        check_path(tmp_path / "file" / "x.csv")


def test_checking_a_path_leaves_files_as_they_are(tmp_path):
    (tmp_path / "old.csv").write_text("precious")
    check_path(tmp_path / "old.csv")
    check_path(tmp_path / "new.csv")
    assert (tmp_path / "old.csv").read_text() == "precious"
    assert not (tmp_path / "new.csv").exists()


def test_parquet_without_pyarrow_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("feallm.tables.writer.find_spec", lambda name: None)
    with pytest.raises(OutputError, match=r"feallm\[parquet\]"):
        check_path(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.txt", "", "suffix"),
        ("x.json", "{}", "list of readings"),
        ("x.json", "[{", "not valid JSON"),
        ("x.json", '[{"a": 1}]', "does not hold readings"),
        ("x.jsonl", '{"a": 1}\n{"b"', "line 2"),
        ("x.csv", "input,AU01\na.jpg,much\n", "row 2"),
        ("x.csv", "input,AU01\na.jpg\n", "row 2"),
        ("x.parquet", "no", "not a Parquet file"),
    ],
)
def test_files_that_are_no_tables_are_refused_with_the_place(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / name)


def test_tables_that_differ_in_their_suffix_are_each_described(tmp_path):
    for suffix in (".csv", ".jsonl"):
        write(readings(), tmp_path / f"x{suffix}", metadata={**METADATA, "made": suffix})
    described = [json.loads(meta_path(tmp_path / f"x{suffix}").read_text()) for suffix in (".csv", ".jsonl")]
    assert [each["made"] for each in described] == [".csv", ".jsonl"]
