"""Videos, and what is read as a file: /v1/report and /v1/table."""

import json
import re
import tempfile

import pytest

from feallm import tables
from feallm.analyze.stored import read_readings
from tests.videos import face_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One second of one face: 12 frames, 6 a second are read."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    face_clip(path, count=12, size=(460, 250), hidden=(99, 99), second_from=None)
    return path.read_bytes()


def upload(clip, name="clip.mp4"):
    return {"file": (name, clip, "video/mp4")}


def test_a_video_gives_rows_of_its_frames_and_segments(client, clip):
    answer = client.post("/v1/analyze", files=upload(clip), data={"fps": "6"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    rows, segments = told["readings"], told["segments"]
    assert [row["frame"] for row in rows] == [0, 2, 4, 6, 8, 10]
    assert [row["timestamp"] for row in rows] == pytest.approx([number / 12 for number in (0, 2, 4, 6, 8, 10)])
    assert {row["input"] for row in rows} == {"clip.mp4"}
    assert {row["face_id"] for row in rows} == {0}
    assert told["metadata"]["video"]["sampling"] == {"fps": 6.0}
    apexes = {(each["apex_frame"], each["face_id"]) for each in segments}
    assert {(row["frame"], row["face_id"]) for row in rows if row["explanation"]} == apexes
    assert all(each["explanation"] for each in segments)


def test_a_video_is_streamed_with_how_far_it_is(client, clip):
    headers = {"Accept": "application/x-ndjson"}
    answer = client.post("/v1/analyze", files=upload(clip), params={"fps": "6", "explain": "false"}, headers=headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    kinds = [line["type"] for line in lines if line["type"] != "progress"]
    assert kinds == ["metadata", *["reading"] * 6, "segment", "done"]
    assert max(line["seconds"] for line in lines if line["type"] == "progress") == pytest.approx(10 / 12)
    assert lines[-1]["readings"] == 6


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"files": upload(b"no video at all")}, 422, "clip.mp4 cannot be read"),
        ({"files": [("file", ("a.mp4", b"", "video/mp4")), ("file", ("b.jpg", b""))]}, 422, "alone"),
        ({"json": {"image": "data:video/mp4;base64,AAAA"}}, 422, "as a file of a form"),
        ({"files": upload(b""), "params": {"start": "5", "end": "4"}}, 422, "end"),
    ],
)
def test_what_is_no_video_is_said(client, given, status, words):
    for accept in ("application/json", "application/x-ndjson"):
        answer = client.post("/v1/analyze", headers={"Accept": accept}, **given)
        assert answer.status_code == status, answer.text
        assert words in answer.json()["error"]["message"]


def test_a_table_is_the_one_that_the_command_line_writes(client, portrait, tmp_path):
    read = client.post("/v1/analyze", files={"file": ("me.jpg", portrait)}).json()["readings"]
    for kind in ("csv", "jsonl", "json"):
        answer = client.post("/v1/table", files={"file": ("me.jpg", portrait)}, data={"format": kind})
        assert answer.status_code == 200, answer.text
        path = tmp_path / f"table.{kind}"
        path.write_bytes(answer.content)
        (row,) = read_readings(path)
        assert (row.input, row.emotion, row.explanation) == ("me.jpg", read[0]["emotion"], read[0]["explanation"])
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == "application/json"
    assert len(tables.read(tmp_path / "table.csv")) == 1


def test_a_report_shows_the_pictures_and_asks_for_nothing(client, portrait, clip):
    stills = client.post("/v1/report", files=[("file", (name, portrait)) for name in ("a.jpg", "b.jpg")])
    video = client.post("/v1/report", files=upload(clip), data={"fps": "3", "blur_faces": "true"})
    for answer, pictures in ((stills, 2), (video, 1)):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.text.count("data:image/jpeg") >= pictures
        assert not re.search(r"(src|href)=[\"']https?:", answer.text)
    assert "a.jpg" in stills.text
    assert tempfile.gettempdir() not in video.text  # where it lay
