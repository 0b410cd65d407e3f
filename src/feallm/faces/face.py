"""A found face, and the one check of what counts as a picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""[height, width, 3], RGB, 0 to 255."""

POINT_NAMES = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
"""The five points, in order. Left and right are those of the picture: in an upright picture the left eye is
the one nearer to the left edge (the person's right eye)."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a picture.

    `box` is (x, y, width, height) in pixels of the original picture, origin at its top left corner; it may
    reach past the picture's edges. `score` is the detector's, 0 to 1. `points` is [5, 2] (x, y) in the
    order of `POINT_NAMES`, or None where the detector gives none. Coordinates are continuous: pixel i
    covers i to i + 1.
    """

    box: tuple[float, float, float, float]
    score: float
    points: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if not (self.box[2] > 0 and self.box[3] > 0 and np.isfinite(self.box).all()):
            raise ValueError(f"a face's box needs a positive width and height, got {self.box}")
        if self.points is not None and (self.points.shape != (5, 2) or not np.isfinite(self.points).all()):
            raise ValueError(f"a face's points are five finite (x, y) pairs, got {self.points.tolist()}")

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return self.box[2] * self.box[3]


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def whole_picture(picture: Picture) -> Face:
    """The picture itself as the face: for pictures that already are face crops."""
    height, width = picture.shape[:2]
    return Face(box=(0.0, 0.0, float(width), float(height)), score=1.0)


def as_rgb(picture: NDArray[np.uint8]) -> Picture:
    """[height, width], [height, width, 1], RGB or RGBA -> RGB; grey is repeated three times, alpha is
    dropped.

    Raises ValueError for an empty picture, another shape, or values that are not uint8.
    """
    if picture.dtype != np.uint8:
        raise ValueError(f"a picture holds uint8 values 0 to 255, got {picture.dtype}; convert it first")
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4) or picture.size == 0:
        raise ValueError(f"a picture is [height, width, 3] and not empty, got shape {picture.shape}")
    if picture.shape[2] == 1:
        return np.repeat(picture, 3, axis=2)
    return np.ascontiguousarray(picture[:, :, :3])


def resize(picture: Picture, width: int, height: int) -> Picture:
    """`picture` at `width` x `height`: area-averaged when it gets smaller, cubic when it gets larger."""
    smaller = width * height < picture.shape[0] * picture.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=interpolation), dtype=np.uint8)
