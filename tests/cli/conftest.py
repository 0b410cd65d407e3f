"""A random checkpoint, a folder of real files, and the command as a user starts it."""

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

import feallm
from tests.analyze.wiring import save, smile
from tests.model.conftest import tiny


def packaged():
    """Whether the packaged checkpoint is there."""
    return (Path(feallm.__file__).parent / "checkpoints" / "tiny" / "config.json").is_file()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A FEALLM of random weights: everything but its answers is real."""
    folder = tmp_path_factory.mktemp("checkpoint")
    for part in tiny():
        part.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def smiling(tmp_path_factory):
    """A checkpoint that reads a smile in every face: without AU12 neutral leads, with AU4 anger."""
    return str(save(tmp_path_factory.mktemp("smiling"), *smile()))


@pytest.fixture(scope="session")
def portrait(tmp_path_factory):
    """A photo of one face."""
    path = tmp_path_factory.mktemp("portrait") / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    """Four files: a face, the same under a name that starts with "=", no face, and no picture."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(data.astronaut()).save(folder / "astronaut.png")
    Image.fromarray(data.astronaut()).save(folder / "=2.png")
    Image.new("RGB", (80, 80), "navy").save(folder / "blank.png")
    (folder / "broken.jpg").write_text("not a picture")
    return folder


@pytest.fixture
def feallm_command(monkeypatch):
    """Run the command in this process: `(*arguments) -> result` with exit_code, stdout and stderr."""
    from feallm.cli import app

    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments, **options: CliRunner().invoke(
        app, [str(each) for each in arguments], prog_name="feallm", **options
    )


@pytest.fixture
def camera():
    """A server on this machine that sends a red picture first and blue ones after; `asked` counts requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(200)
            self.end_headers()
            Image.new("RGB", (300, 300), "red" if self.server.asked == 1 else "blue").save(self.wfile, "PNG")

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = 0
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def started():
    """Start the command as its own process; ended after the test whatever happens."""
    running = []

    def start(*arguments, **options):
        command = [sys.executable, "-m", "feallm", *map(str, arguments)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **{"env": os.environ, **options}
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
