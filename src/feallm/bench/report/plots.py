"""The plots of a page. Each takes what it shows and gives an `<svg>` element; the numbers stand in tables beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from feallm.bench.report.metrics import Measured, form_of_metric, name_of_metric
from feallm.facs.action_units import ACTION_UNITS
from feallm.report.svg import INK, SERIES, SOFT, canvas, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
WIDTH = 330
"""Points: as wide as a phone's text column, so that letters stay readable there."""
MARKERS = "osD^vP"
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
MOST = len(SERIES)
"""Models that one plot can keep apart."""
LONGEST = 28
"""Characters of a model's name beside a plot; the tables have it whole."""


def intervals_plot(name: str, metric: str, values: Sequence[tuple[str, Measured]]) -> str:
    """A dot and its 95 % interval for each model."""
    known = [(label, one) for label, one in values if one.value is not None]
    scale = 100 if form_of_metric(metric) == "percent" else 1

    def draw(axes: Axes) -> None:
        for place, (_, one) in enumerate(reversed(known)):
            assert one.value is not None
            if one.low is not None and one.high is not None:
                axes.plot([one.low * scale, one.high * scale], [place, place], color=SERIES[0], linewidth=2)
            axes.plot([one.value * scale], [place], "o", color=SERIES[0], markersize=6)
        axes.set_yticks(range(len(known)), [_shortened(label) for label, _ in reversed(known)])
        axes.set_ylim(-0.6, len(known) - 0.4)
        axes.set_xlabel(f"{name_of_metric(metric)}{', percent' if scale == 100 else ''}")
        axes.grid(visible=False, axis="y")

    label = f"{name_of_metric(metric)} of each model with its 95 % interval; the numbers are in the table above"
    return _one(name, label, 46 + 20 * len(known), draw)


def unit_bars(name: str, label: str, rows: Sequence[Row]) -> str:
    """F1 of each unit as a bar, its base rate as a mark across it."""
    rows = [row for row in rows if row.get("f1") is not None]

    def draw(axes: Axes) -> None:
        places = range(len(rows))
        axes.barh(places, [100 * row["f1"] for row in rows], color=SERIES[0], height=0.62, label="F1")
        rates = [100 * (row.get("base_rate") or 0) for row in rows]
        axes.plot(rates, places, "|", color=INK, markersize=12, markeredgewidth=2, label="base rate")
        axes.set_yticks(places, [_unit(str(row["unit"])) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xlabel("percent")
        axes.grid(visible=False, axis="y")
        axes.figure.legend(loc="outside upper center", ncols=2)

    return _one(name, f"F1 and base rate of each action unit, {label}", 86 + 17 * len(rows), draw)


def reliability_curve(name: str, label: str, rows: Sequence[Row]) -> str:
    """Accuracy against confidence; the larger the dot, the more answers."""
    rows = [row for row in rows if row.get("n") and row.get("accuracy") is not None]
    most = max((row["n"] for row in rows), default=1)

    def draw(axes: Axes) -> None:
        axes.plot([0, 100], [0, 100], color=SOFT, linewidth=1, linestyle="--")
        sure, right = ([100 * row[key] for row in rows] for key in ("confidence", "accuracy"))
        axes.plot(sure, right, color=SERIES[0], linewidth=1.5)
        axes.scatter(sure, right, s=[12 + 90 * row["n"] / most for row in rows], color=SERIES[0])
        axes.set(xlim=(0, 102), ylim=(0, 102), xlabel="confidence, percent", ylabel="right, percent")

    text = f"Share of right answers against confidence, {label}; the dashed line is perfect calibration"
    return _one(name, text, 240, draw, width=260)


def level_curves(name: str, runs: Sequence[tuple[str, Sequence[Row]]]) -> str:
    """Accuracy against the level of each perturbation, a line a model; level 0 is the clean picture."""
    runs = runs[:MOST]
    kinds = list(dict.fromkeys(str(row["perturbation"]) for _, rows in runs for row in rows if row["level"]))
    down = (len(kinds) + 1) // 2
    with canvas(WIDTH, 46 + 112 * down + 15 * len(runs)) as drawn:
        grid = drawn.subplots(down, 2, squeeze=False, sharex=True, sharey=True)
        for axes, kind in zip(grid.flat, kinds, strict=False):
            for place, (label, rows) in enumerate(runs):
                points = sorted(_points(rows, kind))
                style = {"color": SERIES[place], "marker": MARKERS[place], "linestyle": DASHES[place]}
                axes.plot(*zip(*points, strict=True), markersize=4, linewidth=1.4, label=_shortened(label), **style)
            axes.set_title(kind)
            axes.set_ylim(0, 102)
        for axes in grid.flat[len(kinds) :]:
            axes.set_visible(False)
        drawn.supxlabel("level (0: the clean picture)", fontsize=10)
        drawn.supylabel("right, percent", fontsize=10)
        handles, labels = grid.flat[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper center", ncols=1)
        return svg(drawn, name, "Accuracy against the level of each perturbation; the numbers are in the table below")


def share_bars(name: str, metrics: Sequence[str], runs: Sequence[tuple[str, Mapping[str, Measured]]]) -> str:
    """A group of bars a metric, a bar a model, with intervals."""
    runs = runs[:MOST]
    height = 0.8 / max(1, len(runs))

    def draw(axes: Axes) -> None:
        for place, (label, held) in enumerate(runs):
            found = [(spot, held[metric]) for spot, metric in enumerate(metrics) if metric in held]
            known = [(spot, one) for spot, one in found if one.value is not None]
            spots = [spot + (place - (len(runs) - 1) / 2) * height for spot, _ in known]
            values = [100 * (one.value or 0) for _, one in known]
            axes.barh(spots, values, height=0.9 * height, color=SERIES[place], label=_shortened(label))
            for spot, (_, one) in zip(spots, known, strict=True):
                if one.low is not None and one.high is not None:
                    axes.plot([100 * one.low, 100 * one.high], [spot, spot], color=INK, linewidth=1.2)
        axes.set_yticks(range(len(metrics)), [name_of_metric(metric) for metric in metrics])
        axes.set_ylim(len(metrics) - 0.45, -0.55)
        axes.set(xlim=(0, 100), xlabel="percent")
        axes.grid(visible=False, axis="y")
        axes.figure.legend(loc="outside upper center", ncols=1)

    height_of_all = 60 + len(metrics) * (16 + 9 * len(runs)) + 15 * len(runs)
    return _one(name, "Interventions: shares of claims with 95 % intervals", height_of_all, draw)


def _one(name: str, label: str, height: float, draw: Callable[[Axes], None], width: float = WIDTH) -> str:
    with canvas(width, height) as drawn:
        draw(drawn.subplots())
        return svg(drawn, name, escape(label))


def _points(rows: Sequence[Row], kind: str) -> list[tuple[int, float]]:
    held = [row for row in rows if row.get("accuracy") is not None and row["perturbation"] in {kind, "clean"}]
    return [(int(row["level"]), 100 * row["accuracy"]) for row in held]


def _unit(unit: str) -> str:
    known = ACTION_UNITS.get(unit)
    return f"{known.short} {known.name}" if known else unit


def _shortened(label: str) -> str:
    """What a legend takes: printable, short, and not beginning with the underscore that would hide it."""
    flat = "".join(letter for letter in " ".join(label.split()) if letter.isprintable())
    flat = flat if len(flat) <= LONGEST else flat[: LONGEST - 1] + "…"
    return f" {flat}" if flat.startswith("_") else flat
