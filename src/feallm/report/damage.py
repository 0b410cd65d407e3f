"""What of a video could not be read, in a sentence: what went wrong, at which time, and what was kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from feallm.analyze.reading import FaceReading
from feallm.media.clock import clock
from feallm.media.video_decode import ENDS_HERE
from feallm.report.terminal import printable


@dataclass
class _Clip:
    """Frames of a video so far: how many, the last one's number, and the rows of those that could not be read."""

    frames: int = 0
    last: int = -1
    first_lost: FaceReading | None = None
    last_lost: FaceReading | None = None
    lost: int = 0
    end: FaceReading | None = None

    def add(self, row: FaceReading) -> None:
        if is_end(row):
            self.end = row
            return
        self.frames += row.frame != self.last
        self.last = self.last if row.frame is None else row.frame
        if row.status == "unreadable":
            self.first_lost, self.last_lost, self.lost = self.first_lost or row, row, self.lost + 1

    def told(self) -> str:
        """The sentence without the video's name; "" where nothing is wrong."""
        wrong = []
        if self.first_lost is not None and self.last_lost is not None:
            when = _when(self.first_lost, self.last_lost)
            wrong.append(f"{self.lost} of {_frames(self.frames)} could not be read, {when} ({self.first_lost.error})")
        if self.end is not None and self.end.error is not None:
            ends = self.end.error.removeprefix(ENDS_HERE)
            wrong.append(f"the file ends at {clock(self.end.timestamp or 0.0)}{ends}")
        if not wrong:
            return ""
        left = self.frames - self.lost
        kept = f"{_frames(left)} {'is' if left == 1 else 'are'} kept" if left else "no frame is left"
        return f"{', and '.join(wrong)}; {kept}"


def damage(rows: Iterable[FaceReading]) -> str:
    """What is wrong with one video, of its rows in order: a sentence, "" where nothing is."""
    clip = _Clip()
    for row in rows:
        clip.add(row)
    return clip.told()


def is_end(row: FaceReading) -> bool:
    """Whether a row is no frame, but says that a file was cut short there."""
    return row.error is not None and row.error.startswith(ENDS_HERE)


class Damage:
    """Takes the rows of a run, in order; `notes` are about the videos that are damaged or cut short.

    Rows without a frame are left out: a video that cannot be opened, or a picture, is a row with its reason.
    """

    def __init__(self) -> None:
        self._clips: dict[str, _Clip] = {}

    def add(self, row: FaceReading) -> None:
        if row.frame is not None:
            self._clips.setdefault(row.input, _Clip()).add(row)

    def notes(self) -> list[str]:
        """ "note: clip.mp4: the file ends at 0:03.4, though it states 6.0 s: …; 17 frames are kept", one a video."""
        told = ((name, clip.told()) for name, clip in self._clips.items())
        return [printable(f"note: {name}: {words}") for name, words in told if words]


def _frames(count: int) -> str:
    return f"{count:,} frame{'' if count == 1 else 's'}"


def _when(first: FaceReading, last: FaceReading) -> str:
    begin, end = (clock(row.timestamp or 0.0) for row in (first, last))
    return f"at {begin}" if first is last or begin == end else f"from {begin} to {end}"
