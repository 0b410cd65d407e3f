"""Scores of emotion answers: accuracy, macro F1, mean recall, the confusion matrix, and calibration.

The classes come from the task. An answer that is no class of it (unparsed, out of vocabulary, refused, no face, not
there) is a wrong answer: it counts against its true class and for no other, and stands in the confusion matrix' column
"none". Macro F1 and UAR (unweighted average recall) are means over the classes that occur in the truth, so that models
are averaged over the same classes whatever they answer. Shapes: N items, K classes.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import known_mean, number, ratio, subjects
from feallm.bench.reliability import confidence, expected_error, gaps, reliability
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Score, Tally

NONE = "none"
"""The column of the confusion matrix for what is no class."""


def emotion_tally(outcomes: Sequence[Outcome], classes: tuple[str, ...]) -> Tally:
    """accuracy, macro_f1, uar, recall_CLASS, answered; and ece where a response has `scores`.

    Columns: true class [K], answered class [K], right class [K]; the gaps of `reliability`.

    Raises:
        ValueError: an item's true emotion is not one of the classes.
    """
    truth, given = _labels(outcomes, classes)
    blocks = [_one_hot(truth, len(classes)), _one_hot(given, len(classes))]
    blocks.append(blocks[0] * blocks[1])
    confidences = [confidence(outcome) for outcome in outcomes]
    calibrated = any(value is not None for value in confidences)
    if calibrated:
        blocks.append(gaps(confidences, (truth == given).astype(np.float64)))
    rows = np.concatenate(blocks, axis=1)
    return Tally(rows, partial(_finish, classes=classes, calibrated=calibrated), subjects(outcomes))


def emotion_score(outcomes: Sequence[Outcome], classes: tuple[str, ...]) -> Score:
    """The metrics of `emotion_tally` with intervals; tables "classes", "confusion" and, where responses have `scores`,
    "reliability"; a result an item. Raises as `emotion_tally` does."""
    truth, given = _labels(outcomes, classes)
    confidences = [confidence(outcome) for outcome in outcomes]
    right = (truth == given).astype(np.float64)
    counts = np.zeros((len(classes), len(classes) + 1), np.int64)
    np.add.at(counts, (truth, given), 1)
    tables: dict[str, list[dict[str, object]]] = {
        "classes": _classes(counts, classes),
        "confusion": [
            {"truth": name, **dict(zip((*classes, NONE), map(int, row), strict=True))}
            for name, row in zip(classes, counts, strict=True)
        ],
    }
    if any(value is not None for value in confidences):
        tables["reliability"] = reliability(confidences, right)
    results = [_result(*one) for one in zip(outcomes, right, confidences, strict=True)]
    return Score(intervals(emotion_tally(outcomes, classes)), tables, results)


def _finish(sums: Array, classes: tuple[str, ...], calibrated: bool) -> Mapping[str, Array]:
    size = len(classes)
    truth, given, right = (sums[..., start : start + size] for start in range(0, 3 * size, size))
    recall = ratio(right, truth)
    f1 = np.where(truth > 0, ratio(2 * right, truth + given), np.nan)
    items = truth.sum(-1)
    found = {"accuracy": ratio(right.sum(-1), items), "macro_f1": known_mean(f1), "uar": known_mean(recall)}
    found |= {f"recall_{name}": recall[..., place] for place, name in enumerate(classes)}
    found["answered"] = ratio(given.sum(-1), items)
    if calibrated:
        found["ece"] = expected_error(sums[..., 3 * size :])
    return found


def _labels(outcomes: Sequence[Outcome], classes: tuple[str, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places in `classes` of the true and the answered emotion of each item; K where none was answered."""
    places: dict[str | None, int] = {name: place for place, name in enumerate(classes)}
    for outcome in outcomes:
        if outcome.item.truth.emotion not in places:
            raise ValueError(
                f"{outcome.item.sample}: the true emotion is {outcome.item.truth.emotion!r}, expected one of "
                f"{', '.join(classes)}; a task must leave out faces without one"
            )
    truth = [places[outcome.item.truth.emotion] for outcome in outcomes]
    given = [places.get(outcome.emotion, len(classes)) for outcome in outcomes]
    return np.array(truth, np.intp), np.array(given, np.intp)


def _one_hot(places: NDArray[np.intp], size: int) -> Array:
    """[N, K]; no class is all 0."""
    return np.asarray(places[:, None] == np.arange(size), np.float64)


def _classes(counts: NDArray[np.int64], classes: tuple[str, ...]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for place, name in enumerate(classes):
        n, given, right = counts[place].sum(), counts[:, place].sum(), counts[place, place]
        rows.append(
            {
                "class": name,
                "n": int(n),
                "recall": number(right / n) if n else None,
                "precision": number(right / given) if given else None,
                "f1": number(2 * right / (n + given)) if n else None,
            }
        )
    return rows


def _result(outcome: Outcome, right: float, sure: float | None) -> dict[str, Any]:
    return {
        "sample": outcome.item.sample,
        "face": outcome.item.face,
        "truth": outcome.item.truth.emotion,
        "given": outcome.emotion,
        "fate": outcome.fate,
        "right": int(right),
        "confidence": sure,
    }
