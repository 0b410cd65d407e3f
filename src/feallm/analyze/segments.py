"""Segments: the stretches of a clip in which one person's face shows one thing, each with onset, apex and offset.

The terms are those of FACS (Ekman, Friesen and Hager, 2002), where a coder marks for one action unit when it begins
(onset), is strongest (apex) and has faded (offset). Here they are said of a whole expression: a segment begins at the
first sampled frame that shows its emotion and action units, its apex is the one frame where these are strongest, and it
ends with the sampled frame in which they have changed. So the times are as fine as the sampling, and the rise before
and the fading after the apex both belong to the segment.

Readings flicker, expressions do not: those that are meant to be seen last half a second and more (Ekman, 2003). So a
change counts only when it lasts. To look for shorter ones, lower `min_duration` and sample more frames a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from feallm.analyze.reading import FaceReading
from feallm.analyze.segment_track import Segment, Track

__all__ = ["MAX_GAP", "MIN_DURATION", "Segment", "Segmenter", "segments"]

MIN_DURATION, MAX_GAP = 0.5, 1.0
"""Defaults in seconds, see `Segmenter`."""


def segments(
    readings: Iterable[FaceReading],
    *,
    min_duration: float = MIN_DURATION,
    max_gap: float = MAX_GAP,
    end: float | None = None,
) -> list[Segment]:
    """The segments of one clip's or several clips' readings, clip by clip, by onset and then by face.

    Arguments and errors: see `Segmenter`, whose `finish` takes `end`.
    """
    segmenter = Segmenter(min_duration=min_duration, max_gap=max_gap)
    found = [segment for reading in readings for segment in segmenter.add(reading)]
    found += segmenter.finish(end)
    place = {name: number for number, name in enumerate(dict.fromkeys(segment.input for segment in found))}
    return sorted(found, key=lambda segment: (place[segment.input], segment.onset, segment.face_id))


class Segmenter:
    """Makes segments of readings as they come, in memory that does not grow with the clip.

    Args:
        min_duration: seconds for which a change of the emotion, of an action unit or between low and sufficient quality
            must last to count, in two readings or more and two thirds of those meanwhile; it is then dated back to its
            first frame. Changes less than this apart begin one segment together. What is shorter belongs to the
            segment around it, and a face that comes and goes within this time makes none.
        max_gap: seconds for which a face may be out of sight, such as behind a hand, without ending its segment.

    Raises ValueError where one of them is negative.
    """

    def __init__(self, *, min_duration: float = MIN_DURATION, max_gap: float = MAX_GAP) -> None:
        if not (min_duration >= 0 and max_gap >= 0):
            raise ValueError(f"min_duration and max_gap are seconds, 0 or more; {min_duration} and {max_gap} came")
        self.min_duration = min_duration
        self.max_gap = max_gap
        self._tracks: dict[int, Track] = {}
        self._input: str | None = None
        self._now: float | None = None
        self._interval = 0.0
        self._frames = 0

    def add(self, reading: FaceReading) -> list[Segment]:
        """Take the next reading, in order of time; returns the segments that it closes.

        Readings without a face count too: they tell that a face is gone. A reading of another `input` begins a new
        clip. Raises ValueError: a face without frame or timestamp, one twice in a frame, or time that runs backwards.
        """
        closed = self.finish() if reading.input != self._input else []
        self._input = reading.input
        if reading.timestamp is None and reading.face_id is None:
            return closed
        if reading.timestamp is None or (reading.frame is None and reading.face_id is not None):
            raise ValueError(
                f"{reading.input}: segments need the frame and timestamp of a clip; frame {reading.frame} and "
                f"timestamp {reading.timestamp} came: still pictures have none"
            )
        closed += self._advance(reading, reading.timestamp)
        if reading.face_id is None or not reading.emotion_scores:
            return closed
        track = self._tracks.get(reading.face_id)
        if track is None:
            track = self._tracks[reading.face_id] = Track(self.min_duration, reading)
        elif track.seen == self._frames:
            raise ValueError(f"{reading.input}: face {reading.face_id} comes twice at {reading.timestamp:g} s")
        track.seen, track.gone_at = self._frames, None
        return closed + track.add(reading)

    def finish(self, end: float | None = None) -> list[Segment]:
        """Close all segments; `end`, the end of the clip in seconds, is that of faces seen until then.

        Without it, the last frame is taken to last as long as the one before.
        """
        closed = []
        for track in self._tracks.values():
            last = round(track.last + self._interval, 6) if end is None else max(track.last, end)
            closed += track.close(last, cut=True) if track.gone_at is None else track.close(track.gone_at)
        self._tracks, self._input, self._now, self._interval, self._frames = {}, None, None, 0.0, 0
        return _in_order(closed)

    def held(self) -> Iterator[FaceReading]:
        """The readings that may still become the apex of an open segment: a few a face."""
        for track in self._tracks.values():
            yield from track.waiting
            yield from (reading for _, reading in track.open.strongest.values())

    def _advance(self, reading: FaceReading, now: float) -> list[Segment]:
        """Note the time of a new frame; close the faces that are gone too long."""
        if self._now is None:
            self._now = now
        if now < self._now:
            raise ValueError(
                f"{reading.input}: readings come in order of time; {now:g} s came after {self._now:g} s: sort them"
            )
        if now == self._now and self._frames:
            return []
        self._interval = now - self._now if self._frames else 0.0
        self._now, self._frames = now, self._frames + 1
        closed = []
        for face, track in list(self._tracks.items()):
            track.gone_at = now if track.gone_at is None else track.gone_at
            missed = track.seen < self._frames - 1
            if missed and now - track.last > self.max_gap:
                closed += self._tracks.pop(face).close(track.gone_at)
        return _in_order(closed)


def _in_order(closed: list[Segment]) -> list[Segment]:
    return sorted(closed, key=lambda segment: (segment.onset, segment.face_id))
