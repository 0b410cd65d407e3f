"""What the README shows is run: its Python, and every `feallm` command that needs no network and no data set.

Its `feallm bench` commands need FER2013; `tests/cli/test_cli_bench.py` runs these verbs on drawn faces. `feallm serve`
does not end, and Ray starts slowly: `tests/serve` and `tests/analyze/test_ray.py` run them.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from .data.stores import draw_faces
from .videos import face_clip

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_HERE = {"https:", "train", "bench", "serve", "ray"}
COMMANDS = [
    line.split("#")[0].strip()
    for line in README.splitlines()
    if line.startswith("feallm ") and not NOT_HERE & set(re.findall(r"[\w:]+", line))
]
ABOUT_DATA = [command for command in COMMANDS if command.startswith("feallm data ")]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with what the README's examples name: photo.jpg, clip.mp4 and folder/."""
    portrait = Image.fromarray(data.astronaut())
    portrait.save(tmp_path / "photo.jpg")
    face_clip(tmp_path / "clip.mp4", count=12)
    (tmp_path / "folder").mkdir()
    portrait.resize((256, 256)).save(tmp_path / "folder" / "a.png")
    Image.fromarray(data.coffee()).resize((128, 96)).save(tmp_path / "folder" / "b.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ABOUT_DATA])
def test_commands_run(command, desk):
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], cwd=desk, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for option in ("--output", "-o", "--annotate", "--subtitles"):
        if option in shlex.split(command):
            assert (desk / shlex.split(command)[shlex.split(command).index(option) + 1]).exists()


def test_commands_about_data_run_one_after_the_other(tmp_path, monkeypatch):
    faces = draw_faces(tmp_path / "faces")
    shutil.copy(faces / "codes.csv", faces / "fea_au_train.csv")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.setenv("FEALLM_DATA", str(faces))
    ended = {}
    for command in ABOUT_DATA:
        words = [os.path.expandvars(word) for word in shlex.split(command)]
        done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        ended[words[2]] = done.returncode
        assert done.returncode == (words[2] == "check"), done.stderr[-2000:]  # forty drawn faces are not FER2013
    assert list(ended) == ["check", "build", "stats", "view", "export"]
    assert (tmp_path / "view.html").is_file()
    assert (tmp_path / "out" / "llava" / "train.json").is_file()


def test_python_runs(desk, capsys):
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
    assert names["reading"].action_units["AU12"].evidence is not None
    shown = capsys.readouterr().out
    assert "happiness" in shown
    assert "no_face" in shown


def test_links_and_pictures_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
