"""`feallm analyze` from end to end: real files, a real checkpoint, every outlet."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from skimage import data

from feallm.tables import read
from tests.cli.conftest import packaged

NAMES = ["=2.png", "astronaut.png", "blank.png", "broken.jpg"]
STATUSES = ["ok", "ok", "no_face", "unreadable"]


def test_a_folder_becomes_a_table_on_screen_and_on_disk_and_pictures(feallm_command, checkpoint, photos, tmp_path):
    output, drawn = tmp_path / "out" / "faces.csv", photos / "drawn"
    result = feallm_command("analyze", photos, "--model", checkpoint, "-o", output, "--annotate", drawn)
    assert result.exit_code == 0
    for words in (*NAMES, "no face", "Text, not a picture"):
        assert words in result.stdout
    assert f"2 faces read in 4 pictures (1 no face, 1 unreadable); 4 rows in {output}" in result.stderr
    rows = read(output)
    assert [row["status"] for row in rows] == STATUSES
    assert [os.path.basename(row["input"]) for row in rows] == NAMES
    assert json.loads((tmp_path / "out" / "faces.csv.meta.json").read_text())["complete"] is True
    assert sorted(path.name for path in drawn.iterdir()) == [
        "=2.feallm.png",
        "astronaut.feallm.png",
        "blank.feallm.png",
        "broken.feallm.png",
    ]
    again = feallm_command("analyze", photos, "--model", checkpoint, "--no-explain", "--annotate", drawn)
    assert "in 4 pictures" in again.stderr
    assert len(list(drawn.iterdir())) == 4


def test_json_is_all_there_is_on_stdout(feallm_command, checkpoint, photos):
    result = feallm_command("analyze", photos, "--model", checkpoint, "--json", "--no-explain")
    records = json.loads(result.stdout)
    assert [record["status"] for record in records] == STATUSES
    assert records[1]["explanation"] is None
    assert sum(records[1]["emotion_scores"].values()) == pytest.approx(1)


def test_evidence_is_printed_and_kept(feallm_command, checkpoint, photos, tmp_path):
    output = tmp_path / "x.jsonl"
    options = ("--model", checkpoint, "--no-explain", "--evidence", "-o", output)
    result = feallm_command("analyze", photos / "astronaut.png", *options)
    assert " seen at the " in result.stdout
    units = json.loads(output.read_text())["action_units"]
    for au in units.values():
        assert (au["evidence"] is not None) == au["present"]
    assert any(au["present"] and {"regions", "drop", "control_drop"} == set(au["evidence"]) for au in units.values())


def test_below_the_confidence_asked_for_no_emotion_is_named(feallm_command, smiling, photos, tmp_path):
    output = tmp_path / "x.csv"
    options = ("--model", smiling, "--no-explain", "--min-confidence", "1", "-o", output)
    result = feallm_command("analyze", photos / "astronaut.png", *options)
    assert result.exit_code == 0, "the face was read, and its numbers stand"
    assert "No verdict (0.7" in result.stdout
    (row,) = read(output)
    assert (row["emotion"], row["status"]) == (None, "abstained")
    assert 0 < row["confidence"] < 1
    wrong = feallm_command("analyze", photos, "--model", smiling, "--min-confidence", "2")
    assert wrong.exit_code == 2
    assert "between 0 and 1" in wrong.stderr


def test_one_picture_has_the_roomy_view(feallm_command, checkpoint, photos):
    result = feallm_command("analyze", photos / "astronaut.png", "--model", checkpoint)
    assert result.exit_code == 0
    for words in ("face 0", "action unit", "intensity 0-5", "surprise"):
        assert words in result.stdout


@pytest.mark.parametrize("name", ["blank.png", "broken.jpg", "missing.png"])
def test_nothing_read_ends_with_one(feallm_command, checkpoint, photos, name):
    result = feallm_command("analyze", photos / name, "--model", checkpoint, "--json")
    assert result.exit_code == 1
    (record,) = json.loads(result.stdout)
    assert record["emotion"] is None


def test_a_label_set_narrows_the_columns_and_an_unknown_one_is_a_mistake(feallm_command, checkpoint, photos, tmp_path):
    output = tmp_path / "x.jsonl"
    bad = feallm_command("analyze", photos, "--model", checkpoint, "--label-set", "zodiac", "-o", output)
    assert bad.exit_code == 2
    assert "label set 'zodiac'" in bad.stderr
    assert not output.exists()


def test_several_faces_are_annotated_on_one_picture(feallm_command, checkpoint, tmp_path):
    Image.fromarray(np.concatenate([data.astronaut()] * 2, axis=1)).save(tmp_path / "two.png")
    result = feallm_command("analyze", tmp_path / "two.png", "--model", checkpoint, "--annotate", tmp_path / "out")
    assert "face 1" in result.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["two.feallm.png"]


def test_a_url_is_read_once_and_what_was_read_is_drawn(feallm_command, checkpoint, camera, tmp_path):
    url = f"http://127.0.0.1:{camera.server_port}/now.png"
    options = ("--detector", "none", "--no-explain", "--allow-private-urls", "--annotate", tmp_path)
    assert feallm_command("analyze", url, "--model", checkpoint, *options).exit_code == 0
    assert camera.asked == 1
    pixels = np.asarray(Image.open(tmp_path / "now.feallm.png"))
    assert (pixels == (255, 0, 0)).all(axis=2).sum() > 10_000
    assert (pixels == (0, 0, 255)).all(axis=2).sum() == 0


def test_its_own_pictures_are_not_photos(feallm_command, checkpoint, photos):
    options = ("--model", checkpoint, "--no-explain", "--annotate", photos)
    for _ in range(2):
        result = feallm_command("analyze", photos / "*.png", *options)
        assert "2 faces read in 3 pictures" in result.stderr
        assert len(list(photos.glob("*.feallm.png"))) == 3


def test_a_folder_of_annotated_pictures_alone_is_not_read(feallm_command, checkpoint, tmp_path):
    Image.fromarray(data.astronaut()).save(tmp_path / "me.feallm.png")
    result = feallm_command("analyze", tmp_path, "--model", checkpoint, "--json", "--no-explain")
    assert result.exit_code == 1
    (record,) = json.loads(result.stdout)
    assert record["status"] == "unreadable"
    assert "only annotated pictures" in record["error"]


def test_ctrl_c_keeps_what_is_done(started, checkpoint, photos, tmp_path):
    output = tmp_path / "faces.json"
    many = [str(photos / "astronaut.png")] * 3000
    process = started("analyze", *many, "--model", checkpoint, "--batch-size", "1", "--no-explain", "-o", output)
    process.stdout.readline()
    process.stdout.readline()  # the heading and the first face
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    rows = read(output)
    assert 0 < len(rows) < 3000
    assert f"{len(rows)} row" in err
    assert "stopped: " in err
    assert "Traceback" not in out + err


def test_a_closed_pipe_is_quiet(started, checkpoint, photos):
    process = started("analyze", *[photos / "astronaut.png"] * 3000, "--model", checkpoint, "--no-explain")
    process.stdout.readline()
    process.stdout.close()
    process.wait(timeout=60)
    assert process.returncode == 141
    assert process.stderr.read() == ""


@pytest.mark.skipif(not packaged(), reason="the packaged checkpoint is not there")
def test_the_packaged_checkpoint_reads_a_smile(started, tmp_path):
    photo = tmp_path / "astronaut.png"
    script = os.path.join(os.path.dirname(__file__), "..", "..", "scripts", "sample_photo.py")
    subprocess.run([sys.executable, script, str(photo)], check=True, capture_output=True)
    out, err = started("analyze", photo, "--json").communicate(timeout=120)
    (record,) = json.loads(out)
    assert record["status"] == "ok", err
    assert record["emotion"] == "happiness"
    assert record["action_units"]["AU12"]["present"]
    assert record["consistency"]["agrees"]


@pytest.mark.skipif(not packaged(), reason="the packaged checkpoint is not there")
def test_the_packaged_checkpoint_fills_every_outlet(feallm_command, photos, tmp_path):
    output = tmp_path / "faces.parquet"
    result = feallm_command("analyze", photos, "-o", output, "--annotate", tmp_path / "drawn")
    assert result.exit_code == 0
    assert [row["status"] for row in read(output)] == STATUSES
    assert len(list((tmp_path / "drawn").iterdir())) == 4
