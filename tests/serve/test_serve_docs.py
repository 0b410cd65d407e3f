"""docs/serve.md: its examples run, and its options are those of the command."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feallm.cli import app
from feallm.serve.options import ServeOptions

TEXT = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(bash|python)\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path, portrait):
    for name in ("photo.jpg", "second.jpg"):
        (tmp_path / name).write_bytes(portrait)
    return tmp_path


def test_examples_run(server, folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    assert {language for language, _ in EXAMPLES} == {"bash", "python"}
    for language, example in EXAMPLES:
        text = example.replace("http://127.0.0.1:8000", server.url)
        if language == "bash":
            curl = text.replace("curl ", "curl -sS --fail-with-body ")
            subprocess.run(["bash", "-e", "-c", curl], timeout=120, check=True)
        else:
            exec(compile(text, "docs/serve.md", "exec"), {})
        assert capfd.readouterr().out, text
    assert (folder / "report.html").read_text().lower().startswith("<!doctype html>")
    assert len((folder / "readings.csv").read_text().splitlines()) == 3


def test_all_options_are_told_and_their_defaults_are_the_servers():
    told = set(re.findall(r"--[a-z][a-z-]+", TEXT)) - {"--soak", "--clients"}
    shown = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).output
    known = set(re.findall(r"--[a-z][a-z-]+", shown)) - {"--help"}
    assert known == told
    options = ServeOptions()
    assert (options.max_upload, options.max_pixels, options.max_video_seconds) == (200e6, 50e6, 600)
    assert (options.queue, options.timeout, options.port) == (64, 10, 8000)
