"""What a checkpoint reaches on the validation data: emotions, action units, words, and ordinary photographs.

    python benchmarks/accuracy.py --data DIR [--model CHECKPOINT] [--explain N] [--free N] [--json FILE]

DIR holds ferplus_val.parquet, fea_au_val.csv and photos.parquet. Nothing here was trained on. Emotion rows whose
`copy_of` is set repeat training pictures: numbers are given without and with them. An AU code counts as present at
any strength; F1 is against each coding pass, averaged over the passes. Needs the development extra (scikit-learn).
"""

import argparse
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score
from tqdm import tqdm

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.evidence import question, unsupported_claims
from feallm.analyze.free import read_free
from feallm.data.sources.au_codes import read_codes
from feallm.data.sources.fer2013 import fer2013
from feallm.faces import align_face, whole_picture
from feallm.facs.action_units import SCORED_AUS
from feallm.facs.answers import read_answer

Row = dict[str, Any]


def emotion_scores(truth: Sequence[str], found: Sequence[str | None], classes: Sequence[str]) -> Row:
    """Accuracy, macro-F1 and UAR over the classes of the task; an unparsed answer is wrong and counted."""
    given = [answer or "unparsed" for answer in found]
    recalls = recall_score(truth, given, labels=list(classes), average=None, zero_division=0)
    return {
        "n": len(truth),
        "unparsed": given.count("unparsed"),
        "accuracy": accuracy_score(truth, given),
        "macro_f1": f1_score(truth, given, labels=list(classes), average="macro", zero_division=0),
        "uar": float(np.mean(recalls)),
        "recall": dict(zip(classes, map(float, recalls), strict=True)),
        "confusion": confusion_matrix(truth, given, labels=[*classes, "unparsed"]).tolist(),
    }


def unit_scores(codes: dict[str, list[Any]], found: dict[str, set[str]]) -> Row:
    """F1 of each scored AU against each pass, averaged over the passes; and their mean."""
    passes = sorted({one.number for several in codes.values() for one in several})
    table: dict[str, list[float]] = {unit: [] for unit in SCORED_AUS}
    for number in passes:
        for unit in SCORED_AUS:
            pairs = [
                (one.strengths[unit] > 0, unit in found[identity])
                for identity, several in codes.items()
                for one in several
                if one.number == number and unit in one.strengths
            ]
            truth, given = zip(*pairs, strict=True)
            table[unit].append(float(f1_score(truth, given, zero_division=0)))
    each = {unit: float(np.mean(values)) for unit, values in table.items()}
    return {
        "n": len(codes),
        "passes": len(passes),
        "mean_f1": float(np.mean(list(each.values()))),
        "f1": each,
    }


def words_scores(readings: Sequence[FaceReading]) -> Row:
    """Does every explanation assert only what the reading shows, and its label; how much was repaired."""
    unsupported = wrong_label = repaired = 0
    for reading in readings:
        text = reading.explanation or ""
        unsupported += bool(unsupported_claims(text, str(reading.emotion), reading.present_units))
        wrong_label += read_answer(text).emotion != reading.emotion
        repaired += bool(reading.consistency and reading.consistency.repaired)
    return {
        "n": len(readings),
        "claims_against_the_reading": unsupported,
        "without_their_label": wrong_label,
        "repaired": repaired,
        "distinct": len({reading.explanation for reading in readings}),
    }


def batches(items: Sequence[Any], size: int = 64) -> Iterator[Sequence[Any]]:
    for start in tqdm(range(0, len(items), size), leave=False, disable=None):
        yield items[start : start + size]


def measure_faces(data: Path, model: str | None, explain: int, free: int) -> Row:
    faces = list(fer2013(data, "val"))
    pictures = [face.picture() for face in faces]
    copies = [bool(face.flags & {"copy"}) for face in faces]
    result: Row = {}
    found: dict[str, set[str]] = {}
    for label_set in ("fer2013", "ferplus"):
        analyzer = Analyzer(model, detector="none", batch_size=64, label_set=label_set)
        verdicts: list[str | None] = []
        for chunk in batches(list(zip(faces, pictures, strict=True))):
            for (face, _), reading in zip(
                chunk, analyzer.stream([picture for _, picture in chunk], explain=False), strict=True
            ):
                verdicts.append(reading.emotion)
                found[face.id] = set(reading.present_units)
        for name, kept in (("without_copies", False), ("with_copies", True)):
            rows = [
                (face.labels[label_set], verdict)
                for face, verdict, copy in zip(faces, verdicts, copies, strict=True)
                if label_set in face.labels and (kept or not copy)
            ]
            truth, given = zip(*rows, strict=True)
            result[f"{label_set}_{name}"] = emotion_scores(truth, given, analyzer.classes)
        if free:
            chosen = [i for i, face in enumerate(faces) if label_set in face.labels and not copies[i]][:free]
            answers = [
                reading.emotion
                for chunk in batches(chosen)
                for reading in read_free(analyzer.engine, aligned(analyzer, pictures, chunk), analyzer.classes)
            ]
            truth = [faces[i].labels[label_set] for i in chosen]
            result[f"{label_set}_free_generation"] = emotion_scores(truth, answers, analyzer.classes)
            likeliest = [
                analyzer.classes[column]
                for chunk in batches(chosen)
                for column in label_scores(analyzer, aligned(analyzer, pictures, chunk)).argmax(axis=1)
            ]
            result[f"{label_set}_label_scoring"] = emotion_scores(truth, likeliest, analyzer.classes)
    codes = read_codes(data / "fea_au_val.csv")
    codes = {identity: passes for identity, passes in codes.items() if identity in found}
    result["action_units"] = unit_scores(codes, found)
    analyzer = Analyzer(model, detector="none", batch_size=64)
    coded = [i for i, face in enumerate(faces) if face.id in codes]
    if free:
        listed = {
            faces[i].id: reading.units
            for chunk in batches(coded)
            for i, reading in zip(
                chunk, read_free(analyzer.engine, aligned(analyzer, pictures, chunk), analyzer.classes), strict=True
            )
        }
        unparsed = sum(units is None for units in listed.values())  # counted, and scored as naming none
        scored = unit_scores(codes, {identity: set(units or ()) for identity, units in listed.items()})
        result["action_units_free_generation"] = {"unparsed": unparsed, **scored}
    if explain:
        chosen = [i for i, copy in enumerate(copies) if not copy][:explain]
        readings = [r for chunk in batches(chosen) for r in analyzer.stream([pictures[i] for i in chunk])]
        result["explanations"] = words_scores(readings)
    return result


def aligned(analyzer: Analyzer, pictures: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    size = analyzer.engine.info.face_size
    return [align_face(pictures[i], whole_picture(pictures[i]), size) for i in rows]


def label_scores(analyzer: Analyzer, crops: Sequence[Any]) -> Any:
    """Log-likelihood of each class as the language model's answer to the closed-set question: [faces, classes]."""
    labels = [f"{name.capitalize()}." for name in analyzer.classes]
    conversations = [question("emotion", analyzer.classes)] * len(crops)
    return analyzer.engine.score_labels(analyzer.engine.encode(crops), conversations, labels)


def measure_photos(path: Path, model: str | None) -> Row:
    """Ordinary photographs through the default detector; the largest face of each is scored."""
    rows = pq.read_table(path).to_pylist()
    pictures = [np.asarray(Image.open(io.BytesIO(row["image"])).convert("RGB")) for row in rows]
    analyzer = Analyzer(model, batch_size=32)
    first = [r for r in analyzer.stream(pictures, explain=False) if r.face_id in (None, 0)]
    seen = [(row["emotion"], reading.emotion) for row, reading in zip(rows, first, strict=True) if reading.emotion]
    correct = sum(truth == verdict for truth, verdict in seen)
    return {
        "n": len(rows),
        "faces_found": len(seen) / len(rows),
        "accuracy_of_found": correct / max(len(seen), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=None, help="a checkpoint folder; the packaged one if not given")
    parser.add_argument("--explain", type=int, default=300, help="how many faces to explain (0: none)")
    parser.add_argument("--free", type=int, default=1000, help="how many faces to ask the language model about unaided")
    parser.add_argument("--json", type=Path, default=None, help="write the numbers here as well")
    options = parser.parse_args()
    result = measure_faces(options.data, options.model, options.explain, options.free)
    if (options.data / "photos.parquet").is_file():
        result["photos"] = measure_photos(options.data / "photos.parquet", options.model)
    for name, row in result.items():
        plain = {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
        inner = {key: plain.pop(key) for key in ("recall", "f1") if key in plain}
        matrix = plain.pop("confusion", None)
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in plain.items()))
        for values in inner.values():
            print("    " + ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
        if matrix and "without" in name:
            print("    confusion (rows: true; the last column: unparsed)")
            for label, counts in zip(row["recall"], matrix, strict=False):
                print(f"    {label:<10}" + "".join(f"{count:6d}" for count in counts))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
