"""The scores of action units on the people of each published fold, beside a headline that pools all frames."""

from collections.abc import Sequence

import numpy as np

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import known_mean, number
from feallm.bench.tally import Array, Score
from feallm.bench.unit_scores import unit_score, unit_tally
from feallm.bench.unit_tables import fold_table
from feallm.data.sources import folds

Folds = tuple[frozenset[str], ...]
"""The people of each fold."""


def fold_people(parts: tuple[tuple[str, ...], ...]) -> Folds:
    """The people that fold 1, 2 and 3 of `folds.BP4D` or `folds.DISFA` are tested on."""
    return tuple(folds.subjects(parts, split) for split in folds.SPLITS if split.endswith("_test"))


def score_with_folds(
    outcomes: Sequence[Outcome], units: tuple[str, ...], positive: float, parts: Folds, graded: bool = False
) -> Score:
    """As `unit_score` over all items, with the table "folds": a row a fold and one, "mean", of the mean over them.

    Raises as `unit_score` does.
    """
    score = unit_score(outcomes, units, positive, graded=graded)
    rows = _fold_rows(outcomes, units, positive, parts)
    return Score(score.metrics, {**score.tables, "folds": rows}, score.results)


def _fold_rows(
    outcomes: Sequence[Outcome], units: tuple[str, ...], positive: float, parts: Folds
) -> list[dict[str, object]]:
    tally = unit_tally(outcomes, units, positive)
    inside = [np.array([outcome.item.subject in fold for outcome in outcomes], bool) for fold in parts]
    found: list[Array] = []
    for chosen in inside:
        metrics = tally.finish(tally.rows[chosen].sum(axis=0))
        found.append(np.array([*(metrics[f"f1_{unit}"] for unit in units), chosen.sum()], np.float64))
    rows = fold_table(units, found, parts)
    f1 = np.stack(found)[:, :-1]
    means = known_mean(f1, axis=0)
    return [
        *rows,
        {
            "fold": "mean",
            "subjects": sum(len(fold) for fold in parts),
            "n": int(sum(chosen.sum() for chosen in inside)),
            "mean_f1": number(float(known_mean(known_mean(f1)))),
            **{unit: number(mean) for unit, mean in zip(units, means, strict=True)},
        },
    ]
