"""The columns of a result table, and a reading as one flat row of them.

Names are those users know from py-feat (`FaceRectX`, `AU01`) and OpenFace (`AU01_r`, `AU01_c`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from feallm.facs import CODED_AUS, EMOTIONS, LABEL_SETS

if TYPE_CHECKING:
    from feallm.analyze import FaceReading

PLACE = ("input", "frame", "timestamp", "face_id", "status")
BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
WORDS = ("explanation", "consistency", "quality_flags", "model", "error")
TEXTS = frozenset(("input", "status", "emotion", "action_units", *WORDS))
"""Columns that hold text; all others hold numbers."""
DIGITS = 6
"""Decimals kept in flat rows: float32 has no more. JSON and JSONL keep the values as they are."""


def columns(classes: Sequence[str] = EMOTIONS, units: Sequence[str] = CODED_AUS) -> list[str]:
    """Every column in order, for the emotions and action units a table is about."""
    measured = [name for unit in units for name in (unit, f"{unit}_r", f"{unit}_c")]
    return [*PLACE, *BOX, "FaceScore", "emotion", "confidence", *classes, *measured, *WORDS]


def is_whole(column: str) -> bool:
    """Whether a column holds whole numbers: places and 0/1 presence."""
    return column == "face_id" or column.endswith(("frame", "_c"))


def rows(
    readings: Iterable[FaceReading | Mapping[str, Any]],
    *,
    classes: Sequence[str] = EMOTIONS,
    units: Sequence[str] = CODED_AUS,
) -> Iterator[dict[str, Any]]:
    """One flat row a reading (or its `to_dict`), all with the same columns; None where nothing is known.

    Raises ValueError where a reading has an emotion or an action unit that the columns have no place for.
    """
    empty = dict.fromkeys(columns(classes, units))
    for reading in readings:
        yield {**empty, **_values(_record(reading), classes, units)}


def classes_of(records: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Classes of stored readings: of the label set they name, else those they score, else all emotions."""
    for record in records:
        if record.get("label_set") in LABEL_SETS:
            return LABEL_SETS[record["label_set"]]
    scored = dict.fromkeys(name for record in records for name in record.get("emotion_scores") or {})
    return tuple(scored) or EMOTIONS


def _record(reading: FaceReading | Mapping[str, Any]) -> Mapping[str, Any]:
    return reading if isinstance(reading, Mapping) else reading.to_dict()


def _values(record: Mapping[str, Any], classes: Sequence[str], units: Sequence[str]) -> dict[str, Any]:
    scores, measured = record["emotion_scores"], record["action_units"]
    _check(record["input"], "emotion", scores, classes)
    _check(record["input"], "action unit", measured, units)
    values = {name: record[name] for name in (*PLACE, "emotion", "explanation", "model", "error")}
    values["timestamp"] = _number(record["timestamp"])
    values.update(zip(BOX, map(_number, record["box"] or [None] * 4), strict=True))
    values["FaceScore"] = _number(record["score"])
    values["confidence"] = _number(max(scores.values(), default=None))
    values.update((name, _number(share)) for name, share in scores.items())
    for unit, au in measured.items():
        values[unit], values[f"{unit}_r"] = _number(au["probability"]), _number(au["intensity"])
        values[f"{unit}_c"] = int(au["present"])
    values["consistency"] = _verdict(record["consistency"])
    values["quality_flags"] = ";".join((record["quality"] or {}).get("flags", ())) or None
    return values


def _check(name: str, kind: str, found: Iterable[str], known: Sequence[str]) -> None:
    strange = sorted(set(found) - set(known))
    if strange:
        raise ValueError(f"{name}: the table has no column for the {kind} {strange[0]!r}; it has {', '.join(known)}")


def _number(value: float | None) -> float | None:
    """Rounded; None for what is no finite number."""
    return None if value is None or not math.isfinite(value) else round(float(value), DIGITS)


def _verdict(consistency: Mapping[str, Any] | None) -> str | None:
    if consistency is None:
        return None
    if not consistency["agrees"]:
        return "disagrees"
    return "repaired" if consistency["repaired"] else "agrees"
