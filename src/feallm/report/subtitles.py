"""Segments as subtitles that play beside the clip: WebVTT for browsers and players, SubRip (SRT) for everything else.

WebVTT is written as the W3C's recommendation defines it (https://www.w3.org/TR/webvtt1/): one cue a segment, with the
person as its voice; cues of several people overlap, and players stack them. SubRip has no standard and many players
show one subtitle at a time, so there the times at which several people are seen are cut into subtitles for all of them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

from feallm.analyze.segments import Segment
from feallm.report.segment_words import headline, of_one_clip, one_line, several, span, who
from feallm.report.words import HONEST
from feallm.tables.output import write_text

HARMLESS = str.maketrans("<>{}", "‹›()")
"""SubRip has no escapes, and players take these for formatting."""


def vtt(segments: Iterable[Segment]) -> str:
    """One clip's segments as a WebVTT file. Raises ValueError where they are of several clips."""
    found = of_one_clip(segments)
    named = several(found)
    blocks = ["WEBVTT", f"NOTE\nMade by FEALLM. {HONEST}"]
    for number, segment in enumerate(found, start=1):
        begin, end = (_clock(moment, ".") for moment in span(segment))
        lines = "\n".join(escape(line, quote=False) for line in _lines(segment, named=named, first=number == 1))
        identity = f"{number}-face-{segment.face_id}"
        blocks.append(f"{identity}\n{begin} --> {end}\n<v {escape(who(segment))}>{lines}</v>")
    return "\n\n".join(blocks) + "\n"


def srt(segments: Iterable[Segment]) -> str:
    """One clip's segments as a SubRip file. Raises ValueError where they are of several clips."""
    found = of_one_clip(segments)
    named = several(found)
    blocks = []
    for number, (begin, end, shown) in enumerate(_pieces(found), start=1):
        lines = [line for segment in shown for line in _lines(segment, named=named, first=segment is found[0])]
        text = "\n".join(lines).translate(HARMLESS)
        blocks.append(f"{number}\n{_clock(begin, ',')} --> {_clock(end, ',')}\n{text}\n")
    return "\n".join(blocks)


def write_vtt(segments: Iterable[Segment], path: str | os.PathLike[str]) -> Path:
    """Write `vtt(segments)` whole or not at all; returns the path.

    Raises OutputError where it cannot be written, ValueError as `vtt`.
    """
    return write_text(path, vtt(segments), example="clip.vtt")


def write_srt(segments: Iterable[Segment], path: str | os.PathLike[str]) -> Path:
    """Write `srt(segments)` whole or not at all; returns the path.

    Raises OutputError where it cannot be written, ValueError as `srt`.
    """
    return write_text(path, srt(segments), example="clip.srt")


def _lines(segment: Segment, *, named: bool, first: bool) -> list[str]:
    """What is shown of a segment: the verdict, the reason, and once in a file what to think of it."""
    said = f"{who(segment)}: {headline(segment)}" if named else headline(segment)
    lines = [said[:1].upper() + said[1:]]
    if reason := one_line(segment.explanation or ""):
        lines.append(reason)
    return [*lines, HONEST] if first else lines


def _pieces(found: list[Segment]) -> Iterator[tuple[int, int, list[Segment]]]:
    """Begin and end in milliseconds of the stretches in which the same segments are shown, and these."""
    waiting, shown = deque(found), list[Segment]()
    moments = sorted({moment for segment in found for moment in span(segment)})
    for begin, end in pairwise(moments):
        shown = [segment for segment in shown if span(segment)[1] > begin]
        while waiting and span(waiting[0])[0] <= begin:
            shown.append(waiting.popleft())
        if shown:
            yield begin, end, sorted(shown, key=lambda segment: segment.face_id)


def _clock(moment: int, point: str) -> str:
    """Milliseconds as "01:02:03.456"."""
    seconds, rest = divmod(moment, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
