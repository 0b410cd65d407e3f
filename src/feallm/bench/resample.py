"""Bootstrap intervals of a tally's metrics, and paired differences between two tallies of the same items.

Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16. What is drawn with replacement is
whole groups where a tally has them: the frames of one person are not independent, and drawing them one by one makes
intervals far too narrow. Shapes as in `tally`: N items, C columns, R resamples; U units that are drawn (groups, or
items).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feallm.bench.ratios import number
from feallm.bench.tally import RESAMPLES, Array, Metric, Tally

INTERVAL = (0.025, 0.975)
MERGE_BELOW = 1 / 16
"""Equal rows are drawn together where there are so few distinct ones: a multinomial draw costs more per row."""
CHUNK_VALUES = 8_000_000
DEFINED = 0.95
"""Share of the resamples in which a metric must be defined to have an interval: one that rests on an item or two would
get an interval of no width."""


@dataclass(frozen=True)
class Difference:
    """`difference` = a - b of one metric, with its paired bootstrap 95 % interval.

    `share` of the resamples have a difference of 0 or less; `p` is two-sided, 2 (k + 1) / (R + 1) with k the resamples
    on the rarer side of 0. None where a value is not defined, or nothing can be resampled.
    """

    a: float | None
    b: float | None
    difference: float | None
    low: float | None = None
    high: float | None = None
    share: float | None = None
    p: float | None = None


def intervals(tally: Tally, seed: int = 0) -> dict[str, Metric]:
    """Each metric of a tally with its percentile interval, the headline first.

    There is no interval where fewer than two units can be drawn: every resample of one person (or one item) is that
    person again, and an interval of no width would claim a certainty that nothing supports. Resamples in which a
    metric is not defined (a class that was not drawn) are left out of its interval; where they are more than a few
    (`DEFINED`), there is none either.

    Raises:
        ValueError: a row is not finite, or `groups` is not as long as `rows`.
    """
    values = _values(tally)
    drawn = _metrics(tally, _resampled(_units(tally), seed))
    found = {}
    for name, value in values.items():
        low, high = _bounds(drawn[name]) if drawn and value is not None else (None, None)
        found[name] = Metric(value, low, high)
    return found


def differences(a: Tally, b: Tally, seed: int = 0) -> dict[str, Difference]:
    """The metrics that both tallies have, in a's order: both are resampled with the same draws.

    Raises:
        ValueError: the tallies are not of the same items (other lengths or groups), or share no metric.
    """
    if len(a.rows) != len(b.rows) or a.groups != b.groups:
        raise ValueError(
            f"a paired comparison needs two tallies of the same items in the same order, got {len(a.rows)} and "
            f"{len(b.rows)} items" + ("" if a.groups == b.groups else " of different subjects")
        )
    values_a, values_b = _values(a), _values(b)
    shared = [name for name in values_a if name in values_b]
    if not shared:
        raise ValueError(f"the tallies share no metric: {', '.join(values_a)} and {', '.join(values_b)}")
    columns = a.rows.shape[1]
    both = Tally(np.concatenate([a.rows, b.rows], axis=1), a.finish, a.groups)
    drawn = _resampled(_units(both), seed)
    drawn_a = _metrics(a, None if drawn is None else drawn[:, :columns])
    drawn_b = _metrics(b, None if drawn is None else drawn[:, columns:])
    return {
        name: _difference(values_a[name], values_b[name], drawn_a[name] - drawn_b[name] if drawn_a else None)
        for name in shared
    }


def _difference(a: float | None, b: float | None, drawn: Array | None) -> Difference:
    if a is None or b is None:
        return Difference(a, b, None)
    drawn = _defined(drawn) if drawn is not None else np.empty(0)
    if not len(drawn):
        return Difference(a, b, a - b)
    low, high = _bounds(drawn)
    below, above = int((drawn <= 0).sum()), int((drawn >= 0).sum())
    p = min(1.0, 2 * (min(below, above) + 1) / (len(drawn) + 1))
    return Difference(a, b, a - b, low, high, below / len(drawn), p)


def _values(tally: Tally) -> dict[str, float | None]:
    with np.errstate(all="ignore"):
        finished = tally.finish(tally.rows.sum(axis=0))
    return {name: number(value) for name, value in finished.items()}


def _metrics(tally: Tally, sums: Array | None) -> Mapping[str, Array]:
    """The metrics of sums [R, C]; empty where there are none."""
    if sums is None:
        return {}
    with np.errstate(all="ignore"):
        return tally.finish(sums)


def _defined(drawn: Array) -> Array:
    """The values that are defined; none where those are too few."""
    finite = drawn[np.isfinite(drawn)]
    return finite if len(finite) >= DEFINED * len(drawn) else finite[:0]


def _bounds(drawn: Array) -> tuple[float | None, float | None]:
    finite = _defined(drawn)
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, INTERVAL)
    return float(low), float(high)


def _units(tally: Tally) -> Array:
    """What is drawn: the rows, or their sums over each group, [U, C]. Items of no group stand by themselves."""
    rows = np.asarray(tally.rows, dtype=np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("a tally's rows must be finite: leave what is not known out of its columns, as 0")
    if tally.groups is None:
        return rows
    if len(tally.groups) != len(rows):
        raise ValueError(f"a tally needs one group for each of its {len(rows)} items, got {len(tally.groups)}")
    index: dict[str | int, int] = {}
    keys = (place if group is None else group for place, group in enumerate(tally.groups))
    places = np.fromiter((index.setdefault(key, len(index)) for key in keys), np.intp, len(rows))
    sums = [np.bincount(places, weights=column, minlength=len(index)) for column in rows.T]
    return np.stack(sums, axis=1) if sums else np.zeros((len(index), 0))


def _resampled(units: Array, seed: int) -> Array | None:
    """Sums of RESAMPLES draws with replacement, [R, C]; None where there are fewer than two units."""
    if len(units) < 2:
        return None
    distinct, counts = _merged(units)
    return np.concatenate([weights @ distinct for weights in _weights(len(units), counts, seed)])


def _merged(units: Array) -> tuple[Array, NDArray[np.intp] | None]:
    """The distinct rows and how often each occurs, where merging pays; else the rows themselves."""
    if not units.shape[1]:
        return units, None
    raw = np.ascontiguousarray(units).view(f"V{units.shape[1] * units.itemsize}").ravel()
    _, first, counts = np.unique(raw, return_index=True, return_counts=True)
    return (units[first], counts) if len(first) <= len(units) * MERGE_BELOW else (units, None)


def _weights(total: int, counts: NDArray[np.intp] | None, seed: int) -> Iterator[Array]:
    """How often each row is drawn, [a chunk of R, rows]. The chunks do not change the draws."""
    rng = np.random.default_rng(seed)
    rows = total if counts is None else len(counts)
    step = max(1, min(RESAMPLES, CHUNK_VALUES // rows))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        if counts is not None:
            yield rng.multinomial(total, counts / total, size=size).astype(np.float64)
            continue
        weights = np.empty((size, rows))
        for row in weights:
            row[:] = np.bincount(rng.integers(0, total, total), minlength=total)
        yield weights
