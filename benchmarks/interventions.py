"""Taking action units out of the evidence, or putting them in, and whether the verdict follows: for faithfulness.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from common import Row, aligned, batches

from feallm.analyze import Analyzer
from feallm.facs.prototypes import opposing_aus, supporting_aus

TARGET = 0.85
"""Share of the cases in which the verdict should fall."""


@dataclass(frozen=True)
class Interventions:
    """Emotion probabilities as read [N, E], and with each AU in turn taken out or put in [N, A, E].

    `present` [N, A] are the AUs that the readings show.
    """

    classes: tuple[str, ...]
    units: tuple[str, ...]
    present: Any
    read: Any
    without: Any
    adding: Any

    @property
    def verdicts(self) -> list[str]:
        return [self.classes[column] for column in self.read.argmax(axis=1)]


def intervene(analyzer: Analyzer, pictures: Sequence[Any]) -> dict[str, Interventions]:
    """All single interventions on all faces, for each label set."""
    engine, info = analyzer.engine, analyzer.engine.info
    units = info.action_units
    chosen = np.eye(len(units), dtype=bool)
    changes = np.vstack(
        [np.full((1, len(units)), np.nan), np.where(chosen, 0.0, np.nan), np.where(chosen, 1.0, np.nan)]
    ).astype(np.float32)
    present, judged = [], []
    for chunk in batches(pictures):
        encoded = engine.encode(aligned(analyzer, chunk))
        present.append(engine.scores(encoded).presence >= np.array([info.thresholds[unit] for unit in units]))
        judged.append(engine.judge(encoded, np.tile(changes, (len(chunk), 1, 1))))
    shown = np.concatenate(present)
    result = {}
    for label_set, classes in info.label_sets.items():
        shares = np.concatenate([one[label_set] for one in judged]).astype(np.float64)
        parts = (shares[:, 0], shares[:, 1 : 1 + len(units)], shares[:, 1 + len(units) :])
        result[label_set] = Interventions(classes, units, shown, *parts)
    return result


def log_odds(probability: Any) -> Any:
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)
    return np.log(clipped / (1 - clipped))


SCALES: dict[str, Callable[[Any], Any]] = {"probability": np.asarray, "log_odds": log_odds}


def direction_cases(done: Interventions) -> list[Row]:
    """Each present prototype AU of each verdict other than neutral: what taking it out does, and what an unrelated one
    put in does (the mean over all that are unrelated, and the share of them that move the verdict less)."""
    cases = []
    for row, verdict in enumerate(done.verdicts):
        if verdict == "neutral":
            continue
        column, supporting = done.classes.index(verdict), set(supporting_aus(verdict))
        related = supporting | set(opposing_aus(verdict))
        apart = [i for i, unit in enumerate(done.units) if unit not in related and not done.present[row, i]]
        for i, unit in enumerate(done.units):
            if unit not in supporting or not done.present[row, i] or not apart:
                continue
            case: Row = {"face": row, "emotion": verdict, "unit": unit}
            for scale, measure in SCALES.items():
                before, out, put = (
                    measure(shares[row, ..., column]) for shares in (done.read, done.without, done.adding)
                )
                moved, swing = np.abs(put[apart] - before), np.abs(put - out)
                case[scale] = {
                    "fall": before - out[i],
                    "unrelated": moved.mean(),
                    "unrelated_less": (moved < abs(before - out[i])).mean(),
                    "swing": swing[i],
                    "swing_unrelated": swing[apart].mean(),
                    "swing_unrelated_less": (swing[apart] < swing[i]).mean(),
                }
            cases.append(case)
    return cases


def direction_row(done: Interventions) -> Row:
    """Share of cases in which the verdict falls, and how far; unrelated AUs beside it, paired within the face."""
    cases = direction_cases(done)
    if not cases:
        return {"cases": 0}
    row: Row = {"faces": len({case["face"] for case in cases}), "cases": len(cases)}
    for scale in SCALES:
        parts = {part: np.array([case[scale][part] for case in cases]) for part in cases[0][scale]}
        row[scale] = {
            "falls": float((parts["fall"] > 0).mean()),
            "mean_change": float(np.abs(parts["fall"]).mean()),
            **{part: float(values.mean()) for part, values in parts.items()},
        }
    pairs = direction_table(cases, "emotion", "unit")
    return {
        **row,
        "by_emotion": direction_table(cases, "emotion"),
        "by_unit": direction_table(cases, "unit"),
        "pairs_below_target": [pair for pair in pairs if pair["falls"] < TARGET],
    }


def direction_table(cases: Sequence[Row], *keys: str) -> list[Row]:
    """Share of falls and mean fall of the cases, grouped."""
    table = []
    for names in sorted({tuple(case[key] for key in keys) for case in cases}):
        own = [case for case in cases if tuple(case[key] for key in keys) == names]
        falls = {scale: np.array([case[scale]["fall"] for case in own]) for scale in SCALES}
        line: Row = {**dict(zip(keys, names, strict=True)), "n": len(own)}
        line["falls"] = float((falls["probability"] > 0).mean())
        table.append(line | {f"mean_fall_{scale}": float(values.mean()) for scale, values in falls.items()})
    return table
