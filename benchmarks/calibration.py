"""Whether the numbers mean what they say: confidence against correctness, AU probabilities and strengths against codes.

    python benchmarks/calibration.py --data DIR [--model CHECKPOINT] [--limit N] [--json FILE]

DIR holds ferplus_val.parquet and fea_au_val.csv. Emotions are those of validation faces that repeat no training
picture, in both label sets: expected calibration error (ECE) of the top probability, Brier score (squared error summed
over the classes), negative log-likelihood, accuracy by confidence, and what a `min_confidence` costs in coverage.
Action units are held against each of the two coding passes over 300 faces, without and with the faces that repeat a
training picture: a face and a pass make one case; strengths are the mean of the passes. `_95` are bootstrap intervals;
the ECE of a resample runs higher than that of the sample, so its interval lies to the right.
Needs the development extra (scipy).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    Codes,
    Row,
    arguments,
    coding_passes,
    emotion_outcomes,
    interval,
    is_copy,
    numbers,
    redrawn,
    show,
    uar_interval,
    unit_scores,
    validation,
    write,
)
from scipy.stats import spearmanr

from feallm.analyze import Analyzer, FaceReading
from feallm.bench.emotion_scores import emotion_tally
from feallm.bench.reliability import BINS, reliability
from feallm.data.records import LabelledFace
from feallm.data.sources.au_codes import with_codes

UNIT_BINS = 10
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
ENOUGH = 10
"""Faces that must show an AU before its correlation counts in the mean."""


def equal_width(values: Any, bins: int) -> Any:
    """The bin of each value in 0..1, all bins as wide."""
    return np.minimum((values * bins).astype(int), bins - 1)


def equal_mass(values: Any, bins: int) -> Any:
    """The bin of each value, all bins holding as many (to within one)."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return ranks * bins // len(values)


def calibration_error(said: Any, seen: Any, which: Any) -> float:
    """Mean over the cases of |mean said - share seen| of their bin `which`."""
    gaps = (which[:, None] == np.unique(which)) * (said - seen)[:, None]
    return float(np.abs(gaps.sum(axis=0)).sum() / len(said))


def coverage(confidence: Any, right: Any) -> list[Row]:
    """Share of the faces answered under each `min_confidence`, and accuracy of those answers."""
    kept = [confidence >= threshold for threshold in THRESHOLDS]
    return [
        {
            "min_confidence": threshold,
            "coverage": float(answered.mean()),
            "accuracy": float(right[answered].mean()) if answered.any() else None,
        }
        for threshold, answered in zip(THRESHOLDS, kept, strict=True)
    ]


def risk_coverage_area(confidence: Any, right: Any) -> float:
    """Mean share of wrong answers among the k most confident, over all k: 0 is best."""
    wrong = 1 - right[np.argsort(-confidence, kind="stable")]
    return float((np.cumsum(wrong) / np.arange(1, len(wrong) + 1)).mean())


def emotion_row(shares: Any, truth: Sequence[str], classes: Sequence[str]) -> Row:
    """Calibration of emotion probabilities [N, E] against the labels."""
    labels = np.array([classes.index(label) for label in truth])
    verdicts, confidence = shares.argmax(axis=1), shares.max(axis=1)
    right = (verdicts == labels).astype(float)
    hot = np.eye(len(classes))[labels]
    scores = [dict(zip(classes, map(float, row), strict=True)) for row in shares]
    outcomes = emotion_outcomes(truth, [classes[column] for column in verdicts], scores)
    tally = emotion_tally(outcomes, tuple(classes))
    whole, drawn = tally.finish(tally.rows.sum(axis=0)), redrawn(tally)
    return {
        "n": len(labels),
        "accuracy": float(whole["accuracy"]),
        "accuracy_95": interval(drawn["accuracy"]),
        "mean_confidence": float(confidence.mean()),
        "ece": float(whole["ece"]),
        "ece_95": interval(drawn["ece"]),
        "ece_equal_mass": calibration_error(confidence, right, equal_mass(confidence, BINS)),
        "brier": float(((shares - hot) ** 2).sum(axis=1).mean()),
        "nll": float(-np.log(np.maximum(shares[np.arange(len(labels)), labels], 1e-12)).mean()),
        "uar": float(whole["uar"]),
        "uar_95": uar_interval(outcomes, classes),
        "risk_coverage_area": risk_coverage_area(confidence, right),
        "reliability": [row for row in reliability(list(confidence), right) if row["n"]],
        "coverage": coverage(confidence, right),
    }


def unit_row(unit: str, readings: Mapping[str, FaceReading], codes: Codes, strengths: Mapping[str, Any]) -> Row:
    """One AU: its probability against presence in each pass, its intensity against the mean strength of the passes."""
    cases = [
        (readings[identity].action_units[unit].probability, one.strengths[unit] > 0)
        for identity, passes in codes.items()
        for one in passes
        if unit in one.strengths
    ]
    said, seen = np.array(cases, float).T
    faces = [identity for identity in codes if unit in strengths[identity]]
    coded = [strengths[identity][unit] for identity in faces]
    told = [readings[identity].action_units[unit].intensity for identity in faces]
    varied = len(set(coded)) > 1 and len(set(told)) > 1
    return {
        "unit": unit,
        "n": len(cases),
        "positives": int(seen.sum()),
        "mean_probability": float(said.mean()),
        "base_rate": float(seen.mean()),
        "ece": calibration_error(said, seen, equal_width(said, UNIT_BINS)),
        "brier": float(((said - seen) ** 2).mean()),
        "faces_showing": sum(strength > 0 for strength in coded),
        "intensity_spearman": float(spearmanr(told, coded).statistic) if varied else None,
    }


def unit_rows(
    analyzer: Analyzer, faces: Sequence[LabelledFace], readings: Mapping[str, FaceReading], codes: Codes
) -> Row:
    """All AUs of the model against the codes; means over the AUs, F1 over those that are scored."""
    strengths = {face.id: face.action_units for face in with_codes(faces, dict(codes)) if face.id in codes}
    thresholds, low = analyzer.metadata["thresholds"], analyzer.metadata["low_support"]
    coded = {unit for passes in codes.values() for one in passes for unit in one.strengths}
    units = [unit for unit in analyzer.engine.info.action_units if unit in coded]
    table = [unit_row(unit, readings, codes, strengths) for unit in units]
    scored = unit_scores(codes, {identity: set(readings[identity].present_units) for identity in codes})
    for row in table:
        row |= {"threshold": thresholds[row["unit"]], "f1": scored["f1"].get(row["unit"])}
        row["low_support"] = "yes" if row["unit"] in low else ""
    related = [row["intensity_spearman"] for row in table if row["faces_showing"] >= ENOUGH]
    related = [value for value in related if value is not None]
    return {
        "n": scored["n"],
        "passes": scored["passes"],
        "mean_f1": scored["mean_f1"],
        "mean_f1_95": scored["mean_f1_95"],
        "mean_ece": float(np.mean([row["ece"] for row in table])),
        "mean_brier": float(np.mean([row["brier"] for row in table])),
        "mean_intensity_spearman": float(np.mean(related)) if related else None,
        "units_in_that_mean": len(related),
        "units": table,
    }


def measure(data: Path, model: str | None, limit: int | None) -> dict[str, Row]:
    faces = validation(data, limit=limit)
    pictures = [face.picture() for face in faces]
    result: dict[str, Row] = {}
    for label_set in ("ferplus", "fer2013"):
        analyzer = Analyzer(model, detector="none", batch_size=64, label_set=label_set)
        readings = dict(zip([face.id for face in faces], numbers(analyzer, pictures), strict=True))
        labelled = [face for face in faces if label_set in face.labels and not is_copy(face)]
        shares = np.array([[readings[face.id].emotion_scores[name] for name in analyzer.classes] for face in labelled])
        result[label_set] = emotion_row(shares, [face.labels[label_set] for face in labelled], analyzer.classes)
    for name, kept in (("without_copies", False), ("with_copies", True)):
        chosen = [face for face in faces if kept or not is_copy(face)]
        codes = coding_passes(data, chosen)
        if codes:
            result[f"action_units_{name}"] = unit_rows(analyzer, chosen, readings, codes)
    return result


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--limit", type=int, default=None, help="only the first N faces, for a quick look")
    options = parser.parse_args()
    result = measure(options.data, options.model, options.limit)
    for name, row in result.items():
        show(name, row)
    write(result, options.json)


if __name__ == "__main__":
    main()
