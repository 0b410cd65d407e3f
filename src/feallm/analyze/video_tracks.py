"""From the frames of a video to its rows: track ids, then smoothing."""

from collections.abc import Mapping
from dataclasses import replace

from feallm.analyze.smooth import Rows, Smoother
from feallm.analyze.video_frames import Frame
from feallm.faces.track import Tracker


class Tracks:
    """The rows of a video's frames, `face_id` being the track, smoothed over `smooth` seconds (see `Smoother`).

    The same frames always give the same rows.
    """

    def __init__(self, smooth: float, thresholds: Mapping[str, float], min_confidence: float) -> None:
        self._tracker = Tracker()
        self._smoother = Smoother(smooth, thresholds, min_confidence)

    def add(self, frame: Frame) -> list[Rows]:
        """Take the next frame; returns the rows, by track, of the frames that are complete now."""
        rows, now = list(frame.readings), frame.timestamp
        if frame.whole is not None and now is not None:  # else nothing was looked for: who was there may still be
            tracks = self._tracker.update(frame.faces, now)
            if tracks:
                rows = [replace(row, face_id=track) for row, track in zip(rows, tracks, strict=True)]
        return self._smoother.add(now, sorted(rows, key=lambda row: row.face_id or 0))

    def finish(self) -> list[Rows]:
        """The rows of the frames that still waited."""
        return self._smoother.finish()
