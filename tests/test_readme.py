"""What the README shows is run: its Python, and every `feallm` command that needs no network and no data set."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for line in README.splitlines()
    if line.startswith("feallm ") and "https://" not in line and " train " not in line
]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with what the README's examples name: photo.jpg and folder/."""
    portrait = Image.fromarray(data.astronaut())
    portrait.save(tmp_path / "photo.jpg")
    (tmp_path / "folder").mkdir()
    portrait.resize((256, 256)).save(tmp_path / "folder" / "a.png")
    Image.fromarray(data.coffee()).resize((128, 96)).save(tmp_path / "folder" / "b.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_has_commands():
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, desk):
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], cwd=desk, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for option in ("--output", "--annotate"):
        if option in command:
            assert (desk / shlex.split(command)[shlex.split(command).index(option) + 1]).exists()


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
