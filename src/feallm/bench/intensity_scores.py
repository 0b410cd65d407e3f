"""Scores of action-unit strengths: ICC(3,1) and mean absolute error, on the FACS scale 0..5 (A..E are 1..5).

ICC(3,1): two-way mixed, single measures, consistency (Shrout & Fleiss, Intraclass correlations, Psychological Bulletin
1979), with two judges, the coder and the model: (BMS - EMS) / (BMS + EMS), BMS the mean square between faces and EMS
the residual one. For two judges that is 2 cov(x, y) / (var x + var y). It forgives a constant offset, which the MAE
shows. Over the items where both give a strength; the table "intensity" says how many have one in the truth only. With
several coding passes, the mean over them.

Shapes: N items, P passes, U units; the last axis holds the moments n, sum x, y, xx, yy, xy, |x - y| (x the truth).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from feallm.bench.outcomes import Outcome
from feallm.bench.ratios import known_mean, number, ratio, subjects
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Score, Tally

MOMENTS = 7
ROUNDING = 1e-9
"""A variance below this share of the mean square is rounding: the values are all the same."""


def intensity_tally(outcomes: Sequence[Outcome], units: tuple[str, ...]) -> Tally:
    """mean_icc, mean_mae, icc_UNIT, mae_UNIT."""
    moments = moments_of(*_strengths(outcomes, units))
    return _tally(moments, units, subjects(outcomes))


def add_intensity(score: Score, outcomes: Sequence[Outcome], units: tuple[str, ...]) -> Score:
    """`score` with the metrics of `intensity_tally` and the table "intensity"; as it is where no response of the
    outcomes carries `intensity`."""
    if not any(outcome.response is not None and outcome.response.intensity for outcome in outcomes):
        return score
    truth, given = _strengths(outcomes, units)
    moments = moments_of(truth, given)
    metrics = intervals(_tally(moments, units, subjects(outcomes)))
    table = _table(units, moments.sum(axis=0), np.isfinite(truth).sum(axis=(0, 1)))
    return replace(score, metrics={**score.metrics, **metrics}, tables={**score.tables, "intensity": table})


def icc(moments: Array) -> Array:
    """ICC(3,1) of moments [..., 7]; NaN for fewer than two items, or where neither judge varies."""
    n, x, y, xx, yy, xy, _ = np.moveaxis(moments, -1, 0)
    spread = ratio(xx + yy, n) - ratio(x, n) ** 2 - ratio(y, n) ** 2
    shared = ratio(xy, n) - ratio(x, n) * ratio(y, n)
    varies = (n >= 2) & (spread > ROUNDING * ratio(xx + yy, n))
    return ratio(2 * shared, np.where(varies, spread, 0.0))


def mae(moments: Array) -> Array:
    """Mean absolute error, in steps of 0..5; NaN where there is no item."""
    return ratio(moments[..., 6], moments[..., 0])


def _tally(moments: Array, units: tuple[str, ...], groups: tuple[str | None, ...] | None) -> Tally:
    shape = moments.shape[1:]
    rows = moments.reshape(len(moments), int(np.prod(shape)))
    return Tally(rows, partial(_finish, units=units, shape=shape), groups)


def _finish(sums: Array, units: tuple[str, ...], shape: tuple[int, ...]) -> Mapping[str, Array]:
    moments = sums.reshape(*sums.shape[:-1], *shape)  # [..., P, U, 7]
    by_icc, by_mae = known_mean(icc(moments), axis=-2), known_mean(mae(moments), axis=-2)
    found = {"mean_icc": known_mean(by_icc), "mean_mae": known_mean(by_mae)}
    found |= {f"icc_{unit}": by_icc[..., place] for place, unit in enumerate(units)}
    return found | {f"mae_{unit}": by_mae[..., place] for place, unit in enumerate(units)}


def _strengths(outcomes: Sequence[Outcome], units: tuple[str, ...]) -> tuple[Array, Array]:
    """The coded [N, P, U] and the answered [N, 1, U] strengths, NaN where not known."""
    passes = max((len(outcome.item.truth.units) for outcome in outcomes), default=1)
    truth = np.full((len(outcomes), max(passes, 1), len(units)), np.nan)
    given = np.full((len(outcomes), 1, len(units)), np.nan)
    for place, outcome in enumerate(outcomes):
        for row, coded in enumerate(outcome.item.truth.units):
            truth[place, row] = [coded.get(unit, math.nan) for unit in units]
        strengths = outcome.response.intensity if outcome.response is not None else None
        if strengths:
            given[place, 0] = [strengths.get(unit, math.nan) for unit in units]
    return truth, given


def moments_of(truth: Array, given: Array) -> Array:
    """What each item adds, [..., 7], for strengths that broadcast to [...]; 0 where one is missing (NaN)."""
    known = np.isfinite(truth) & np.isfinite(given)
    x, y = np.where(known, truth, 0.0), np.where(known, given, 0.0)
    return np.stack([known.astype(np.float64), x, y, x * x, y * y, x * y, np.abs(x - y)], axis=-1)


def _table(units: tuple[str, ...], sums: Array, coded: Array) -> list[dict[str, object]]:
    """A row a unit: n codings with an answered strength, `missing` without one, mean strengths, icc, mae."""
    finished = _finish(sums.reshape(-1), units, sums.shape)
    pooled = sums.sum(axis=0)
    truth, given = ratio(pooled[:, 1], pooled[:, 0]), ratio(pooled[:, 2], pooled[:, 0])
    return [
        {
            "unit": unit,
            "n": int(pooled[place, 0]),
            "missing": int(coded[place] - pooled[place, 0]),
            "truth_mean": number(truth[place]),
            "given_mean": number(given[place]),
            "icc": number(finished[f"icc_{unit}"]),
            "mae": number(finished[f"mae_{unit}"]),
        }
        for place, unit in enumerate(units)
    ]
