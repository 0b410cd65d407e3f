"""How far a found face can be trusted: its size, sharpness, turn, light, and whether the picture cuts it.

The thresholds are ours. They were set where few ordinary press photographs are flagged
(`python benchmarks/detection.py --photos photos.parquet` prints the shares); none comes from a standard.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .align import crop_to_picture
from .face import Face, Picture, as_rgb, resize

SMALL = 32.0
"""Pixels of the box's shorter side under which a face is "small": two thirds of FER2013's crops."""
HOPELESS = 16.0
"""Pixels of the box's shorter side under which a face is not usable at all."""
BLURRED = 0.02
"""Sharpness under which a face is "blurred": the median press photograph has 0.07, and 0.02 after a
Gaussian blur of one pixel of the 96-pixel crop."""
SHARPNESS_SIDE = 96
"""Side in pixels of the crop that sharpness is measured on."""
TURNED = 30.0
"""Degrees of yaw, to either side, over which a face is "turned" and half of it hard to see."""
DARK, BRIGHT = 0.15, 0.85
"""Mean luminance, 0 to 1, under which a face is "dark" and over which it is "bright"; wide apart, since
skin differs and only what light hides is meant."""
CLIPPED = 0.25
"""Share of black (or white) pixels over which a face is "dark" (or "bright") whatever its mean."""
CUT_OFF = 0.3
"""Share of the crop outside the picture over which a face is "cut_off": part of the face itself is missing
then, not only what surrounds it."""

_NOSE_DEPTH = 0.5
"""How far the tip of the nose stands before the line between the pupils, in units of their distance."""


@dataclass(frozen=True)
class Quality:
    """What `assess` measured.

    `size`: shorter side of the box in pixels. `sharpness`: variance of the Laplacian over the variance of
    the luminance, on the aligned crop at `SHARPNESS_SIDE`; the ratio does not depend on contrast. `yaw`:
    degrees, positive when the nose points to the picture's right; roughly, from the five points alone.
    `roll`: degrees, positive when the head is turned clockwise in the picture. Both are None without
    points. `luminance`: mean over the aligned crop, 0 to 1; `black` and `white`: shares of its pixels at
    the ends of the range. `outside`: share of the crop that lies outside the picture. `flags`: names of
    what is wrong, in a fixed order.
    """

    size: float
    sharpness: float
    yaw: float | None
    roll: float | None
    luminance: float
    black: float
    white: float
    outside: float
    flags: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """False only for a face too small for anything to be read from it."""
        return self.size >= HOPELESS


def assess(picture: Picture, face: Face, aligned: Picture) -> Quality:
    """The quality of `face` in `picture`; `aligned` is its `align_face` crop of any size, with no
    margin."""
    grey = cv2.cvtColor(as_rgb(aligned), cv2.COLOR_RGB2GRAY)
    size = min(face.box[2:])
    sharpness = _sharpness(aligned)
    yaw, roll = (None, None) if face.points is None else _pose(face.points.astype(np.float64))
    luminance = float(grey.mean()) / 255
    black, white = float((grey <= 2).mean()), float((grey >= 253).mean())
    outside = _outside(picture, face)
    wrong = {
        "small": size < SMALL,
        "blurred": sharpness < BLURRED,
        "turned": yaw is not None and abs(yaw) > TURNED,
        "dark": luminance < DARK or black > CLIPPED,
        "bright": luminance > BRIGHT or white > CLIPPED,
        "cut_off": outside > CUT_OFF,
    }
    flags = tuple(name for name, holds in wrong.items() if holds)
    return Quality(size, sharpness, yaw, roll, luminance, black, white, outside, flags)


def _sharpness(aligned: Picture) -> float:
    crop = as_rgb(aligned)
    if crop.shape[:2] != (SHARPNESS_SIDE, SHARPNESS_SIDE):
        crop = resize(crop, SHARPNESS_SIDE, SHARPNESS_SIDE)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float64)
    contrast = float(grey.var())
    return float(cv2.Laplacian(grey, cv2.CV_64F).var()) / contrast if contrast > 0 else 0.0


def _pose(points: NDArray[np.float64]) -> tuple[float, float]:
    """Yaw and roll in degrees.

    Seen from afar, a head turned by the yaw shows the distance between the pupils shortened by its cosine
    and the tip of the nose moved off the middle line by its sine times the nose's depth.
    """
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    across = right_eye - left_eye
    distance = float(np.hypot(*across))
    roll = math.degrees(math.atan2(across[1], across[0]))
    if distance == 0:
        return 90.0, roll
    across = across / distance
    down = np.array([-across[1], across[0]])
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    length = float((mouth - eyes) @ down)
    share = float((nose - eyes) @ down) / length if length != 0 else 0.0
    middle = eyes + share * (mouth - eyes)
    offset = float((nose - middle) @ across)
    return math.degrees(math.atan2(offset, _NOSE_DEPTH * distance)), roll


def _outside(picture: Picture, face: Face) -> float:
    height, width = picture.shape[:2]
    crop = crop_to_picture((0, 0, 1, 1), face).astype(np.float32)
    frame = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
    inside, _ = cv2.intersectConvexConvex(crop, frame)
    return float(np.clip(1 - inside / cv2.contourArea(crop), 0, 1))
