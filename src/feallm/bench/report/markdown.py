"""A report in Markdown: tables with pipes, as GitHub and Pandoc read them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from feallm.bench.report.leaderboard import Section, made_table, side_by_side
from feallm.bench.report.limits import LIMITS, TITLE, introduction
from feallm.bench.report.table import Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def escaped(text: str) -> str:
    """Text as it is, on one line: nothing in it is markup or ends a cell."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def write(parts: Sequence[Section]) -> str:
    """The whole report."""
    return "\n".join(_lines(parts)).rstrip() + "\n"


def _lines(parts: Sequence[Section]) -> Iterator[str]:
    yield f"# {TITLE}\n"
    yield introduction(parts) + "\n"
    overview = side_by_side(parts)
    if overview is not None:
        yield from table(overview)
    for part in parts:
        yield f"## {escaped(part.title)}\n"
        yield f"{escaped(part.protocol)}\n"
        for warning in part.warnings:
            yield f"**Note.** {escaped(warning)}\n"
        for one in (part.scores, part.answers, *part.breakdowns):
            yield from table(one)
        if part.published is not None:
            yield "---\n"
            yield from table(part.published)
            yield "---\n"
    yield "## How each run was made\n"
    for part in parts:
        yield from table(made_table(part))
        for kind, question in sorted(part.runs[0].made.questions.items()):
            yield f"Question ({escaped(kind)}): {escaped(question)}\n"
        if part.runs[0].made.classes:
            yield f"Classes: {escaped(', '.join(part.runs[0].made.classes))}\n"
    yield "## What these numbers do not say\n"
    yield from (f"- **{escaped(head)}** {escaped(text)}" for head, text in LIMITS)


def table(one: Table) -> Iterator[str]:
    """A caption and a table with pipes; published rows in italics."""
    yield f"**{escaped(one.caption)}**\n"
    yield _row(map(escaped, one.heads))
    yield _row("---" if place in one.words else "---:" for place in range(len(one.heads)))
    for cells in one.rows:
        yield _row(f"*{escaped(text)}*" if one.apart and text.strip() else escaped(text) for text in cells)
    yield ""
    yield from (f"{escaped(note)}\n" for note in one.notes)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
