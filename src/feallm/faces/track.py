"""Which face of a frame is which of the frames before: a track id for each, by place, size and motion alone.

No look of a face is compared, so that nothing here recognises anybody: a person who leaves and comes back is a new
track. Each track moves on at constant velocity (in time stamps, not frames), and faces are given to tracks so that the
sum of distances is least (Kuhn 1955, by shortest augmenting paths).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .face import Face

PATIENCE = 1.5
"""Seconds that a track outlives its last face. One that the frame before had outlives any step between frames."""
REACH, REACH_A_SECOND, FARTHEST = 0.7, 0.8, 1.5
"""How far from where it is expected, in sides of the face, a track's face may lie: at once, more for every second that
it was not seen, and at most."""
SIZE_WEIGHT = 1.0
"""What a change of size by the factor e counts, in sides of the face."""
MEMORY = 0.25
"""Seconds over which a velocity is averaged: shorter follows turns, longer bridges occlusions better."""


@dataclass(frozen=True)
class _Track:
    """`place`: centre x and y in pixels and the logarithm of the side; `velocity`: its change a second."""

    number: int
    place: NDArray[np.float64]
    velocity: NDArray[np.float64]
    timestamp: float
    fresh: bool = True

    def expected(self, timestamp: float) -> NDArray[np.float64]:
        """Where it should be; the side is not extrapolated."""
        moved = self.place + self.velocity * (timestamp - self.timestamp)
        moved[2] = self.place[2]
        return moved

    def seen(self, place: NDArray[np.float64], timestamp: float) -> "_Track":
        step = timestamp - self.timestamp
        if step <= 0:
            return replace(self, place=place)
        now = (place - self.place) / step
        share = 1.0 if self.fresh else 1 - math.exp(-step / MEMORY)
        return _Track(self.number, place, self.velocity + share * (now - self.velocity), timestamp, fresh=False)


class Tracker:
    """Gives the faces of a video's frames their track ids: 0, 1, 2 … in order of appearance, none used again.

    One tracker follows one video, and the same frames always give the same ids.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._before = -math.inf
        self._next = 0

    def update(self, faces: Sequence[Face], timestamp: float) -> list[int]:
        """The track id of each face of the frame at `timestamp` (seconds), no id twice.

        Raises ValueError where time stands as no finite number or goes back.
        """
        if not math.isfinite(timestamp) or timestamp < self._before:
            raise ValueError(f"frames come in order of time: {timestamp} s came after {self._before} s")
        alive = [each for each in self._tracks if self._lives(each, timestamp)]
        places = [_place(face) for face in faces]
        chosen = _assigned(_distances(alive, places, timestamp))
        followed = {column: alive[row] for row, column in chosen}
        updated = [
            followed[column].seen(place, timestamp) if column in followed else self._born(place, timestamp)
            for column, place in enumerate(places)
        ]
        taken = {row for row, _ in chosen}
        self._tracks = [each for row, each in enumerate(alive) if row not in taken] + updated
        self._before = timestamp
        return [track.number for track in updated]

    def _lives(self, track: _Track, timestamp: float) -> bool:
        return timestamp - track.timestamp <= PATIENCE or track.timestamp == self._before

    def _born(self, place: NDArray[np.float64], timestamp: float) -> _Track:
        self._next += 1
        return _Track(self._next - 1, place, np.zeros(3), timestamp)


def _place(face: Face) -> NDArray[np.float64]:
    x, y, width, height = face.box
    return np.array([x + width / 2, y + height / 2, math.log(width * height) / 2])


def _distances(
    tracks: Sequence[_Track], places: Sequence[NDArray[np.float64]], timestamp: float
) -> NDArray[np.float64]:
    """[tracks, faces] in sides of the face; infinite where a face is out of a track's reach."""
    found = np.full((len(tracks), len(places)), math.inf)
    for row, track in enumerate(tracks):
        unseen = timestamp - track.timestamp
        reach = min(REACH + REACH_A_SECOND * unseen, FARTHEST)
        for column, place in enumerate(places):
            distance = min(_distance(track.expected(timestamp), place), _distance(track.place, place) + REACH / 2)
            if distance <= reach:
                found[row, column] = distance
    return found


def _distance(expected: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    side = math.exp((expected[2] + place[2]) / 2)
    apart = math.hypot(*(expected[:2] - place[:2])) / side
    return apart + SIZE_WEIGHT * abs(float(expected[2] - place[2]))


def _assigned(distances: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column), each row and column once at most: as many as can be, then the least sum of distances."""
    rows, columns = distances.shape
    if rows == 0 or columns == 0:
        return []
    finite = distances[np.isfinite(distances)]
    wall = 1.0 + 2.0 * float(finite.sum())  # one pair out of reach costs more than any pairs within it
    padded = np.full((rows, max(rows, columns)), wall)
    padded[:, :columns] = np.where(np.isfinite(distances), distances, wall)
    pairs = enumerate(_least(padded))
    return [(row, column) for row, column in pairs if column < columns and math.isfinite(distances[row, column])]


def _least(costs: NDArray[np.float64]) -> list[int]:
    """The column of each row in the cheapest assignment of a matrix [n, m] with n <= m.

    Rows come in one by one; each looks for the cheapest path of exchanges to a free column, by Dijkstra's search over
    costs that the prices of rows and columns keep above zero.
    """
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1)
    for start in range(rows):
        reached = np.full(columns, math.inf)
        before = np.full(columns, -1)
        closed = np.zeros(columns, bool)
        row, last, travelled = start, -1, 0.0
        while True:
            offers = travelled + costs[row] - row_price[row] - column_price
            better = ~closed & (offers < reached)
            reached[better], before[better] = offers[better], last
            column = int(np.argmin(np.where(closed, math.inf, reached)))
            travelled, last = float(reached[column]), column
            closed[column] = True
            if owner[column] < 0:
                break
            row = int(owner[column])
        inner = closed & (reached < travelled)
        row_price[start] += travelled
        for column in map(int, np.flatnonzero(inner)):
            row_price[owner[column]] += travelled - reached[column]
            column_price[column] -= travelled - reached[column]
        while last >= 0:
            owner[last] = start if before[last] < 0 else owner[before[last]]
            last = int(before[last])
    given = [-1] * rows
    for column in map(int, np.flatnonzero(owner >= 0)):
        given[int(owner[column])] = int(column)
    return given
