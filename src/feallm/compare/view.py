"""A comparison on a terminal."""

from __future__ import annotations

import re
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from feallm.bench.report.table import Table
from feallm.compare.comparison import LIMITS, Comparison
from feallm.compare.tables import confusion_table, emotion_tables, matching_table, presence_table, strength_tables
from feallm.report.terminal import printable

_INTERVAL = re.compile(r" \[[^\]]*\]")


def show(comparison: Comparison, console: Console) -> None:
    """Print a comparison."""
    parts: list[RenderableType] = [_head(comparison), "", _grid(matching_table(comparison))]
    tables: list[Table] = []
    if comparison.emotions is not None:
        tables += emotion_tables(comparison.emotions)
        if comparison.emotions.n:
            tables.append(confusion_table(comparison.emotions))
    if comparison.units is not None:
        presence = presence_table(comparison.units)
        tables += [*([presence] if presence else []), *strength_tables(comparison.units)]
    for table in tables:
        parts += ["", Text(table.caption, "bold"), *_fitted(table, console)]
        parts += [Text(printable(note), "dim") for note in table.notes]
    parts += ["", *(Text(f"note: {printable(note)}", "yellow") for note in comparison.notes)]
    parts.append(Text(LIMITS[0], "dim"))
    console.print(Padding(Group(*parts), (1, 2, 1, 2)))


def _head(comparison: Comparison) -> Text:
    found = Text()
    for name, side in (("A", comparison.a), ("B", comparison.b)):
        pictures = f"{side.pictures:,} picture{'s' * (side.pictures != 1)} or video{'s' * (side.pictures != 1)}"
        rows = f"{side.rows:,} row{'s' * (side.rows != 1)}"
        found.append(f"{name}  ", "bold").append(printable(side.path))
        found.append(f"  {side.form}, {rows} of {pictures}: {side.note}", "dim")
        found.append("\n" if name == "A" else "")
    return found


def _fitted(table: Table, console: Console) -> list[RenderableType]:
    """A table, without its intervals where the terminal is too narrow for them."""
    room = console.width - 4
    wide = sum(max(len(row[place]) for row in (table.heads, *table.rows)) + 2 for place in range(len(table.heads)))
    if wide <= room or not any("[" in cell for row in table.rows for cell in row):
        return [_grid(table)]
    rows = tuple(tuple(_INTERVAL.sub("", cell) for cell in row) for row in table.rows)
    return [_grid(replace(table, rows=rows)), Text("a wider terminal, --json or -o show the intervals too", "dim")]


def _grid(table: Table) -> Grid:
    grid = Grid(*table.heads, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, column in enumerate(grid.columns):
        column.justify = "left" if place in table.words else "right"
    for row in table.rows:
        grid.add_row(*(Text(printable(cell)) for cell in row))
    return grid
