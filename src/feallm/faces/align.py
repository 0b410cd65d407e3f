"""The one face crop: from a picture and a found face to the square picture that the model reads.

Training and inference both use `align_face`. The framing is that of FER2013, which most of the training
pictures come from: with five points, the similarity transform that best takes them to `TEMPLATE`; without
points, the box itself, made square around its centre by its longer side (so a picture that already is a
face crop, framed by `face.whole_picture`, is only resized). What lies outside the picture repeats its edge.

Coordinates are continuous: pixel i covers i to i + 1, and the crop spans 0 to `size`.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from .face import Face, Picture, as_rgb

TEMPLATE: NDArray[np.float32] = np.array(
    [(0.314, 0.389), (0.686, 0.389), (0.500, 0.602), (0.344, 0.781), (0.656, 0.781)], dtype=np.float32
)
"""[5, 2], where the five points lie in the crop, as fractions of its side: their median in 3,000 pictures
of FER2013, averaged with its mirror image. Measured by `python benchmarks/alignment_template.py --data DIR
--pictures 3000`, which also prints how much FER2013's own framing varies around it (robust standard
deviations: rotation 6 degrees, scale 12 %, shift 3 % of the side)."""

DEFAULT_MARGIN = 0.0
"""Share of the crop's side added on each side of it. Zero is the framing of FER2013."""

_LARGEST_WARP = 4096
"""Longest side in pixels of the enlarged crop that is averaged down; bounds memory for huge faces."""


def align_face(picture: Picture, face: Face, size: int, *, margin: float = DEFAULT_MARGIN) -> Picture:
    """The face as a [size, size, 3] picture, upright and framed as in training.

    A reduced face is sampled at the picture's own resolution and averaged, so it does not alias; an
    enlarged one is interpolated with cubic splines. Raises ValueError for a size below 1, for a margin of
    -0.5 or less, for five coinciding points and for what is not a picture (see `face.as_rgb`).
    """
    picture = as_rgb(picture)
    matrix = align_matrix(face, size, margin=margin)
    pixels_per_crop_pixel = 1 / _scale(matrix)
    oversampling = max(1, min(math.ceil(pixels_per_crop_pixel - 1e-6), _LARGEST_WARP // size))
    region, origin = _cut(picture, _corners(matrix, size))
    matrix = _shift_source(matrix * oversampling, origin)
    enlarged = cv2.warpAffine(
        region,
        _to_pixel_centres(matrix),
        (size * oversampling, size * oversampling),
        flags=cv2.INTER_CUBIC if oversampling == 1 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if oversampling > 1:
        enlarged = cv2.resize(enlarged, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(enlarged, dtype=np.uint8)


def align_matrix(face: Face, size: int, *, margin: float = DEFAULT_MARGIN) -> NDArray[np.float64]:
    """The [2, 3] matrix that takes a point (x, y, 1) of the picture to the crop of `size` pixels."""
    if size < 1:
        raise ValueError(f"the size of a crop is at least 1 pixel, got {size}")
    if margin <= -0.5:
        raise ValueError(f"a margin of {margin} leaves nothing of the crop; it must be above -0.5")
    shown = 1 + 2 * margin
    if face.points is not None:
        target = (0.5 + (TEMPLATE.astype(np.float64) - 0.5) / shown) * size
        return similarity(face.points.astype(np.float64), target)
    x, y, width, height = face.box
    scale = size / (max(width, height) * shown)
    return np.array(
        [
            [scale, 0.0, size / 2 - scale * (x + width / 2)],
            [0.0, scale, size / 2 - scale * (y + height / 2)],
        ]
    )


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The [2, 3] rotation, uniform scale and shift that takes `source` [n, 2] nearest to `target` [n, 2].

    Least squares in closed form: Umeyama 1991 in two dimensions without reflection, written with complex
    numbers, where the transform is z -> a z + b. Raises ValueError when all source points coincide.
    """
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    centred = z - z.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    if spread < 1e-12:
        raise ValueError(f"cannot align points that all lie in one place: {source.tolist()}")
    a = np.sum(np.conj(centred) * (w - w.mean())) / spread
    if abs(a) < 1e-12:
        raise ValueError(f"no rotation and scale takes the points {source.tolist()} to the template")
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def crop_to_picture(
    region: tuple[float, float, float, float], face: Face, *, margin: float = DEFAULT_MARGIN
) -> NDArray[np.float64]:
    """Where a region of the crop lies in the picture: [4, 2] corner points in pixels.

    `region` is (left, top, right, bottom) in fractions of the crop, as in `crops.CLUE_CROPS`. The corners
    are the region's top left, top right, bottom right and bottom left: a rectangle that is turned when the
    face is.
    """
    left, top, right, bottom = region
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)
    return _apply(_inverse(align_matrix(face, 1, margin=margin)), corners)


def _scale(matrix: NDArray[np.float64]) -> float:
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    turn = np.linalg.inv(matrix[:, :2])
    return np.column_stack([turn, -turn @ matrix[:, 2]])


def _apply(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def _corners(matrix: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    square = np.array([(0, 0), (size, 0), (size, size), (0, size)], dtype=np.float64)
    return _apply(_inverse(matrix), square)


def _cut(picture: Picture, corners: NDArray[np.float64]) -> tuple[Picture, tuple[int, int]]:
    """The part of the picture that the crop can touch, and its origin.

    cv2.warpAffine refuses sources of 32,768 pixels and more. The border of three pixels is what the cubic
    kernel needs; beyond the picture's edge the cut's edge is the picture's, so repeating it gives the same
    pixels.
    """
    height, width = picture.shape[:2]
    left, top = (int(v) for v in np.floor(corners.min(axis=0)) - 3)
    right, bottom = (int(v) for v in np.ceil(corners.max(axis=0)) + 3)
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    right, bottom = max(min(right, width), left + 1), max(min(bottom, height), top + 1)
    return np.ascontiguousarray(picture[top:bottom, left:right]), (left, top)


def _shift_source(matrix: NDArray[np.float64], origin: tuple[int, int]) -> NDArray[np.float64]:
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ np.array(origin, dtype=np.float64)
    return shifted


def _to_pixel_centres(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """From our coordinates (pixel i covers i to i + 1) to OpenCV's (the centre of pixel i is i)."""
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return moved
