"""Finding the faces of a video's frames in order: a search of the whole frame now and then, between them only where
faces were.

A whole search costs most of a reading's time at 1280 x 720. The whole frame is searched at once where a face is not
where it was, and where a quick look at the reduced frame shows a large one that is new. So only a small face that newly
appears beside others is found later, at the next whole search.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .detect import Detector
from .face import Face, overlap

Search = Literal["near", "full"]
"""Where faces are looked for between whole searches: near those of the frame before, or everywhere, in every frame."""
WHOLE_EVERY = 1.0
"""Seconds of video between searches of the whole frame."""
LOOK_EVERY = 0.2
"""Seconds of video between quick looks for a large new face."""
SAME = 0.5
"""Two faces that share more than this (intersection over union) are one, found from two sides."""


@runtime_checkable
class NearDetector(Protocol):
    """A detector that can look for a face where it was, and quickly for large new ones (see `MtcnnDetector`)."""

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]: ...

    def near(self, picture: NDArray[np.uint8], face: Face) -> Face | None: ...

    def has_newcomer(self, picture: NDArray[np.uint8], known: Sequence[Face]) -> bool: ...


class Follower:
    """A `Detector` over the frames of one video: set `now` (seconds) before each `detect`.

    `whole` says afterwards whether the whole frame was searched. The same frames give the same faces; one that goes on
    in the middle of a video is told by `resume` what it knew there. Raises ValueError for an unknown `search`.
    """

    def __init__(self, detector: Detector, search: Search = "near") -> None:
        if search not in get_args(Search):
            raise ValueError(f"search is near or full, got {search!r}")
        self.detector = detector
        self.search: Search = search if isinstance(detector, NearDetector) else "full"
        self.now = 0.0
        self.whole: bool | None = None
        self._faces: Sequence[Face] = ()
        self._searched = self._before = -math.inf

    def resume(self, faces: Sequence[Face], now: float, whole: bool) -> None:
        """Take over what the frame at `now` gave: its faces, and whether the whole of it was searched."""
        self._faces, self._before = faces, now
        if whole:
            self._searched = now

    def detect(self, picture: NDArray[np.uint8]) -> list[Face]:
        near = self._near(picture) if self.now - self._searched < WHOLE_EVERY else None
        self.whole = near is None
        if near is None:
            self._faces, self._searched, self._before = (), self.now, self.now  # also where the detector stumbles
            near = self.detector.detect(picture)
        self._faces, self._before = near, self.now
        return near

    def _near(self, picture: NDArray[np.uint8]) -> list[Face] | None:
        """The faces of the frame before where they are now; None where one is not, or another may be there."""
        if self.search == "full" or not self._faces or not isinstance(self.detector, NearDetector):
            return None
        found = []
        for face in self._faces:
            moved = self.detector.near(picture, face)
            if moved is None:
                return None
            found.append(moved)
        if any(overlap(one.box, other.box) > SAME for one, other in combinations(found, 2)):
            return None
        is_due = self.now // LOOK_EVERY != self._before // LOOK_EVERY
        if is_due and self.detector.has_newcomer(picture, found):
            return None
        return sorted(found, key=lambda face: -face.score * face.area)
