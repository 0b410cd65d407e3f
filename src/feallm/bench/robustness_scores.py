"""How much of a model's accuracy stays when the pictures get worse.

An item's `about` is {"perturbation": name or "clean", "level": 1..5 or 0}. A *cell* is one perturbation at one level.

- accuracy of a cell: right answers among all its items; what is not answered is wrong.
- mean_accuracy: the mean over cells of the accuracy. It leads.
- relative_accuracy: mean_accuracy / accuracy on the clean pictures. 1 where nothing is lost. A model that always
  answers the same keeps all of the little it has, so this does not lead.
- consistency: among the perturbed pictures of faces whose clean picture was answered, the share with the same answer,
  right or wrong; one that is not answered is not the same.

Cells without items are left out of the means. Faces (people, where they are known) are resampled, not pictures.
Shapes: N items, K cells; the first is the clean one.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from feallm.bench.outcomes import Outcome
from feallm.bench.perturb import PERTURBATIONS
from feallm.bench.ratios import known_mean, number, ratio
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Score, Tally

CLEAN = "clean"
Cell = tuple[str, int]
CELLS: tuple[Cell, ...] = (
    (CLEAN, 0),
    *((name, level) for name, levels in PERTURBATIONS.items() for level in range(1, len(levels) + 1)),
)
_COMPARED = 2 * len(CELLS)
_SAME = _COMPARED + 1


def robustness_tally(outcomes: Sequence[Outcome]) -> Tally:
    """Columns: items of each cell [K], right ones of each cell [K], views compared with the clean one, equal ones."""
    clean = _clean_answers(outcomes)
    rows = np.zeros((len(outcomes), _SAME + 1))
    for row, outcome in zip(rows, outcomes, strict=True):
        cell = CELLS.index(_cell(outcome))
        row[cell] = 1
        row[len(CELLS) + cell] = _right(outcome)
        answer = clean.get(outcome.item.face)
        if cell > 0 and answer is not None:
            row[_COMPARED] = 1
            row[_SAME] = outcome.emotion == answer
    return Tally(rows, finish, tuple(outcome.item.subject or outcome.item.face for outcome in outcomes))


def finish(sums: Array) -> Mapping[str, Array]:
    """Sums [..., 2 K + 2] -> metrics, each [...]."""
    accuracy = _accuracies(sums)
    clean, cells = accuracy[..., 0], accuracy[..., 1:]
    mean = known_mean(cells)
    return {
        "mean_accuracy": mean,
        "relative_accuracy": ratio(mean, clean),
        "clean_accuracy": clean,
        "consistency": ratio(sums[..., _SAME], sums[..., _COMPARED]),
    }


def robustness_score(outcomes: Sequence[Outcome]) -> Score:
    """Metrics with intervals; tables "levels" (a row a cell, the clean one first) and "perturbations" (their means)."""
    tally = robustness_tally(outcomes)
    sums = tally.rows.sum(0)
    clean = _clean_answers(outcomes)
    return Score(
        intervals(tally),
        {"levels": _levels(sums), "perturbations": _perturbations(sums)},
        [_result(outcome, clean.get(outcome.item.face)) for outcome in outcomes],
    )


def _levels(sums: Array) -> list[dict[str, object]]:
    accuracy = _accuracies(sums)
    relative = ratio(accuracy, accuracy[0])
    return [
        {
            "perturbation": name,
            "level": level,
            "n": int(sums[place]),
            "accuracy": number(accuracy[place]),
            "relative": number(relative[place]),
        }
        for place, (name, level) in enumerate(CELLS)
    ]


def _perturbations(sums: Array) -> list[dict[str, object]]:
    accuracy = _accuracies(sums)
    rows: list[dict[str, object]] = []
    for name in PERTURBATIONS:
        places = [place for place, cell in enumerate(CELLS) if cell[0] == name]
        mean = known_mean(accuracy[places])
        rows.append(
            {
                "perturbation": name,
                "n": int(sums[places].sum()),
                "accuracy": number(float(mean)),
                "relative": number(float(ratio(mean, accuracy[0]))),
            }
        )
    return rows


def _result(outcome: Outcome, clean: str | None) -> dict[str, object]:
    name, level = _cell(outcome)
    return {
        "sample": outcome.item.sample,
        "perturbation": name,
        "level": level,
        "truth": outcome.item.truth.emotion,
        "answer": outcome.emotion,
        "fate": outcome.fate,
        "right": _right(outcome),
        "same": outcome.emotion == clean if clean is not None and level > 0 else None,
    }


def _cell(outcome: Outcome) -> Cell:
    about = outcome.item.about
    return str(about["perturbation"]), int(about["level"])


def _clean_answers(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """face -> what was answered to its clean picture, where that could be read."""
    return {
        outcome.item.face: outcome.emotion
        for outcome in outcomes
        if _cell(outcome)[0] == CLEAN and outcome.emotion is not None
    }


def _right(outcome: Outcome) -> bool:
    return outcome.emotion is not None and outcome.emotion == outcome.item.truth.emotion


def _accuracies(sums: Array) -> Array:
    """[..., 2 K + 2] -> [..., K], NaN where a cell has no items."""
    return ratio(sums[..., len(CELLS) : _COMPARED], sums[..., : len(CELLS)])
