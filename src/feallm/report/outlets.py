"""Where readings go as they come: JSON on a stream, annotated pictures in a folder, a count of them all.

An outlet is used in a `with` statement and takes one reading at a time by `add`; so is `tables.TableWriter`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

from rich.console import Console, RenderableType
from tqdm import tqdm

from feallm.analyze.reading import FaceReading
from feallm.media import Picture
from feallm.media.find import find, left_out, suffix
from feallm.media.images import ADDRESS, is_video
from feallm.media.limits import UnreadableError
from feallm.report.annotate import SUFFIX, annotated_path, save_annotated
from feallm.report.damage import Damage, is_end
from feallm.report.terminal import Rows, view
from feallm.tables import OutputError

ROOM = 1 << 29
"""Bytes of pixels that wait to be drawn: a dozen photos of 12 megapixels. Readings wait for a full batch of
faces, and pictures without one do not fill it."""
ONLY_ANNOTATED = f"only annotated pictures (*{SUFFIX}) are there, and those are not read: name one itself to read it"
MADE = re.compile(r"\.feallm\.\w+$")
"""How the names of annotated pictures and videos end."""


class Outlet(Protocol):
    """What readings can be given to."""

    def add(self, reading: FaceReading) -> None: ...


class Tally:
    """How many pictures, frames of videos and faces there were, and how many of the faces were read.

    `videos` are those without a frame, which could not be opened; `damage` knows what was wrong with the others.
    """

    def __init__(self) -> None:
        self.pictures = self.videos = self.frames = self.faces = self.read = 0
        self.statuses: Counter[str] = Counter()
        self.is_earlier = False
        self.damage = Damage()
        self._before: tuple[str, int | None] | None = None

    def add(self, reading: FaceReading) -> None:
        place = reading.input, reading.frame
        if reading.frame is None and is_video(reading.input):
            self.videos += 1
        elif reading.frame is None:
            self.pictures += starts_picture(reading)
        elif place != self._before and not is_end(reading):
            self.frames += 1
        self._before = place
        self.faces += reading.face_id is not None
        self.read += bool(reading.emotion_scores)
        self.statuses[reading.status] += 1
        self.damage.add(reading)

    def take(self, statuses: Mapping[str, int]) -> None:
        """Take over what an earlier run has counted in its complete table."""
        self.statuses.update(statuses)
        self.read = sum(count for status, count in statuses.items() if status not in ("no_face", "unreadable"))
        self.is_earlier = True

    def sentence(self, output: Path | None = None, annotate: Path | None = None) -> str:
        """ "2 faces read in 3 pictures (1 no face); 3 rows in faces.csv; annotated pictures in out"."""
        if self.is_earlier:
            return f"{output} is complete already, with {_count(self.statuses.total(), 'row')}: nothing was read"
        others = sorted((status, count) for status, count in self.statuses.items() if status != "ok")
        rest = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in others)
        kept = f"; {_count(self.statuses.total(), 'row')} in {output}" if output is not None else ""
        drawn = [noun for number, noun in ((self.pictures, "pictures"), (self.frames, "videos")) if number]
        kept += f"; annotated {' and '.join(drawn)} in {annotate}" if annotate is not None and drawn else ""
        kinds = ((self.pictures, "picture"), (self.videos, "video"), (self.frames, "frame"))
        seen = [_count(number, noun) for number, noun in kinds if number]
        read = f"{_count(self.read, 'face')} read in {' and '.join(seen) or '0 pictures'}"
        return f"{read}{f' ({rest})' if rest else ''}{kept}"


class JsonArray(AbstractContextManager["JsonArray"]):
    """A JSON array of readings on a text stream, valid whatever ends it. ASCII, so that every terminal takes it."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.empty = True

    def __enter__(self) -> JsonArray:
        self.stream.write("[")
        return self

    def add(self, reading: FaceReading) -> None:
        self.stream.write(("\n" if self.empty else ",\n") + json.dumps(reading.to_dict(), allow_nan=False))
        self.stream.flush()
        self.empty = False

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not BrokenPipeError:
            self.stream.write("]\n" if self.empty else "\n]\n")


class Screen(AbstractContextManager["Screen"]):
    """Readings as text: a roomy view each where there is one picture, table rows where there are several.

    Frames of videos are not shown: there are too many; `show` is for what is told of a video instead.
    """

    def __init__(self, console: Console, *, roomy: bool) -> None:
        self.console = console
        self.rows = None if roomy else Rows(console)
        self.headed = False

    def add(self, reading: FaceReading) -> None:
        if reading.frame is not None:
            return
        with tqdm.external_write_mode(file=self.console.file):  # a progress bar on the same terminal steps aside
            if self.rows is None:
                self.console.print(view(reading, self.console))
                return
            if not self.headed:
                self.console.print(self.rows.head())
                self.headed = True
            self.console.print(self.rows.row(reading))

    def show(self, told: RenderableType) -> None:
        with tqdm.external_write_mode(file=self.console.file):
            self.console.print(told)
        self.headed = False

    def __exit__(self, *_: object) -> None:
        return None


class AnnotatedFolder(AbstractContextManager["AnnotatedFolder"]):
    """Annotated pictures in `folder`: each picture that `keep` passes on is drawn with the readings of it that
    come by `add`, in the same order, and is forgotten then.

    Raises OutputError where the folder cannot be made or written in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: deque[Picture] = deque()
        self.held = 0  # bytes of the kept pictures' pixels
        self.waiting: list[FaceReading] = []
        self.taken: set[str] = set()
        check_folder(folder)

    def keep(self, source: Iterable[Picture]) -> Iterator[Picture]:
        """Pass pictures on and keep them until they are drawn. Ends early, before it takes another one from
        `source`, where `ROOM` is full: whoever reads then gives the readings of all that it got."""
        for picture in source:
            self.kept.append(picture)
            self.held += _size(picture)
            yield picture
            if self.held >= ROOM:
                return

    def add(self, reading: FaceReading) -> None:
        if starts_picture(reading):
            self.save()
        self.waiting.append(reading)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # else some faces of the last picture may be missing
            self.save()

    def skip(self, name: str) -> None:
        """Leave a picture out that an earlier run has drawn."""
        annotated_path(name, self.folder, self.taken)

    def save(self) -> None:
        """Draw the last picture: all its readings have come."""
        if not self.waiting:
            return
        picture = self.kept.popleft()
        self.held -= _size(picture)
        try:
            save_annotated(picture, self.waiting, self.folder, self.taken)
        except OSError as error:
            raise OutputError(f"cannot write in {self.folder}: {error.strerror or error}") from error
        self.waiting = []


def starts_picture(reading: FaceReading) -> bool:
    """Whether a reading is the first of its picture: faces count from 0, pictures without one have a single row."""
    return not reading.face_id


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Make `folder` where it is missing and see that files can be written in it. Raises OutputError."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OutputError(f"cannot write in {folder}: {error.strerror or error}; choose another folder") from error


def expand(inputs: Sequence[str]) -> list[str | Picture]:
    """One source a picture or video: files in folders and of patterns as they are now, without annotated ones, and an
    unreadable `Picture` where there are none; files and addresses that are named themselves as they are.

    The list is made before anything is written, so that a run never reads what it writes itself.
    """
    return [source for given in inputs for source in _expanded(given)]


def left_out_notes(inputs: Sequence[str]) -> Iterator[str]:
    """A sentence for each folder and pattern that holds videos which `expand` leaves out."""
    for given in inputs:
        videos = [] if ADDRESS.match(given) else [path for path in left_out(given) if not MADE.search(path)]
        if videos:
            left = f"{_count(len(videos), 'video')} left out"
            by = f"name them, or give a pattern with their suffix (*{suffix(videos[0])})"
            yield f"note: {given}: {left}; {by}"


def _expanded(given: str) -> Sequence[str | Picture]:
    if ADDRESS.match(given):
        return [given]
    try:
        found = list(find(given))
    except UnreadableError as reason:
        return [Picture(given, None, str(reason))]
    if found == [given]:
        return found
    return [path for path in found if not MADE.search(path)] or [Picture(given, None, ONLY_ANNOTATED)]


def _size(picture: Picture) -> int:
    return 0 if picture.pixels is None else picture.pixels.nbytes


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
