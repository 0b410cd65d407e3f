"""A segment in words: what subtitles, annotation files and pages say of it."""

from __future__ import annotations

from collections.abc import Iterable

from feallm.analyze.segments import Segment
from feallm.facs import ACTION_UNITS
from feallm.report.words import percent

NO_UNITS = "no action units"


def one_line(text: str) -> str:
    """`text` on one line, without control characters and doubled spaces."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def who(segment: Segment) -> str:
    """ "face 0", the person as the tables number them."""
    return f"face {segment.face_id}"


def several(segments: Iterable[Segment]) -> bool:
    """Whether more than one person is spoken of."""
    return len({segment.face_id for segment in segments}) > 1


def verdict(segment: Segment) -> str:
    """ "happiness", "no verdict", "anger (low quality)"."""
    low = " (low quality)" if segment.status == "low_quality" else ""
    return f"{segment.emotion or 'no verdict'}{low}"


def units(segment: Segment) -> str:
    """ "AU6+AU12", as FACS writes what is seen together."""
    return "+".join(ACTION_UNITS[unit].short for unit in segment.action_units) or NO_UNITS


def headline(segment: Segment) -> str:
    """ "happiness 93%, AU6+AU12", with the probability at the apex where an emotion is named."""
    share = segment.apex_reading.emotion_scores.get(segment.emotion or "")
    return f"{verdict(segment)}{'' if share is None else f' {percent(share)}'}, {units(segment)}"


def of_one_clip(segments: Iterable[Segment]) -> list[Segment]:
    """The segments by onset, then by face. Raises ValueError where they are of several clips."""
    found = sorted(segments, key=lambda segment: (segment.onset, segment.face_id))
    clips = sorted({segment.input for segment in found})
    if len(clips) > 1:
        raise ValueError(f"a file is about one clip; segments of {len(clips)} came: {clips[0]}, {clips[1]} …")
    return found


def milliseconds(seconds: float) -> int:
    """Seconds of the clip's clock as whole milliseconds; before its zero, 0."""
    return max(0, round(seconds * 1000))


def span(segment: Segment) -> tuple[int, int]:
    """Onset and offset in milliseconds, at least one apart."""
    begin = milliseconds(segment.onset)
    return begin, max(milliseconds(segment.offset), begin + 1)
