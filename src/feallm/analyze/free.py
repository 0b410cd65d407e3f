"""The second reading: what the language model says unaided, read by the one reader. For the benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Engine
from feallm.analyze.evidence import question
from feallm.facs.answers import read_answer


@dataclass(frozen=True)
class FreeReading:
    """`emotion` is None where the answer names none or several; `units` None where it names no AU nor their absence."""

    emotion: str | None
    units: tuple[str, ...] | None
    emotion_text: str
    units_text: str


def read_free(
    engine: Engine, faces: Sequence[NDArray[np.uint8]], classes: Sequence[str], *, max_new_tokens: int = 96
) -> list[FreeReading]:
    """Ask for the emotion (closed set, the classes named) and for the AUs, by free generation; no head is used."""
    encoded: Any = engine.encode(faces)
    count = len(faces)
    emotions = engine.generate(encoded, [question("emotion", classes)] * count, 12)
    lists = engine.generate(encoded, [question("aus")] * count, max_new_tokens)
    readings = []
    for emotion_text, units_text in zip(emotions, lists, strict=True):
        answer = read_answer(units_text)
        units = answer.aus if answer.aus or answer.none_aus else None
        readings.append(FreeReading(read_answer(emotion_text, classes).emotion, units, emotion_text, units_text))
    return readings
