"""Annotated pictures in step with their readings: each drawn from the pixels that were analyzed."""

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from feallm.analyze.reading import FaceReading
from feallm.media import Picture
from feallm.report import analysis, outlets, run
from feallm.report.outlets import AnnotatedFolder
from feallm.report.stills import read_pictures
from tests.report.conftest import make_reading

SIDE = 40


def plain(value, name="same.png"):
    return Picture(name, np.full((SIDE, SIDE, 3), value, np.uint8), None)


def readings_of(picture):
    """Unreadable: one. Else as many faces as its colour says, or no_face."""
    if picture.pixels is None:
        return [FaceReading(input=picture.input, status="unreadable", error=picture.error)]
    faces = int(picture.pixels[0, 0, 0]) % 10
    blank = [FaceReading(input=picture.input, status="no_face")]
    return [make_reading(input=picture.input, face_id=face, box=None) for face in range(faces)] or blank


class Reader:
    """As an analyzer reads: `size` readings ahead, or everything, before the first one comes out."""

    batch_size, metadata = 1, {}

    def __init__(self, folder=None, size=None):
        self.folder, self.size, self.most, self.calls = folder, size, 0, 0

    def stream(self, source, *, explain, evidence, progress):
        waiting = []
        self.calls += 1
        for picture in source:
            self.most = max(self.most, len(self.folder.kept) if self.folder else 0)
            waiting += readings_of(picture)
            while self.size and len(waiting) >= self.size:
                yield from waiting[: self.size]
                waiting = waiting[self.size :]
            progress(0, None)
        yield from waiting


@pytest.fixture
def drawn(monkeypatch):
    """(name, colour, faces) of every picture that is saved."""
    saved = []

    def save(picture, readings, folder, taken):
        colour = None if picture.pixels is None else int(picture.pixels[0, 0, 0])
        saved.append((picture.input, colour, len(readings)))

    monkeypatch.setattr(outlets, "save_annotated", save)
    return saved


PICTURES = [
    plain(101),
    plain(110),
    plain(123),
    Picture("same.png", None, "damaged"),
    plain(132),
    plain(140),
    plain(151),
]
EXPECTED = [("same.png", c, f) for c, f in ((101, 1), (110, 1), (123, 3), (None, 1), (132, 2), (140, 1), (151, 1))]


@pytest.mark.parametrize("size", [1, 2, 4, None])
@pytest.mark.parametrize("room", [1, 3 * 3 * SIDE * SIDE, 1 << 29])
def test_readings_meet_the_pixels_they_were_read_from(monkeypatch, tmp_path, drawn, size, room):
    monkeypatch.setattr(outlets, "ROOM", room)
    ticks, count = [], 0
    with AnnotatedFolder(tmp_path) as folder:
        reader = Reader(folder, size)
        for reading in read_pictures(reader, iter(PICTURES), folder, analysis.Wishes([]), lambda *_: ticks.append(1)):
            folder.add(reading)
            count += 1
    assert drawn == EXPECTED
    assert (count, len(ticks)) == (10, len(PICTURES))
    assert (len(folder.kept), folder.held) == (0, 0)


def test_a_reader_that_takes_all_it_gets_finds_only_so_much_room(monkeypatch, tmp_path, drawn):
    monkeypatch.setattr(outlets, "ROOM", 3 * 3 * SIDE * SIDE)
    with AnnotatedFolder(tmp_path) as folder:
        reader = Reader(folder)
        many = (plain(100) for _ in range(50))
        for reading in read_pictures(reader, many, folder, analysis.Wishes([]), lambda *_: None):
            folder.add(reading)
    assert len(drawn) == 50
    assert reader.most <= 4
    assert reader.calls > 10


def test_without_a_folder_the_analyzer_is_asked_once():
    reader = Reader()
    assert len(list(read_pictures(reader, iter(PICTURES), None, analysis.Wishes([]), lambda *_: None))) == 10
    assert reader.calls == 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("annotate", [False, True])
@pytest.mark.parametrize("room", [1, 1 << 29])
def test_progress_counts_the_pictures_of_the_whole_run(monkeypatch, tmp_path, annotate, room):
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    bars, tqdm = [], run.tqdm
    monkeypatch.setattr(run, "tqdm", lambda **options: bars.append(tqdm(**options)) or bars[-1])
    monkeypatch.setattr(analysis.ReaderWishes, "analyzer", lambda wishes: Reader(size=2))
    monkeypatch.setattr(outlets, "ROOM", room)
    wishes = analysis.Wishes(
        [str(tmp_path), "gone.png"], as_json=True, annotate=tmp_path / "drawn" if annotate else None
    )
    tally = analysis.analyze(wishes, Console(file=io.StringIO()), Console(file=Terminal()))
    assert tally.pictures == 4
    assert [(bar.n, bar.total) for bar in bars] == [(4, 4)]
