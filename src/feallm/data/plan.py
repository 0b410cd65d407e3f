"""How many records each face gets: rare classes more often, and a cap over all. Everything by lots that the seed fixes.

The rule: an emotion of a label set that n faces show has the weight (median / n) ** balance, the median being that of
the set's classes; an action unit likewise among the units. A face has the largest weight of what it shows, within
1..most_repeats, and gets records_per_face times that, a fraction being drawn by lot. `max_records` keeps those records
that draw the smallest lots.

Lots are numbers in [0, 1) from a hash of the seed, the face and the record's number: no order, chunk or machine
changes them.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.data.recipe import BuildRecipe
from feallm.data.records import LabelledFace

Class = tuple[str, str]
"""A label set and its class, or ("action unit", "AU06")."""
UNIT = "action unit"
_FRACTION = np.uint64(2**63)
"""The number of the lot that decides over a fraction of a record; records count from 0."""


def face_key(face: LabelledFace) -> str:
    return f"{face.source}/{face.split}/{face.id}"


def stamp(seed: int, *parts: object) -> int:
    """63 bits that depend on all of the parts (a JSON and a Parquet integer)."""
    text = "\0".join(map(str, (seed, *parts)))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big") >> 1


def classes(face: LabelledFace) -> tuple[Class, ...]:
    """What a face shows: its class in each label set and its units above 0."""
    shown = [(UNIT, unit) for unit, strength in face.action_units.items() if strength > 0]
    return (*sorted(face.labels.items()), *sorted(shown))


@dataclass(frozen=True)
class Plan:
    """`weights[class]` above 1 and the `limit` that a record's lot must stay below."""

    seed: int
    per_face: float
    most: float = 1.0
    weights: Mapping[Class, float] = field(default_factory=dict)
    limit: float = 1.0

    def weight(self, shown: Iterable[Class]) -> float:
        found = max((self.weights.get(one, 1.0) for one in shown), default=1.0)
        return min(max(found, 1.0), self.most)

    def numbers(self, face: LabelledFace) -> list[int]:
        """The numbers of the records that the face gets."""
        stamps = np.array([stamp(self.seed, face_key(face))], np.uint64)
        (count,) = _counts(stamps, np.array([self.per_face * self.weight(classes(face))]))
        numbers = np.arange(count, dtype=np.uint64)
        kept: list[int] = np.flatnonzero(_lots(np.repeat(stamps, count), numbers) < self.limit).tolist()
        return kept

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "weights": [[*one, weight] for one, weight in sorted(self.weights.items())]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Plan":
        return cls(**{**values, "weights": {(kind, name): weight for kind, name, weight in values["weights"]}})


def make_plan(recipe: BuildRecipe, faces: Iterable[LabelledFace]) -> Plan:
    """The plan of a recipe; looks at the faces only where the recipe balances or caps."""
    plan = Plan(recipe.seed, recipe.records_per_face)
    if not recipe.balance and recipe.max_records is None:
        return plan
    kinds: dict[tuple[Class, ...], int] = {}
    kind_of, stamps = array("I"), array("Q")
    for face in faces:
        kind_of.append(kinds.setdefault(classes(face), len(kinds)))
        stamps.append(stamp(recipe.seed, face_key(face)))
    sizes = Counter(kind_of)
    counts: Counter[Class] = Counter()
    for shown, kind in kinds.items():
        for one in shown:
            counts[one] += sizes[kind]
    if recipe.balance:
        plan = Plan(plan.seed, plan.per_face, recipe.most_repeats, _weights(counts, recipe.balance))
    if recipe.max_records is None or not stamps:
        return plan
    by_kind = np.array([plan.per_face * plan.weight(shown) for shown in kinds])
    limit = _limit(np.array(stamps, np.uint64), by_kind[np.array(kind_of)], recipe.max_records)
    return Plan(plan.seed, plan.per_face, plan.most, plan.weights, limit)


def _weights(counts: Mapping[Class, int], balance: float) -> dict[Class, float]:
    found: dict[Class, float] = {}
    for kind in {kind for kind, _ in counts}:
        of_kind = {one: count for one, count in counts.items() if one[0] == kind}
        middle = median(of_kind.values())
        found |= {one: round((middle / count) ** balance, 6) for one, count in of_kind.items() if count < middle}
    return found


def _limit(stamps: NDArray[np.uint64], expected: NDArray[np.float64], most: int) -> float:
    """The smallest lot that is one too many."""
    counts = _counts(stamps, expected)
    if counts.sum() <= most:
        return 1.0
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    numbers = (np.arange(counts.sum()) - starts).astype(np.uint64)
    return float(np.partition(_lots(np.repeat(stamps, counts), numbers), most)[most])


def _counts(stamps: NDArray[np.uint64], expected: NDArray[np.float64]) -> NDArray[np.int64]:
    whole = np.floor(expected)
    more = _lots(stamps, np.full(len(stamps), _FRACTION)) < expected - whole
    return (whole + more).astype(np.int64)


def _lots(stamps: NDArray[np.uint64], numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The finishing steps of the SplitMix64 generator (Steele, Lea & Flood 2014), to 53 bits."""
    mixed = stamps + (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) / float(2**53), np.float64)
