"""From readings and pictures to what a page is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment, segments
from feallm.media import Picture
from feallm.report.html.shots import Sheet, sheet, sizes_for
from feallm.report.outlets import starts_picture

MOST_PICTURES = 200
"""Still pictures that are shown; the summary table has those beyond."""
KEY_FRAMES, MOST_KEY_FRAMES = 24, 72
"""Key frames shown of one video, and of all of a report."""
Place = tuple[str, int]
"""A frame of a video: its input and its number."""


@dataclass(frozen=True)
class Material:
    """What a report is made of.

    `readings`: all of them. `sheets`: the still pictures', in the same order, as many as are shown. `frames`: sheets of
    the segments' apex frames. `segments`: by input. `blurred`: whether faces are covered in all pictures.
    """

    readings: Sequence[FaceReading]
    sheets: Sequence[Sheet] = ()
    frames: Mapping[Place, Sheet] = field(default_factory=dict)
    segments: Mapping[str, Sequence[Segment]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    blurred: bool = False


def gather(
    readings: Sequence[FaceReading],
    pictures: Iterable[Picture],
    metadata: Mapping[str, Any],
    found: Sequence[Segment],
    *,
    blur: bool,
    title: str,
) -> Material:
    """`found` are the segments of the videos; see `html.html_report`."""
    supply, groups = _Supply(pictures), grouped(readings)
    sizes = sizes_for(len(groups))
    sheets = [sheet(group, supply.take(group[0].input), sizes, blur=blur) for group in groups[:MOST_PICTURES]]
    frames = {place: supply.take(*place) for place in key_frames(found)}
    keys = frame_sheets(readings, found, frames, blur=blur)
    return Material(readings, sheets, keys, by_input(found), metadata, title, blur)


class _Supply:
    """Pictures as they are asked for. Those that come in the order asked for are not held."""

    def __init__(self, pictures: Iterable[Picture]) -> None:
        self._rest = iter(pictures)
        self._held: dict[tuple[str, int | None], list[Picture]] = defaultdict(list)

    def take(self, name: str, frame: int | None = None) -> Picture | None:
        """The next picture of that name and frame; None where there is none."""
        if self._held[name, frame]:
            return self._held[name, frame].pop(0)
        for picture in self._rest:
            if (picture.input, picture.frame) == (name, frame):
                return picture
            self._held[picture.input, picture.frame].append(picture)
        return None


def grouped(readings: Iterable[FaceReading]) -> list[list[FaceReading]]:
    """The readings of still pictures, a list a picture. Two pictures of one name are two."""
    groups: list[list[FaceReading]] = []
    for reading in readings:
        if reading.frame is not None:
            continue
        if not groups or starts_picture(reading) or groups[-1][0].input != reading.input:
            groups.append([])
        groups[-1].append(reading)
    return groups


def find_segments(readings: Iterable[FaceReading]) -> list[Segment]:
    """The segments of the videos among readings. Raises ValueError where their times run backwards."""
    return segments(reading for reading in readings if reading.frame is not None and reading.timestamp is not None)


def by_input(found: Iterable[Segment]) -> dict[str, list[Segment]]:
    held: dict[str, list[Segment]] = defaultdict(list)
    for segment in found:
        held[segment.input].append(segment)
    return dict(held)


def key_segments(found: Iterable[Segment]) -> list[Segment]:
    """Of each video the segments whose apex is shown as a picture: all, or the longest; in order of time."""
    videos = by_input(found)
    most = min(KEY_FRAMES, max(1, MOST_KEY_FRAMES // max(1, len(videos))))
    kept = [
        segment
        for held in list(videos.values())[:MOST_KEY_FRAMES]
        for segment in sorted(held, key=lambda segment: -segment.duration)[:most]
    ]
    return sorted(kept, key=lambda segment: (segment.input, segment.apex, segment.face_id))


def key_frames(found: Iterable[Segment]) -> list[Place]:
    """The frames that a report about these segments shows."""
    return list(dict.fromkeys((segment.input, segment.apex_frame) for segment in key_segments(found)))


def frame_sheets(
    readings: Sequence[FaceReading], found: Sequence[Segment], pictures: Mapping[Place, Picture | None], *, blur: bool
) -> dict[Place, Sheet]:
    """A sheet each of `key_frames`, about the faces whose apex it is; `blur` covers the others too."""
    apexes: dict[Place, list[FaceReading]] = defaultdict(list)
    for segment in key_segments(found):
        words = segment.explanation or segment.apex_reading.explanation
        apexes[segment.input, segment.apex_frame].append(replace(segment.apex_reading, explanation=words))
    others: dict[Place, list[FaceReading]] = defaultdict(list)
    for reading in readings if blur else ():
        if reading.frame is not None and (reading.input, reading.frame) in apexes:
            others[reading.input, reading.frame].append(reading)
    sizes = sizes_for(len(apexes))
    return {
        place: sheet(held, pictures.get(place), sizes, blur=blur, beside=others[place])
        for place, held in apexes.items()
    }
