"""Reading our own result tables back as flat rows."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

from feallm.tables.columns import TEXTS, classes_of, is_whole, rows
from feallm.tables.writer import FORMULA, SUFFIXES, OutputError


def read(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The flat rows of a table that `write` made, whatever its format: numbers as numbers, None where empty.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown suffix, or not a table of ours; the message names the line where it can.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"cannot tell the format of {path}: the suffix must be one of {', '.join(SUFFIXES)}")
    if suffix == ".csv":
        return _read_csv(path)
    if suffix == ".parquet":
        return _read_parquet(path)
    found = records(path)
    try:
        return list(rows(found, classes=classes_of(found)))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not hold readings as FEALLM writes them ({error!r})") from error


def records(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """The readings of a .json or .jsonl table as they were written, each a `FaceReading.to_dict`.

    Raises FileNotFoundError, and ValueError where the file is no JSON; the message names the line where it can.
    """
    path = Path(path)
    return _json_records(path) if path.suffix.lower() == ".json" else _jsonl_records(path)


def _read_csv(path: Path) -> list[dict[str, Any]]:
    found = []
    with path.open(encoding="utf-8-sig", newline="") as stream:  # a byte order mark may come from a spreadsheet
        lines = csv.DictReader(stream)
        for number, line in enumerate(lines, start=2):
            if None in line or None in line.values():
                raise ValueError(f"{path}, row {number}: not as many cells as there are columns")
            try:
                found.append({name: _value(name, cell) for name, cell in line.items()})
            except ValueError as error:
                raise ValueError(f"{path}, row {number}: {error}") from error
    return found


def _value(column: str, cell: str) -> Any:
    if cell == "":
        return None
    if column in TEXTS:
        return cell[1:] if cell[0] == "'" and cell.lstrip("'").startswith(FORMULA) else cell
    return int(cell) if is_whole(column) else float(cell)


def _json_records(path: Path) -> list[dict[str, Any]]:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(records, list):
        raise ValueError(f"{path} must hold a list of readings, got {type(records).__name__}")
    return records


def _jsonl_records(path: Path) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number} is not valid JSON: {error}") from error
    return records


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise OutputError("Parquet needs pyarrow: pip install 'feallm[parquet]'") from error
    try:
        table = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} is not a Parquet file: {error}") from error
    found: list[dict[str, Any]] = table.to_pylist()
    return found
