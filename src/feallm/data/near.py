"""Pictures that repeat each other: the same shot again, mirrored, recoloured, watermarked, shifted or cropped a little.

Two steps. Every pair of thumbnails is compared by the correlation of its 16 x 16 versions, as it stands and mirrored;
pairs that reach `CANDIDATE` are laid over each other, shifted and resized by up to 8 %, and count as repeats where the
best correlation reaches `SAME`.

The thresholds were set on FER2013, whose training and validation pictures share photographs. At `SAME` the search finds
98.5 % of the 393 validation pictures that FEALLM's list calls copies of training pictures, and 231 more. The 100 of
these that are nearest to the threshold were looked at by eye: all are repeats. Below 0.95 different people appear.
"""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 32
COARSE = 16
CANDIDATE = 0.87
SHIFTED = 0.83
SAME = 0.955
MARGIN = 3
SCALES = (0.92, 0.96, 1.04, 1.08)
FLAT = 2.0
"""Standard deviation in grey levels under which a thumbnail shows nothing that could be compared."""
ROWS, COLUMNS = 1024, 8192

Thumbnails = NDArray[np.uint8]


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[H, W, 3] RGB -> [32, 32] grey, whatever the picture's proportions."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def find_pairs(
    thumbnails: Thumbnails, advance: Callable[[float], object] = lambda share: None
) -> Iterator[tuple[int, int, float]]:
    """(i, j, likeness) with i < j of all repeats among `thumbnails` [N, 32, 32]; likeness lies in `SAME`..1.

    `advance` is told the share of the work that was done since its last call; the shares sum to 1. Needs 2 KB for each
    picture beside 100 MB, and time that grows with the square of N: 12 s for 32,000 on two cores.
    """
    usable = _with_contrast(thumbnails)
    signatures = _signatures(thumbnails, usable)
    mirrored = np.ascontiguousarray(signatures.reshape(-1, COARSE, COARSE)[:, :, ::-1]).reshape(signatures.shape)
    total = max(1, len(usable) * (len(usable) + 1) // 2)
    for top in range(0, len(usable), ROWS):
        for views, is_mirrored in ((signatures, False), (mirrored, True)):
            for row, column in _candidates(views[top : top + ROWS], signatures, top):
                one, other = int(usable[row]), int(usable[column])
                first = thumbnails[one][:, ::-1] if is_mirrored else thumbnails[one]
                likeness = _likeness(np.ascontiguousarray(first), thumbnails[other])
                if likeness >= SAME:
                    yield one, other, likeness
        height = min(ROWS, len(usable) - top)
        advance(height * (len(usable) - top - (height - 1) / 2) / total)


def _candidates(mine: NDArray[np.float32], signatures: NDArray[np.float32], top: int) -> Iterator[tuple[int, int]]:
    """(row, column) with row < column where the signatures `mine`, of the rows from `top` on, come near another."""
    for left in range(top, len(signatures), COLUMNS):
        theirs = signatures[left : left + COLUMNS].T
        for hit in np.flatnonzero((mine @ theirs).ravel() >= CANDIDATE).tolist():
            row, column = divmod(hit, theirs.shape[1])
            if top + row < left + column:
                yield top + row, left + column


def _with_contrast(thumbnails: Thumbnails) -> NDArray[np.intp]:
    parts = (thumbnails[start : start + ROWS] for start in range(0, len(thumbnails), ROWS))
    deviations = [part.reshape(len(part), -1).std(axis=1) for part in parts]
    return np.flatnonzero(np.concatenate(deviations) >= FLAT) if deviations else np.empty(0, np.intp)


def _signatures(thumbnails: Thumbnails, chosen: NDArray[np.intp]) -> NDArray[np.float32]:
    """[n, 256]: the 16 x 16 versions, centred and of length 1, so that their products are correlations."""
    step = SIDE // COARSE
    found = np.empty((len(chosen), COARSE * COARSE), np.float32)
    for start in range(0, len(chosen), COLUMNS):
        part = thumbnails[chosen[start : start + COLUMNS]].astype(np.float32)
        small = part.reshape(-1, COARSE, step, COARSE, step).mean(axis=(2, 4)).reshape(len(part), -1)
        small -= small.mean(axis=1, keepdims=True)
        length = np.linalg.norm(small, axis=1, keepdims=True)
        found[start : start + COLUMNS] = small / np.maximum(length, 1e-6)
    return found


def _likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The best correlation of the middle of one thumbnail with a place in the other, either way round."""
    middles = [(one[MARGIN:-MARGIN, MARGIN:-MARGIN], other), (other[MARGIN:-MARGIN, MARGIN:-MARGIN], one)]
    best = max(_match(middle, whole) for middle, whole in middles)
    if best >= SAME or best < SHIFTED:  # the slower search would not change the verdict
        return best
    for scale in SCALES:
        for middle, whole in middles:
            resized = cv2.resize(middle, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            best = max(best, _match(np.asarray(resized, dtype=np.uint8), whole))
    return best


def _match(part: NDArray[np.uint8], whole: NDArray[np.uint8]) -> float:
    if cv2.meanStdDev(part)[1].item() < FLAT:
        return 0.0
    return float(cv2.matchTemplate(whole, part, cv2.TM_CCOEFF_NORMED).max())


def join_groups(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The sets of items that pairs hold together, each in ascending order, by their first item."""
    leader: dict[int, int] = {}

    def lead(item: int) -> int:
        while leader.setdefault(item, item) != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for one, other in pairs:
        low, high = sorted((lead(one), lead(other)))
        leader[high] = low
    groups: dict[int, list[int]] = {}
    for item in sorted(leader):
        groups.setdefault(lead(item), []).append(item)
    return [groups[first] for first in sorted(groups)]
