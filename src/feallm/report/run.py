"""One run of the `analyze` verb: the analyzer, what its readings are given to, and what it has read so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tqdm import tqdm

from feallm.analyze import Analyzer
from feallm.analyze.analyzer import Progress
from feallm.analyze.journal import Journal
from feallm.analyze.reading import FaceReading
from feallm.report.outlets import AnnotatedFolder, JsonArray, Outlet, Screen, Tally
from feallm.report.wishes import Wishes
from feallm.tables import TableWriter


@dataclass(frozen=True)
class Run:
    """`folder` draws pictures, `journal` is there where the run can be gone on with, `stream` is for progress."""

    wishes: Wishes
    analyzer: Analyzer
    tally: Tally
    shown: JsonArray | Screen
    stream: IO[str]
    journal: Journal | None = None
    table: TableWriter | None = None
    folder: AnnotatedFolder | None = None

    def give(self, reading: FaceReading, *, is_new: bool = True) -> None:
        """Give a reading to every outlet; what an earlier run has shown on the screen is not shown again."""
        outlets: Sequence[Outlet | None] = (self.tally, self.table, self.shown)
        for outlet in outlets:
            if outlet is not None and (is_new or not isinstance(outlet, Screen)):
                outlet.add(reading)


@contextmanager
def pictures_bar(total: int | None, stream: IO[str]) -> Iterator[Progress]:
    """A bar on `stream` where it is a terminal and there is more than one picture to read."""
    quiet = not stream.isatty() or total == 1
    with tqdm(total=total, unit=" pictures", file=stream, disable=quiet, leave=False) as bar:

        def progress(_done: int, _total: int | None) -> None:  # both are of one call of the analyzer, not of the run
            bar.update()

        yield progress
