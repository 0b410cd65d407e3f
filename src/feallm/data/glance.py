"""One look at every picture of a data set: whether it is there and can be read, and a thumbnail to find repeats by."""

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from feallm.data.near import SIDE, thumbnail
from feallm.data.records import LabelledFace, VideoFrame
from feallm.media import Limits
from feallm.media.decode import DECODER_ERRORS, decode
from feallm.media.limits import UnreadableError

Image = bytes | Path | NDArray[np.uint8] | VideoFrame
Box = tuple[float, float, float, float] | None
Look = tuple[bytes, NDArray[np.uint8]] | OSError | str

FRAMES_A_VIDEO = 8
BATCH = 64


@dataclass(frozen=True)
class Glances:
    """What was seen of N pictures: `thumbnails` [N, 32, 32] uint8 grey; `digests` of the pixels, None where there are
    none; `missing` and `unreadable` (number -> reason) pictures; `looked` [N] bool, False for frames left out."""

    thumbnails: NDArray[np.uint8]
    digests: list[bytes | None]
    looked: NDArray[np.bool_]
    missing: list[int] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)


def glance(
    images: Sequence[Image], boxes: Sequence[Box], advance: Callable[[int], object] = lambda count: None
) -> Glances:
    """Decode every picture and cut out its box; of a video `FRAMES_A_VIDEO` frames, from the first to the last.

    `advance` is told how many pictures were seen since its last call. Nothing is raised for a picture.
    """
    chosen = _chosen(images)
    looked = np.zeros(len(images), bool)
    looked[chosen] = True
    seen = Glances(np.zeros((len(images), SIDE, SIDE), np.uint8), [None] * len(images), looked)
    stills = [number for number in chosen if not isinstance(images[number], VideoFrame)]
    frames = [number for number in chosen if isinstance(images[number], VideoFrame)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata: the pixels are what counts
        pool = ThreadPoolExecutor(_cores())
        try:
            batches = [stills[start : start + BATCH] for start in range(0, len(stills), BATCH)]
            for batch, found in zip(batches, pool.map(partial(_look_at, images, boxes), batches), strict=True):
                for number, one in zip(batch, found, strict=True):
                    _note(seen, number, one)
                advance(len(batch))
        finally:
            pool.shutdown(cancel_futures=True)
        for number in frames:  # one open video after the other: seeking back and forth is slow
            _note(seen, number, _look(images[number], boxes[number]))
            advance(1)
    return seen


def count_chosen(images: Sequence[Image]) -> int:
    """How many pictures `glance` will look at."""
    return len(_chosen(images))


def _chosen(images: Sequence[Image]) -> list[int]:
    videos: dict[Path, list[int]] = {}
    stills = []
    for number, image in enumerate(images):
        if isinstance(image, VideoFrame):
            videos.setdefault(image.path, []).append(number)
        else:
            stills.append(number)
    frames = []
    for numbers in videos.values():
        ordered = sorted(numbers, key=lambda number: getattr(images[number], "number", 0))
        places = np.linspace(0, len(ordered) - 1, min(FRAMES_A_VIDEO, len(ordered)))
        frames += [ordered[round(place)] for place in places.tolist()]
    return stills + frames


def _look_at(images: Sequence[Image], boxes: Sequence[Box], batch: Sequence[int]) -> list[Look]:
    return [_look(images[number], boxes[number]) for number in batch]


def _look(image: Image, box: Box) -> Look:
    """Digest and thumbnail of one picture, the error where there is no file, or why it cannot be read."""
    try:
        pixels = LabelledFace("", image, "", "").picture()
        height, width = pixels.shape[:2]
        if box is not None:
            left, top, right, bottom = round(box[0]), round(box[1]), round(box[0] + box[2]), round(box[1] + box[3])
            pixels = np.ascontiguousarray(pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)])
        if pixels.size == 0:
            return f"the face box {box} lies outside the picture of {width} x {height}"
        digest = blake2b(pixels.tobytes(), digest_size=16, salt=f"{pixels.shape[0]}x{pixels.shape[1]}".encode()[:16])
        return digest.digest(), thumbnail(pixels)
    except FileNotFoundError as error:
        return error
    except (*DECODER_ERRORS, cv2.error) as error:
        return _reason(image, error)


def _reason(image: Image, error: BaseException) -> str:
    """Why a picture cannot be read, in plain words."""
    try:
        data = image.read_bytes() if isinstance(image, Path) else image
        if isinstance(data, bytes):
            decode(data, Limits())
    except UnreadableError as unreadable:
        return str(unreadable)
    except OSError as failed:
        return str(failed)
    return str(error) or type(error).__name__


def _note(seen: Glances, number: int, found: Look) -> None:
    if isinstance(found, OSError):
        seen.missing.append(number)
    elif isinstance(found, str):
        seen.unreadable[number] = found
    else:
        seen.digests[number] = found[0]
        seen.thumbnails[number] = found[1]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
