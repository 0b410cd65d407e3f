"""What is done to a face's picture before a model sees it: six perturbations at five levels, light, mirror, hiding.

Pictures are [H, W, 3] uint8 RGB and keep their shape. Strengths are stated relative to the face, so that one of 48
pixels and one of 512 suffer alike; the side of a picture that is not square is the shorter one. Everything is a pure
function of the picture and, for noise and the sense of a rotation, of `key`, the sample's id.

The kinds of damage and their five levels follow ImageNet-C (Hendrycks & Dietterich 2019); the strengths are ours.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feallm.analyze.hiding import hide as hide_boxes
from feallm.bench.items import Picture
from feallm.faces import align_face, whole_picture
from feallm.faces.regions import Box


class Perturbation(Protocol):
    """A kind of damage at one level."""

    def __call__(self, picture: Picture, key: str) -> Picture: ...


class _Damage(Protocol):
    def __call__(self, picture: Picture, key: str, amount: float) -> Picture: ...


JPEG_SIDE = 96
"""Side in pixels at which `jpeg` encodes: its blocks of 8 pixels are a twelfth of the face, whatever its size."""
GRAIN_SIDE = 48
"""Grains of `noise` across the side. Finer ones would be averaged away where a model reduces a large picture."""
LIGHT = 0.7
"""What `darker` leaves of each value, and `brighter` of each value's distance to white: nothing is clipped."""

LEVELS: dict[str, tuple[float, float, float, float, float]] = {
    "blur": (0.010, 0.020, 0.030, 0.045, 0.060),
    "jpeg": (16, 8, 5, 3, 2),
    "noise": (8, 16, 28, 44, 64),
    "rotation": (8, 16, 24, 35, 50),
    "downscale": (32, 24, 18, 14, 10),
    "darkness": (0.60, 0.40, 0.25, 0.12, 0.05),
}
"""Perturbation -> its strength at levels 1 to 5.

- blur: standard deviation of the Gaussian, as a share of the side.
- jpeg: quality (libjpeg, 1..100) of the picture encoded at `JPEG_SIDE` pixels and brought back.
- noise: standard deviation in grey levels (of 255), Gaussian, equal in the three channels, in `GRAIN_SIDE` grains.
- rotation: degrees around the centre, clockwise or not by the key; what comes into view repeats the edge.
- downscale: pixels that are left across the side; the picture is then enlarged again. Smaller pictures stay.
- darkness: what is left of each value (of the encoded one, not of the light).
"""


def blur(picture: Picture, key: str, amount: float) -> Picture:
    """Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), amount * _side(picture)), dtype=np.uint8)


def jpeg(picture: Picture, key: str, amount: float) -> Picture:
    """Compressed as a thumbnail of `JPEG_SIDE` pixels."""
    small = _resized(picture, JPEG_SIDE / _side(picture))
    stream = BytesIO()
    Image.fromarray(small).save(stream, "JPEG", quality=int(amount))
    with Image.open(stream) as decoded:
        return _to_size(np.asarray(decoded.convert("RGB")), picture.shape[1], picture.shape[0])


def noise(picture: Picture, key: str, amount: float) -> Picture:
    """Grey noise, the same for the same key."""
    rows, columns = picture.shape[:2]
    share = GRAIN_SIDE / _side(picture)
    grains = np.random.default_rng(seed_of(key)).normal(0, amount, (_scaled(rows, share), _scaled(columns, share)))
    spread = cv2.resize(grains, (columns, rows), interpolation=cv2.INTER_NEAREST)
    return _to_uint8(picture + spread[:, :, None])


def rotation(picture: Picture, key: str, amount: float) -> Picture:
    """Turned around its centre."""
    rows, columns = picture.shape[:2]
    turn = amount if seed_of(key) % 2 else -amount
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), turn, 1.0)
    turned = cv2.warpAffine(picture, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, dtype=np.uint8)


def downscale(picture: Picture, key: str, amount: float) -> Picture:
    """Few pixels, enlarged again."""
    share = amount / _side(picture)
    if share >= 1:
        return picture.copy()
    return _to_size(_resized(picture, share), picture.shape[1], picture.shape[0])


def darkness(picture: Picture, key: str, amount: float) -> Picture:
    """Each value times `amount`."""
    return _to_uint8(picture * amount)


_FUNCTIONS: dict[str, _Damage] = {
    "blur": blur,
    "jpeg": jpeg,
    "noise": noise,
    "rotation": rotation,
    "downscale": downscale,
    "darkness": darkness,
}
PERTURBATIONS: dict[str, tuple[Perturbation, ...]] = {
    name: tuple(partial(_FUNCTIONS[name], amount=amount) for amount in amounts) for name, amounts in LEVELS.items()
}
"""`PERTURBATIONS[name][level - 1](picture, key)` is the picture perturbed."""


def mirrored(picture: Picture) -> Picture:
    """Left and right exchanged."""
    return picture[:, ::-1].copy()


def darker(picture: Picture) -> Picture:
    """A little less light: see `LIGHT`."""
    return _to_uint8(picture * LIGHT)


def brighter(picture: Picture) -> Picture:
    """A little more light: see `LIGHT`."""
    return _to_uint8(255 - (255 - picture.astype(np.float64)) * LIGHT)


def face_crop(picture: Picture) -> Picture:
    """The crop that the boxes of `faces.regions` refer to, at the side of the picture, which is a face crop already.

    A square picture comes back as it is, pixel for pixel; another is made square around its centre.
    """
    return align_face(picture, whole_picture(picture), max(picture.shape[:2]))


def hide(picture: Picture, boxes: Sequence[Box]) -> Picture:
    """`face_crop` with boxes (fractions of its side) covered in its mean colour."""
    return hide_boxes(face_crop(picture), boxes)


def seed_of(text: str) -> int:
    """A number in 0..2^64 - 1 that is the same on every machine: the seed of what is drawn for a sample."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")


def _side(picture: Picture) -> int:
    return int(min(picture.shape[:2]))


def _scaled(length: int, share: float) -> int:
    return max(1, round(length * share))


def _resized(picture: Picture, share: float) -> Picture:
    return _to_size(picture, _scaled(picture.shape[1], share), _scaled(picture.shape[0], share))


def _to_size(picture: Picture, columns: int, rows: int) -> Picture:
    reduced = columns < picture.shape[1]
    resized = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA if reduced else cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)


def _to_uint8(values: NDArray[np.floating[Any]]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
