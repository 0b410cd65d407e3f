"""The smallest change of one face's evidence under which a wanted emotion would lead, measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from feallm.analyze.effects import Change, what_ifs
from feallm.analyze.engine import Engine
from feallm.analyze.reading import FaceReading, WhatIf


@dataclass(frozen=True)
class Toward:
    """`found`: changes after which the emotion leads, those that raise it most first, all of the same size; `nearest`:
    where there are none, the change that raises it most, None where none does."""

    found: tuple[WhatIf, ...] = ()
    nearest: WhatIf | None = None


def find_toward(engine: Engine, encoded: Any, reading: FaceReading, emotion: str) -> Toward:
    """One unit taken out or put in, else two of either, else one exchanged for another; `encoded` holds this face
    alone. Raises KeyError for an emotion outside the reading's label set."""
    present = list(reading.present_units)
    absent = [unit for unit in engine.info.action_units if unit not in present]
    best: WhatIf | None = None
    for changes in _steps(present, absent):
        tried = what_ifs(engine, encoded, reading, changes)
        tried = sorted(tried, key=lambda what_if: -what_if.difference[emotion])
        led = tuple(what_if for what_if in tried if what_if.emotion == emotion)
        if led:
            return Toward(found=led)
        if tried and (best is None or tried[0].difference[emotion] > best.difference[emotion]):
            best = tried[0]
    return Toward(nearest=best if best is not None and best.difference[emotion] > 0 else None)


def _steps(present: Sequence[str], absent: Sequence[str]) -> Iterator[list[Change]]:
    yield [*(((unit,), ()) for unit in present), *(((), (unit,)) for unit in absent)]
    pairs: list[Change] = [(pair, ()) for pair in combinations(present, 2)]
    exchanged: list[Change] = [((out,), (put,)) for out in present for put in absent]
    yield [*pairs, *exchanged, *(((), pair) for pair in combinations(absent, 2))]
