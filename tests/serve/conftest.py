"""A real server in a process of its own, on a port of its own, with the packaged checkpoint."""

import base64
import io
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import httpx
import pytest
from PIL import Image
from skimage import data


class Running:
    """`url`; `lines` of its standard error so far; `process`."""

    def __init__(self, *options, key=None):
        surroundings = {**os.environ, "FEALLM_API_KEY": key or "", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "feallm", "serve", "--port", "0", *options],
            stderr=subprocess.PIPE,
            text=True,
            env=surroundings,
        )
        self.lines = []
        self.url = self._address()
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self._reader.start()

    def _address(self):
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"served at (http://\S+)", line):
                return found[1]
        raise AssertionError(f"the server did not start: {''.join(self.lines)}")

    def stop(self):
        """SIGTERM, then its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self):
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self._reader.join(10)
        return status


@contextmanager
def running(*options, key=None):
    server = Running(*options, key=key)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.fixture(scope="session")
def server():
    """One server for all tests that leave it as it was."""
    with running("--max-upload", "5", "--max-pixels", "2", "--queue", "64") as started:
        yield started


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=60) as found:
        yield found


@pytest.fixture(scope="session")
def portrait():
    """A photo with one large face, as JPEG bytes: small, so that it is quickly searched."""
    picture = Image.fromarray(data.astronaut()).crop((60, 0, 380, 320)).resize((160, 160))
    return encoded(picture)


@pytest.fixture(scope="session")
def data_url(portrait):
    return as_data_url(portrait)


def encoded(picture, kind="JPEG"):
    held = io.BytesIO()
    picture.save(held, kind)
    return held.getvalue()


def as_data_url(picture):
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()
