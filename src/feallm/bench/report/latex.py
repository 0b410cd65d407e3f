"""A report in LaTeX: tables for a paper, with the booktabs package, to be read with \\input."""

from collections.abc import Iterator, Sequence

from feallm.bench.report.leaderboard import Section, made_table, side_by_side
from feallm.bench.report.limits import LIMITS, introduction
from feallm.bench.report.table import Table

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": r"{[}",  # after \\ a bracket would be taken for a length
    "]": r"{]}",
    "–": "--",
    "’": "'",
    "…": r"\ldots{}",
    "≥": r"$\geq$",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
}
WIDE = 7
"""Columns from which on a table is set small."""


def escaped(text: str) -> str:
    """Text as it is, on one line, without control characters."""
    flat = " ".join(text.split())
    return "".join(_ESCAPES.get(letter, letter) for letter in flat if letter.isprintable())


def write(parts: Sequence[Section]) -> str:
    """The tables, one after another; the limits as a comment, so that they go where the numbers go."""
    return "\n".join(_lines(parts)).rstrip() + "\n"


def _lines(parts: Sequence[Section]) -> Iterator[str]:
    yield "% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}."
    yield from _comment(introduction(parts))
    for head, text in LIMITS:
        yield from _comment(f"{head} {text}")
    overview = side_by_side(parts)
    if overview is not None:
        yield from table(overview, "overview")
    for part in parts:
        yield from _comment(f"{part.title}: {part.protocol}")
        yield from table(part.scores, f"{part.task}-scores", part.warnings)
        yield from table(part.answers, f"{part.task}-answers")
        for place, one in enumerate(part.breakdowns):
            yield from table(one, f"{part.task}-breakdown-{place + 1}")
        if part.published is not None:
            yield from table(part.published, f"{part.task}-published")
        yield from table(made_table(part), f"{part.task}-made")


def _comment(text: str) -> Iterator[str]:
    yield "% " + " ".join(text.split())


def table(one: Table, label: str, notes: Sequence[str] = ()) -> Iterator[str]:
    """A floating table; published rows in italics between rules of their own."""
    size = r"\scriptsize" if len(one.heads) >= WIDE else r"\small"
    columns = "".join("l" if place in one.words else "r" for place in range(len(one.heads)))
    yield ""
    yield r"\begin{table}"
    yield rf"\centering{size}"
    below = " ".join(escaped(note) for note in (*notes, *one.notes))
    yield rf"\caption{{{escaped(one.caption)}.{' ' + below if below else ''}}}"
    yield rf"\label{{tab:{''.join(letter for letter in label if letter.isalnum() or letter == '-')}}}"
    yield rf"\begin{{tabular}}{{{columns}}}"
    yield r"\toprule"
    yield _row(escaped(head) for head in one.heads)
    yield r"\midrule"
    for cells in one.rows:
        yield _row(rf"\textit{{{escaped(text)}}}" if one.apart and text.strip() else escaped(text) for text in cells)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{table}"


def _row(cells: Iterator[str]) -> str:
    return " & ".join(cells) + r" \\"
