"""The timeline of one face by matplotlib: its emotions, its segments, its action units, over one axis of seconds."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from feallm.analyze.segments import Segment
from feallm.facs import ACTION_UNITS, EMOTIONS
from feallm.report.html.people import Course
from feallm.report.svg import EMOTION_SERIES, INK, SERIES, SOFT, canvas, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 560
"""Points; a narrow page scrolls it sideways."""
DRAWN = 0.1
"""An emotion that never reaches this share has no line."""
DASHES = ("-", "-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
"""A line style an emotion, for who cannot tell their colours apart."""
NUMBERED = 40
"""Segments that have their number written on them, at most."""


def timeline(
    name: str, found: Course, segments: Sequence[Segment], label: str, span: tuple[float, float] | None = None
) -> str:
    """An `<svg>` element; `name` sets its ids apart, `span` is what the axis shows, so that plots of one video can be
    laid over each other. Raises ImportError without matplotlib."""
    units = list(found.units)
    strip = 22 if segments else 0
    heights = [150, *([strip] if segments else []), *([18 * len(units)] if units else [])]
    with canvas(WIDTH, sum(heights) + 92) as drawn:
        axes = list(drawn.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
        _emotions(axes[0], found)
        if segments:
            _segments(axes[1], segments)
        if units:
            _units(axes[-1], found)
        axes[-1].set_xlabel("seconds")
        if span is not None and span[0] < span[1]:
            axes[0].set_xlim(*span)
        handles, labels = axes[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper center", ncols=4)
        return svg(drawn, name, escape(label))


def _emotions(axes: Axes, found: Course) -> None:
    for place, name in enumerate(EMOTIONS):
        values = found.emotions.get(name)
        if values is None or not np.nanmax(values, initial=0.0) >= DRAWN:
            continue
        marker = "o" if len(values) == 1 else None
        axes.plot(
            found.times, 100 * values, color=EMOTION_SERIES[place], linestyle=DASHES[place], linewidth=1.6,
            marker=marker, markersize=4, label=name,
        )  # fmt: skip
    axes.set_ylim(0, 103)
    axes.set_ylabel("emotion, percent")


def _segments(axes: Axes, segments: Sequence[Segment]) -> None:
    known = dict(zip(EMOTIONS, EMOTION_SERIES, strict=True))
    spans = [(segment.onset, segment.duration) for segment in segments]
    colours = [known.get(segment.emotion or "", SOFT) for segment in segments]
    axes.broken_barh(spans, (-0.35, 0.7), facecolors=colours, alpha=0.35)
    axes.vlines([segment.apex for segment in segments], -0.45, 0.45, color=INK, linewidth=1.0)
    for number, (onset, duration) in enumerate(spans if len(spans) <= NUMBERED else (), start=1):
        axes.text(onset + duration / 2, 0, str(number), ha="center", va="center", fontsize=9, color=INK)
    axes.set_yticks([0], ["segments"])
    axes.set_ylim(-0.6, 0.6)
    axes.grid(visible=False)


def _units(axes: Axes, found: Course) -> None:
    for place, values in enumerate(found.units.values()):
        base = -place - 0.5
        axes.fill_between(found.times, base, base + 0.9 * values / 5, color=SERIES[0], linewidth=0.6)
    axes.set_yticks([-place for place in range(len(found.units))], [_named(unit) for unit in found.units])
    axes.set_ylim(-len(found.units) + 0.45, 0.55)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _named(unit: str) -> str:
    return f"{ACTION_UNITS[unit].name} {ACTION_UNITS[unit].short}"
