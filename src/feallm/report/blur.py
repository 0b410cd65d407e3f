"""Faces made unrecognisable, for pictures that are passed on.

A face is averaged down to a few cells and smoothed, so that its pixels cannot be had back from the result. What is
covered is more than a detector's box, which cuts the forehead, the ears and the chin. The detector is asked again, and
with less certainty than for a reading: a patch of wall covered for nothing is better than a face that is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from feallm.analyze.reading import FaceReading
from feallm.faces import Detector, make_detector

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

CELLS = 4
"""Cells across the longer side of what is covered: at most 16 colours are left of a face."""
ABOVE, BESIDE, BELOW = 0.45, 0.35, 0.30
"""Shares of a detector's box that are covered around it."""
WARY = {"min_face_size": 16, "thresholds": (0.5, 0.6, 0.7)}
"""The detector's options here: its own are 20 pixels and (0.6, 0.7, 0.9)."""


def face_boxes(pixels: Pixels, readings: Sequence[FaceReading]) -> list[Box]:
    """What is to be covered in a picture [H, W, 3]: every face that was read or that a wary detector finds."""
    read = [_all_of(reading) for reading in readings if reading.box is not None]
    return [*read, *(_grown(face.box) for face in _detector().detect(pixels))]


def cover(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """A copy of a picture [H, W, 3] with `boxes` averaged to at most `CELLS` x `CELLS` colours each."""
    height, width = pixels.shape[:2]
    covered = pixels.copy()
    for left, top, right, bottom in sorted(boxes, key=_area):  # where two overlap, the coarser one lies on top
        columns = slice(max(0, math.floor(left)), min(width, math.ceil(right)))
        rows = slice(max(0, math.floor(top)), min(height, math.ceil(bottom)))
        part = pixels[rows, columns]
        if part.size:
            covered[rows, columns] = _smeared(part)
    return covered


def _smeared(part: Pixels) -> Pixels:
    high, wide = part.shape[:2]
    longest = max(high, wide)
    size = (max(1, round(CELLS * wide / longest)), max(1, round(CELLS * high / longest)))
    few = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    large = cv2.resize(few, (wide, high), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), max(1.0, longest / CELLS / 3)), np.uint8)


def _grown(box: tuple[float, float, float, float]) -> Box:
    x, y, wide, high = box
    side = max(wide, high)  # a head turned aside has a narrow box
    return x - BESIDE * side, y - ABOVE * side, x + wide + BESIDE * side, y + high + BELOW * side


def _all_of(reading: FaceReading) -> Box:
    """The grown box of a read face, and every region of evidence that may reach beyond it."""
    assert reading.box is not None
    left, top, right, bottom = _grown(reading.box)
    measured = [unit.evidence for unit in reading.action_units.values() if unit.evidence is not None]
    points = [point for evidence in measured for region in evidence.regions for point in region]
    across, down = [left, right, *(x for x, _ in points)], [top, bottom, *(y for _, y in points)]
    return min(across), min(down), max(across), max(down)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


@cache
def _detector() -> Detector:
    return make_detector("mtcnn", **WARY)
