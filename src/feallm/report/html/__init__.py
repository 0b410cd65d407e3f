"""Readings as one HTML file that holds everything it shows: pictures, evidence, words, timelines, how it was made.

It opens offline and asks for nothing: no script, no font, no address. `feallm.report.html.source` is the `report` verb.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment
from feallm.media import Picture
from feallm.report.html.material import find_segments, gather, key_frames
from feallm.report.html.page import page

__all__ = ["TITLE", "html_report", "key_frames"]

TITLE = "FEALLM report"


def html_report(
    readings: Iterable[FaceReading],
    pictures: Iterable[Picture] = (),
    metadata: Mapping[str, Any] | None = None,
    *,
    segments: Iterable[Segment] | None = None,
    blur_faces: bool = False,
    title: str = TITLE,
) -> str:
    """One HTML page about readings of pictures and videos.

    Args:
        readings: as an Analyzer gives them, in its order.
        pictures: those that were read, as `media.pictures` gives them, in the same order; any may be missing. Of
            videos the frames to be shown: those of `key_frames(segments)`.
        metadata: the Analyzer's, and whatever else says how the readings were made.
        segments: of the videos; None finds them in the readings.
        blur_faces: cover every face in every picture, beyond recovery. A picture in which none is found is left out.
        title: the page's heading.

    Raises ValueError where there are no readings, or a video's are not in order of time.
    """
    found = list(readings)
    if not found:
        raise ValueError("a report needs at least one reading; there are none")
    held = find_segments(found) if segments is None else list(segments)
    return page(gather(found, pictures, dict(metadata or {}), held, blur=blur_faces, title=title))
