"""Pixels of a decoded frame: RGB, upright, with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Pixels
from .limits import Limits

if TYPE_CHECKING:
    from av.video.frame import VideoFrame


def rgb(frame: VideoFrame, aspect: Fraction, limits: Limits) -> Pixels:
    """A frame of any pixel format and depth as upright RGB [H, W, 3], a copy of its own.

    aspect: width of a pixel by its height; where it is not 1, the width is scaled by it, as players do.

    Raises UnreadableError: more pixels than `limits` allow.
    """
    width = max(1, round(frame.width * aspect))
    limits.check_pixels(width, frame.height)
    values = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
    return upright(np.array(values, dtype=np.uint8, order="C"), display_matrix(frame))


def display_matrix(frame: VideoFrame) -> NDArray[np.int64] | None:
    """How a player must turn and mirror the frame: [3, 3] as ISO 14496-12 6.2.2 has it, or None for not at all."""
    from av.sidedata.sidedata import SideDataContainer

    # Not frame.side_data: the frame would hold that and be held by it, so that every frame would stay in memory until
    # Python looks for cycles, which is hundreds of frames later.
    container: Any = SideDataContainer
    data = container(frame).get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data), np.int32).reshape(3, 3).astype(np.int64)


def upright(pixels: Pixels, matrix: NDArray[np.int64] | None) -> Pixels:
    """The picture [H, W, 3] turned and mirrored by a display matrix; an angle between is taken to the nearest side.

    A point (x, y) is shown at (a x + c y, b x + d y), where a, b stand in the first row and c, d in the second.
    """
    if matrix is None:
        return pixels
    import cv2  # several times faster at this than numpy, and not needed for the most videos

    (a, b), (c, d) = matrix[:2, :2].tolist()
    is_turned = abs(b) + abs(c) > abs(a) + abs(d)
    mirrored, flipped = (c < 0, b < 0) if is_turned else (a < 0, d < 0)
    if is_turned:
        pixels = cv2.transpose(pixels).astype(np.uint8, copy=False)
    if mirrored or flipped:
        pixels = cv2.flip(pixels, -1 if mirrored and flipped else int(mirrored)).astype(np.uint8, copy=False)
    return pixels


def quarter_turns(matrix: NDArray[np.int64] | None) -> int:
    """Degrees clockwise, 0, 90, 180 or 270, by which `upright` turns a picture; mirroring is left out."""
    if matrix is None:
        return 0
    (a, b), (c, d) = matrix[:2, :2].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return 90 if b > 0 else 270
    return 180 if d < 0 else 0
