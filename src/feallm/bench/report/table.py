"""A table before it has a form: the same cells become Markdown, LaTeX and HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "–"


@dataclass(frozen=True)
class Table:
    """`caption` says what the rows are. Columns of `words` are text, the others numbers. The first cell of a row names
    it. `apart` tables hold numbers that were not measured here and must look so in every form. `notes` stand below."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    notes: tuple[str, ...] = ()
    apart: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.heads):
                raise ValueError(f"{self.caption}: {len(self.heads)} columns, but a row of {len(row)}: {row}")


def share(part: int, whole: int) -> str:
    """ "12 (3.4 %)"; only the number where there is none, or no whole."""
    return f"{part:,} ({100 * part / whole:.1f} %)" if part and whole else f"{part:,}"


def cell(value: Any) -> str:
    """Any value out of a score's table, as text."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(one)}" for key, one in value.items()) or ABSENT
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(cell(one) for one in value) or ABSENT
    return str(value)
