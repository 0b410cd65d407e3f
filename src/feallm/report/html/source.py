"""The `report` verb: from what the user names to a page on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.segments import Segment
from feallm.analyze.stored import read_readings
from feallm.analyze.video import Video
from feallm.media import Limits, Picture, pictures
from feallm.media.find import VIDEO_SUFFIXES, suffix
from feallm.media.images import ADDRESS, is_video
from feallm.media.limits import DEFAULT_LIMITS
from feallm.media.video import Sampling, frames
from feallm.report.html import TITLE
from feallm.report.html.material import (
    MOST_PICTURES,
    Material,
    by_input,
    find_segments,
    frame_sheets,
    gather,
    grouped,
    key_segments,
)
from feallm.report.html.page import page
from feallm.report.html.shots import Sheet, sheet, sizes_for
from feallm.report.outlets import Tally, expand
from feallm.report.wishes import ReaderWishes, WishError
from feallm.tables import meta_path
from feallm.tables.output import OutputError, check_writable, write_text
from feallm.tables.writer import SUFFIXES

TOGETHER, ROOM = 16, 1 << 28
"""Pictures that are held at once while their faces are read in one batch, and bytes of their pixels."""
NEAR = 2e-3
"""Seconds around the time that a table gives for a frame, which keeps six decimals of it."""
MISTAKES = (WishError, OutputError)
"""What `write_report` raises for a user's mistake; the message is for the user."""
Step = Callable[[int], object]


@dataclass(frozen=True)
class ReportWishes:
    """What `feallm report` was asked for. `sources`: one table, or pictures, folders, patterns, addresses, videos."""

    sources: Sequence[str]
    output: Path
    blur_faces: bool = False
    title: str | None = None
    explain: bool = True
    fps: float | None = None
    reader: ReaderWishes = field(default_factory=ReaderWishes)


def write_report(wishes: ReportWishes, step: Step = lambda pictures: None) -> str:
    """Write the report; returns what is in it, a sentence, after one for each video that is damaged.

    `step(n)` is called after every n pictures read.

    Raises WishError, OutputError: nothing can be read, or the file cannot be written; the message is for the user.
    """
    if wishes.output.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"a report is a page: its name must end in .html, got {wishes.output.name!r}")
    check_writable(wishes.output, "report.html")
    tables = [source for source in wishes.sources if _is_table(source)]
    if tables and len(wishes.sources) > 1:
        raise WishError(f"{tables[0]} is a table: a report is of one table, or of pictures and videos; give it alone")
    made = _of_table(Path(tables[0]), wishes) if tables else _of_sources(wishes, step)
    text = page(made)
    write_text(wishes.output, text, example="report.html")
    tally = Tally()
    for reading in made.readings:
        tally.add(reading)
    size = max(0.1, len(text.encode("utf-8", "backslashreplace")) / 1e6)
    return "\n".join([*tally.damage.notes(), f"{tally.sentence()}; {wishes.output} has {size:.1f} MB"])


def _is_table(source: str) -> bool:
    return suffix(source) in SUFFIXES and not ADDRESS.match(source) and not os.path.isdir(source)


def _of_table(table: Path, wishes: ReportWishes) -> Material:
    """Raises WishError where there is no such table, or it is not one of ours, or it is empty."""
    try:
        readings = read_readings(table)
        found = find_segments(readings)
    except FileNotFoundError as error:
        raise WishError(f"no table at {table}: check the path") from error
    except (OSError, ValueError) as error:
        raise WishError(str(error)) from error
    if not readings:
        raise WishError(f"{table} holds no readings: there is nothing to report")
    shown = pictures_of(readings, found, table.parent, wishes.reader.limits)
    about = {"read from": table.name, **_described(table)}
    return gather(readings, shown, about, found, blur=wishes.blur_faces, title=_title(wishes))


def _title(wishes: ReportWishes) -> str:
    """The one that was asked for, else one with the name of what was read where that is one thing."""
    named = len(wishes.sources) == 1 and not ADDRESS.match(wishes.sources[0])
    name = Path(wishes.sources[0]).name if named else ""
    return wishes.title or (f"{TITLE}: {name}" if name else TITLE)


def _described(table: Path) -> dict[str, Any]:
    """What lies beside a table about how it was made; nothing where that is not there or cannot be read."""
    try:
        described = json.loads(meta_path(table).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return described if isinstance(described, dict) else {}


def pictures_of(
    readings: Sequence[FaceReading], found: Iterable[Segment], folder: Path, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Picture]:
    """The pictures that readings were made of, where they still lie at their paths (as given, or in `folder`), in the
    order in which a report shows them: stills, then the key frames of videos. Nothing is fetched from an address."""
    for group in grouped(readings)[:MOST_PICTURES]:
        path = _path_of(group[0].input, folder)
        if path is None or suffix(path) in VIDEO_SUFFIXES:
            yield Picture(group[0].input, None, "not at its path")
            continue
        yield from (replace(picture, input=group[0].input) for picture in pictures(Path(path), limits=limits))
    yield from _key_pictures(found, folder, limits)


def _key_pictures(found: Iterable[Segment], folder: Path, limits: Limits) -> Iterator[Picture]:
    for segment in key_segments(found):
        path = _path_of(segment.input, folder)
        if path is None:
            continue
        span = Sampling(start=max(0.0, segment.apex - NEAR), end=segment.apex + NEAR)
        for picture in frames(path, span, limits):
            if picture.frame == segment.apex_frame:
                yield replace(picture, input=segment.input)


def _path_of(name: str, folder: Path) -> str | None:
    if ADDRESS.match(name):
        return None
    try:
        return next((str(path) for path in (Path(name), folder / name) if path.is_file()), None)
    except (OSError, ValueError):  # a name that no file can have
        return None


def _of_sources(wishes: ReportWishes, step: Step) -> Material:
    """Read pictures and videos. Raises WishError where none can be read."""
    sources = expand(wishes.sources)
    clips = [source for source in sources if isinstance(source, str) and is_video(source)]
    stills = [source for source in sources if source not in clips]
    refused = [source for source in sources if isinstance(source, Picture) and source.error]
    if sources and len(refused) == len(sources):
        raise WishError(f"{refused[0].input}: {refused[0].error}")
    analyzer = wishes.reader.analyzer()
    readings, sheets = _read_stills(analyzer, stills, wishes, step)
    metadata, found = analyzer.metadata, []
    for clip in clips:
        video = _video(analyzer, clip, wishes)
        for _ in video.stream():
            step(1)
        readings += video.rows()
        found += video.segments
        metadata = video.metadata
    if all(reading.status == "unreadable" for reading in readings):
        raise WishError(f"{readings[0].input}: {readings[0].error}")
    keys = {(each.input, each.frame or 0): each for each in _key_pictures(found, Path(), wishes.reader.limits)}
    frame_views = frame_sheets(readings, found, keys, blur=wishes.blur_faces)
    return Material(readings, sheets, frame_views, by_input(found), metadata, _title(wishes), wishes.blur_faces)


def _video(analyzer: Analyzer, clip: str, wishes: ReportWishes) -> Video:
    try:
        sampling = None if wishes.fps is None else Sampling(fps=wishes.fps)
    except ValueError as error:
        raise WishError(str(error)) from error
    return Video(analyzer, clip, sampling=sampling, explain=wishes.explain, evidence=True)


def _read_stills(
    analyzer: Analyzer, sources: Sequence[str | Picture], wishes: ReportWishes, step: Step
) -> tuple[list[FaceReading], list[Sheet]]:
    """All readings, and the sheets of the first pictures; of those beyond, which are in a table only, the numbers."""
    stream, sizes = pictures(sources, limits=wishes.reader.limits), sizes_for(len(sources))
    readings: list[FaceReading] = []
    sheets: list[Sheet] = []
    for held in _together(stream):
        shown = len(sheets) < MOST_PICTURES
        read = analyzer.analyze(held, explain=wishes.explain and shown, evidence=shown)
        readings += read
        if shown:
            groups = zip(grouped(read), held, strict=True)
            sheets += [sheet(group, picture, sizes, blur=wishes.blur_faces) for group, picture in groups]
        step(len(held))
    return readings, sheets[:MOST_PICTURES]


def _together(stream: Iterable[Picture]) -> Iterator[list[Picture]]:
    """Pictures in lists of `TOGETHER`, fewer where they are large."""
    held: list[Picture] = []
    for picture in stream:
        held.append(picture)
        size = sum(each.pixels.nbytes for each in held if each.pixels is not None)
        if len(held) == TOGETHER or size > ROOM:
            yield held
            held = []
    if held:
        yield held
