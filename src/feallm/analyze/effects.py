"""Interventions on the evidence of one face: what its emotions would be with action units taken out or put in.

Shapes: K interventions, A action units, E classes of a label set.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Engine
from feallm.analyze.numbers import named
from feallm.analyze.reading import FaceReading, WhatIf
from feallm.facs.action_units import parse_au

Change = tuple[tuple[str, ...], tuple[str, ...]]
"""Units taken out, units put in."""


def parse_units(units: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Units in any usual form ("AU4", "AU04", 4, "brow lowerer") -> ids, each once.

    Raises ValueError for one that is not among `known`.
    """
    parsed = {str(unit): parse_au(unit) for unit in units}
    strange = [name for name, unit in parsed.items() if unit not in known]
    if strange:
        raise ValueError(f"this model does not read {strange[0]!r}: it reads {', '.join(known)}")
    return tuple(dict.fromkeys(str(unit) for unit in parsed.values()))


def parse_change(without: Iterable[str], adding: Iterable[str], known: Sequence[str]) -> Change:
    """Raises ValueError for a unit that is not among `known`, and for one that is both taken out and put in."""
    removed, added = parse_units(without, known), parse_units(adding, known)
    both = sorted(set(removed) & set(added))
    if both:
        raise ValueError(f"{', '.join(both)} cannot be both taken out and put in")
    return removed, added


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
