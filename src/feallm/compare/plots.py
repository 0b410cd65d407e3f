"""What a comparison looks like: bars of agreement with intervals, and each unit's strengths against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from feallm.bench.tally import Array
from feallm.compare.comparison import Comparison
from feallm.compare.units import Strength, Unit
from feallm.compare.value import Value
from feallm.facs.action_units import ACTION_UNITS
from feallm.report.svg import INK, SERIES, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1000
"""Faces that one small plot shows; of more, as many are drawn by chance, always the same."""
MOST_UNITS = 12
"""Units whose strengths are plotted; of more, those that vary most."""
ACROSS = 3
Draw = Callable[[Any, "Colours"], None]
"""Draws on a matplotlib figure or part of one."""


@dataclass(frozen=True)
class Colours:
    """Those of a page (names that its style fills in) or of a file."""

    ink: str = INK
    soft: str = SOFT
    first: str = SERIES[0]
    second: str = SERIES[1]


@dataclass(frozen=True)
class Panel:
    """A figure: `name` for ids, `alt` what it shows in words, `caption`, its height in points, and how to draw it."""

    name: str
    alt: str
    caption: str
    height: float
    draw: Draw


def panels(comparison: Comparison) -> Iterator[Panel]:
    """Figures of all that was compared, units first; none where nothing was."""
    if comparison.units is not None:
        yield from _of_units(comparison.units.units, (f"A ({comparison.a.form})", f"B ({comparison.b.form})"))
    if comparison.emotions is not None and comparison.emotions.n:
        rows = [(one.emotion, [one.f1, one.kappa, one.pearson]) for one in comparison.emotions.emotions]
        heads = ["F1", "Cohen's kappa", "r of shares"]
        yield _bars("emotions", "Agreement of A and B on each emotion against all others", heads, rows)


def _of_units(units: Sequence[Unit], sides: tuple[str, str]) -> Iterator[Panel]:
    scale = next((one.scale for unit in units for one in unit.strengths), None)
    measures, heads = ["f1", "kappa"], ["F1", "Cohen's kappa"]
    mixed = scale == "intensity and probability"
    if scale is not None:
        measures.append("pearson" if mixed else "icc_3_1")
        heads.append("Pearson's r" if mixed else "ICC(3,1)")
    rows = [(_short(unit.unit), [_value(unit, measure) for measure in measures]) for unit in units]
    yield _bars("units", "Agreement of A and B on each action unit", heads, rows)
    rated = [(unit.unit, one) for unit in units for one in unit.strengths if one.scale == scale and one.n > 1]
    if rated:
        yield _strengths(rated, mixed, sides)


def _value(unit: Unit, measure: str) -> Value | None:
    if measure in ("f1", "kappa"):
        return None if unit.presence is None else getattr(unit.presence, measure)
    return getattr(unit.strengths[0], measure) if unit.strengths else None


def _bars(name: str, title: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[Value | None]]]) -> Panel:
    """A row a unit or emotion, a column a measure: bars from 0 with their 95 % intervals."""

    def draw(figure: Any, colours: Colours) -> None:
        grid = figure.subplots(1, len(heads), sharey=True, squeeze=False)[0]
        for column, (axes, head) in enumerate(zip(grid, heads, strict=True)):
            values = [held[column] for _, held in rows]
            _column(axes, values, colours)
            axes.set_title(head)
        grid[0].set_yticks(range(len(rows)), [label for label, _ in rows])
        grid[0].set_ylim(len(rows) - 0.4, -0.6)

    told = "; ".join(
        _extremes(head, [(label, held[column]) for label, held in rows]) for column, head in enumerate(heads)
    )
    caption = f"{title}. Lines are 95 % intervals; a gap is a measure that is not defined."
    return Panel(name, f"Bars. {title}. {told}. The numbers are in the tables.", caption, 60 + 15 * len(rows), draw)


def _column(axes: Axes, values: Sequence[Value | None], colours: Colours) -> None:
    known = [(place, one) for place, one in enumerate(values) if one is not None and one.value is not None]
    axes.barh([place for place, _ in known], [one.value or 0.0 for _, one in known], color=colours.first, height=0.62)
    for place, one in known:
        if one.low is not None and one.high is not None:
            axes.plot([one.low, one.high], [place, place], color=colours.ink, linewidth=1.2)
    lowest = min((one.value if one.low is None else one.low for _, one in known if one.value is not None), default=0.0)
    axes.set_xlim(min(0.0, lowest * 1.1), 1.02)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.axvline(0, color=colours.soft, linewidth=0.8)
    axes.grid(visible=False, axis="y")


def _extremes(head: str, values: Sequence[tuple[str, Value | None]]) -> str:
    """ "F1 from 0.05 (AU1) to 0.81 (AU6)"."""
    known = sorted((one.value, label) for label, one in values if one is not None and one.value is not None)
    if not known:
        return f"{head} is defined for none"
    (low, least), (high, most) = known[0], known[-1]
    return (
        f"{head} {low:.2f} ({least})" if len(known) == 1 else f"{head} from {low:.2f} ({least}) to {high:.2f} ({most})"
    )


def _strengths(rated: Sequence[tuple[str, Strength]], mixed: bool, sides: tuple[str, str]) -> Panel:
    """Small plots: the difference against the mean (Bland and Altman), or B against A where the scales differ."""
    varied = sorted(rated, key=lambda one: -float(np.var(one[1].points.sum(-1))))[:MOST_UNITS]
    shown = [one for one in rated if one in varied]
    down = -(-len(shown) // ACROSS)

    def draw(figure: Any, colours: Colours) -> None:
        grid = figure.subplots(down, ACROSS, squeeze=False, sharex=True, sharey=True)
        for axes, (unit, one) in zip(grid.flat, shown, strict=False):
            (_scatter if mixed else _differences)(axes, one, colours)
            axes.set_title(_short(unit))
        for axes in list(grid.flat)[len(shown) :]:
            axes.set_visible(False)
        figure.supxlabel(sides[0] if mixed else f"mean of A and B ({shown[0][1].scale})", fontsize=10)
        figure.supylabel(sides[1] if mixed else "A - B", fontsize=10)

    names = ", ".join(_short(unit) for unit, _ in shown)
    what = (
        "B against A"
        if mixed
        else "A - B against the mean of both, with the bias and the limits of 95 % of differences"
    )
    few = f" The {MOST_UNITS} units that vary most." if len(rated) > len(shown) else ""
    dots = f" {MOST_POINTS:,} faces drawn by chance." if max(one.n for _, one in shown) > MOST_POINTS else ""
    alt = f"Small scatter plots of strength, {what}, a dot a face, for {names}. The numbers are in the tables."
    return Panel("strengths", alt, f"Strengths: {what}; a dot is a face.{few}{dots}", 40 + 96 * down, draw)


def _differences(axes: Axes, one: Strength, colours: Colours) -> None:
    points = _some(one.points)
    axes.scatter(points.mean(-1), points[:, 0] - points[:, 1], s=7, alpha=0.4, color=colours.first, linewidths=0)
    axes.axhline(0, color=colours.soft, linewidth=0.8)
    if one.bias.value is not None:
        axes.axhline(one.bias.value, color=colours.second, linewidth=1.3)
    for limit in (one.low, one.high):
        if limit is not None:
            axes.axhline(limit, color=colours.second, linewidth=1.0, linestyle="--")


def _scatter(axes: Axes, one: Strength, colours: Colours) -> None:
    points = _some(one.points)
    axes.scatter(points[:, 0], points[:, 1], s=7, alpha=0.4, color=colours.first, linewidths=0)


def _some(points: Array) -> Array:
    if len(points) <= MOST_POINTS:
        return points
    return points[np.random.default_rng(0).choice(len(points), MOST_POINTS, replace=False)]


def _short(unit: str) -> str:
    return ACTION_UNITS[unit].short if unit in ACTION_UNITS else unit
