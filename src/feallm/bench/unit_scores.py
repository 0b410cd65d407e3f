"""Scores of action units: F1 of each unit, and their mean.

TP, FP and FN of a unit are pooled over all items (reference: the BP4D and DISFA protocols); F1 = 2 TP / (2 TP + FP +
FN), and 0 where there is nothing to find and nothing was found: leaving such units out would let a mean rise by what
a subset happens not to hold. They are counted (`units_without_positives`). A unit that a coder did not judge in an item
counts nowhere for that item, and one never judged has no F1. Items without an answer name nothing: their units are
misses. With several coding passes the answers are scored against each, and the F1s averaged.

Shapes: N items, P passes, U units; the last axis of a cell is TP, FP, FN, TN.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from feallm.bench.intensity_scores import add_intensity
from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import known_mean, ratio, subjects
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Score, Tally
from feallm.bench.unit_tables import results_of, totals, unit_table

TP, FP, FN, TN = range(4)
UNKNOWN = -1


def unit_tally(outcomes: Sequence[Outcome], units: tuple[str, ...], positive: float) -> Tally:
    """mean_f1, micro_f1, f1_UNIT, answered. A unit is there from strength `positive` on.

    Raises:
        ValueError: an item has no coding pass.
    """
    return _tally(outcomes, units, _one_hot(marks(outcomes, units, positive)))


def _tally(outcomes: Sequence[Outcome], units: tuple[str, ...], cells: Array) -> Tally:
    answered = np.ones((len(outcomes), 2))
    answered[:, 0] = [outcome.fate == "answered" for outcome in outcomes]
    rows = np.concatenate([cells.reshape(len(cells), int(np.prod(cells.shape[1:]))), answered], axis=1)
    return Tally(rows, partial(_finish, units=units, shape=cells.shape[1:]), subjects(outcomes))


def unit_score(outcomes: Sequence[Outcome], units: tuple[str, ...], positive: float, graded: bool = False) -> Score:
    """The metrics of `unit_tally` with intervals; tables "units" and "totals"; results.

    `graded`: the truth has strengths, so responses that carry `intensity` get ICC and MAE too (`intensity_scores`).
    Raises as `unit_tally` does.
    """
    marked = marks(outcomes, units, positive)
    cells = _one_hot(marked)
    sums = cells.sum(axis=0)
    tables = {
        "units": unit_table(units, sums, f1_of(sums), _agreement(marked)),
        "totals": totals(outcomes, units, sums),
    }
    score = Score(intervals(_tally(outcomes, units, cells)), tables, results_of(outcomes, units, marked))
    return add_intensity(score, outcomes, units) if graded else score


def marks(outcomes: Sequence[Outcome], units: tuple[str, ...], positive: float) -> NDArray[np.int8]:
    """[N, P, U]: TP, FP, FN or TN of a unit in a pass, UNKNOWN where the pass did not judge it."""
    passes = max((len(outcome.item.truth.units) for outcome in outcomes), default=1)
    found = np.full((len(outcomes), passes, len(units)), UNKNOWN, np.int8)
    for outcome, mark in zip(outcomes, found, strict=True):
        if not outcome.item.truth.units:
            raise ValueError(
                f"{outcome.item.sample} has no coding pass (truth.units is empty): a task must leave out faces whose "
                "action units are not known"
            )
        present = set(outcome.present or ())
        for coded, row in zip(outcome.item.truth.units, mark, strict=False):
            row[:] = [_mark(coded.get(unit), unit in present, positive) for unit in units]
    return found


def _mark(strength: float | None, named: bool, positive: float) -> int:
    if strength is None or strength != strength:  # NaN is not known either
        return UNKNOWN
    if strength >= positive:
        return TP if named else FN
    return FP if named else TN


def f1_of(cells: Array) -> Array:
    """F1 of cells [..., 4]: 0 where nothing is there and nothing was named, NaN where nothing was judged."""
    tp, wrong = cells[..., TP], cells[..., FP] + cells[..., FN]
    f1 = np.nan_to_num(ratio(2 * tp, 2 * tp + wrong), nan=0.0)
    return np.asarray(np.where(cells.sum(-1) > 0, f1, np.nan))


def _finish(sums: Array, units: tuple[str, ...], shape: tuple[int, ...]) -> Mapping[str, Array]:
    cells = sums[..., :-2].reshape(*sums.shape[:-1], *shape)  # [..., P, U, 4]
    f1 = known_mean(f1_of(cells), axis=-2)  # over passes: [..., U]
    found = {"mean_f1": known_mean(f1), "micro_f1": known_mean(f1_of(cells.sum(axis=-2)))}
    found |= {f"f1_{unit}": f1[..., place] for place, unit in enumerate(units)}
    found["answered"] = ratio(sums[..., -2], sums[..., -1])
    return found


def _one_hot(marked: NDArray[np.int8]) -> Array:
    """Cells [N, P, U, 4]; what is not known is all 0."""
    return np.asarray(marked[..., None] == np.arange(4, dtype=np.int8), np.float64)


def _agreement(marked: NDArray[np.int8]) -> Array | None:
    """F1 [U] of the coding passes with each other, mean over pairs: what an answer as good as a coder gets.

    None with one pass. Over the items that both judged.
    """
    passes = marked.shape[1]
    if passes < 2:
        return None
    there, known = (marked == TP) | (marked == FN), marked != UNKNOWN
    pairs = [(one, other) for one in range(passes) for other in range(one)]
    found = []
    for one, other in pairs:
        both = known[:, one] & known[:, other]
        a, b = there[:, one] & both, there[:, other] & both
        cells = np.stack([(a & b).sum(0), (a & ~b).sum(0), (b & ~a).sum(0), (both & ~a & ~b).sum(0)], axis=-1)
        found.append(f1_of(cells.astype(np.float64)))
    return known_mean(np.stack(found), axis=0)
