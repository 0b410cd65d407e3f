"""Stored readings: the rows of our own tables back as `FaceReading`s.

JSON and JSONL hold whole readings. CSV and Parquet hold flat rows, and what these do not say stays unknown: regions of
evidence, effects, the measures behind the quality's flags (NaN), and how many sentences were repaired (1 stands for
some).
"""

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from feallm.analyze.reading import ActionUnitReading, Consistency, FaceReading
from feallm.faces.quality import Quality
from feallm.facs import ACTION_UNITS, EMOTIONS
from feallm.tables import read, records
from feallm.tables.columns import BOX, PLACE
from feallm.tables.segments import refuse_segments

_WHOLE = TypeAdapter(FaceReading)
_NEEDED = (*PLACE, *BOX)
_CONSISTENCY = {
    "agrees": Consistency(agrees=True),
    "repaired": Consistency(agrees=True, repaired=1),
    "disagrees": Consistency(agrees=False),
}


def read_readings(path: str | os.PathLike[str]) -> list[FaceReading]:
    """The readings of a table that FEALLM wrote: .csv, .jsonl, .json or .parquet.

    Raises:
        FileNotFoundError: there is no such file.
        OutputError: Parquet without pyarrow.
        ValueError: another suffix, or not a table of ours; the message names the row where it can.
    """
    path = Path(path)
    whole = path.suffix.lower() in (".json", ".jsonl")
    make = _whole if whole else _flat
    try:
        _look(path)
        rows = records(path) if whole else read(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a table of FEALLM, which is UTF-8 text: {error}") from error
    readings = []
    for number, row in enumerate(rows, start=1):
        try:
            readings.append(_checked(make(row)))
        except ValueError as error:
            raise ValueError(f"{path}, reading {number}: {error}") from error
    return readings


def _look(path: Path) -> None:
    """See from its first line that a CSV file is ours: cells of other tables may be anything. Raises ValueError."""
    if path.suffix.lower() != ".csv":
        return
    with path.open(encoding="utf-8-sig", newline="") as stream:
        names = next(csv.reader(stream), [])
    refuse_segments(path, names)
    missing = [name for name in _NEEDED if name not in names]
    if names and missing:
        raise ValueError(
            f"{path} is not a table of FEALLM: it lacks the column {missing[0]}; `feallm analyze … -o table.csv` "
            "writes one, and `feallm compare` reads those of other tools"
        )


def _whole(record: Mapping[str, Any]) -> FaceReading:
    if not isinstance(record, Mapping) or "input" not in record or "status" not in record:
        raise ValueError("not a reading as FEALLM writes it: expected an object with input, status and its numbers")
    try:
        return _WHOLE.validate_python(record)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"not a reading as FEALLM writes it: {place}: {first['msg']}") from error


def _flat(row: Mapping[str, Any]) -> FaceReading:
    missing = [name for name in _NEEDED if name not in row]
    if missing:  # of a Parquet file
        raise ValueError(f"not a table of FEALLM: it lacks the column {missing[0]}")
    box = tuple(row[name] for name in BOX)
    plain = {name: row.get(name) for name in ("frame", "timestamp", "face_id", "emotion", "explanation", "model")}
    return _whole(
        {
            **plain,
            "input": row["input"],
            "status": row["status"],
            "error": row.get("error"),
            "box": None if None in box else box,
            "score": row.get("FaceScore"),
            "quality": _quality(row, box),
            "emotion_scores": {name: row[name] for name in EMOTIONS if row.get(name) is not None},
            "action_units": _units(row),
            "consistency": _CONSISTENCY.get(row.get("consistency") or ""),
        }
    )


def _units(row: Mapping[str, Any]) -> dict[str, ActionUnitReading]:
    return {
        unit: ActionUnitReading(row[unit], row.get(f"{unit}_r") or 0.0, bool(row.get(f"{unit}_c")))
        for unit in ACTION_UNITS
        if row.get(unit) is not None
    }


def _quality(row: Mapping[str, Any], box: tuple[Any, ...]) -> Quality | None:
    """Flags and size; None where there is no face."""
    if None in box:
        return None
    flags = tuple(filter(None, (row.get("quality_flags") or "").split(";")))
    unknown = math.nan
    return Quality(min(box[2:]), unknown, None, None, unknown, unknown, unknown, unknown, flags)


def _checked(reading: FaceReading) -> FaceReading:
    """The reading, if what is drawn and counted of it can be. Raises ValueError."""
    strange = [unit for unit in reading.action_units if unit not in ACTION_UNITS]
    if strange:
        raise ValueError(f"{strange[0]!r} is no action unit")
    numbers = [reading.timestamp, reading.score, *(reading.box or ()), *reading.emotion_scores.values()]
    for unit in reading.action_units.values():
        numbers += [unit.probability, unit.intensity, unit.effect]
        if unit.evidence is not None:
            numbers += [unit.evidence.drop, unit.evidence.control_drop]
            numbers += [value for region in unit.evidence.regions for point in region for value in point]
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise ValueError("a number is not finite")
    return reading
