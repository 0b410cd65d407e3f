"""One HTML page of a report, with everything inside it: it opens offline, prints, and fits a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from feallm.bench.report import html
from feallm.bench.report.leaderboard import Section, made_table, side_by_side
from feallm.bench.report.limits import LIMITS, TITLE, introduction
from feallm.bench.report.pictures import pictures_of
from feallm.bench.report.plots import (
    MOST,
    intervals_plot,
    level_curves,
    reliability_curve,
    share_bars,
    unit_bars,
)
from feallm.bench.report.runs import Run

INTERVENTIONS = (
    "claim_withdrawn",
    "claim_kept",
    "others_kept",
    "verdict_mirrored",
    "verdict_darker",
    "verdict_brighter",
)


def page(parts: Sequence[Section], data: Path | None = None) -> str:
    """The page of a report. Raises ImportError without matplotlib."""
    template = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    overview = side_by_side(parts)
    return template.substitute(
        style=html.style(),
        title=TITLE,
        summary=escape(introduction(parts)),
        contents="".join(f'<li><a href="#{_anchor(part)}">{html.text(part.title)}</a></li>' for part in parts),
        overview=f"<section>{html.table(overview)}</section>" if overview is not None else "",
        sections="\n".join(_section(part, data) for part in parts),
        made="\n".join("".join(_made(part)) for part in parts),
        limits="\n".join(f"<li><b>{html.text(head)}</b> {html.text(said)}</li>" for head, said in LIMITS),
    )


def _anchor(part: Section) -> str:
    return f"task-{html.text(part.task)}"


def _section(part: Section, data: Path | None) -> str:
    return (
        f'<section id="{_anchor(part)}" aria-labelledby="{_anchor(part)}-h"><h2 id="{_anchor(part)}-h">'
        f"{html.text(part.title)}</h2>\n{''.join(_inside(part, data))}</section>\n"
    )


def _inside(part: Section, data: Path | None) -> Iterator[str]:
    yield html.paragraph(part.protocol, "soft")
    yield from (html.paragraph(warning, "warning") for warning in part.warnings)
    yield html.table(part.scores, "scores")
    if len(part.runs) > 1:
        headline = part.runs[0].made.headline
        values = [(run.label, run.metrics[headline]) for run in part.runs if headline in run.metrics]
        yield html.figure(
            intervals_plot(f"{part.task}-i", headline, values), "The headline with its 95 % bootstrap interval."
        )
    yield html.table(part.answers)
    yield from (html.table(one) for one in part.breakdowns)
    yield from _of_all(part)
    if part.published is not None:
        yield html.table(part.published)
    pictures, why_none = pictures_of(part, data)
    for number, run in enumerate(part.runs, start=1):
        inside = "".join(_of_one(run, f"{part.task}-{number}"))
        if run.worst:
            inside += html.cases(run.worst, pictures, why_none, run.label)
        if inside:
            yield f'<div class="run"><h3>{html.text(run.label)}</h3>{inside}</div>\n'


def _of_all(part: Section) -> Iterator[str]:
    """Plots that show the models of a task together."""
    more = f" The first {MOST} models." if len(part.runs) > MOST else ""
    levels = [(run.label, run.tables["levels"]) for run in part.runs if run.tables.get("levels")]
    if levels:
        yield html.figure(level_curves(f"{part.task}-l", levels), f"How accuracy falls as pictures get worse.{more}")
        yield from (html.numbers(rows, f"{part.title}: accuracy at each level, {label}") for label, rows in levels)
    metrics = [name for name in INTERVENTIONS if any(name in run.metrics for run in part.runs)]
    if "claim_withdrawn" in metrics:
        runs = [(run.label, run.metrics) for run in part.runs]
        yield html.figure(
            share_bars(f"{part.task}-c", metrics, runs),
            "What follows when a part of the face is covered or the picture is changed; all should be 100 %. A claim "
            f"should be withdrawn when its region is hidden, and kept when another region is.{more}",
        )


def _of_one(run: Run, name: str) -> Iterator[str]:
    """What is shown of one run."""
    for table, draw in _DRAWN.items():
        rows = run.tables.get(table)
        if rows:
            yield from draw(run, name, rows)


Rows = list[dict[str, object]]


def _confusion(run: Run, name: str, rows: Rows) -> Iterator[str]:
    yield html.confusion(rows, f"{run.made.title}, {run.label}")


def _units(run: Run, name: str, rows: Rows) -> Iterator[str]:
    if any(row.get("f1") is not None for row in rows):
        yield html.figure(
            unit_bars(f"{name}-u", run.label, rows),
            "F1 of each unit; the mark is its base rate, the share of codings in which it is present.",
        )
    yield html.numbers(rows, f"{run.made.title}: action units, {run.label}")


def _reliability(run: Run, name: str, rows: Rows) -> Iterator[str]:
    caption = "Share of right answers against confidence. On the dashed line a model is as sure as it is right."
    yield html.figure(reliability_curve(f"{name}-r", run.label, rows), caption)
    yield html.numbers(rows, f"{run.made.title}: reliability, {run.label}")


_DRAWN: dict[str, Callable[[Run, str, Rows], Iterator[str]]] = {
    "confusion": _confusion,
    "units": _units,
    "reliability": _reliability,
}


def _made(part: Section) -> Iterator[str]:
    yield html.table(made_table(part), "made")
    made = part.runs[0].made
    facts = [(f"Question ({kind})", question) for kind, question in sorted(made.questions.items())]
    if made.classes:
        facts.append((f"Classes ({made.label_set})", ", ".join(made.classes)))
    if made.units:
        facts.append((f"Action units, present from strength {made.positive:g} on", ", ".join(made.units)))
    yield "<dl>" + "".join(f"<dt>{html.text(head)}</dt><dd>{html.text(said)}</dd>" for head, said in facts) + "</dl>\n"
