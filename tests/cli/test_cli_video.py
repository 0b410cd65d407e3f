"""`feallm analyze` of videos from end to end: every output, killed and gone on with, and what cannot be read."""

import json
import os
import signal
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data

from feallm.tables import meta_path, read
from tests.cli.conftest import packaged
from tests.videos import face_clip, face_frames, write_clip

pytestmark = pytest.mark.skipif(not packaged(), reason="the packaged checkpoint is not there")
av = pytest.importorskip("av")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two seconds, 12 frames a second; the face is hidden from 0.67 to 1.0 s, a second one there from 1.33 s."""
    return face_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


def wait_for(process, table, rows):
    """Wait until the table of a running command has so many rows."""
    deadline = time.monotonic() + 60
    while not (table.exists() and table.read_bytes().count(b"\n") > rows):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def test_a_clip_becomes_a_table_subtitles_tiers_and_a_copy_with_boxes(feallm_command, clip, tmp_path):
    names = {"-o": "out.jsonl", "--subtitles": "out.srt", "--elan": "out.txt", "--segments": "s.csv"}
    files = [part for option, name in names.items() for part in (option, tmp_path / name)]
    result = feallm_command("analyze", clip, "--fps", "4", *files, "--annotate", tmp_path / "drawn")
    assert result.exit_code == 0, result.stderr
    assert "faces read in 8 frames (1 no face)" in result.stderr
    for words in ("0:00.0 - 0:0", "happiness", "AU6+AU12", "not what a person feels"):
        assert words in result.stdout
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["timestamp"] for row in rows if row["face_id"] in (0, None)] == [n / 4 for n in range(8)]
    reasons = {row["explanation"] for row in rows} - {None}
    assert reasons
    for name in ("out.srt", "out.txt", "s.csv"):
        assert all(reason in (tmp_path / name).read_text() for reason in reasons)
    assert json.loads((tmp_path / "out.jsonl.meta.json").read_text())["video"]["sampling"] == {"fps": 4.0}
    assert not list(tmp_path.glob("*.journal"))
    with av.open(str(tmp_path / "drawn" / "clip.feallm.mp4")) as copy:
        assert sum(1 for _ in copy.decode(video=0)) == 24


def test_videos_and_pictures_in_one_call_as_json(feallm_command, clip, photos):
    Image.fromarray(data.astronaut()).save(clip.parent / "one.png")
    result = feallm_command(
        "analyze", clip, photos, clip.parent / "*.mp4", "--json", "--no-explain", "--keyframes", "--smooth", "1"
    )
    records = json.loads(result.stdout)
    assert [(os.path.basename(row["input"]), row["frame"], row["status"]) for row in records] == [
        ("clip.mp4", 0, "ok"),
        ("=2.png", None, "ok"),
        ("astronaut.png", None, "ok"),
        ("blank.png", None, "no_face"),
        ("broken.jpg", None, "unreadable"),
        ("clip.mp4", 0, "ok"),
    ]
    assert "4 faces read in 4 pictures and 2 frames" in result.stderr


def test_a_part_of_a_clip(feallm_command, clip, tmp_path):
    options = ("--every", "3", "--start", "0:00.5", "--end", "1.3", "--no-explain", "-o", tmp_path / "x.parquet")
    assert feallm_command("analyze", clip, *options).exit_code == 0
    assert [row["frame"] for row in read(tmp_path / "x.parquet")] == [6, 9, 12, 15]


def test_a_killed_run_goes_on_to_the_same_table(feallm_command, started, clip, photos, tmp_path):
    whole, table = tmp_path / "whole.csv", tmp_path / "part.csv"
    many = [*[photos / "astronaut.png"] * 3, clip, photos / "blank.png", photos / "=2.png"]
    options = ("--batch-size", "1", "--every", "4", "--smooth", "0.4")
    assert feallm_command("analyze", *many, *options, "-o", whole).exit_code == 0
    process = started("analyze", *many, *options, "-o", table)
    wait_for(process, table, rows=5)
    process.kill()
    process.wait()
    assert (tmp_path / "part.csv.journal").exists()
    result = feallm_command("analyze", *many, *options, "-o", table, "--resume")
    assert result.exit_code == 0, result.stderr
    assert table.read_bytes() == whole.read_bytes()
    metas = [json.loads(meta_path(path).read_text()) for path in (table, whole)]
    assert metas[0] == metas[1]
    assert not list(tmp_path.glob("*.journal"))


def test_what_cannot_be_gone_on_with_is_said(feallm_command, started, clip, tmp_path):
    table = tmp_path / "x.csv"
    process = started("analyze", clip, "--every", "1", "--batch-size", "1", "-o", table)
    wait_for(process, table, rows=3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    rows = len(read(table))
    assert f"{rows} rows in {table}; the same command with --resume goes on" in err
    assert 3 <= rows < 32
    other = feallm_command("analyze", clip, "--every", "2", "--batch-size", "1", "-o", table, "--resume")
    assert other.exit_code == 2
    assert "its run had every 1, this one has 2" in other.stderr
    assert len(read(table)) == rows, "nothing is lost by the mistake"
    face_clip(tmp_path / "later.mp4", count=8)
    os.utime(clip)
    changed = feallm_command("analyze", clip, "--every", "1", "--batch-size", "1", "-o", table, "--resume")
    assert "is not the file that was read then" in changed.stderr
    fresh = feallm_command("analyze", tmp_path / "later.mp4", "--no-explain", "-o", tmp_path / "y.csv", "--resume")
    assert fresh.exit_code == 0
    before = (tmp_path / "y.csv").read_bytes()
    again = feallm_command("analyze", tmp_path / "later.mp4", "--no-explain", "-o", tmp_path / "y.csv", "--resume")
    assert (again.exit_code, (tmp_path / "y.csv").read_bytes()) == (0, before)
    assert "is complete already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name pictures, folders, videos"),
        (["CLIP", "CLIP", "--subtitles", "x.vtt"], "--subtitles is about one video: 2 were given"),
        (["CLIP", "--subtitles", "x.doc"], "must be .vtt or .srt"),
        (["CLIP", "--fps", "5", "--every", "2"], "give one of them"),
        (["CLIP", "--fps", "0"], "fps is frames a second"),
        (["CLIP", "--start", "1:75"], "with seconds below 60"),
        (["CLIP", "--smooth", "inf"], "--smooth is 0 or more seconds"),
        (["CLIP", "--annotate", "CLIP"], "is the clip itself"),
        (["CLIP", "--annotate", "x.avi"], "must be one of .mp4"),
        (["CLIP", "--annotate", "x.png"], "takes a folder for pictures"),
        (["--camera", "-1"], "greater than or equal to 0"),
        (["CLIP", "--resume"], "name it with --output"),
        (["CLIP", "--camera", "0"], "leave inputs"),
        (["--camera", "0", "--start", "3"], "only --fps can be chosen"),
    ],
)
def test_mistakes_are_one_sentence(feallm_command, clip, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    result = feallm_command("analyze", *[clip if each == "CLIP" else each for each in arguments])
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_no_video_and_a_camera_that_is_not_there_are_rows(feallm_command, tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    result = feallm_command("analyze", tmp_path / "text.mp4", "-o", tmp_path / "x.csv", "--annotate", tmp_path / "o")
    assert result.exit_code == 1
    (row,) = read(tmp_path / "x.csv")
    assert (row["status"], row["frame"]) == ("unreadable", None)
    assert f"0 faces read in 1 video (1 unreadable); 1 row in {tmp_path / 'x.csv'}\n" in result.stderr
    assert "segment" not in result.stdout
    camera = feallm_command("analyze", "--camera", "77", "--json")
    assert camera.exit_code == 1
    (row,) = json.loads(camera.stdout)
    assert "no camera answers at 77" in row["error"]


def test_a_damaged_video_says_what_was_wrong_when_and_what_is_kept(feallm_command, tmp_path):
    clip, page = write_clip(tmp_path / "clip.mkv", face_frames(), options={"g": "6", "bf": "0"}), tmp_path / "c.html"
    with av.open(str(clip)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    written = bytearray(clip.read_bytes())
    start, size = places[5]
    written[start + 8 : start + size] = np.random.default_rng(1).bytes(size - 8)
    clip.write_bytes(written[: sum(places[14]) + 64])
    told = f"note: {clip}: 1 of 15 frames could not be read, at 0:00.4 (the frame cannot be decoded: its data are "
    told += "damaged), and the file ends at 0:01.2, though it states 2.0 s: get a complete copy; 14 frames are kept\n"
    for verb in (("analyze", clip, "--every", "1", "--json"), ("report", clip, "--fps", "12", "-o", page)):
        result = feallm_command(*verb, "--no-explain")
        assert result.exit_code == 0, result.stderr
        assert told in result.stderr
        assert "in 15 frames (" in result.stderr
    assert told[len(f"note: {clip}: 1 of") : -1] in page.read_text()


def test_a_video_without_a_face_and_one_of_a_single_frame(feallm_command, tmp_path):
    blank = write_clip(tmp_path / "blank.mp4", (np.full((96, 128, 3), 90, np.uint8) for _ in range(6)))
    result = feallm_command("analyze", blank)
    assert result.exit_code == 1
    assert "No face was found in any frame" in result.stdout
    assert "0 faces read in 3 frames (3 no face)" in result.stderr
    one = face_clip(tmp_path / "one.mp4", count=1, hidden=(0, 0), second_from=None)
    shown = feallm_command("analyze", one, "--no-explain").stdout
    assert "0:00.0  " in shown
    assert " - " not in shown


def test_videos_that_are_left_out_are_named(feallm_command, photos):
    face_clip(photos / "clip.mp4", count=2)
    (photos / "clip.feallm.mp4").touch()
    for given in (photos, photos / "*"):
        result = feallm_command("analyze", given, "--no-explain", "--json")
        assert f"note: {given}: 1 video left out; name them, or give a pattern" in result.stderr
    assert "left out" not in feallm_command("analyze", photos / "*.png", "--no-explain", "--json").stderr


def test_a_camera_is_shown_and_kept(feallm_command, clip, tmp_path, monkeypatch):
    """OpenCV takes a file for a camera as well: here it ends, a real one with Ctrl-C."""
    import cv2

    opened, path = cv2.VideoCapture, str(clip)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: opened(path))
    result = feallm_command("analyze", "--camera", "0", "--fps", "6", "-o", tmp_path / "x.csv")
    assert result.exit_code in (0, 1), result.stderr
    rows = read(tmp_path / "x.csv")
    assert rows[-1]["status"] == "unreadable"
    assert "gives no more pictures" in rows[-1]["error"]
    assert np.diff([row["timestamp"] for row in rows[:-1] if row["face_id"] in (0, None)]).min(initial=1) > 0
