"""The numbers of every frame of a video, in batches across frames, each frame searched with what the one before showed.

Batches are whole frames, a fixed number of them, so that a run that goes on after a batch reads the rest exactly as
one that never stopped.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from feallm.analyze.analyzer import Analyzer, Slot, split
from feallm.analyze.reading import FaceReading
from feallm.faces import Face, align_face
from feallm.faces.follow import Follower
from feallm.media import Picture

_READING = TypeAdapter(FaceReading)


@dataclass(frozen=True)
class Frame:
    """One frame's readings, numbers without words, `face_id` counting the faces of the frame, largest first.

    `slots` has for each reading the aligned face that the words may need later, and where it was found; None once it
    is stored. `points`: the five points of each face. `whole`: whether all of the frame was searched, None where it
    was not searched at all.
    """

    readings: tuple[FaceReading, ...]
    points: tuple[list[list[float]] | None, ...]
    whole: bool | None
    slots: tuple[Slot | None, ...]

    @property
    def found(self) -> list[Face | None]:
        """For each reading its face, as a tracker and the next frame's search need it."""
        return [
            None if reading.box is None or reading.score is None else Face(reading.box, reading.score, _array(points))
            for reading, points in zip(self.readings, self.points, strict=True)
        ]

    @property
    def faces(self) -> list[Face]:
        """The faces that were found."""
        return [face for face in self.found if face is not None]

    @property
    def number(self) -> int | None:
        return self.readings[0].frame

    @property
    def timestamp(self) -> float | None:
        return self.readings[0].timestamp

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `frame_from` makes the same frame of them, without its slots."""
        readings = [reading.to_dict() for reading in self.readings]
        return {"readings": readings, "points": list(self.points), "whole": self.whole}


def frame_from(stored: Mapping[str, Any]) -> Frame:
    """A stored frame."""
    readings = tuple(restored(each) for each in stored["readings"])
    return Frame(readings, tuple(stored["points"]), stored["whole"], (None,) * len(readings))


def restored(stored: Mapping[str, Any]) -> FaceReading:
    """The reading that `FaceReading.to_dict` was made of."""
    return _READING.validate_python(stored)


def read_frames(
    analyzer: Analyzer, pictures: Iterable[Picture], follower: Follower, batch: int, after: float = -math.inf
) -> Iterator[list[Frame]]:
    """The frames of a video, `batch` at a time: faces found by `follower`, their numbers read together.

    `after` is the time of the frame before the first. A frame whose time does not go on cannot be placed: it is a
    reading with that error. Raises ValueError for a frame with pixels that has no number or no time stamp.
    """
    finder = analyzer.like(detector=follower)
    stream = in_order(pictures, after)
    while taken := [_found(finder, picture, follower) for picture in islice(stream, batch)]:
        filled = _numbers(analyzer, [slot for found, _ in taken for slot in found])
        yield [_frame([next(filled) for _ in found], found, whole) for found, whole in taken]


def in_order(pictures: Iterable[Picture], before: float = -math.inf) -> Iterator[Picture]:
    """The pictures, with the reason instead of pixels and time where a time stamp is not after the one before."""
    for picture in pictures:
        now = picture.timestamp
        if now is None or now > before:
            before = before if now is None else now
            yield picture
        else:
            reason = f"its time stamp, {now:g} s, is not after the frame before, at {before:g} s"
            yield Picture(picture.input, None, reason, picture.frame)


def cut_again(analyzer: Analyzer, picture: Picture, frame: Frame) -> Frame:
    """A stored frame with its slots cut again from its picture."""
    size = analyzer.engine.info.face_size
    slots = [
        None if picture.pixels is None or face is None else Slot(reading, align_face(picture.pixels, face, size), face)
        for reading, face in zip(frame.readings, frame.found, strict=True)
    ]
    return replace(frame, slots=tuple(slots))


def _found(finder: Analyzer, picture: Picture, follower: Follower) -> tuple[list[Slot], bool | None]:
    if picture.pixels is not None:
        if picture.frame is None or picture.timestamp is None:
            raise ValueError(f"{picture.input}: a video's frames have a number and a time stamp; this picture has none")
        follower.now = picture.timestamp
    follower.whole = None
    return list(finder.find(picture)), follower.whole


def _numbers(analyzer: Analyzer, slots: Sequence[Slot]) -> Iterator[FaceReading]:
    waiting = list(slots)
    while waiting:
        ready, waiting = split(waiting, analyzer.batch_size)
        yield from analyzer.read(ready, explain=False, evidence=False)


def _frame(readings: Sequence[FaceReading], slots: Sequence[Slot], whole: bool | None) -> Frame:
    places = [None if slot.found is None or slot.found.points is None else slot.found.points for slot in slots]
    points = tuple(None if place is None else place.astype(float).tolist() for place in places)
    return Frame(tuple(readings), points, whole, tuple(slots))


def _array(points: list[list[float]] | None) -> NDArray[np.float32] | None:
    return None if points is None else np.array(points, np.float32)
