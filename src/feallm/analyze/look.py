"""One face of one picture, kept with what the engine sees of it, so that further questions can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.reading import FaceReading
from feallm.faces import Face


@dataclass(frozen=True)
class Look:
    """`crop`: the aligned face [S, S, 3]; `found`: where it is; `encoded`: its features, in the engine's own form;
    `faces`: how many faces the picture has."""

    reading: FaceReading
    crop: NDArray[np.uint8]
    found: Face
    encoded: Any
    faces: int


def pick_face(readings: Sequence[FaceReading], face: int) -> int:
    """The place of face number `face` among a picture's readings.

    Raises ValueError where the picture cannot be read, shows no face, or has no face of that number.
    """
    first = readings[0]
    if first.status == "unreadable":
        raise ValueError(f"{first.input} cannot be read: {first.error}")
    if first.face_id is None:
        raise ValueError(f"no face was found in {first.input}")
    numbers = [reading.face_id for reading in readings]
    if face not in numbers:
        are = (
            "is 1 face, number 0"
            if len(numbers) == 1
            else f"are {len(numbers)} faces, numbered 0 to {len(numbers) - 1}"
        )
        raise ValueError(f"{first.input} has no face {face}: there {are}")
    return numbers.index(face)
