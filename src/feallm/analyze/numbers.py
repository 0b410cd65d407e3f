"""From an engine's scores to the numbers of readings: emotions, action units, each unit's effect on the verdict."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Engine, EngineInfo, Scores
from feallm.analyze.reading import ActionUnitReading, FaceReading


def named(row: NDArray[np.float32], classes: Sequence[str]) -> dict[str, float]:
    """One row of emotion probabilities by name, summing to 1."""
    shares = row.astype(np.float64)
    return {name: float(share) for name, share in zip(classes, shares / shares.sum(), strict=True)}


def read_numbers(
    engine: Engine, encoded: Any, blanks: Sequence[FaceReading], label_set: str, min_confidence: float = 0.0
) -> list[FaceReading]:
    """The blank readings of the encoded faces filled: below `min_confidence` no emotion is named."""
    scores = engine.scores(encoded)
    units = engine.info.action_units
    removals = np.where(np.eye(len(units), dtype=bool), 0.0, np.nan).astype(np.float32)
    without = engine.judge(encoded, np.tile(removals, (len(blanks), 1, 1)))[label_set]
    readings = [_filled(blank, engine.info, scores, row, label_set, without[row]) for row, blank in enumerate(blanks)]
    return [_abstained(reading) if (reading.confidence or 0.0) < min_confidence else reading for reading in readings]


def _filled(
    blank: FaceReading, info: EngineInfo, scores: Scores, row: int, label_set: str, without: NDArray[np.float32]
) -> FaceReading:
    """`without` [A, E]: the emotions with each unit in turn taken out of the evidence."""
    classes = info.label_sets[label_set]
    emotions = named(scores.emotions[label_set][row], classes)
    verdict = max(emotions, key=lambda name: emotions[name])
    lowered = without[:, classes.index(verdict)]
    units = {
        unit: ActionUnitReading(
            probability=float(scores.presence[row, column]),
            intensity=float(scores.intensity[row, column]),
            present=bool(scores.presence[row, column] >= info.thresholds[unit]),
            low_support=unit in info.low_support,
            effect=float(emotions[verdict] - lowered[column]),
        )
        for column, unit in enumerate(info.action_units)
    }
    return replace(blank, emotion=verdict, emotion_scores=emotions, action_units=units)


def _abstained(reading: FaceReading) -> FaceReading:
    return replace(reading, emotion=None, status="abstained" if reading.status == "ok" else reading.status)
