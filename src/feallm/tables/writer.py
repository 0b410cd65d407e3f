"""Writing result tables as readings come, so that what is done is kept whatever stops the run."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from feallm.facs import CODED_AUS, EMOTIONS, LABEL_SETS
from feallm.tables.columns import TEXTS, columns, is_whole, rows
from feallm.tables.output import OutputError as OutputError
from feallm.tables.output import check_writable

if TYPE_CHECKING:
    from feallm.analyze import FaceReading

SUFFIXES = (".csv", ".jsonl", ".json", ".parquet")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a text cell for a formula."""
GROUP = 4096
"""Rows that a Parquet file takes together; no more are held in memory."""


def check_path(path: str | os.PathLike[str]) -> Path:
    """See that a table can be written at `path`, before any work is done. Missing parent folders are made.

    Raises OutputError: an unknown suffix, a folder, no permission, or Parquet without pyarrow.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"cannot tell the format of {path}: the suffix must be one of {', '.join(SUFFIXES)}")
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise OutputError("Parquet needs pyarrow: pip install 'feallm[parquet]', or write .csv or .jsonl")
    return check_writable(path, "readings.csv")


def meta_path(path: str | os.PathLike[str]) -> Path:
    """Where the description of the table at `path` lies: readings.csv -> readings.csv.meta.json."""
    path = Path(path)
    return path.with_name(path.name + ".meta.json")


def write(readings: Iterable[FaceReading], path: str | os.PathLike[str], *, metadata: Mapping[str, Any]) -> Path:
    """Write readings as the format that the suffix of `path` names; returns the path. See `TableWriter`."""
    with TableWriter(path, metadata=metadata) as table:
        for reading in readings:
            table.add(reading)
    return table.path


@dataclass(frozen=True)
class Mark:
    """A place in a table: how far it is written, and what was counted."""

    place: int
    statuses: Counter[str]


class TableWriter:
    """A table that is written reading by reading, used in a `with` statement.

    CSV and JSONL are on disk after each `add`. JSON and Parquet grow beside their path and come to it at the end,
    also where an exception or Ctrl-C ends the block. `metadata` (an Analyzer's) is written beside the table with
    the count of readings and whether the run ended by itself. The columns are fixed from the start: the classes and
    action units that `metadata` names, else those of its label set and the twenty coded units.

    CSV is UTF-8 without a byte order mark, comma-separated, one line feed a row, empty where nothing is
    known. A text cell that a spreadsheet would take for a formula is made harmless: a relative file name gets
    "./" in front, which names the same file, and any other text an apostrophe, which `read` takes away again.

    Raises OutputError, at construction or where the disk refuses.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        metadata: Mapping[str, Any],
        classes: Sequence[str] | None = None,
        units: Sequence[str] | None = None,
    ) -> None:
        self.path = check_path(path)
        self.metadata = dict(metadata)
        named = self.metadata.get("classes") or LABEL_SETS.get(self.metadata.get("label_set", ""), EMOTIONS)
        self.classes = tuple(classes if classes is not None else named)
        self.units = tuple(units if units is not None else self.metadata.get("action_units") or CODED_AUS)
        self.statuses: Counter[str] = Counter()
        self._suffix = self.path.suffix.lower()
        self._part = self.path.with_name(self.path.name + ".part")
        self._stream: TextIO | None = None
        self._group: list[dict[str, Any]] = []
        self._groups: Any = None

    @property
    def is_live(self) -> bool:
        """Whether rows are there for others as soon as they are added."""
        return self._suffix in (".csv", ".jsonl")

    def __enter__(self) -> TableWriter:
        try:
            if self._suffix == ".parquet":
                self._groups = parquet_file(self._part, columns(self.classes, self.units))
            else:
                path = self.path if self.is_live else self._part
                self._stream = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            if self._suffix == ".csv":
                self._line(columns(self.classes, self.units))
            self._describe(complete=False)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._suffix == ".json" and self._stream is not None:
                self._stream.write("\n]\n" if self.statuses else "[]\n")
            if self._stream is not None:
                self._stream.close()
            if self._groups is not None:
                self._end_group()
                self._groups.close()
            if not self.is_live:
                self._part.replace(self.path)
            self._describe(complete=kind is None)
        except OSError as error:
            raise self._refused(error) from error

    def add(self, reading: FaceReading) -> None:
        """Take one reading into the table."""
        (row,) = rows([reading], classes=self.classes, units=self.units)
        try:
            if self._suffix == ".csv":
                self._line([safe_cell(name, value) for name, value in row.items()])
            elif self._stream is not None:
                before = "" if self.is_live else ",\n" if self.statuses else "[\n"
                self._stream.write(before + reading.to_json() + ("\n" if self.is_live else ""))
                self._stream.flush()
            else:
                self._group.append(row)
                if len(self._group) == GROUP:
                    self._end_group()
        except OSError as error:
            raise self._refused(error) from error
        self.statuses[reading.status] += 1

    def mark(self) -> Mark:
        """This place in a table that is live, for `back`."""
        assert self.is_live
        assert self._stream is not None
        return Mark(self._stream.tell(), Counter(self.statuses))

    def back(self, mark: Mark) -> None:
        """Take away what was added since `mark`. Raises OutputError where the disk refuses."""
        assert self._stream is not None
        try:
            self._stream.seek(mark.place)
            self._stream.truncate()
        except OSError as error:
            raise self._refused(error) from error
        self.statuses = Counter(mark.statuses)

    def _end_group(self) -> None:
        if self._group:
            self._groups.write_table(arrow_table(self._group, columns(self.classes, self.units)))
            self._group = []

    def _line(self, cells: Sequence[Any]) -> None:
        assert self._stream is not None
        csv.writer(self._stream, lineterminator="\n").writerow(cells)
        self._stream.flush()

    def _describe(self, *, complete: bool) -> None:
        text = json.dumps(
            {
                **self.metadata,
                "readings": self.statuses.total(),
                "statuses": dict(sorted(self.statuses.items())),
                "complete": complete,
            },
            indent=2,
            ensure_ascii=False,
            default=str,
        )
        with meta_path(self.path).open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text + "\n")

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write {self.path}: {error.strerror or error}; free some space or choose another")


def safe_cell(column: str, value: Any) -> Any:
    """A value of `column` as it stands in CSV: text that a spreadsheet would take for a formula is made harmless."""
    if column not in TEXTS or not isinstance(value, str) or not value.lstrip("'").startswith(FORMULA):
        return value
    return f"./{value}" if column == "input" else f"'{value}"


def write_json(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Records as a JSON array, one a line."""
    lines = ",\n".join(json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records)
    with path.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"[\n{lines}\n]\n" if lines else "[]\n")


def write_parquet(path: Path, records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Flat records as a Parquet file with the columns `names`."""
    with parquet_file(path, names) as file:
        file.write_table(arrow_table(records, names))


def parquet_file(path: Path, names: Sequence[str]) -> Any:
    """A pyarrow ParquetWriter at `path` for tables of `arrow_table` with the columns `names`."""
    import pyarrow.parquet

    return pyarrow.parquet.ParquetWriter(path, arrow_table([], names).schema)


def arrow_table(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """Flat records as a pyarrow Table with the columns `names`, of the types that `tables.columns` gives them."""
    import pyarrow

    def kind(name: str) -> Any:
        return pyarrow.string() if name in TEXTS else pyarrow.int64() if is_whole(name) else pyarrow.float64()

    schema = pyarrow.schema([(name, kind(name)) for name in names])
    clean = [{name: _encodable(value) for name, value in record.items()} for record in records]
    return pyarrow.Table.from_pylist(clean, schema=schema)


def _encodable(value: Any) -> Any:
    """File names may hold bytes that are no UTF-8 (lone surrogates in Python): written as \\udcXX."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
