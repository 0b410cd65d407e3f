"""What a report shows of action units: a row a unit with its base rate, the folds, the totals, a result an item.

No accuracy and no specificity: with a unit that shows in 5 % of the faces, an answer that never names it is 95 % right.
The base rate stands beside each F1 instead. Shapes as in `unit_scores`.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import known_mean, number, ratio
from feallm.bench.tally import Array

MARKS = ("tp", "fp", "fn", "tn")


def unit_table(units: tuple[str, ...], sums: Array, f1: Array, agreement: Array | None) -> list[dict[str, object]]:
    """A row a unit of cell sums [P, U, 4] and F1 [P, U]: unit, n, positives, base_rate, precision, recall, f1.

    `n` and `positives` count codings: an item with two passes counts twice. With several passes also the F1 against
    each, and the F1 that the passes have with each other (`agreement` [U]).
    """
    tp, fp, fn, _ = np.moveaxis(sums, -1, 0)
    precision, recall = known_mean(ratio(tp, tp + fp), 0), known_mean(ratio(tp, tp + fn), 0)
    positives, n = (tp + fn).sum(0), sums.sum(axis=(0, -1))
    rates = ratio(positives, n)
    rows: list[dict[str, object]] = []
    for place, unit in enumerate(units):
        row: dict[str, object] = {
            "unit": unit,
            "n": int(n[place]),
            "positives": int(positives[place]),
            "base_rate": number(rates[place]),
            "precision": number(precision[place]),
            "recall": number(recall[place]),
            "f1": number(known_mean(f1[:, place])),
        }
        if agreement is not None:
            row |= {f"f1_pass{index + 1}": number(f1[index, place]) for index in range(len(f1))}
            row["agreement"] = number(agreement[place])
        rows.append(row)
    return rows


def totals(outcomes: Sequence[Outcome], units: tuple[str, ...], sums: Array) -> list[dict[str, object]]:
    """One row of counts: items, answered, passes, units, those never there in the truth, those never judged, and how
    often a unit was named that is not scored."""
    judged = sums.sum(axis=(0, -1)) > 0
    positives = sums[..., 0].sum(0) + sums[..., 2].sum(0)
    return [
        {
            "items": len(outcomes),
            "answered": sum(outcome.fate == "answered" for outcome in outcomes),
            "passes": len(sums),
            "units": len(units),
            "units_without_positives": int((judged & (positives == 0)).sum()),
            "units_never_judged": int((~judged).sum()),
            "named_outside": sum(len(set(outcome.present or ()) - set(units)) for outcome in outcomes),
        }
    ]


def fold_table(
    units: tuple[str, ...], by_fold: Sequence[Array], folds: Sequence[frozenset[str]]
) -> list[dict[str, object]]:
    """A row a fold, of F1 [U] and the number of its items: fold (from 1), subjects, n, mean_f1, and F1 of each unit."""
    return [
        {
            "fold": place + 1,
            "subjects": len(fold),
            "n": int(values[-1]),
            "mean_f1": number(known_mean(values[:-1])),
            **{unit: number(value) for unit, value in zip(units, values, strict=False)},
        }
        for place, (fold, values) in enumerate(zip(folds, by_fold, strict=True))
    ]


def results_of(
    outcomes: Sequence[Outcome], units: tuple[str, ...], marked: NDArray[np.int8]
) -> list[Mapping[str, Any]]:
    """A row an item. `units[unit]` is "tp", "fp", "fn" or "tn", "fn/tn" with two passes and "-" where one did not
    judge it; units that no pass judged are left out. `right` is the share of the judgements that agree."""
    agree = (marked == MARKS.index("tp")) | (marked == MARKS.index("tn"))
    right = ratio(agree.sum(axis=(1, 2)), (marked >= 0).sum(axis=(1, 2)))
    return [
        {
            "sample": outcome.item.sample,
            "face": outcome.item.face,
            "subject": outcome.item.subject,
            "fate": outcome.fate,
            "right": number(share),
            "units": _words(units, mark[: len(outcome.item.truth.units)].tolist()),
        }
        for outcome, mark, share in zip(outcomes, marked, right, strict=True)
    ]


def _words(units: tuple[str, ...], passes: list[list[int]]) -> dict[str, str]:
    found = zip(units, map(_word, zip(*passes, strict=True)), strict=True)
    return {unit: word for unit, word in found if word}


@cache
def _word(column: tuple[int, ...]) -> str:
    """A unit in each pass: "fn/-"; "" where none judged it."""
    return "/".join(MARKS[value] if value >= 0 else "-" for value in column) if max(column) >= 0 else ""
