"""Two result tables as one comparison: what was paired, and how far they agree."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feallm.compare.emotions import Emotions, compare_emotions
from feallm.compare.faces import LEAST_OVERLAP
from feallm.compare.matching import Matching, match_tables
from feallm.compare.moments import By
from feallm.compare.units import Units, compare_units
from feallm.compare.value import Value, drawn
from feallm.tables.foreign import ForeignTable, read

LIMITS = (
    "Agreement is not accuracy: two tools may agree and both be wrong. Against labels, use `feallm bench`.",
    "Presence is what each tool decides, at its own threshold. Where thresholds differ, F1 and kappa are low though "
    "strengths go together: look at Pearson's r and the bias too.",
    "A tool's action units are its model's: no table here is a coding by a certified FACS coder, unless you made one.",
    "An emotion here is what a face shows to a model, not what a person feels.",
)


@dataclass(frozen=True)
class Side:
    """One of the two tables: rows, pictures and rows with a face in it, and what its numbers were taken for."""

    path: str
    form: str
    note: str
    rows: int
    pictures: int


@dataclass(frozen=True)
class Comparison:
    """Table `a` against table `b`. `units` and `emotions` are None where they share none; `notes` must be read with the
    numbers."""

    a: Side
    b: Side
    matching: Matching
    units: Units | None
    emotions: Emotions | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's own types, without the single faces."""
        found = {name: _plain(getattr(self, name)) for name in ("a", "b", "matching", "emotions", "units")}
        found["matching"]["matched"] = len(self.matching.pairs)
        return {**found, "notes": list(self.notes), "limits": list(LIMITS)}


def compare(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    by: By = "auto",
    least_overlap: float = LEAST_OVERLAP,
    seed: int = 0,
) -> Comparison:
    """Compare two tables (or folders of tables) of any form that `tables.foreign` reads.

    Raises:
        FileNotFoundError: a table is not there.
        ValueError: a table cannot be read, or `least_overlap` is not in 0..1.
    """
    if not 0 < least_overlap <= 1:
        raise ValueError(f"the least overlap of two boxes is a share above 0 and up to 1, got {least_overlap}")
    return compare_tables((str(a), read(Path(a))), (str(b), read(Path(b))), by, least_overlap, seed)


def compare_tables(
    a: tuple[str, ForeignTable],
    b: tuple[str, ForeignTable],
    by: By = "auto",
    least_overlap: float = LEAST_OVERLAP,
    seed: int = 0,
) -> Comparison:
    """As `compare`, of tables that were read, each with its name."""
    matching = match_tables(a[1], b[1], by, least_overlap)
    groups = drawn(matching.pairs)
    units = compare_units(matching.pairs, groups, seed)
    emotions = compare_emotions(matching.pairs, groups, seed)
    return Comparison(
        _side(*a),
        _side(*b),
        matching,
        units if units.units else None,
        emotions,
        (*matching.notes, *_notes(matching, units, emotions), *((groups.note,) if matching.pairs else ())),
    )


def _side(path: str, table: ForeignTable) -> Side:
    return Side(path, table.form, table.note, len(table.rows), len({row.picture for row in table.rows}))


def _notes(matching: Matching, units: Units, emotions: Emotions | None) -> list[str]:
    notes = []
    if not matching.pairs:
        notes.append("no face of one table is in the other: nothing can be compared")
    elif not units.units:
        notes.append("the tables have no action unit in common")
    for name, only in (("A", units.only_a), ("B", units.only_b)):
        if only:
            notes.append(f"only {name} reads {', '.join(only)}")
    if matching.pairs and emotions is None:
        notes.append("the tables have no emotions in common")
    if emotions is not None and emotions.scored:
        lacking = [one.emotion for one in emotions.emotions if one.emotion not in emotions.scored]
        if lacking:
            notes.append(f"shares are compared over the emotions that both give, without {', '.join(lacking)}")
    return notes


def _plain(value: Any) -> Any:
    """Dataclasses as mappings, numbers that are not finite as None; the points and pairs are left out."""
    if isinstance(value, Value):
        return {name: getattr(value, name) for name in ("value", "low", "high", "n", "reason")}
    if is_dataclass(value) and not isinstance(value, type):
        kept = (field.name for field in fields(value) if field.name not in ("points", "pairs"))
        return {name: _plain(getattr(value, name)) for name in kept}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
