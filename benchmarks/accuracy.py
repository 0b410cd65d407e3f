"""What a checkpoint reaches on the validation data: emotions, action units, words, and ordinary photographs.

    python benchmarks/accuracy.py --data DIR [--model CHECKPOINT] [--only head|free|photos|words ...]
                                  [--explain N] [--free N] [--json FILE]

DIR holds ferplus_val.parquet, fea_au_val.csv and photos.parquet. Nothing here was trained on. Emotion rows whose
`copy_of` is set repeat training pictures: numbers are given without and with them. An AU code counts as present at
any strength; F1 is against each coding pass, averaged over the passes. `_95` are bootstrap intervals; that of the UAR
resamples each class by itself. Macro-F1 and UAR are means over the classes that occur (`feallm.bench`).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from common import (
    Row,
    aligned,
    arguments,
    batches,
    coding_passes,
    emotion_outcomes,
    is_copy,
    numbers,
    pictures_of,
    show,
    uar_interval,
    unit_scores,
    validation,
    write,
)

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.evidence import question, unsupported_claims
from feallm.analyze.free import FreeReading, read_free
from feallm.bench.emotion_scores import emotion_score
from feallm.facs.answers import read_answer

LABEL_SETS = ("fer2013", "ferplus")


def emotion_scores(truth: Sequence[str], found: Sequence[str | None], classes: Sequence[str]) -> Row:
    """Accuracy, macro-F1 and UAR; an unparsed answer is wrong and counted. The recall of a class without faces is None.

    The last column of the confusion matrix is for unparsed answers.
    """
    outcomes = emotion_outcomes(truth, found)
    score = emotion_score(outcomes, tuple(classes))
    return {
        "n": len(truth),
        "unparsed": sum(answer is None for answer in found),
        **{name: score.metrics[name].value for name in ("accuracy", "macro_f1", "uar")},
        "uar_95": uar_interval(outcomes, classes),
        "recall": {row["class"]: row["recall"] for row in score.tables["classes"]},
        "confusion": [list(row.values())[1:] for row in score.tables["confusion"]],
    }


def raters_scores(labels: Sequence[Mapping[str, str]]) -> Row:
    """How often the plurality of FER+'s ten raters is FER2013's own label, where it is one of the seven."""
    rows = [(own["fer2013"], own["ferplus"]) for own in labels if own.get("ferplus", "contempt") != "contempt"]
    return {"n": len(rows), "accuracy": float(np.mean([truth == said for truth, said in rows]))}


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


def measure_head(data: Path, model: str | None) -> dict[str, Row]:
    """The calibrated numbers: emotions of both label sets, and action units."""
    faces = validation(data)
    pictures = [face.picture() for face in faces]
    result: dict[str, Row] = {}
    found: dict[str, set[str]] = {}
    for label_set in LABEL_SETS:
        analyzer = Analyzer(model, detector="none", batch_size=64, label_set=label_set)
        readings = numbers(analyzer, pictures)
        found = {face.id: set(reading.present_units) for face, reading in zip(faces, readings, strict=True)}
        for name, kept in (("without_copies", False), ("with_copies", True)):
            rows = [
                (face.labels[label_set], reading.emotion)
                for face, reading in zip(faces, readings, strict=True)
                if label_set in face.labels and (kept or not is_copy(face))
            ]
            truth, given = zip(*rows, strict=True)
            result[f"{label_set}_{name}"] = emotion_scores(truth, given, analyzer.classes)
    alone = [face for face in faces if not is_copy(face)]
    result["fer2013_by_the_raters"] = raters_scores([face.labels for face in alone])
    result["action_units"] = unit_scores(coding_passes(data, faces), found)
    result["action_units_without_copies"] = unit_scores(coding_passes(data, alone), found)
    return result


def measure_free(data: Path, model: str | None, count: int) -> dict[str, Row]:
    """What the language model says unaided of `count` faces a label set: by free generation, and by label scoring."""
    faces = validation(data)
    result: dict[str, Row] = {}
    for label_set in LABEL_SETS:
        analyzer = Analyzer(model, detector="none", batch_size=64, label_set=label_set)
        chosen = [face for face in faces if label_set in face.labels and not is_copy(face)][:count]
        truth = [face.labels[label_set] for face in chosen]
        pictures = [face.picture() for face in chosen]
        answers = [reading.emotion for reading in free_readings(analyzer, pictures)]
        result[f"{label_set}_free_generation"] = emotion_scores(truth, answers, analyzer.classes)
        read = [reading.emotion for reading in numbers(analyzer, pictures)]
        result[f"{label_set}_head_on_the_same"] = emotion_scores(truth, read, analyzer.classes)
        likeliest = [
            analyzer.classes[column]
            for chunk in batches(pictures)
            for column in label_scores(analyzer, aligned(analyzer, chunk)).argmax(axis=1)
        ]
        result[f"{label_set}_label_scoring"] = emotion_scores(truth, likeliest, analyzer.classes)
    codes = coding_passes(data, faces)
    coded = [face for face in faces if face.id in codes]
    analyzer = Analyzer(model, detector="none", batch_size=64)
    listed = [reading.units for reading in free_readings(analyzer, [face.picture() for face in coded])]
    unparsed = sum(units is None for units in listed)  # counted, and scored as naming none
    named = {face.id: set(units or ()) for face, units in zip(coded, listed, strict=True)}
    result["action_units_free_generation"] = {"unparsed": unparsed, **unit_scores(codes, named)}
    return result


def free_readings(analyzer: Analyzer, pictures: Sequence[Any]) -> list[FreeReading]:
    return [
        reading
        for chunk in batches(pictures)
        for reading in read_free(analyzer.engine, aligned(analyzer, chunk), analyzer.classes)
    ]


def label_scores(analyzer: Analyzer, crops: Sequence[Any]) -> Any:
    """Log-likelihood of each class as the language model's answer to the closed-set question: [faces, classes]."""
    labels = [f"{name.capitalize()}." for name in analyzer.classes]
    conversations = [question("emotion", analyzer.classes)] * len(crops)
    return analyzer.engine.score_labels(analyzer.engine.encode(crops), conversations, labels)


def measure_words(data: Path, model: str | None, count: int) -> dict[str, Row]:
    """The explanations of the first `count` faces that repeat no training picture."""
    analyzer = Analyzer(model, detector="none", batch_size=64)
    pictures = [face.picture() for face in validation(data, copies=False, limit=count)]
    readings = [reading for chunk in batches(pictures) for reading in analyzer.stream(chunk)]
    return {"explanations": words_scores(readings)}


def measure_photos(data: Path, model: str | None) -> dict[str, Row]:
    """Ordinary photographs through the default detector; the largest face of each is scored."""
    table = data / "photos.parquet"
    labels, pictures = pq.read_table(table, columns=["emotion"]).column("emotion").to_pylist(), pictures_of(table)
    analyzer = Analyzer(model, batch_size=32)
    first = [r for r in analyzer.stream(pictures, explain=False) if r.face_id in (None, 0)]
    seen = [(label, reading.emotion) for label, reading in zip(labels, first, strict=True) if reading.emotion]
    correct = sum(truth == verdict for truth, verdict in seen)
    row = {"n": len(labels), "faces_found": len(seen) / len(labels), "accuracy_of_found": correct / max(len(seen), 1)}
    return {"photos": row}


def show_confusion(row: Row) -> None:
    print("    confusion (rows: true; the last column: unparsed)")
    for label, counts in zip(row["recall"], row["confusion"], strict=True):
        print(f"    {label:<10}" + "".join(f"{count:6d}" for count in counts))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=("head", "free", "words", "photos"), help="parts to measure")
    parser.add_argument("--explain", type=int, default=300, help="how many faces to explain (0: none)")
    parser.add_argument("--free", type=int, default=10000, help="how many faces to ask the language model itself")
    options = parser.parse_args()
    where = (options.data, options.model)
    parts: dict[str, Callable[[], dict[str, Row]]] = {"head": lambda: measure_head(*where)}
    if options.free:
        parts["free"] = lambda: measure_free(*where, options.free)
    if options.explain:
        parts["words"] = lambda: measure_words(*where, options.explain)
    if (options.data / "photos.parquet").is_file():
        parts["photos"] = lambda: measure_photos(*where)
    if missing := sorted(set(options.only or ()) - set(parts)):
        parser.error(f"no {', '.join(missing)}: its count is 0, or its file is not in {options.data}")
    result: dict[str, Row] = {}
    for name, measure in parts.items():
        if not options.only or name in options.only:
            result |= measure()
    for name, row in result.items():
        show(name, {key: value for key, value in row.items() if key != "confusion"})
        if "confusion" in row and "without" in name:
            show_confusion(row)
    write(result, options.json)


if __name__ == "__main__":
    main()
