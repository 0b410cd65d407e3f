"""Frames of videos, for data sets with labels frame by frame: out of a video file, or a folder of pictures."""

import os
import re
from functools import lru_cache
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
FAR = 300  # frames: decoding as many is slower than a jump to the nearest key frame
_NUMBER = re.compile(r"(\d+)\D*$")


def numbered_pictures(folder: Path) -> dict[int, Path]:
    """Number -> picture of a folder in order; {} where there is none.

    The number is the last one in the name, however it is padded: "023.jpg", "LeftVideoSN001_comp_00023.png".
    """
    found: dict[int, Path] = {}
    if not folder.is_dir():
        return found
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        stem, suffix = os.path.splitext(name)
        match = _NUMBER.search(stem) if suffix.lower() in PICTURES else None
        if match:
            found.setdefault(int(match[1]), folder / name)
    return dict(sorted(found.items()))


def frame_pictures(folder: Path) -> dict[int, Path]:
    """Frame, counted from 1, -> picture of a folder of a video's frames; {} where there is none.

    A folder that holds a picture 0 counts from 0, so that its picture 0 is frame 1; any other counts from 1.
    """
    pictures = numbered_pictures(folder)
    first = 1 if 0 in pictures else 0
    return {number + first: picture for number, picture in pictures.items()}


class _Reader:
    """A video open at a place: frames in ascending order are read without seeking."""

    def __init__(self, path: Path) -> None:
        self.capture = cv2.VideoCapture(str(path))
        self.next = 0
        self.lock = Lock()

    def frame(self, number: int) -> NDArray[np.uint8] | None:
        with self.lock:
            if number < self.next or number > self.next + FAR:
                self._seek(number)
            while self.next < number:
                if not self.capture.grab():
                    return None
                self.next += 1
            found, picture = self.capture.read()
            self.next += 1
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8) if found else None

    def _seek(self, number: int) -> None:
        """Jump to a frame; a container that cannot go there exactly is read from its start."""
        self.next = number
        self.capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        if int(self.capture.get(cv2.CAP_PROP_POS_FRAMES)) != number:
            self.capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            self.next = 0


@lru_cache(maxsize=4)
def _open(path: Path, process: int) -> _Reader:
    return _Reader(path)


def read_frame(path: Path, number: int) -> NDArray[np.uint8]:
    """Frame `number` (from 0) of a video as [H, W, 3] uint8 RGB; frames in order are fast.

    Raises OSError where the video or the frame cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no video at {path}")
    if number < 0:
        raise OSError(f"{path}: there is no frame {number}, frames are counted from 0")
    reader = _open(path, os.getpid())  # a forked worker must not share the place in the file with its parent
    if not reader.capture.isOpened():
        _open.cache_clear()
        raise OSError(f"{path}: OpenCV cannot open this video; copy it again or convert it, for instance to MJPG")
    length = int(reader.capture.get(cv2.CAP_PROP_FRAME_COUNT))
    picture = reader.frame(number)
    if picture is None:
        _open.cache_clear()
        raise OSError(f"{path}: frame {number} (from 0) cannot be read; the video says that it has {length} frames")
    return picture
