"""What is composed and how: faces in chunks, rows out. Nothing here depends on where it runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from feallm.data.compose import compose
from feallm.data.plan import Plan, face_key, stamp
from feallm.data.records import LabelledFace, Record
from feallm.data.rows import Row, encode, row_of

Describe = Callable[[Iterable[tuple[Record, LabelledFace]]], Iterator[Record]]
"""Rewrites the answers of composed records, in order: `Describer.describe`."""
TRIES = 8
"""How often a conversation is drawn anew that the face has had already."""


@dataclass(frozen=True)
class Item:
    """A face, how its rows name its picture, and the strength from which its units count as present."""

    face: LabelledFace
    image: str
    present_at: float | None

    def judged(self) -> LabelledFace:
        """The face with graded units below that strength told as looked for and not there."""
        if self.present_at is None or not self.face.graded:
            return self.face
        units = {unit: value if value >= self.present_at else 0.0 for unit, value in self.face.action_units.items()}
        return replace(self.face, action_units=units)


@dataclass(frozen=True)
class Chunk:
    """Faces in a row, the first being at the place `start` of the build's order."""

    start: int
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Composed:
    """The encoded rows of each face of a chunk."""

    start: int
    lines: list[list[bytes]]


@dataclass(frozen=True)
class Job:
    """What every process must know."""

    plan: Plan
    families: dict[str, float]
    workers: int = field(default=1, compare=False)


def compose_chunk(job: Job, chunk: Chunk) -> Composed:
    """The rows of all faces of a chunk."""
    return Composed(chunk.start, [[encode(row) for row in compose_face(job, item)] for item in chunk.items])


def compose_face(job: Job, item: Item) -> Iterator[Row]:
    """The rows of one face: as many as the plan says, no two the same conversation."""
    return (draft.row(draft.record) for draft in drafts(job, item))


@dataclass(frozen=True)
class Draft:
    """A composed record of a face, and what its row must say of it."""

    item: Item
    record: Record
    number: int
    seed: int

    def row(self, record: Record) -> Row:
        """The row of the record, or of what was made of it."""
        units = self.item.judged().action_units
        present = sorted(unit for unit, strength in units.items() if strength > 0)
        return row_of(record, self.item.face, self.item.image, present, self.number, self.seed)


def drafts(job: Job, item: Item) -> Iterator[Draft]:
    """The records of one face."""
    face = item.judged()
    told: set[Any] = set()
    for number in job.plan.numbers(face):
        seed = stamp(job.plan.seed, face_key(face), number)
        record = _draw(job.families, face, Random(seed), told)
        if record is None:
            continue
        told.add(record.turns)
        yield Draft(item, record, number, seed)


def compose_described(job: Job, given: Iterable[Chunk], describe: Describe) -> Iterator[Composed]:
    """The rows of each face, composed here and rewritten; `describe` looks a few records ahead."""
    ahead: deque[tuple[int, list[Draft]]] = deque()

    def pairs() -> Iterator[tuple[Record, LabelledFace]]:
        for chunk in given:
            for place, item in enumerate(chunk.items, start=chunk.start):
                made = list(drafts(job, item))
                ahead.append((place, made))
                yield from ((draft.record, item.judged()) for draft in made)

    lines: list[bytes] = []
    for record in describe(pairs()):
        while not ahead[0][1]:
            yield Composed(ahead.popleft()[0], [[]])
        place, made = ahead[0]
        lines.append(encode(made[len(lines)].row(record)))
        if len(lines) == len(made):
            ahead.popleft()
            yield Composed(place, [lines])
            lines = []
    yield from (Composed(place, [[]]) for place, _ in ahead)


def _draw(families: dict[str, float], face: LabelledFace, rng: Random, told: set[Any]) -> Record | None:
    """A record that the face has not had yet, of a family it has labels for; None where there is none."""
    left = dict(families)
    tries = 0
    while left and tries < TRIES:
        family = rng.choices(list(left), list(left.values()))[0]
        record = compose(face, family, rng)
        if record is None:
            del left[family]
        elif record.turns not in told:
            return record
        tries += record is not None
    return None
