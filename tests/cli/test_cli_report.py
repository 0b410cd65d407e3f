"""`feallm report` from end to end: pictures, tables, clips, and what is no use."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

from feallm.analyze.stored import read_readings
from feallm.tables import write
from tests.report.conftest import make_reading
from tests.report.html_page import Page
from tests.report.test_html_page import METADATA, assert_nothing_foreign, seen


def page_of(path):
    return Page(path.read_text(encoding="utf-8"))


def test_a_folder_becomes_a_page(feallm_command, smiling, photos, tmp_path):
    output = tmp_path / "out" / "faces.html"
    result = feallm_command("report", photos, "--model", smiling, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert f"2 faces read in 4 pictures (1 no face, 1 unreadable); {output} has " in result.stderr
    page = page_of(output)
    assert_nothing_foreign(page)
    assert page.all("h1")[0].text == "FEALLM report: photos"
    rows = page.table("All readings, in the order they were made")
    assert [row[0] for row in rows[1:]] == ["=2.png", "astronaut.png", "blank.png", "broken.jpg"]
    assert page.all("g", "region"), "the evidence is measured without being asked for"
    assert len(page.pictures()) == 5
    assert os.listdir(output.parent) == ["faces.html"]


def test_faces_are_blurred_on_request(feallm_command, smiling, portrait, tmp_path):
    shown, covered = tmp_path / "a.html", tmp_path / "b.html"
    for path, options in ((shown, ()), (covered, ("--blur-faces",))):
        result = feallm_command("report", portrait, "--model", smiling, "--no-explain", "-o", path, *options)
        assert result.exit_code == 0, result.stderr
    face = data.astronaut()[70:170, 185:260].astype(float)
    (before, _), (after, _) = page_of(shown).pictures(), page_of(covered).pictures()
    assert np.corrcoef(before[70:170, 185:260].ravel(), face.ravel())[0, 1] > 0.98
    edges = [np.abs(np.diff(pixels[70:170, 185:260].astype(float), axis=0)).max() for pixels in (before, after)]
    assert edges[0] > 60
    assert edges[1] < 12


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_a_table_alone_makes_a_page(feallm_command, tmp_path, suffix):
    readings = [seen(input="gone/a.png"), make_reading(input="gone/b.png", face_id=1)]
    table, output = write(readings, tmp_path / f"t{suffix}", metadata=METADATA), tmp_path / "t.html"
    result = feallm_command("report", table, "-o", output)
    assert result.exit_code == 0, result.stderr
    page = page_of(output)
    assert not page.pictures()
    assert page.all("p", "why")[0].text == readings[0].explanation
    assert bool(page.all("g", "region")) == suffix.startswith(".json"), "flat rows have no places"
    assert "feallm-tiny" in page.ids["made"].text
    assert page.table("All readings, in the order they were made")[1][:3] == ["a.png", "0", "happiness 92%"]


def test_pictures_that_are_still_there_are_shown(feallm_command, tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    Image.fromarray(data.astronaut()).save(tmp_path / "photos" / "astronaut.png")
    table = write([seen(), seen(input="https://elsewhere/x.png")], tmp_path / "t.jsonl", metadata={})
    monkeypatch.chdir("/")
    result = feallm_command("report", table, "-o", tmp_path / "t.html")
    assert result.exit_code == 0, result.stderr
    page = page_of(tmp_path / "t.html")
    assert len(page.pictures()) == 2
    assert_nothing_foreign(page)


def test_readings_come_back_as_they_were(tmp_path):
    readings = [seen(), make_reading(face_id=None, box=None, emotion=None, emotion_scores={}, action_units={})]
    assert read_readings(write(readings, tmp_path / "t.jsonl", metadata={})) == readings
    (flat, _) = read_readings(write(readings, tmp_path / "t.csv", metadata={}))
    assert (flat.box, flat.emotion_scores, flat.explanation) == (
        readings[0].box,
        readings[0].emotion_scores,
        readings[0].explanation,
    )
    assert flat.present_units == readings[0].present_units


def test_a_clip_has_its_key_frames(feallm_command, smiling, tmp_path):
    pytest.importorskip("av")
    from tests.videos import face_clip, face_frames

    clip, output = face_clip(tmp_path / "clip.mp4", count=12, hidden=(0, 0), second_from=None), tmp_path / "c.html"
    result = feallm_command("report", clip, "--model", smiling, "--no-explain", "--fps", "6", "-o", output)
    assert result.exit_code == 0, result.stderr
    page = page_of(output)
    assert len(page.all("figure", "timeline")) == 1
    assert len(page.table("Segments of Face 0")) == 2
    whole = page.pictures()[0]
    nearest = min(
        float(np.abs(frame.astype(int) - whole).mean()) for frame in face_frames(12, (560, 270), (0, 0), None)
    )
    assert nearest < 6
    assert page.all("g", "region")


BAD = {
    "no.csv": "no table at",
    "no.jpg": "no such file",
    "other.csv": "not a table of FEALLM",
    "empty.json": "no readings",
    "broken.jsonl": "not valid JSON",
    "odd.jsonl": "not a reading as FEALLM writes it",
    "nan.json": "not finite",
    "latin.csv": "UTF-8",
    "text.jpg": "not a picture",
    "none.mp4": "not a video",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_use_is_one_sentence(feallm_command, checkpoint, tmp_path, name):
    if name == "none.mp4":
        pytest.importorskip("av")
    written = {
        "other.csv": b"name,age\na,3\n",
        "empty.json": b"[]",
        "broken.jsonl": b"{",
        "odd.jsonl": b'{"input": "a", "status": "ok", "box": [1, 2]}',
        "nan.json": json.dumps([make_reading().to_dict() | {"score": float("nan")}]).encode(),
        "latin.csv": b"input\n\xff\xfe\n",
        "text.jpg": b"hello",
        "none.mp4": b"hello",
    }
    if name in written:
        (tmp_path / name).write_bytes(written[name])
    result = feallm_command("report", tmp_path / name, "--model", checkpoint, "-o", tmp_path / "r.html")
    assert result.exit_code == 2
    assert BAD[name] in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "r.html").exists()


def test_outputs_that_cannot_be_are_refused_before_anything_is_read(feallm_command, photos, tmp_path):
    for output, words in ((tmp_path / "r.pdf", "must end in .html"), (tmp_path, "must end in .html")):
        result = feallm_command("report", photos, "--model", "nowhere", "-o", output)
        assert result.exit_code == 2
        assert words in result.stderr
    result = feallm_command("report", photos, tmp_path / "t.csv", "-o", tmp_path / "r.html")
    assert "give it alone" in result.stderr
