"""Interventions on the evidence of one face: what its emotions would be with action units taken out or put in.

Shapes: K interventions, A action units, E classes of a label set.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from operator import index
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Engine
from feallm.analyze.numbers import named
from feallm.analyze.reading import FaceReading, WhatIf
from feallm.facs.action_units import parse_au

Unit = str | SupportsIndex
Units = Unit | Iterable[Unit]
"""Action units as people write them: "AU4", "AU04", 4, "brow lowerer", several in one text where commas part them."""
Change = tuple[tuple[str, ...], tuple[str, ...]]
"""Units taken out, units put in."""


def parse_units(units: Units, known: Sequence[str]) -> tuple[str, ...]:
    """Units in any usual form -> ids, each once.

    Raises ValueError for one that is none, or is not among `known`, and TypeError for what is neither text nor a
    whole number.
    """
    parsed = [_parse_unit(name, known) for unit in _each(units) for name in _names(unit)]
    return tuple(dict.fromkeys(parsed))


def _each(units: Units) -> Iterable[object]:
    if isinstance(units, Iterable) and not isinstance(units, (str, bytes, bytearray)):
        return units
    return (units,)


def _names(unit: object) -> list[str | int]:
    """One entry's units: a text may hold several. A text without any stands for itself, to be refused."""
    if isinstance(unit, str):
        return [name for part in unit.split(",") if (name := part.strip())] or [unit]
    if isinstance(unit, bool) or not isinstance(unit, SupportsIndex):
        raise TypeError(f"an action unit is a name or a whole number, such as 'AU4' or 4; {unit!r} came")
    return [index(unit)]


def _parse_unit(name: str | int, known: Sequence[str]) -> str:
    unit = parse_au(name)
    if unit is None:
        raise ValueError(f"{name!r} is no action unit: give a number or a name, such as AU4 or 'brow lowerer'")
    if unit not in known:
        raise ValueError(f"this model does not read {name!r}: it reads {', '.join(known)}")
    return unit


def parse_change(without: Units, adding: Units, known: Sequence[str]) -> Change:
    """Raises as `parse_units` does, and ValueError for a unit that is both taken out and put in."""
    removed, added = parse_units(without, known), parse_units(adding, known)
    both = sorted(set(removed) & set(added))
    if both:
        raise ValueError(f"{', '.join(both)} cannot be both taken out and put in")
    return removed, added


def without_effect(found: WhatIf) -> Change:
    """What a change asks for that is so already: units taken out that the face does not show, units put in that it
    shows. They still move the numbers a little: to 0 or 1, from what was read."""
    present = found.reading.present_units
    absent = tuple(unit for unit in found.without if unit not in present)
    return absent, tuple(unit for unit in found.adding if unit in present)


def evidence_rows(known: Sequence[str], changes: Sequence[Change]) -> NDArray[np.float32]:
    """Changes -> probabilities of presence [K, A] for `Engine.judge`: 0 out, 1 in, NaN for what stays as it is."""
    rows = np.full((len(changes), len(known)), np.nan, np.float32)
    for row, (removed, added) in zip(rows, changes, strict=True):
        row[[known.index(unit) for unit in removed]] = 0.0
        row[[known.index(unit) for unit in added]] = 1.0
    return rows


def what_ifs(engine: Engine, encoded: Any, reading: FaceReading, changes: Sequence[Change]) -> list[WhatIf]:
    """One face under several changes of its evidence; `encoded` holds this face alone. No changes give nothing."""
    if not changes:
        return []
    label_set = reading.label_set if reading.label_set is not None else engine.info.default_label_set
    after = engine.judge(encoded, evidence_rows(engine.info.action_units, changes)[None])[label_set][0]
    classes = engine.info.label_sets[label_set]
    return [
        WhatIf(reading, removed, added, named(row, classes))
        for (removed, added), row in zip(changes, after, strict=True)
    ]


@dataclass(frozen=True)
class Turning:
    """The smallest changes of the evidence under which another emotion leads, those that move the verdict most first.

    `largest` is the removal of one present unit that lowers the verdict most, None where no unit is present. `alone`,
    `pairs` and `added` are the removals of one unit, of two, and the additions of one that turn the verdict; each is
    looked for only where the one before has nothing.
    """

    largest: WhatIf | None = None
    alone: tuple[WhatIf, ...] = ()
    pairs: tuple[WhatIf, ...] = ()
    added: tuple[WhatIf, ...] = ()


def find_turning(engine: Engine, encoded: Any, reading: FaceReading) -> Turning:
    """What would change the verdict of one face, measured; `encoded` holds this face alone."""
    leading, present = str(reading.leading), list(reading.present_units)

    def tried(changes: Sequence[Change]) -> list[WhatIf]:
        return sorted(what_ifs(engine, encoded, reading, changes), key=lambda found: found.difference[leading])

    def turned(found: Iterable[WhatIf]) -> tuple[WhatIf, ...]:
        return tuple(each for each in found if each.emotion != leading)

    singles = tried([((unit,), ()) for unit in present])
    result = Turning(largest=singles[0] if singles else None, alone=turned(singles))
    if not result.alone:
        result = replace(result, pairs=turned(tried([(pair, ()) for pair in combinations(present, 2)])))
    if not result.alone and not result.pairs:
        absent = [unit for unit in engine.info.action_units if unit not in present]
        result = replace(result, added=turned(tried([((), (unit,)) for unit in absent])))
    return result
