"""Agreement on emotions: the label that each tool names, and the shares that it gives.

Shapes: N faces, K emotions that either table names, C emotions that both tables score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from feallm.bench.intensity_scores import MOMENTS, moments_of
from feallm.bench.ratios import ratio
from feallm.bench.resample import intervals
from feallm.bench.tally import Array, Metric, Tally
from feallm.compare.matching import Pair
from feallm.compare.measures import against_rest, agreement, f1, jensen_shannon, kappa, pearson
from feallm.compare.value import Drawn, Value, of_metric
from feallm.facs.emotions import EMOTIONS


@dataclass(frozen=True)
class Emotion:
    """One emotion against all others: how many faces each names so, and the correlation of the shares both give it."""

    emotion: str
    n_a: int
    n_b: int
    f1: Value
    kappa: Value
    pearson: Value


@dataclass(frozen=True)
class Emotions:
    """Agreement on `n` faces of which both name an emotion.

    `confusion`: a row for each emotion as A names it ("a"), with a column for each as B does; emotions that neither
    names are left out. `jensen_shannon`: mean over the faces of which both give shares, over the emotions that both
    know (`scored`), rescaled to sum to 1.
    """

    n: int
    agreement: Value
    kappa: Value
    jensen_shannon: Value
    scored: tuple[str, ...]
    emotions: tuple[Emotion, ...]
    confusion: tuple[Mapping[str, object], ...]


def compare_emotions(pairs: Sequence[Pair], drawn: Drawn, seed: int = 0) -> Emotions | None:
    """The agreement of all pairs; None where no face has an emotion in both tables."""
    named = [(pair.a.emotion, pair.b.emotion) for pair in pairs]
    a, b, scored = _shares(pairs)
    known = np.asarray(np.isfinite(a).all(-1) & np.isfinite(b).all(-1) & (len(scored) > 1))
    if not known.any() and not any(x and y for x, y in named):
        return None
    seen = {name for one in named for name in one if name} | set(scored)
    names = tuple(name for name in EMOTIONS if name in seen)
    counts = _counts(named, names)
    metrics = _measured(counts, a, b, known, names, scored, drawn, seed)
    total, n = counts.sum(0), int(counts.sum())
    none = "no face on which both name an emotion"
    emotions = tuple(
        Emotion(
            name,
            int(total[place].sum()),
            int(total[:, place].sum()),
            of_metric(metrics[f"f1_{name}"], n, "neither names it" if n else none),
            of_metric(metrics[f"kappa_{name}"], n, "both say the same of every face, as chance alone would"),
            of_metric(metrics.get(f"pearson_{name}", Metric(None)), int(known.sum()), _why(name, scored, a, b, known)),
        )
        for place, name in enumerate(names)
    )
    told = [place for place in range(len(names)) if total[place].sum() or total[:, place].sum()]
    confusion = tuple({"a": names[row], **{names[column]: int(total[row, column]) for column in told}} for row in told)
    return Emotions(
        n,
        of_metric(metrics["agreement"], n, none),
        of_metric(metrics["kappa"], n, "both name the same emotion on every face" if n else none),
        of_metric(metrics["jensen_shannon"], int(known.sum()), "no face of which both give shares of two emotions"),
        scored,
        emotions,
        confusion,
    )


def _shares(pairs: Sequence[Pair]) -> tuple[Array, Array, tuple[str, ...]]:
    """The shares of A and of B [N, C], summing to 1 over the emotions that both know; NaN where a face has none."""
    in_a = {name for pair in pairs for name in pair.a.scores}
    in_b = {name for pair in pairs for name in pair.b.scores}
    scored = tuple(name for name in EMOTIONS if name in in_a & in_b)
    found = []
    for side in ("a", "b"):
        rows = [[getattr(pair, side).scores.get(name, math.nan) for name in scored] for pair in pairs]
        values = np.array(rows, np.float64).reshape(len(pairs), len(scored))
        values = np.where(np.isfinite(values).any(-1, keepdims=True), np.nan_to_num(values), np.nan)
        found.append(ratio(values, values.sum(-1, keepdims=True)))
    return found[0], found[1], scored


def _counts(named: Sequence[tuple[str | None, str | None]], names: Sequence[str]) -> Array:
    """[N, K, K] with a 1 at the labels of A and B; nothing where one names none."""
    counts = np.zeros((len(named), len(names), len(names)))
    places = {name: place for place, name in enumerate(names)}
    for row, (x, y) in enumerate(named):
        if x is not None and y is not None:
            counts[row, places[x], places[y]] = 1
    return counts


def _measured(
    counts: Array,
    a: Array,
    b: Array,
    known: NDArray[np.bool_],
    names: tuple[str, ...],
    scored: tuple[str, ...],
    drawn: Drawn,
    seed: int,
) -> Mapping[str, Metric]:
    safe_a, safe_b = (np.where(known[:, None], shares, 0.0) for shares in (a, b))
    apart = np.where(known, jensen_shannon(safe_a, safe_b), 0.0)
    moments = moments_of(np.where(known[:, None], a, np.nan), np.where(known[:, None], b, np.nan))
    parts = [counts.reshape(len(counts), -1), np.stack([apart, known], -1), moments.reshape(len(counts), -1)]
    rows = np.concatenate(parts, axis=1)
    return intervals(Tally(rows, partial(_finish, names=names, scored=scored), drawn.groups), seed)


def _finish(sums: Array, names: tuple[str, ...], scored: tuple[str, ...]) -> Mapping[str, Array]:
    size = len(names) ** 2
    counts = sums[..., :size].reshape(*sums.shape[:-1], len(names), len(names))
    single = against_rest(counts)
    moments = sums[..., size + 2 :].reshape(*sums.shape[:-1], len(scored), MOMENTS)
    found = {"agreement": agreement(counts), "kappa": kappa(counts)}
    found["jensen_shannon"] = ratio(sums[..., size], sums[..., size + 1])
    for name, values in (("f1", f1(single)), ("kappa", kappa(single))):
        found |= {f"{name}_{one}": values[..., place] for place, one in enumerate(names)}
    return found | {f"pearson_{one}": pearson(moments)[..., place] for place, one in enumerate(scored)}


def _why(name: str, scored: Sequence[str], a: Array, b: Array, known: NDArray[np.bool_]) -> str:
    """Why the shares of an emotion have no correlation."""
    if name not in scored:
        return "not both tables give shares of it"
    if known.sum() < 2:
        return "fewer than two faces of which both give shares"
    place = list(scored).index(name)
    flat_a, flat_b = (np.ptp(shares[known, place]) == 0 for shares in (a, b))
    if flat_a and flat_b:
        return "both give the same to every face"
    return f"{'A' if flat_a else 'B'} gives the same to every face"
