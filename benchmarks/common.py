"""What the benchmark scripts share: the faces, their readings, scores with bootstrap intervals, and printing.

Intervals are 95 % percentile bootstraps over the faces, 1,000 resamples, seeded, so that a second run repeats them.
"""

import argparse
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from feallm.analyze import Analyzer, FaceReading
from feallm.data.records import LabelledFace
from feallm.data.sources import load
from feallm.data.sources.au_codes import CodingPass, read_codes
from feallm.faces import align_face, whole_picture
from feallm.facs.action_units import SCORED_AUS

Row = dict[str, Any]
Codes = Mapping[str, Sequence[CodingPass]]
RESAMPLES = 1000


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The options that every script over the validation data takes."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=None, help="a checkpoint folder; the packaged one if not given")
    parser.add_argument("--json", type=Path, default=None, help="write the numbers here as well")
    return parser


def validation(data: Path, *, copies: bool = True, limit: int | None = None) -> list[LabelledFace]:
    """The validation faces; `copies=False` leaves out those that repeat a training picture."""
    return [face for face in load("fer2013", data, "val") if copies or not is_copy(face)][:limit]


def is_copy(face: LabelledFace) -> bool:
    return "copy" in face.flags


def coding_passes(data: Path, faces: Sequence[LabelledFace]) -> dict[str, list[CodingPass]]:
    """id -> coding passes of those of the faces that were coded."""
    known = {face.id for face in faces}
    return {identity: passes for identity, passes in read_codes(data / "fea_au_val.csv").items() if identity in known}


def batches(items: Sequence[Any], size: int = 64) -> Iterator[Sequence[Any]]:
    for start in tqdm(range(0, len(items), size), leave=False, disable=None):
        yield items[start : start + size]


def numbers(analyzer: Analyzer, pictures: Sequence[Any]) -> list[FaceReading]:
    """One reading a face crop, without words."""
    found = analyzer.stream(pictures, explain=False)
    return list(tqdm(found, total=len(pictures), leave=False, disable=None))


def aligned(analyzer: Analyzer, pictures: Sequence[Any]) -> list[Any]:
    """Face crops as the engine takes them."""
    return [align_face(picture, whole_picture(picture), analyzer.engine.info.face_size) for picture in pictures]


def resamples(count: int, strata: Sequence[Any] | None = None) -> Any:
    """How often each of `count` items is drawn in each resample: [RESAMPLES, count]; within `strata` where given."""
    rng = np.random.default_rng(0)
    groups = np.zeros(count) if strata is None else np.asarray(strata)
    draws = np.zeros((RESAMPLES, count))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        draws[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=RESAMPLES)
    return draws


def interval(values: Any) -> list[float]:
    """The middle 95 % of a statistic's resamples."""
    return [float(value) for value in np.percentile(values, (2.5, 97.5))]


def uar_interval(truth: Sequence[str], given: Sequence[str], classes: Sequence[str]) -> list[float]:
    """Interval of the mean recall over the classes, the faces of each class resampled among themselves."""
    right = np.array([label == answer for label, answer in zip(truth, given, strict=True)], float)
    members = np.array([[label == name for name in classes] for label in truth], float)
    hits = (resamples(len(truth), truth) * right) @ members
    return interval((hits / np.maximum(members.sum(axis=0), 1)).mean(axis=1))


def unit_counts(codes: Codes, found: Mapping[str, Collection[str]], units: Sequence[str]) -> Any:
    """Hits, false alarms and misses [3, faces, passes, units] against each pass; a strength above 0 is presence.

    Units that a pass could not judge count nowhere.
    """
    passes = sorted({one.number for several in codes.values() for one in several})
    counts = np.zeros((3, len(codes), len(passes), len(units)))
    for row, (identity, several) in enumerate(codes.items()):
        for one in several:
            for column, unit in enumerate(units):
                if unit in one.strengths:
                    truth, given = one.strengths[unit] > 0, unit in found[identity]
                    outcome = (truth and given, given and not truth, truth and not given)
                    counts[:, row, passes.index(one.number), column] += outcome
    return counts


def f1(counts: Any) -> Any:
    """F1 from hits, false alarms and misses along the first axis; 0 where there is nothing to find or found."""
    hits, false, missed = counts
    return 2 * hits / np.maximum(2 * hits + false + missed, 1e-9)


def unit_scores(codes: Codes, found: Mapping[str, Collection[str]]) -> Row:
    """F1 of each scored AU against each pass, averaged over the passes; and their mean with its interval."""
    counts = unit_counts(codes, found, SCORED_AUS)
    each = f1(counts.sum(axis=1)).mean(axis=0)
    drawn = f1(np.einsum("rn,knpu->krpu", resamples(len(codes)), counts, optimize=True))
    return {
        "n": len(codes),
        "passes": counts.shape[2],
        "mean_f1": float(each.mean()),
        "mean_f1_95": interval(drawn.mean(axis=(1, 2))),
        "f1": dict(zip(SCORED_AUS, map(float, each), strict=True)),
    }


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text.strip()) if text.strip() else []


def share(part: float, whole: float) -> float | None:
    """None where there is nothing to take a share of."""
    return float(part) / whole if whole else None


def write(result: Mapping[str, Row], path: Path | None) -> None:
    """All numbers as JSON, where asked for."""
    if path:
        path.write_text(json.dumps(result, indent=1, allow_nan=False))


def show(name: str, row: Row) -> None:
    """Single values on one line, then a line for each mapping and a table for each list of rows."""
    inner = {key: value for key, value in row.items() if isinstance(value, dict) or _is_table(value)}
    single = [f"{key} {_text(value)}" for key, value in row.items() if key not in inner]
    print(f"{name}: " + ", ".join(single))
    for key, value in inner.items():
        if isinstance(value, dict):
            print(f"    {key}: " + ", ".join(f"{part} {_text(number)}" for part, number in value.items()))
            continue
        print(f"    {key}")
        cells = [list(value[0]), *([_text(cell) for cell in line.values()] for line in value)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            print("      " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(part) for part in value) + "]"
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)
