"""Action units of a table's row, whichever of the usual columns they stand in.

`AU06_r` or `au_6_intensity` is a strength in 0..5; `AU06_c` presence, 0 or 1; plain `AU06` or `au_6` presence or
probability where no plain value of the table is above 1, else a strength. An empty cell is unknown.

Which column counts. A table has one scale. Where any column gives strengths, strengths are read, and a unit with
presence alone is left out; else presence is (`_c` before plain; a probability counts from 0.5). A strength below 0.5
rounds to none and is 0; `_r` goes before a plain strength. Where a unit has `_c` beside its strength, `_c` says
whether it is there and the strength how much: absent is 0 whatever the strength, present without strength is unknown
(OpenFace and LibreFace predict the two apart). LibreFace's `au_6` beside `au_6_intensity` is such a presence. Where
plain and `_r` disagree about presence and no `_c` decides, the row is wrong.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from feallm.data.sources.table_rows import within
from feallm.facs.action_units import parse_au

COLUMN = re.compile(r"au[ _]?0*(\d{1,2})(_r|_intensity|_c)?")
KINDS = {"_r": "strength", "_intensity": "strength", "_c": "presence", None: "plain"}
PRESENT = 0.5


@dataclass(frozen=True)
class Scale:
    """What a table's AU columns mean. `strengths`: of 0..5, else presence; `plain`: the kind of columns like `AU06`."""

    strengths: bool
    plain: str


def unit_of(name: str) -> tuple[str, str] | None:
    """The AU and the kind ("strength", "presence", "plain") of a column in lower case; None for any other column."""
    match = COLUMN.fullmatch(name)
    unit = parse_au(int(match[1])) if match else None
    return (unit, KINDS[match[2]]) if match and unit else None


@lru_cache(maxsize=64)
def unit_columns(names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """The columns that hold AUs: name, AU, kind."""
    return tuple((name, *found) for name in names if (found := unit_of(name)))


def scale_of(names: Iterable[str], plain_strengths: bool) -> Scale:
    """The scale of a table with these columns. `plain_strengths`: whether any plain value is above 1, up to 5."""
    columns = unit_columns(tuple(names))
    libreface = any(name.endswith("_intensity") for name, _, _ in columns)
    plain = "presence" if libreface else "strength" if plain_strengths else "probability"
    return Scale(plain == "strength" or any(kind == "strength" for _, _, kind in columns), plain)


def read_units(row: Mapping[str, Any], scale: Scale) -> dict[str, float]:
    """AU -> strength in 0..5 (1.0 or 0.0 where the scale is presence). Raises ValueError for a cell that cannot be."""
    cells: dict[str, dict[str, float]] = {}
    for name, unit, column in unit_columns(tuple(row)):
        cell = row[name]
        kind = scale.plain if column == "plain" else column
        value = within(name, cell, 0, 5 if kind == "strength" else 1)
        if kind == "presence" and value not in {None, 0.0, 1.0}:
            raise ValueError(f"{name} is {cell!r}, expected 0 or 1")
        if value is not None:
            kept = cells.setdefault(unit, {}).setdefault("presence" if kind == "presence" else column, value)
            if kept != value:
                raise ValueError(f"{name} is {cell!r}, another column of {unit} says {kept}: delete one of the columns")
    choose = _strength if scale.strengths else _presence
    chosen = {unit: choose(unit, values, scale) for unit, values in cells.items()}
    return {unit: value for unit, value in sorted(chosen.items()) if value is not None}


def _presence(unit: str, values: Mapping[str, float], scale: Scale) -> float | None:
    return float(values.get("presence", values.get("plain", 0.0)) >= PRESENT)


def _strength(unit: str, values: Mapping[str, float], scale: Scale) -> float | None:
    plain = values.get("plain")
    level = values.get("strength", plain if scale.plain == "strength" else None)
    if level is None:
        return None
    kept = level if level >= PRESENT else 0.0
    if "presence" in values:
        return (kept or None) if values["presence"] else 0.0
    if plain is not None and (plain >= PRESENT) != (kept > 0):
        raise ValueError(
            f"{unit} is {plain} in its plain column and {level} in that of its strength: one must be wrong"
        )
    return kept
