"""Pixels from numpy arrays: what a caller's array means, stated once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .limits import Limits, UnreadableError

Pixels = NDArray[np.uint8]
SHAPES = "[H, W], [H, W, 1], [H, W, 3] RGB or [H, W, 4] RGBA, or a batch [N, H, W, C]"
OVERSHOOT = 1e-3  # interpolation leaves values a little outside 0..1


def from_array(array: NDArray[Any], limits: Limits) -> Pixels:
    """A fresh RGB copy [H, W, 3] of one picture's array; alpha is laid over white.

    array: [H, W], [H, W, 1], [H, W, 3] RGB (not OpenCV's BGR: the two cannot be told apart) or [H, W, 4]
    RGBA; uint8; bool; float in 0..1; uint16 in 0..65535; other integers in 0..255.

    Raises UnreadableError: another shape, type or range.
    """
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise UnreadableError(f"an array of shape {SHAPES} is expected; {list(array.shape)} came{_hint(array)}")
    limits.check_pixels(array.shape[1], array.shape[0])
    values = _eight_bits(array)
    if channels == 4:
        return over_white(values)
    if channels == 1:
        return np.repeat(values.reshape(*values.shape[:2], 1), 3, axis=2)
    return np.array(values, order="C", copy=True)


def over_white(rgba: Pixels) -> Pixels:
    """Straight-alpha RGBA [H, W, 4] laid over white: [H, W, 3]."""
    alpha = rgba[..., 3:].astype(np.uint32)
    mixed = rgba[..., :3] * alpha + 255 * (255 - alpha)
    return np.ascontiguousarray((mixed + 127) // 255).astype(np.uint8)


def from_sixteen_bits(values: NDArray[Any]) -> Pixels:
    """0..65535 to 0..255, rounded."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _hint(array: NDArray[Any]) -> str:
    if array.ndim == 3 and array.shape[0] in (1, 3, 4):
        return ": the channels come first; pass array.transpose(1, 2, 0)"
    return ""


def _eight_bits(array: NDArray[Any]) -> Pixels:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise UnreadableError(f"an array of integers, bool or float is expected; {array.dtype} came")
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
            raise UnreadableError(
                f"a {array.dtype} array must lie in 0..1 without NaN; this one spans {low:g}..{high:g}: "
                "divide it, or pass array.astype(numpy.uint8) if it spans 0..255"
            )
        return np.rint(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)
    if array.dtype == np.uint16:
        if 0 < high < 256:
            raise UnreadableError(
                f"a uint16 array spans 0..65535; the largest value here is {high}, almost black: pass "
                "array.astype(numpy.uint8) if it spans 0..255"
            )
        return from_sixteen_bits(array)
    if low < 0 or high > 255:
        raise UnreadableError(f"a {array.dtype} array must lie in 0..255; this one spans {low}..{high}")
    return array.astype(np.uint8)
