"""Segments as tab-delimited text for ELAN, the annotation tool of the Max Planck Institute for Psycholinguistics.

In ELAN: File > Import > CSV / Tab-delimited Text File; set the columns to Tier, Begin Time, End Time and Annotation,
and the first row of data to 2. Each person has four tiers: `emotion@face0`, `AUs@face0`, `explanation@face0`, and
`apex@face0`, whose short marks begin at the apex of each segment.

How ELAN reads such files decides how they are written. It splits lines at tabs and knows no quotes, so no cell holds a
tab or a line break. It guesses the delimiter from the first ten lines, so the explanations with their commas come last.
It takes whole numbers for milliseconds, and cuts seconds with decimals off where they cannot be held exactly, so times
are whole milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from feallm.analyze.segments import Segment
from feallm.report.segment_words import headline, milliseconds, of_one_clip, one_line, span, units, verdict
from feallm.tables.output import write_text

HEAD = ("Tier", "Begin Time - msec", "End Time - msec", "Duration - msec", "Annotation")
MARK = 100
"""Milliseconds that the mark of an apex is long, less where its segment ends before: ELAN has no points in time."""


def elan(segments: Iterable[Segment]) -> str:
    """One clip's segments as tab-delimited text. Raises ValueError where they are of several clips."""
    rows = sorted(_rows(of_one_clip(segments)), key=lambda row: (row[0], row[1]))
    lines = [HEAD, *((tier, begin, end, end - begin, text) for (_, _, tier), begin, end, text in rows)]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def write_elan(segments: Iterable[Segment], path: str | os.PathLike[str]) -> Path:
    """Write `elan(segments)` whole or not at all; returns the path.

    Raises OutputError where it cannot be written, ValueError as `elan`.
    """
    return write_text(path, elan(segments), example="clip.txt")


def _explanation(segment: Segment) -> str:
    return one_line(segment.explanation or "")


KINDS: tuple[tuple[str, Callable[[Segment], str]], ...] = (
    ("emotion", verdict),
    ("AUs", units),
    ("apex", headline),
    ("explanation", _explanation),
)


def _rows(found: list[Segment]) -> Iterator[tuple[tuple[int, int, str], int, int, str]]:
    """The place and name of a tier, begin and end in milliseconds, and what is written there."""
    for segment in found:
        begin, end = span(segment)
        for place, (kind, said) in enumerate(KINDS):
            tier = (place, segment.face_id, f"{kind}@face{segment.face_id}")
            text = said(segment)
            if kind == "apex":
                apex = milliseconds(segment.apex)
                yield tier, apex, max(min(apex + MARK, end), apex + 1), text
            elif text:
                yield tier, begin, end, text
