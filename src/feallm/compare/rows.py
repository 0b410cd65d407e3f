"""A comparison as flat rows, one a measure: what the CSV holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from feallm.compare.comparison import Comparison
from feallm.compare.units import PRESENCE, STRENGTH
from feallm.compare.value import Value

COLUMNS = ("about", "name", "scale", "measure", "n", "value", "low", "high", "reason")
DIGITS = 6


def rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Rows of COLUMNS. `about`: matching, unit, units, emotion, emotions, confusion or note; `name`: the unit, emotion
    or side; `low` and `high`: the 95 % interval; `reason`: why there is no value, or the text of a note."""
    yield from _matching(comparison)
    yield from _units(comparison)
    yield from _emotions(comparison)
    for note in comparison.notes:
        yield _row("note", reason=note)


def to_csv(comparison: Comparison) -> str:
    """The rows as CSV, with a line for the columns."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows(comparison):
        rounded = {key: round(value, DIGITS) if isinstance(value, float) else value for key, value in row.items()}
        writer.writerow(rounded)
    return stream.getvalue()


def _matching(comparison: Comparison) -> Iterator[dict[str, Any]]:
    found = comparison.matching
    for name, side, faces, lost in (
        ("a", comparison.a, found.faces_a, found.unmatched_a),
        ("b", comparison.b, found.faces_b, found.unmatched_b),
    ):
        yield _row("matching", name, measure="table", reason=f"{side.path} ({side.form}: {side.note})")
        yield _row("matching", name, measure="faces", n=faces)
        for reason, count in lost.items():
            yield _row("matching", name, measure="unmatched", n=count, reason=reason)
    yield _row("matching", measure="matched", n=len(found.pairs))
    for how, count in found.how.items():
        yield _row("matching", measure=f"matched by {how}", n=count)
    yield _row("matching", measure="no face in either", n=found.both_none)


def _units(comparison: Comparison) -> Iterator[dict[str, Any]]:
    if comparison.units is None:
        return
    for name, value in comparison.units.means.items():
        yield _value("units", None, None, name, value)
    for unit in comparison.units.units:
        if unit.presence is not None:
            for side, rate in (("a", unit.presence.rate_a), ("b", unit.presence.rate_b)):
                yield _row("unit", unit.unit, "presence", f"rate_{side}", unit.presence.n, rate)
            for name in PRESENCE:
                yield _value("unit", unit.unit, "presence", name, getattr(unit.presence, name))
        for strength in unit.strengths:
            for name in ("mean_a", "mean_b"):
                yield _row("unit", unit.unit, strength.scale, name, strength.n, getattr(strength, name))
            for name in STRENGTH:
                yield _value("unit", unit.unit, strength.scale, name, getattr(strength, name))
            for name in ("low", "high"):
                yield _row("unit", unit.unit, strength.scale, f"limit_{name}", strength.n, getattr(strength, name))


def _emotions(comparison: Comparison) -> Iterator[dict[str, Any]]:
    emotions = comparison.emotions
    if emotions is None:
        return
    for name in ("agreement", "kappa", "jensen_shannon"):
        yield _value("emotions", None, None, name, getattr(emotions, name))
    for one in emotions.emotions:
        yield _row("emotion", one.emotion, measure="n_a", n=one.n_a)
        yield _row("emotion", one.emotion, measure="n_b", n=one.n_b)
        for name in ("f1", "kappa", "pearson"):
            yield _value("emotion", one.emotion, None, name, getattr(one, name))
    for line in emotions.confusion:
        for name, count in line.items():
            if name != "a":
                yield _row("confusion", str(line["a"]), measure=name, n=int(str(count)))


def _value(about: str, name: str | None, scale: str | None, measure: str, value: Value) -> dict[str, Any]:
    return _row(about, name, scale, measure, value.n, value.value, value.low, value.high, value.reason)


def _row(
    about: str,
    name: str | None = None,
    scale: str | None = None,
    measure: str | None = None,
    n: int | None = None,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    return dict(zip(COLUMNS, (about, name, scale, measure, n, value, low, high, reason), strict=True))
