"""Agreement on action units: presence as each tool decided it, and strength on the scale that both have.

Shapes: N faces, U units, S scales.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from feallm.bench.intensity_scores import mae, moments_of
from feallm.bench.ratios import known_mean, number, ratio
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Metric, Tally
from feallm.compare.matching import Pair
from feallm.compare.measures import LIMITS, agreement, bias, f1, icc_2_1, icc_3_1, kappa, pearson, spread, variances
from feallm.compare.value import Drawn, Value, of_metric

Scale = Literal["intensity", "probability", "intensity and probability"]
PRESENCE = {"f1": f1, "kappa": kappa, "agreement": agreement}
STRENGTH = {"icc_3_1": icc_3_1, "icc_2_1": icc_2_1, "pearson": pearson, "bias": bias, "mae": mae}
MIXED = "one tool gives intensities (0-5), the other probabilities: only Pearson's r bears two scales"


@dataclass(frozen=True)
class Presence:
    """Of `n` faces on which both decide: the share that each calls present, and how far they agree."""

    n: int
    rate_a: float | None
    rate_b: float | None
    f1: Value
    kappa: Value
    agreement: Value


@dataclass(frozen=True)
class Strength:
    """Of `n` faces that both rate on `scale`. `low`, `high`: 95 % limits of A - B; `points`: [N, 2], A and B."""

    scale: Scale
    n: int
    mean_a: float | None
    mean_b: float | None
    icc_3_1: Value
    icc_2_1: Value
    pearson: Value
    bias: Value
    mae: Value
    low: float | None
    high: float | None
    points: Array


@dataclass(frozen=True)
class Unit:
    """Agreement on one action unit; None, or no strength, where a table has none to compare."""

    unit: str
    presence: Presence | None
    strengths: tuple[Strength, ...]


@dataclass(frozen=True)
class Units:
    """Agreement on every unit that both tables have, the means over units, and the units that one of them has."""

    units: tuple[Unit, ...]
    means: Mapping[str, Value]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def compare_units(pairs: Sequence[Pair], drawn: Drawn, seed: int = 0) -> Units:
    """The agreement of all pairs. Means are over the units in which a measure is defined."""
    in_a = {unit for pair in pairs for unit in (*pair.a.present, *pair.a.intensity, *pair.a.probability)}
    in_b = {unit for pair in pairs for unit in (*pair.b.present, *pair.b.intensity, *pair.b.probability)}
    names = tuple(sorted(in_a & in_b))
    presences, means = _presences(pairs, names, drawn, seed)
    strengths: dict[str, list[Strength]] = {name: [] for name in names}
    for scale in _scales(pairs, names):
        found, mean = _strengths(pairs, names, scale, drawn, seed)
        means |= mean
        for name, strength in found.items():
            strengths[name].append(strength)
    units = tuple(Unit(name, presences.get(name), tuple(strengths[name])) for name in names)
    return Units(units, means, tuple(sorted(in_a - in_b)), tuple(sorted(in_b - in_a)))


def _presences(
    pairs: Sequence[Pair], names: tuple[str, ...], drawn: Drawn, seed: int
) -> tuple[dict[str, Presence], dict[str, Value]]:
    counts = np.zeros((len(pairs), len(names), 2, 2))
    for place, pair in enumerate(pairs):
        for column, name in enumerate(names):
            if name in pair.a.present and name in pair.b.present:
                counts[place, column, int(pair.a.present[name]), int(pair.b.present[name])] = 1
    total = counts.sum(0)
    kept = [column for column in range(len(names)) if total[column].sum()]
    if not kept:
        return {}, {}
    counts, total, names = counts[:, kept], total[kept], tuple(names[column] for column in kept)
    metrics = _measured(counts, names, PRESENCE, drawn, seed)
    found = {}
    for column, name in enumerate(names):
        cells = total[column]
        n = int(cells.sum())
        why = {"f1": "neither ever finds it", "kappa": "both say the same of every face, as chance alone would"}
        values = {one: of_metric(metrics[f"{one}_{name}"], n, why.get(one, "no face")) for one in PRESENCE}
        found[name] = Presence(n, float(cells[1].sum() / n), float(cells[:, 1].sum() / n), **values)
    return found, {f"mean_{one}": _mean(metrics, one, names) for one in PRESENCE}


def _strengths(
    pairs: Sequence[Pair], names: tuple[str, ...], scale: Scale, drawn: Drawn, seed: int
) -> tuple[dict[str, Strength], dict[str, Value]]:
    a, b = _rated(pairs, names, scale)
    moments = moments_of(a, b)
    total = moments.sum(0)
    kept = [column for column in range(len(names)) if total[column, 0]]
    a, b, moments, total = a[:, kept], b[:, kept], moments[:, kept], total[kept]
    names = tuple(names[column] for column in kept)
    measures = STRENGTH if scale != "intensity and probability" else {"pearson": pearson}
    metrics = _measured(moments, names, measures, drawn, seed)
    found = {}
    for column, name in enumerate(names):
        one = total[column]
        known = np.isfinite(a[:, column]) & np.isfinite(b[:, column])
        values: dict[str, Any] = {
            measure: of_metric(metrics.get(f"{measure}_{name}", Metric(None)), int(one[0]), _why(measure, one, scale))
            for measure in STRENGTH
        }
        middle, sd = number(bias(one)), number(spread(one))
        limits = (None, None) if middle is None or sd is None else (middle - LIMITS * sd, middle + LIMITS * sd)
        if scale == "intensity and probability":
            limits = (None, None)
        means = number(ratio(one[1], one[0])), number(ratio(one[2], one[0]))
        points = np.stack([a[known, column], b[known, column]], axis=-1)
        found[name] = Strength(scale, int(one[0]), *means, **values, low=limits[0], high=limits[1], points=points)
    short = "mixed" if scale == "intensity and probability" else scale
    return found, {f"mean_{measure}_{short}": _mean(metrics, measure, names) for measure in measures}


def _mean(metrics: Mapping[str, Metric], measure: str, names: Sequence[str]) -> Value:
    """The mean of a measure, with the number of units that have one."""
    defined = sum(metrics[f"{measure}_{name}"].value is not None for name in names)
    return of_metric(metrics[f"mean_{measure}"], defined, "defined for no unit")


def _why(measure: str, moments: Array, scale: Scale) -> str:
    """Why a measure of strength has no value."""
    if scale == "intensity and probability" and measure != "pearson":
        return MIXED
    if moments[0] < 2:
        return "fewer than two faces"
    var_a, var_b, _ = variances(moments)
    if measure == "pearson" and (var_a > 0) != (var_b > 0):
        return f"{'A' if var_a == 0 else 'B'} gives the same to every face"
    return "both give the same to every face"


def _measured(
    columns: Array, names: tuple[str, ...], measures: Mapping[str, Any], drawn: Drawn, seed: int
) -> Mapping[str, Metric]:
    """Every measure of every unit, and its mean over units, with intervals. `columns`: [N, U, ...] sums."""
    shape = columns.shape[1:]
    rows = columns.reshape(len(columns), math.prod(shape))
    tally = Tally(rows, partial(_finish, names=names, shape=shape, measures=measures), drawn.groups)
    return intervals(tally, seed)


def _finish(
    sums: Array, names: tuple[str, ...], shape: tuple[int, ...], measures: Mapping[str, Any]
) -> Mapping[str, Array]:
    columns = sums.reshape(*sums.shape[:-1], *shape)
    found = {measure: compute(columns) for measure, compute in measures.items()}
    means = {f"mean_{measure}": known_mean(values) for measure, values in found.items()}
    return means | {
        f"{measure}_{name}": values[..., place] for measure, values in found.items() for place, name in enumerate(names)
    }


def _scales(pairs: Sequence[Pair], names: Sequence[str]) -> list[Scale]:
    """The scales that both tables have of some unit; mixed only where they share none."""

    def both(one: str, other: str) -> bool:
        return any(name in getattr(pair.a, one) and name in getattr(pair.b, other) for pair in pairs for name in names)

    same: list[Scale] = [scale for scale in ("intensity", "probability") if both(scale, scale)]
    if not same and (both("intensity", "probability") or both("probability", "intensity")):
        return ["intensity and probability"]
    return same


def _rated(pairs: Sequence[Pair], names: Sequence[str], scale: Scale) -> tuple[Array, Array]:
    """What A and B give to each face and unit, [N, U]; NaN where nothing."""
    if scale != "intensity and probability":
        of_a = of_b = str(scale)
    else:
        of_a = "intensity" if any(pair.a.intensity for pair in pairs) else "probability"
        of_b = "probability" if of_a == "intensity" else "intensity"
    a = [[getattr(pair.a, of_a).get(name, math.nan) for name in names] for pair in pairs]
    b = [[getattr(pair.b, of_b).get(name, math.nan) for name in names] for pair in pairs]
    return np.array(a, np.float64).reshape(len(pairs), len(names)), np.array(b, np.float64).reshape(
        len(pairs), len(names)
    )
