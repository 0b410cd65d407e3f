"""Which pictures and frames two tables share.

A *moment* is a picture, or one frame of a video: the rows that a table has of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from feallm.tables.foreign import FORMS, ForeignRow, ForeignTable, names_of

By = Literal["auto", "frame", "time"]
Rows = Sequence[ForeignRow]
ALONE = 0.02
"""Seconds that moments may lie apart where neither table has two: half a frame at 25 frames a second."""
SLACK = 1 + 1e-6


@dataclass(frozen=True)
class Moment:
    """A picture or frame that both tables have, with the rows of each; `timestamp` in seconds where one is known."""

    picture: str
    timestamp: float | None
    a: Rows
    b: Rows


@dataclass
class Shared:
    """The moments that both have, and the rows of each that lie in none of them, by the reason."""

    moments: list[Moment] = field(default_factory=list)
    only_a: dict[str, list[ForeignRow]] = field(default_factory=dict)
    only_b: dict[str, list[ForeignRow]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave(self, reason: str, a: Rows, b: Rows) -> None:
        self.only_a.setdefault(reason, []).extend(a)
        self.only_b.setdefault(reason, []).extend(b)


def share(a: ForeignTable, b: ForeignTable, by: By = "auto") -> Shared:
    """The moments of two tables. `by` says what frames are known by: numbers, time stamps, or (auto) numbers where both
    have them, else time stamps that lie within half of the finer sampling step."""
    found = Shared()
    of_a, of_b = _pictures(a.rows), _pictures(b.rows)
    couples = _same_pictures(of_a, of_b)
    if not couples and len(of_a) == len(of_b) == 1 and (FORMS[a.form].file_a_picture or FORMS[b.form].file_a_picture):
        (one,), (other,) = of_a, of_b
        couples = {one: other}
        found.notes.append(
            f"{one} and {other} were taken for the same: each table is about one, and at least one of them is named "
            "by its file"
        )
    for name, rows in of_a.items():
        if name in couples:
            _align(name, rows, of_b[couples[name]], by, found)
        else:
            found.leave("its picture is not in the other table", rows, ())
    for name in of_b.keys() - set(couples.values()):
        found.leave("its picture is not in the other table", (), of_b[name])
    return found


def _pictures(rows: Rows) -> dict[str, list[ForeignRow]]:
    found: dict[str, list[ForeignRow]] = {}
    for row in rows:
        found.setdefault(row.picture, []).append(row)
    return found


def _same_pictures(a: Mapping[str, Rows], b: Mapping[str, Rows]) -> dict[str, str]:
    """Pictures of `a` -> pictures of `b` by the longest end of their paths that is of one picture in each."""
    shelf: dict[str, str | None] = {}
    for name in b:
        for end in dict.fromkeys(names_of(name)):
            shelf[end] = None if end in shelf else name
    known: dict[str, int] = {}
    for name in a:
        for end in dict.fromkeys(names_of(name)):
            known[end] = known.get(end, 0) + 1
    couples: dict[str, str] = {}
    taken: set[str] = set()
    for name in a:
        ends = (shelf.get(end) for end in names_of(name) if end == name or known[end] == 1)
        other = name if name in b else next((found for found in ends if found is not None), None)
        if other is not None and other not in taken:
            couples[name] = other
            taken.add(other)
    return couples


def _align(name: str, a: Rows, b: Rows, by: By, found: Shared) -> None:
    frames_a, frames_b = _by_frame(a), _by_frame(b)
    times_a, times_b = _by_time(a), _by_time(b)
    if _still(frames_a, times_a) or _still(frames_b, times_b) or _lone(frames_a, times_a, frames_b, times_b):
        if max(map(len, (frames_a, frames_b, times_a, times_b))) > 1:
            found.leave("one frame in one table, several in the other", a, b)
        else:
            found.moments.append(Moment(name, None, a, b))
    elif by != "time" and None not in frames_a and None not in frames_b:
        _couple(name, frames_a, frames_b, [(key, key) for key in frames_a if key in frames_b], found)
    elif by != "frame" and None not in times_a and None not in times_b:
        _couple(name, times_a, times_b, _nearest(list(times_a), list(times_b)), found)
    else:
        found.leave("one table numbers frames, the other tells their time", a, b)


Keyed = dict[float | None, list[ForeignRow]]


def _by_frame(rows: Rows) -> Keyed:
    found: Keyed = {}
    for row in rows:
        found.setdefault(row.frame, []).append(row)
    return found


def _by_time(rows: Rows) -> Keyed:
    found: Keyed = {}
    for row in rows:
        found.setdefault(row.timestamp, []).append(row)
    return found


def _still(frames: Keyed, times: Keyed) -> bool:
    return set(frames) == set(times) == {None}


def _lone(frames_a: Keyed, times_a: Keyed, frames_b: Keyed, times_b: Keyed) -> bool:
    """One row of frames each and a table without times: a still picture whose `frame` is its place in a list."""
    return len(frames_a) == len(frames_b) == 1 and (set(times_a) == {None} or set(times_b) == {None})


def _couple(name: str, a: Keyed, b: Keyed, keys: Sequence[tuple[float | None, float | None]], found: Shared) -> None:
    for one, other in keys:
        rows = (*a[one], *b[other])
        time = next((row.timestamp for row in rows if row.timestamp is not None), None)
        found.moments.append(Moment(name, time, a[one], b[other]))
    left_a, left_b = a.keys() - {one for one, _ in keys}, b.keys() - {other for _, other in keys}
    found.leave(
        "its frame is not in the other table",
        [row for key in a if key in left_a for row in a[key]],
        [row for key in b if key in left_b for row in b[key]],
    )


def _nearest(a: Sequence[float | None], b: Sequence[float | None]) -> list[tuple[float | None, float | None]]:
    """Times of `a` and of `b` that are each other's nearest, within half of the finer step."""
    one, other = (np.sort(np.array(times, np.float64)) for times in (a, b))
    steps = [float(np.median(np.diff(times))) for times in (one, other) if len(times) > 1]
    least = min(steps) / 2 * SLACK if steps else ALONE
    back = dict(zip(other.tolist(), _closest(other, one), strict=True))
    return [
        (float(time), near)
        for time, near in zip(one, _closest(one, other), strict=True)
        if abs(time - near) <= least and math.isclose(back[near], float(time), abs_tol=0.0)
    ]


def _closest(times: NDArray[np.float64], others: NDArray[np.float64]) -> Iterator[float]:
    """For each of `times` the nearest of `others`; both ascending."""
    places = np.clip(np.searchsorted(others, times), 1, max(len(others) - 1, 1))
    for time, place in zip(times, places, strict=True):
        left, right = others[place - 1], others[min(place, len(others) - 1)]
        yield float(left if abs(time - left) <= abs(right - time) else right)
