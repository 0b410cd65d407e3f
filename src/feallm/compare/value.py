"""A measure with its interval, or the reason why there is none; and what is drawn to make intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from feallm.bench.tally import Metric
from feallm.compare.matching import Pair

BLOCK = 10.0
"""Seconds of one video that are drawn together: frames next to each other are nearly the same picture (blocks that do
not overlap: Carlstein, Annals of Statistics 1986)."""
FEW = 10


@dataclass(frozen=True)
class Value:
    """A measure over `n` faces (of a mean: units) with its bootstrap 95 % interval. `value` is None for a `reason`;
    there is no interval where too little could be drawn."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None


def of_metric(metric: Metric, n: int, reason: str) -> Value:
    """A metric of `n` faces; `reason` is told where it has no value."""
    return Value(metric.value, metric.low, metric.high, n, reason if metric.value is None else None)


@dataclass(frozen=True)
class Drawn:
    """What a resample draws whole: for each pair its group, and what the groups are, in words."""

    groups: tuple[str, ...]
    note: str


def drawn(pairs: Sequence[Pair]) -> Drawn:
    """Pictures and videos where there are several, else blocks of time of the one video.

    A single picture, or a video without time stamps, is one group, of which no interval can be made.
    """
    pictures = tuple(pair.picture for pair in pairs)
    count = len(set(pictures))
    if count > 1:
        return Drawn(pictures, f"intervals draw whole pictures or videos ({count:,}){_rough(count)}")
    times = [pair.timestamp for pair in pairs]
    if any(time is None for time in times) or not times:
        return Drawn(pictures, "no intervals: they need several pictures, or a video with time stamps")
    blocks = tuple(f"{int((time or 0.0) // BLOCK)}" for time in times)
    count = len(set(blocks))
    if count < 2:
        return Drawn(blocks, f"no intervals: the one video is shorter than two blocks of {BLOCK:g} s")
    return Drawn(
        blocks,
        f"intervals draw blocks of {BLOCK:g} s ({count:,}) of one video: they say how a number may vary within it, not "
        f"with other people{_rough(count)}",
    )


def _rough(count: int) -> str:
    return "; so few make intervals rough" if count < FEW else ""
