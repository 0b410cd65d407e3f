"""A video on a terminal: its segments as a table, and for a camera the faces of the moment."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment
from feallm.media.clock import clock
from feallm.report.segment_words import units, verdict
from feallm.report.terminal import bar, printable
from feallm.report.words import HONEST, doubts, no_verdict, percent

TOO_SHORT = "No face was seen long enough to make a segment."
NO_FACE = "No face was found in any frame that was read (--every 1 reads all, --detector none takes each as one face)."
WIDTH = 20


def clip_view(segments: Sequence[Segment], *, has_face: bool) -> RenderableType:
    """The segments of one video: when, whose, what, and why; without any, whether it has a face at all."""
    if not segments:
        return Text(TOO_SHORT if has_face else NO_FACE, "yellow")
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for wide in (19, 4, 20):
        grid.add_column(width=wide)
    grid.add_column(ratio=1)
    grid.add_row(*(Text(name, "bold") for name in ("time", "face", "emotion", "action units and reason")))
    for segment in segments:
        share = segment.apex_reading.emotion_scores.get(segment.emotion or "")
        said = Text(verdict(segment), "cyan" if segment.emotion else "yellow")
        said.append("" if share is None else f" {percent(share)}")
        why = Text(units(segment))
        if segment.explanation:
            why.append(f"\n{printable(segment.explanation)}", "dim")
        grid.add_row(Text(_when(segment)), Text(str(segment.face_id)), said, why)
    return Group(grid, Text(HONEST, "dim"))


def _when(segment: Segment) -> str:
    """ "0:01.2 - 0:03.4"; the one time where a single frame was read."""
    begin, end = clock(segment.onset), clock(segment.offset)
    return begin if begin == end else f"{begin} - {end}"


def now_view(rows: Sequence[FaceReading], console: Console) -> RenderableType:
    """The faces of one frame, as a camera shows them: emotion with its share, action units that are present."""
    first = rows[0]
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for wide in (4, 15, 5, WIDTH):
        grid.add_column(width=wide)
    grid.add_column(ratio=1)
    grid.add_row(*(Text(name, "bold") for name in ("face", "emotion", "", "", "action units")))
    for row in rows:
        if row.face_id is None:
            grid.add_row("", Text("; ".join(doubts(row)) if row.error else "no face", "yellow"), "", "", "")
            continue
        share = row.confidence or 0.0
        named = Text(row.emotion, "cyan") if row.emotion else Text(no_verdict(row), "yellow")
        there = ", ".join(f"{unit} {strength:.1f}" for unit, strength in row.present_units.items()) or "none"
        grid.add_row(str(row.face_id), named, percent(share), Text(bar(share, console, WIDTH), "cyan"), Text(there))
    foot = Text(f"{clock(first.timestamp or 0.0)}   Ctrl-C ends.  {HONEST}", "dim")
    return Group(grid, foot)
