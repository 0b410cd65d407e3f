"""Finding faces. A detector is anything with `detect(picture) -> list[Face]`; `make_detector` builds one by
name.

Every detector takes RGB, answers in pixels of the picture it was given, and sorts by score times area,
largest first. "No face" is an empty list, never an error.
"""

import math
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from .face import Face, Picture, as_rgb, resize, whole_picture
from .mtcnn import Mtcnn

LONGEST_SIDE = 1024
"""Larger pictures are searched reduced to this longest side in pixels: 0.14 s instead of 0.6 s for 2048
pixels on one core, at the price of faces under 2 % of the longest side."""

MIN_FACE_SIZE = 20
"""Longer side in pixels of the smallest face looked for, in the picture as it is searched."""

TIGHT_BORDER = 0.25
"""Share of the shorter side that is added around a picture without a find, before a second look for a face
that fills it: the networks need some surroundings, and face crops have none."""


TIGHT_SCORE = 0.7
"""Least score at the second look, where a large face is likelier: 92 % instead of 90 % of FER2013's crops."""

NEAR_ROOM, NEAR_SIZE = 1.0, 0.6
"""`near` looks this far around a box, in its longer sides, for a face of at least this share of its side whose centre
has moved by no more than that room."""

LARGE_SIDE = 320
"""`has_newcomer` searches a picture reduced to this longest side in pixels."""


@runtime_checkable
class Detector(Protocol):
    """What finds faces in an RGB picture [height, width, 3]."""

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]: ...


class NoneDetector:
    """For pictures that already are face crops: the whole picture is the face, with score 1 and no
    points."""

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        return [whole_picture(as_rgb(picture))]


class MtcnnDetector:
    """The default: MTCNN with five points, its weights installed with the package (see `mtcnn`).

    `min_face_size` and `longest_side` are in pixels, `thresholds` the least score after each of the three
    networks, `scale_factor` the ratio of neighbouring pyramid levels (`benchmarks/detection.py` measures
    them). The weights are read at the first call. Threads may share a detector: their calls take turns, so
    one detector per thread is faster. Raises ValueError for options out of range.
    """

    def __init__(
        self,
        *,
        min_face_size: float = MIN_FACE_SIZE,
        longest_side: int = LONGEST_SIDE,
        thresholds: tuple[float, float, float] = (0.6, 0.7, 0.9),
        scale_factor: float = 0.709,
    ) -> None:
        if min_face_size < 12:
            raise ValueError(f"MTCNN sees no faces under 12 pixels, got min_face_size={min_face_size}")
        if longest_side < min_face_size:
            raise ValueError(f"longest_side={longest_side} is below min_face_size={min_face_size}")
        if not 0 < scale_factor < 1:
            raise ValueError(f"scale_factor lies between 0 and 1, got {scale_factor}")
        if len(thresholds) != 3 or not all(0 <= threshold <= 1 for threshold in thresholds):
            raise ValueError(f"thresholds are three scores between 0 and 1, got {thresholds}")
        self.min_face_size = min_face_size
        self.longest_side = longest_side
        self.thresholds = thresholds
        self.scale_factor = scale_factor
        self._turn = threading.Lock()

    @cached_property
    def _network(self) -> Mtcnn:
        first, second, last = self.thresholds
        return Mtcnn((first, second, min(last, TIGHT_SCORE)), self.scale_factor)

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        picture = as_rgb(picture)
        searched = _reduced(picture, self.longest_side)
        shorter = min(searched.shape[:2])
        if shorter < self.min_face_size:
            return []
        with self._turn:
            boxes, scores, points = self._network.detect(searched, self.min_face_size)
            sure = scores >= self.thresholds[2]
            boxes, scores, points = boxes[sure], scores[sure], points[sure]
            if len(boxes) == 0:
                boxes, scores, points = self._second_look(searched, round(TIGHT_BORDER * shorter))
        back = _enlargement(picture, searched)
        sides = boxes[:, 2:] - boxes[:, :2]
        return _sorted(
            face
            for corner, side, score, place in zip(boxes[:, :2], sides, scores, points, strict=True)
            if max(side) >= self.min_face_size
            and (face := _face(picture, (*(corner * back), *(side * back)), score, place * back)) is not None
        )

    def near(self, picture: NDArray[np.uint8], face: Face) -> Face | None:
        """The face of `picture` where `face` was in the picture before; None where none is found there.

        Searches the neighbourhood alone, at the resolution of `detect`: a tenth of its time in a picture of 1280 x 720.
        """
        picture = as_rgb(picture)
        region, origin = _around(picture, face, NEAR_ROOM)
        share = min(1.0, self.longest_side / max(picture.shape[:2]))
        high, wide = (max(1, round(side * share)) for side in region.shape[:2])
        searched = region if share == 1 else resize(region, wide, high)
        smallest = max(self.min_face_size, NEAR_SIZE * max(face.box[2:]) * share)
        if min(searched.shape[:2]) < smallest:
            return None
        with self._turn:
            boxes, scores, points = self._network.detect(searched, smallest)
        back = _enlargement(region, searched)
        sides = (boxes[:, 2:] - boxes[:, :2]) * back
        found = [
            moved
            for corner, side, score, place in zip(boxes[:, :2] * back + origin, sides, scores, points, strict=True)
            if score >= self.thresholds[2]
            and (moved := _face(picture, (*corner, *side), score, place * back + origin)) is not None
            and _moved_by(face, moved) <= NEAR_ROOM
        ]
        return min(found, key=lambda each: _moved_by(face, each), default=None)

    def has_newcomer(self, picture: NDArray[np.uint8], known: Sequence[Face]) -> bool:
        """Whether a face of 7 % of the longest side or more is there beside those known; a tenth of `detect`'s time."""
        picture = as_rgb(picture)
        searched = _reduced(picture, min(LARGE_SIDE, self.longest_side))
        back = _enlargement(picture, searched)
        with self._turn:
            boxes = self._network.propose(searched, self.min_face_size)
            centres = (boxes[:, :2] + boxes[:, 2:4]) / 2 * back
            free = np.ones(len(boxes), bool)
            for face in known:
                x, y, width, height = face.box
                free &= (abs(centres - (x + width / 2, y + height / 2)) > (width / 2, height / 2)).any(axis=1)
            scores = self._network.judge(searched, boxes[free])[1]
        return bool((scores >= self.thresholds[2]).any())

    def _second_look(self, picture: Picture, border: int) -> tuple[NDArray[np.float32], ...]:
        padded = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
        smallest = max(self.min_face_size, min(picture.shape[:2]) / 2)
        boxes, scores, points = self._network.detect(np.asarray(padded, np.uint8), smallest)
        large = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) >= smallest
        return boxes[large] - border, scores[large], points[large] - border


class YuNetDetector:
    """OpenCV's YuNet, from the user's own ONNX file (face_detection_yunet of OpenCV's model zoo).

    Raises FileNotFoundError when `weights` is not a file, ValueError when OpenCV cannot read it as YuNet,
    and ImportError when this OpenCV was built without FaceDetectorYN. Threads may share a detector; calls
    take turns.
    """

    def __init__(self, weights: str | Path, *, longest_side: int = LONGEST_SIDE, min_score: float = 0.7) -> None:
        create: Callable[..., Any] | None = getattr(getattr(cv2, "FaceDetectorYN", None), "create", None)
        if create is None:
            raise ImportError(
                f"OpenCV {cv2.__version__} here has no FaceDetectorYN; install opencv-python-headless>=4.12 "
                "or use the detector 'mtcnn'"
            )
        if not Path(weights).is_file():
            raise FileNotFoundError(f"no YuNet weights at {weights}; expected the path of an ONNX file")
        try:
            self._network = create(str(weights), "", (320, 320), min_score)
        except cv2.error as error:
            raise ValueError(f"OpenCV cannot read {weights} as YuNet weights: {error}") from error
        self.longest_side = longest_side
        self._turn = threading.Lock()

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        picture = as_rgb(picture)
        searched = _reduced(picture, self.longest_side)
        with self._turn:
            self._network.setInputSize((searched.shape[1], searched.shape[0]))
            _, rows = self._network.detect(cv2.cvtColor(searched, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        back = np.tile(_enlargement(picture, searched), 7)
        return _sorted(
            face
            for row in np.asarray(rows, np.float32)
            if (face := _face(picture, (row[:4] * back[:4]), row[14], (row[4:14] * back[4:]).reshape(5, 2))) is not None
        )


DETECTORS: dict[str, Callable[..., Detector]] = {
    "mtcnn": MtcnnDetector,
    "none": NoneDetector,
    "yunet": YuNetDetector,
}
"""The detectors by name. "yunet" needs its weights: "yunet:/path/to/weights.onnx"."""


def make_detector(detector: str | Detector = "mtcnn", **options: Any) -> Detector:
    """A detector by name, with that detector's options; an object with a `detect` method is returned as it
    is.

    Raises ValueError for an unknown name, for "yunet" without a path, and for options beside an object.
    """
    if not isinstance(detector, str):
        if not isinstance(detector, Detector):
            raise ValueError(f"a detector is {_choices()} or an object with .detect, got {detector!r}")
        if options:
            raise ValueError(f"options {sorted(options)} do not apply to a detector that is already made")
        return detector
    name, _, path = detector.partition(":")
    if name not in DETECTORS or (path and name != "yunet"):
        raise ValueError(f"unknown detector {detector!r}; expected {_choices()}")
    if name != "yunet":
        return DETECTORS[name](**options)
    if not path:
        raise ValueError("the detector 'yunet' needs the path of its weights: 'yunet:/path/to/weights.onnx'")
    return DETECTORS[name](path, **options)


def _choices() -> str:
    return ", ".join(f"{name}:PATH" if name == "yunet" else name for name in DETECTORS)


def _reduced(picture: Picture, longest_side: int) -> Picture:
    height, width = picture.shape[:2]
    share = longest_side / max(height, width)
    if share >= 1:
        return picture
    return resize(picture, max(1, round(width * share)), max(1, round(height * share)))


def _around(picture: Picture, face: Face, room: float) -> tuple[Picture, NDArray[np.float32]]:
    """What lies around a face's box, `room` of its longer side on each side of it, and where (x, y) that begins."""
    height, width = picture.shape[:2]
    x, y, box_width, box_height = face.box
    margin = room * max(box_width, box_height)
    left, top = max(int(x - margin), 0), max(int(y - margin), 0)
    right, bottom = min(int(x + box_width + margin) + 1, width), min(int(y + box_height + margin) + 1, height)
    region = picture[top : max(bottom, top), left : max(right, left)]
    return np.ascontiguousarray(region), np.array([left, top], np.float32)


def _moved_by(face: Face, other: Face) -> float:
    """The distance of two faces' centres, in longer sides of the first."""
    (x, y, width, height), (left, top, wide, high) = face.box, other.box
    return math.hypot(left + wide / 2 - x - width / 2, top + high / 2 - y - height / 2) / max(width, height)


def _enlargement(picture: Picture, searched: Picture) -> NDArray[np.float32]:
    """The (x, y) factors that take the searched picture's pixels back to the picture's."""
    return np.array([picture.shape[1] / searched.shape[1], picture.shape[0] / searched.shape[0]], dtype=np.float32)


def _face(picture: Picture, box: Any, score: float, points: NDArray[np.float32]) -> Face | None:
    """The face with its box (x, y, width, height) cut to the picture; None when nothing of it lies
    inside."""
    height, width = picture.shape[:2]
    x, y, box_width, box_height = (float(v) for v in box)
    left, right = max(x, 0.0), min(x + box_width, float(width))
    top, bottom = max(y, 0.0), min(y + box_height, float(height))
    if right <= left or bottom <= top:
        return None
    return Face(
        box=(left, top, right - left, bottom - top),
        score=min(max(float(score), 0.0), 1.0),
        points=points.astype(np.float32),
    )


def _sorted(faces: Any) -> list[Face]:
    return sorted(faces, key=lambda face: -face.score * face.area)
