"""Pictures of the `analyze` verb: read some at a time, each lot noted in the journal, so that a run can go on."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain

from feallm.analyze.analyzer import Analyzer, Progress
from feallm.analyze.journal import JournalError
from feallm.analyze.reading import FaceReading
from feallm.analyze.video_frames import restored
from feallm.media import Picture, count, pictures
from feallm.report.outlets import AnnotatedFolder
from feallm.report.run import Run, pictures_bar
from feallm.report.wishes import Wishes

LOT = 4
"""Batches of pictures that are read before they are noted: enough that batches across lots would gain little."""
Source = str | Picture


def read_stills(run: Run, job: int, sources: Sequence[Source]) -> None:
    """Read the pictures of `sources`, one each; those that the journal holds of `job` are taken from it.

    Raises JournalError where the pictures are not those that the stopped run had read.
    """
    size = LOT * run.analyzer.batch_size
    lots = [sources[start : start + size] for start in range(0, len(sources), size)]
    done = _taken_over(run, job, lots)
    left = lots[done:]
    with pictures_bar(count(list(chain.from_iterable(left))), run.stream) as progress:
        for lot in left:
            noted = []
            stream = pictures(lot, limits=run.wishes.reader.limits)
            for reading in read_pictures(run.analyzer, stream, run.folder, run.wishes, progress):
                run.give(reading)
                if run.folder is not None:
                    run.folder.add(reading)
                if run.journal is not None:
                    noted.append(reading.to_dict())
            if run.folder is not None:
                run.folder.save()
            if run.journal is not None:
                run.journal.add(job, {"digest": digest(lot), "readings": noted})


def _taken_over(run: Run, job: int, lots: Sequence[Sequence[Source]]) -> int:
    """Give out what the journal holds of the lots; returns how many these are."""
    done = 0
    for entry in () if run.journal is None else run.journal.entries(job):
        if done == len(lots) or entry["digest"] != digest(lots[done]):
            raise JournalError(
                f"cannot go on with {run.wishes.output}: the pictures that were read are not the first of these, or "
                "have changed; leave --resume away to begin anew"
            )
        for reading in map(restored, entry["readings"]):
            run.give(reading, is_new=False)
        if run.folder is not None:
            for source in lots[done]:
                run.folder.skip(_name(source))
        done += 1
    return done


def read_pictures(
    analyzer: Analyzer, stream: Iterator[Picture], folder: AnnotatedFolder | None, wishes: Wishes, progress: Progress
) -> Iterator[FaceReading]:
    """The readings of a stream of pictures, each read once: `folder` keeps the very pixels that were analyzed."""
    if folder is None:
        yield from analyzer.stream(stream, **wishes.asked, progress=progress)
        return
    for first in stream:  # once, unless the folder's room is full: then the rest goes on after its readings
        yield from analyzer.stream(folder.keep(chain([first], stream)), **wishes.asked, progress=progress)


def _name(source: Source) -> str:
    return source.input if isinstance(source, Picture) else source


def digest(lot: Sequence[Source]) -> int:
    """Names, sizes and times of change of a lot's files as one number."""
    marks = []
    for source in lot:
        name = _name(source)
        try:
            state = os.stat(name)
            marks.append((name, state.st_size, state.st_mtime_ns))
        except (OSError, ValueError):
            marks.append((name, -1, -1))  # an address
    return zlib.crc32(repr(marks).encode("utf-8", "backslashreplace"))
