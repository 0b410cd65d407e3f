"""Matplotlib figures as SVG that stands inside a page: no header, no addresses, colours of the page's own theme.

The colours below stand for CSS variables that every page defines (`--ink`, `--s1` …), so that one drawing serves light
and dark.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, LINE, CARD = "#000001", "#000002", "#000003", "#000004"
SERIES = ("#000011", "#000012", "#000013", "#000014", "#000015", "#000016")
EMOTION_SERIES = ("#000021", "#000022", "#000023", "#000024", "#000025", "#000026", "#000027", "#000028")
"""For the emotions, in the order of `facs.EMOTIONS`: a page that draws with them defines `--e1` to `--e8`."""
_VARIABLES = (
    {INK: "ink", SOFT: "soft", LINE: "line", CARD: "card"}
    | {colour: f"s{number}" for number, colour in enumerate(SERIES, start=1)}
    | {colour: f"e{number}" for number, colour in enumerate(EMOTION_SERIES, start=1)}
)
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "feallm",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}
_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_OPENING = re.compile(r"<svg[^>]*?viewBox=\"([^\"]*)\"[^>]*>")
_FONTS = re.compile(r"font-family: [^;\"]*")
_STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>\s*", re.DOTALL)
_COLOUR = re.compile("#0000[012][0-9]")


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of width x height points, in the page's style. Raises ImportError without matplotlib."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Drawn

    with mpl.rc_context(STYLE):
        yield Drawn(figsize=(width / 72, height / 72), layout="constrained")


def svg(drawn: Figure, name: str, label: str) -> str:
    """The figure as an `<svg>` element. `name` sets its ids apart from those of others on the page; `label`, escaped
    already, is what it shows, in words."""
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # letters are the browser's to draw
        drawn.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = _METADATA.sub("", _HEAD.sub("", stream.getvalue(), count=1))
    text = re.sub(r' id="([^"]*)"', rf' id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]*)"', rf'href="#{name}-\1"', text)
    text = _COLOUR.sub(lambda found: f"var(--{_VARIABLES[found[0]]})", text)
    text = _FONTS.sub("font-family: system-ui, sans-serif", _STYLE.sub("", text, count=1))
    width, height = _size(text)
    style = f"max-width:{width:.0f}pt;stroke-linejoin:round"
    opening = f'<svg role="img" aria-label="{label}" viewBox="0 0 {width:g} {height:g}" style="{style}">'
    return _OPENING.sub(lambda _: opening, text, count=1).strip()


def _size(text: str) -> tuple[float, float]:
    found = _OPENING.search(text)
    assert found is not None
    _, _, width, height = map(float, found[1].split())
    return width, height
