"""What the benchmark scripts share: the faces, their readings, scores with bootstrap intervals, and printing.

Metrics are those of `feallm.bench`. Intervals are 95 % percentile bootstraps over the faces, 1,000 resamples, seeded,
so that a second run repeats them; the draws are made here because those of a UAR stay within the classes.
"""

import argparse
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from tqdm import tqdm

from feallm.analyze import Analyzer, FaceReading
from feallm.bench.emotion_scores import emotion_tally
from feallm.bench.items import Item, Response, Truth
from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import number
from feallm.bench.tally import RESAMPLES, Tally
from feallm.bench.unit_scores import FN, FP, TP, marks, unit_tally
from feallm.data.records import LabelledFace
from feallm.data.sources import load
from feallm.data.sources.au_codes import CodingPass, read_codes
from feallm.faces import align_face, whole_picture
from feallm.facs.action_units import SCORED_AUS

Row = dict[str, Any]
Codes = Mapping[str, Sequence[CodingPass]]
PRESENT = 0.5
"""The strength from which on a unit is there: codes are 0, 1, 3 or 5."""


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


def pictures_of(table: Path, limit: int | None = None) -> list[Any]:
    """The column `image` of a Parquet table, encoded pictures, as RGB."""
    cells = pq.read_table(table, columns=["image"]).column("image").slice(0, limit).to_pylist()
    return [np.array(Image.open(io.BytesIO(cell)).convert("RGB")) for cell in cells]


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


def redrawn(tally: Tally, strata: Sequence[Any] | None = None) -> Mapping[str, Any]:
    """Each metric of a tally in each resample of its items."""
    with np.errstate(all="ignore"):
        return tally.finish(resamples(len(tally.rows), strata) @ tally.rows)


def emotion_outcomes(truth: Sequence[str], found: Sequence[str | None], shares: Sequence[Row] = ()) -> list[Outcome]:
    """Emotions answered (None: unparsed), with all probabilities where they are given, as the benchmark scores them."""
    scores = shares or [None] * len(truth)
    return [
        Outcome(
            Item(str(place), str(place), "emotion", "", Truth(label)),
            "unparsed" if answer is None else "answered",
            Response(scores=own),
            answer,
        )
        for place, (label, answer, own) in enumerate(zip(truth, found, scores, strict=True))
    ]


def uar_interval(outcomes: Sequence[Outcome], classes: Sequence[str]) -> list[float]:
    """Interval of the mean recall over the classes, the faces of each class resampled among themselves."""
    labels = [outcome.item.truth.emotion for outcome in outcomes]
    return interval(redrawn(emotion_tally(outcomes, tuple(classes)), labels)["uar"])


def unit_outcomes(codes: Codes, found: Mapping[str, Collection[str]]) -> list[Outcome]:
    """The units found in each coded face as the benchmark scores them: a place a pass, empty where it did not code."""
    passes = sorted({one.number for several in codes.values() for one in several})
    outcomes = []
    for identity, several in codes.items():
        coded = {one.number: one.strengths for one in several}
        truth = Truth(units=tuple(coded.get(one, {}) for one in passes))
        item = Item(identity, identity, "aus", "", truth)
        outcomes.append(Outcome(item, "answered", present=tuple(found[identity])))
    return outcomes


def unit_counts(codes: Codes, found: Mapping[str, Collection[str]], units: Sequence[str]) -> Any:
    """Hits, false alarms and misses [3, passes] over all units. Units that a pass could not judge count nowhere."""
    marked = marks(unit_outcomes(codes, found), tuple(units), PRESENT)
    return np.array([(marked == cell).sum(axis=(0, 2)) for cell in (TP, FP, FN)])


def unit_scores(codes: Codes, found: Mapping[str, Collection[str]]) -> Row:
    """F1 of each scored AU against each pass, averaged over the passes; and their mean with its interval."""
    outcomes = unit_outcomes(codes, found)
    tally = unit_tally(outcomes, SCORED_AUS, PRESENT)
    whole = tally.finish(tally.rows.sum(axis=0))
    return {
        "n": len(codes),
        "passes": len(outcomes[0].item.truth.units),
        "mean_f1": number(whole["mean_f1"]),
        "mean_f1_95": interval(redrawn(tally)["mean_f1"]),
        "f1": {unit: number(whole[f"f1_{unit}"]) for unit in SCORED_AUS},
    }


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
