"""Which face of one table is which of the other's, in one picture or frame."""

from collections.abc import Sequence
from typing import Literal

from feallm.tables.foreign import ForeignRow, of_frames

Box = tuple[float, float, float, float]
How = Literal["box", "only", "number", "largest"]
LEAST_OVERLAP = 0.3
"""Intersection over union from which two boxes are of one face. Below the 0.5 of object detection (Everingham et al.,
IJCV 2010): tools draw a face with or without its forehead, and boxes around landmarks are smaller still."""


def match(a: Sequence[ForeignRow], b: Sequence[ForeignRow], least: float = LEAST_OVERLAP) -> list[tuple[int, int, How]]:
    """Places in `a` and `b` of the same face, and how that was told.

    By boxes where every row has one, the largest overlap first. Without boxes: the only face is the only face; else the
    tools' own numbers where all rows have them; else the largest (or surest) face of each.
    """
    if not a or not b:
        return []
    if all(row.box is not None for row in (*a, *b)):
        return [(i, j, "box") for i, j in _by_box([row.box for row in a], [row.box for row in b], least)]
    if len(a) == len(b) == 1:
        return [(0, 0, "only")]
    if all(row.face is not None for row in (*a, *b)):
        places = {row.face: place for place, row in enumerate(b)}
        return [(i, places[row.face], "number") for i, row in enumerate(a) if row.face in places]
    return [(_largest(a), _largest(b), "largest")]


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x, y, width, height; 0 for boxes without area."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / (a[2] * a[3] + b[2] * b[3] - across * down)


def _by_box(a: Sequence[Box | None], b: Sequence[Box | None], least: float) -> list[tuple[int, int]]:
    shared = [(overlap(x, y), i, j) for i, x in enumerate(a) for j, y in enumerate(b) if x and y]
    left_a, left_b, found = set(range(len(a))), set(range(len(b))), []
    for share, i, j in sorted(shared, key=lambda one: (-one[0], one[1], one[2])):
        if share >= least and i in left_a and j in left_b:
            left_a.remove(i)
            left_b.remove(j)
            found.append((i, j))
    return sorted(found)


def _largest(rows: Sequence[ForeignRow]) -> int:
    best = max(of_frames(rows).values(), key=lambda row: row.confidence or 0.0)  # frames matched by time may differ
    return next(place for place, row in enumerate(rows) if row is best)
