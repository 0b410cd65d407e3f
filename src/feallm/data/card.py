"""The data card of a store: a README with what is in it, under which licences, and plots of its base rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from feallm.data.shards import replace_text
from feallm.data.stats import Tally
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.emotions import EMOTIONS

PLOTS = "plots"
COLOUR, GRID, INK = "#3b6ea5", "#d9dee5", "#2b333d"
NO_PLOTS = "The plots are missing: they need matplotlib (`pip install 'feallm[data]'`)."


def can_plot() -> bool:
    return find_spec("matplotlib") is not None


def write_card(folder: Path, manifest: Mapping[str, Any], found: Tally) -> None:
    """Write `README.md` and, where matplotlib is installed, the plots that it shows."""
    plots = draw(folder / PLOTS, found) if can_plot() else []
    replace_text(folder / "README.md", card(manifest, found, plots))


def card(manifest: Mapping[str, Any], found: Tally, plots: list[tuple[str, str]]) -> str:
    """The text of the card; `plots` are (file, what it shows)."""
    parts = [
        f"# {manifest['name']}",
        f"{found.records:,} conversations about {found.faces:,} faces, composed by FEALLM {manifest['feallm']} from "
        f"labelled data sets (seed {manifest['seed']}, {len(manifest['shards'])} shards of {manifest['format']}). "
        "Pictures are named, never contained. The answers are composed from the labels by fixed wordings, or rewritten "
        "from them: no person wrote them about these faces.",
        "## Sources and licences",
        _table(
            ("source", "split", "records", "labels by", "licence"),
            [
                (one["title"], one["split"], f"{one['records']:,}", "; ".join(one["provenance"]) or "–", one["licence"])
                for one in manifest["sources"]
            ],
        ),
        "Whoever passes this store on passes on labels of these sets: their licences hold for it too.",
        "## Families",
        _table(("family", "records"), [(name, f"{count:,}") for name, count in manifest["families"].items()]),
        "## Emotions",
        *(
            _table((label_set, "faces"), [(name, f"{count:,}") for name, count in counts.items()])
            for label_set, counts in manifest["emotions"].items()
        ),
        "## Action units",
        _table(
            ("unit", "faces that show it", "faces coded for it"),
            [
                (f"{unit} {ACTION_UNITS[unit].name}", f"{one['shown']:,}", f"{one['coded']:,}")
                for unit, one in manifest["action_units"].items()
            ],
        ),
        "## Plots",
        *([f"![{title}]({PLOTS}/{file})" for file, title in plots] or [NO_PLOTS]),
        "## Reading it",
        "`feallm data stats`, `feallm data view` and `feallm data export` take this folder. In Python: "
        "`feallm.data.store.open_store(folder).rows()`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in cells)


def draw(folder: Path, found: Tally) -> list[tuple[str, str]]:
    """Draw the plots there is something to show for; (file, title) of each."""
    import matplotlib

    folder.mkdir(exist_ok=True)
    made = []
    with matplotlib.rc_context({"font.size": 9, "text.color": INK, "axes.edgecolor": GRID, "axes.labelcolor": INK}):
        for file, title, plot, there in (
            ("emotions.png", "Emotions: share of the faces", _emotions, found.emotions),
            ("action_units.png", "Action units: share of the coded faces", _units, found.coded),
            ("co_occurrence.png", "Which units go with which emotion: share of the faces", _together, found.pairs),
            ("lengths.png", "Words of the last answer, by family", _lengths, found.words),
        ):
            if there:
                _save(folder / file, title, plot, found)
                made.append((file, title))
    return made


def _save(path: Path, title: str, plot: Callable[[Any, Tally], None], found: Tally) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.8), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    plot(axes, found)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, length=0)
    figure.savefig(path)


def _emotions(axes: Any, found: Tally) -> None:
    names = [name for name in EMOTIONS if any(counts[name] for counts in found.emotions.values())]
    width = 0.8 / len(found.emotions)
    for number, (label_set, counts) in enumerate(sorted(found.emotions.items())):
        shares = [100 * counts[name] / counts.total() for name in names]
        places = [place + (number + 0.5) * width - 0.4 for place in range(len(names))]
        axes.bar(
            places, shares, width * 0.92, label=label_set, color=COLOUR, alpha=1 - 0.7 * number / len(found.emotions)
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("per cent")
    axes.legend(frameon=False)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _units(axes: Any, found: Tally) -> None:
    units = sorted(found.coded)
    axes.bar(range(len(units)), [100 * found.units[unit] / found.coded[unit] for unit in units], color=COLOUR)
    axes.set_xticks(range(len(units)), [ACTION_UNITS[unit].short for unit in units], rotation=60)
    axes.set_ylabel("per cent")
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _together(axes: Any, found: Tally) -> None:
    units = sorted({unit for _, unit in found.pairs})
    emotions = [name for name in EMOTIONS if any(name == emotion for emotion, _ in found.pairs)]
    shares = [
        [100 * found.pairs[emotion, unit] / max(found.coded_with[emotion, unit], 1) for unit in units]
        for emotion in emotions
    ]
    image = axes.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=100)
    axes.set_xticks(range(len(units)), [ACTION_UNITS[unit].short for unit in units], rotation=60)
    axes.set_yticks(range(len(emotions)), emotions)
    axes.figure.colorbar(image, ax=axes, label="per cent of the coded faces", shrink=0.9)


def _lengths(axes: Any, found: Tally) -> None:
    families = sorted(found.words)
    axes.boxplot(
        [sorted(found.words[family].elements()) for family in families],
        orientation="horizontal",
        tick_labels=families,
        showfliers=False,
        medianprops={"color": COLOUR, "linewidth": 2},
    )
    axes.set_xlabel("words")
    axes.grid(axis="x", color=GRID, linewidth=0.6)
