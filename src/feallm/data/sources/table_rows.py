"""Rows of CSV, JSONL and Parquet files as they stand, and their cells as texts and numbers."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from feallm.tables import rows as flat_rows
from feallm.tables.columns import classes_of

FORMATS = {".csv": "CSV", ".jsonl": "JSONL", ".parquet": "Parquet"}
UNKNOWN = {"", "nan", "null", "none", "na", "n/a"}


def read_rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line (Parquet: row) number from 1, and the row with its names in lower case, or what is wrong with it.

    FEALLM's own JSONL, where a reading is a nested object, comes as the flat rows of its CSV.
    """
    if file.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        batches = pq.ParquetFile(file).iter_batches(batch_size=1024)
        records = (record for batch in batches for record in batch.to_pylist())
        yield from ((number, _lower(record)) for number, record in enumerate(records, start=1))
        return
    with file.open(newline="", encoding="utf-8-sig") as stream:
        if file.suffix.lower() == ".jsonl":
            yield from ((number, _json(line)) for number, line in enumerate(stream, start=1) if line.strip())
            return
        reader = csv.reader(stream)
        names = [name.strip().lower() for name in next(reader, [])]
        for cells in reader:
            if any(cell.strip() for cell in cells):
                wrong = f"{len(cells)} cells, expected {len(names)}"
                yield reader.line_num, dict(zip(names, cells, strict=True)) if len(cells) == len(names) else wrong


def _lower(record: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).strip().lower(): value for name, value in record.items()}


def _json(line: str) -> dict[str, Any] | str:
    try:
        record = json.loads(line)
        if isinstance(record, dict) and "emotion_scores" in record:
            (flat,) = flat_rows([record], classes=classes_of([record]), units=tuple(record["action_units"]))
            record = {**flat, "label_set": record.get("label_set")}
        return _lower(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"neither a JSON object of one row nor a reading as FEALLM writes it ({error!r})"


def first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of the names that is a column."""
    return next((name for name in names if name in row), None)


def text(cell: Any) -> str:
    """A cell as text, "" where nothing is known."""
    found = "" if cell is None else str(cell).strip()
    return "" if found.lower() in UNKNOWN else found


def number(name: str, cell: Any) -> float | None:
    """A cell as a number, None where nothing is known. Raises ValueError for anything else."""
    known = text(cell)
    try:
        return float(cell if isinstance(cell, bool) else known) if known else None
    except ValueError:
        raise ValueError(f"{name} is {cell!r}, expected a number") from None


def within(name: str, cell: Any, low: float, high: float) -> float | None:
    """A number of a range. Raises ValueError outside it."""
    value = number(name, cell)
    if value is not None and not low <= value <= high:
        raise ValueError(f"{name} is {cell!r}, expected {low} to {high}")
    return value
