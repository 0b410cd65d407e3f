"""Single frames of video files, for data sets that ship videos with labels frame by frame."""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


class _Reader:
    """A video open at a place: frames in ascending order are read without seeking."""

    def __init__(self, path: Path) -> None:
        self.capture = cv2.VideoCapture(str(path))
        self.next = 0

    def frame(self, number: int) -> NDArray[np.uint8] | None:
        if number < self.next or number > self.next + 300:
            self.capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            self.next = number
        while self.next < number:
            if not self.capture.grab():
                return None
            self.next += 1
        found, picture = self.capture.read()
        self.next += 1
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8) if found else None


@lru_cache(maxsize=2)
def _open(path: Path) -> _Reader:
    return _Reader(path)


def read_frame(path: Path, number: int) -> NDArray[np.uint8]:
    """Frame `number` (from 0) of a video as [H, W, 3] uint8 RGB; frames in order are fast.

    Raises OSError where the video or the frame cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no video at {path}")
    picture = _open(path).frame(number)
    if picture is None:
        _open.cache_clear()
        raise OSError(f"{path}: frame {number} cannot be read")
    return picture
