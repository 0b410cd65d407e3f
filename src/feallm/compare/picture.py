"""The plots of a comparison as one file, .svg or .png, with what they show in words."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from feallm.compare.comparison import Comparison
from feallm.compare.plots import Colours, Panel, panels
from feallm.report.svg import CARD, INK, LINE, SERIES, SOFT, STYLE, canvas
from feallm.tables.output import OutputError, check_writable, replacing

SUFFIXES = (".svg", ".png")
WIDTH = 430
DOTS = 200
"""Dots an inch of a .png."""
PAPER = {INK: "#1f2933", SOFT: "#52606d", LINE: "#d9dee5", CARD: "#ffffff", SERIES[0]: "#2c6fb0", SERIES[1]: "#c25a1c"}
"""The page's light colours on white."""


def check_plot(path: Path) -> Path:
    """See that a plot can be written there. Raises OutputError: another suffix, no permission, or no matplotlib."""
    from importlib.util import find_spec

    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"a plot ends in .svg or .png, got {path.name!r}: choose one of the two")
    if find_spec("matplotlib") is None:
        raise OutputError("plots are drawn with matplotlib, which is not installed: pip install 'feallm[report]'")
    return check_writable(path, "agreement.svg")


def write_plot(comparison: Comparison, path: Path) -> bool:
    """Draw all panels into one file; False where there is nothing to draw, and no file then.

    Raises OutputError where it cannot be written.
    """
    parts = list(panels(comparison))
    if not parts:
        return False
    check_plot(path)
    import matplotlib as mpl

    style: Any = {key: PAPER.get(value, value) if isinstance(value, str) else value for key, value in STYLE.items()}
    colours = Colours(PAPER[INK], PAPER[SOFT], PAPER[SERIES[0]], PAPER[SERIES[1]])
    with canvas(WIDTH, sum(part.height for part in parts)) as drawn, mpl.rc_context(style):
        if len(parts) == 1:
            parts[0].draw(drawn, colours)
        else:
            halves: Any = drawn.subfigures(len(parts), 1, height_ratios=[part.height for part in parts])
            for half, part in zip(halves, parts, strict=True):
                part.draw(half, colours)
        with replacing(path) as free:
            _save(drawn, free, path.suffix.lower(), comparison, parts)
    return True


def _save(drawn: Any, path: Path, suffix: str, comparison: Comparison, parts: list[Panel]) -> None:
    title = f"Agreement of {Path(comparison.a.path).name} (A) and {Path(comparison.b.path).name} (B)"
    words = " ".join(part.alt for part in parts)
    if suffix == ".png":
        about = {"Title": _latin(title), "Description": _latin(words), "Software": None}
        drawn.savefig(path, format="png", dpi=DOTS, facecolor="white", metadata=about)
        return
    drawn.savefig(path, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    told = f"<title>{escape(_printable(title))}</title><desc>{escape(_printable(words))}</desc>"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(<svg )([^>]*>)", rf'\1role="img" \2{_literal(told)}', text, count=1), encoding="utf-8")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _latin(text: str) -> str:
    """What a PNG's text chunk holds."""
    return _printable(text).encode("latin-1", "replace").decode("latin-1")


def _literal(text: str) -> str:
    return text.replace("\\", r"\\")
