"""Which frames of a video are wanted, and choosing them by their times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise

from .video_decode import Shown

COARSE = Fraction(1, 500)
"""Seconds. A clock that ticks no slower than this rounds its times; a slower one ticks with the frames, exactly."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video are given; every frame where nothing is said. At most one of the first three.

    fps: the frame that is shown at each instant k / fps of the presentation clock, k = 0, 1, 2 ...; a frame that is
        shown at several of them comes once, so a rate above the video's own gives every frame.
    every: frames 0, K, 2 K ..., counted in the whole file.
    keyframes: those that are stored without reference to others; the rest is not even decoded.
    start, end: seconds on the video's own clock (`clock.seconds` reads "2:59:00"). Given are the frames with
        start <= time < end, of those that would be given without the two: a part of the whole, never another choice.

    Raises ValueError for a number out of range, and where two of the first three are given.
    """

    fps: float | None = None
    every: int | None = None
    keyframes: bool = False
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if (self.fps is not None) + (self.every is not None) + self.keyframes > 1:
            raise ValueError("fps, every and keyframes are three ways to choose frames: give one of them")
        if self.fps is not None and not 1e-4 <= self.fps <= 1e4:
            raise ValueError(f"fps is frames a second, 0.0001 to 10,000; {self.fps:g} came")
        if self.every is not None and self.every < 1:
            raise ValueError(f"every is 1 or more (every K-th frame); {self.every} came")
        if self.start is not None and not 0 <= self.start < math.inf:
            raise ValueError(f"start is seconds, 0 or more; {self.start:g} came")
        if self.end is not None and not (self.start or 0.0) < self.end < math.inf:
            raise ValueError(f"end is seconds, above start ({self.start or 0:g}); {self.end:g} came")

    def holds(self, time: float) -> bool:
        """Whether start <= time < end."""
        return (self.start is None or self.start <= time) and not self.is_past(time)

    def is_past(self, time: float) -> bool:
        """Whether `time` is the end or later."""
        return self.end is not None and time >= self.end


def choose(shown: Iterable[Shown], sampling: Sampling, tick: Fraction) -> Iterator[Shown]:
    """The frames of a video that a sampling wants, of its frames in presentation order; `tick` is its time base.

    Whatever is wanted, the end of a file that was cut short is told, unless only a part before it was asked for.
    """
    wanted = _at_instants(shown, sampling.fps, tick) if sampling.fps is not None else iter(shown)
    for one in wanted:
        if sampling.is_past(float(one.time)):
            return
        on_step = sampling.every is None or one.number % sampling.every == 0
        if one.is_end or (on_step and sampling.holds(float(one.time))):
            yield one


def _at_instants(shown: Iterable[Shown], fps: float, tick: Fraction) -> Iterator[Shown]:
    """The frames that are on show at an instant k / fps: from their own time until the next frame's.

    Matroska writes whole milliseconds, so that frame 2 of 30 a second stands at 0.067 instead of 0.06667: half a
    tick of grace lets it be shown at its instant.
    """
    rate = Fraction(fps).limit_denominator(1_000_000)
    grace = tick / 2 if tick <= COARSE else Fraction(0)
    for one, following in pairwise(chain(shown, [None])):
        if one is None:
            continue
        if one.is_end:
            yield one
            continue
        until = following.time if following is not None else one.time + one.duration
        if math.ceil((one.time - grace) * rate) < math.ceil((until - grace) * rate):
            yield one
