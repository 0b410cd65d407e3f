"""Rows of two tables as pairs of the same face, and what became of all the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from feallm.compare.faces import LEAST_OVERLAP, How, match
from feallm.compare.moments import By, Moment, Shared, share
from feallm.tables.foreign import ForeignRow, ForeignTable


@dataclass(frozen=True)
class Pair:
    """One face as both tables have it; `how` it was known to be the same."""

    picture: str
    timestamp: float | None
    a: ForeignRow
    b: ForeignRow
    how: How


@dataclass(frozen=True)
class Matching:
    """The pairs, and the count of everything else.

    `faces_a`, `faces_b`: rows with a face. `how`: pairs by how they were told. `unmatched_a`, `unmatched_b`: faces
    without a partner by the reason. `both_none`: pictures and frames where both tables say that there is no face.
    """

    pairs: tuple[Pair, ...]
    faces_a: int
    faces_b: int
    how: Mapping[str, int]
    unmatched_a: Mapping[str, int]
    unmatched_b: Mapping[str, int]
    both_none: int
    notes: tuple[str, ...]


def match_tables(a: ForeignTable, b: ForeignTable, by: By = "auto", least: float = LEAST_OVERLAP) -> Matching:
    """Pair the faces of two tables: by picture, by frame or time (`moments.share`), then by face (`faces.match`)."""
    shared = share(a, b, by)
    pairs: list[Pair] = []
    lost_a, lost_b = _lost(shared.only_a), _lost(shared.only_b)
    none = 0
    for moment in shared.moments:
        faces_a, faces_b = _faces(moment.a), _faces(moment.b)
        found = match(faces_a, faces_b, least)
        pairs += [Pair(moment.picture, moment.timestamp, faces_a[i], faces_b[j], how) for i, j, how in found]
        none += not faces_a and not faces_b
        boxes = all(row.box is not None for row in (*faces_a, *faces_b))
        _count(lost_a, len(faces_a) - len(found), _reason(moment.b, len(faces_b), boxes))
        _count(lost_b, len(faces_b) - len(found), _reason(moment.a, len(faces_a), boxes))
    how = Counter(str(pair.how) for pair in pairs)
    return Matching(
        tuple(pairs),
        len(_faces(a.rows)),
        len(_faces(b.rows)),
        dict(how),
        dict(lost_a),
        dict(lost_b),
        none,
        (*shared.notes, *_notes(how, shared, len(pairs))),
    )


def _faces(rows: Sequence[ForeignRow]) -> list[ForeignRow]:
    return [row for row in rows if row.status == "ok"]


def _lost(left: Mapping[str, Sequence[ForeignRow]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for reason, rows in left.items():
        _count(found, len(_faces(rows)), reason)
    return found


def _count(counter: Counter[str], more: int, reason: str) -> None:
    if more > 0:
        counter[reason] += more


def _reason(others: Sequence[ForeignRow], faces: int, boxes: bool) -> str:
    """Why a face has no partner among the other table's rows of its moment, `faces` of which have a face."""
    if not faces:
        unread = any(row.status == "unreadable" for row in others)
        return "the other could not read its picture" if unread else "the other found no face there"
    return "no box of the other lies on its box" if boxes else "the other has fewer faces there, or other numbers"


def _notes(how: Mapping[str, int], shared: Shared, pairs: int) -> list[str]:
    notes = []
    if how.get("number"):
        notes.append(
            f"{how['number']:,} faces were paired by their numbers, since a table has no boxes: each tool numbers "
            "faces in its own order, so some pairs may be two people"
        )
    if how.get("largest"):
        notes.append(
            f"{how['largest']:,} pictures or frames with several faces were paired by their largest (or surest) face "
            "alone, since a table has neither boxes nor numbers"
        )
    apart = [moment for moment in shared.moments if _boxed(moment)]
    if apart and not pairs:
        notes.append("no boxes overlap: did one of the tools see the pictures in another size?")
    return notes


def _boxed(moment: Moment) -> bool:
    return any(row.box for row in moment.a) and any(row.box for row in moment.b)
