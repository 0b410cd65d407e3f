"""A comparison as one HTML file: it opens offline, prints, and fits a phone."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources
from string import Template

from feallm._version import __version__
from feallm.bench.report import html
from feallm.bench.report.table import Table
from feallm.compare.comparison import LIMITS, Comparison
from feallm.compare.plots import Colours, Panel, panels
from feallm.compare.tables import CONFUSION, emotion_tables, matching_table, presence_table, strength_tables
from feallm.report.svg import canvas, svg

TITLE = "Agreement of two result tables"
WIDTH = 330
"""Points: as wide as a phone's text column, so that letters stay readable there."""
MEASURES = (
    ("F1", "Twice the faces on which both find it, divided by all that A finds and all that B finds."),
    ("Cohen's kappa", "How far A and B agree beyond what their rates give by chance: 1 always, 0 as chance does."),
    ("ICC(3,1)", "Consistency of two raters (Shrout and Fleiss 1979): a constant offset is forgiven."),
    ("ICC(2,1)", "Absolute agreement (the same source): an offset counts. May one's numbers stand for the other's?"),
    ("r (Pearson's)", "Correlation: an offset and another scale are forgiven."),
    ("A - B", "The mean difference, and the limits of 95 % of differences if these are normal (Bland, Altman 1986)."),
    ("Jensen-Shannon divergence", "How far two distributions lie apart, in bits: 0 the same, 1 nothing in common (Lin "
     "1991)."),
    ("Brackets", "95 % percentile bootstrap intervals; the notes above say what was drawn."),
)  # fmt: skip


def page(comparison: Comparison) -> str:
    """The page. Raises ImportError without matplotlib."""
    template = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=TITLE,
        style=html.style(),
        summary=escape(_summary(comparison)),
        tables="".join(_tables(comparison)),
        sections="".join(_sections(comparison)),
        measures="\n".join(f"<dt>{html.text(name)}</dt><dd>{html.text(said)}</dd>" for name, said in MEASURES),
        limits="\n".join(f"<li>{html.text(limit)}</li>" for limit in LIMITS),
    )


def _summary(comparison: Comparison) -> str:
    pairs = len(comparison.matching.pairs)
    return (
        f"{pairs:,} face{'s' * (pairs != 1)} in both tables, compared by FEALLM {__version__}. Neither table is taken "
        "for the truth."
    )


def _tables(comparison: Comparison) -> Iterator[str]:
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        told = (
            f"{name}: {side.path} ({side.form}, {side.rows:,} rows, pictures or videos: {side.pictures:,}; {side.note})"
        )
        yield html.paragraph(told)
    yield html.table(matching_table(comparison))
    yield from (html.paragraph(note, "warning") for note in comparison.notes)


def _sections(comparison: Comparison) -> Iterator[str]:
    drawn = {panel.name: _figure(panel) for panel in panels(comparison)}
    if comparison.emotions is not None:
        emotions = comparison.emotions
        inside = [html.table(table) for table in emotion_tables(emotions)]
        if emotions.n:
            inside.append(html.counts(emotions.confusion, "a", CONFUSION))
        yield _section("emotions", "Emotions", [drawn.get("emotions", ""), *inside])
    if comparison.units is not None:
        presence = presence_table(comparison.units)
        tables: list[Table] = [*([presence] if presence else []), *strength_tables(comparison.units)]
        inside = [html.table(table) for table in tables]
        yield _section("units", "Action units", [drawn.get("units", ""), *inside, drawn.get("strengths", "")])


def _section(name: str, title: str, parts: list[str]) -> str:
    return f'<section aria-labelledby="{name}-h"><h2 id="{name}-h">{title}</h2>\n{"".join(parts)}</section>\n'


def _figure(panel: Panel) -> str:
    with canvas(WIDTH, panel.height) as drawn:
        panel.draw(drawn, Colours())
        return html.figure(svg(drawn, panel.name, escape(panel.alt)), panel.caption)
