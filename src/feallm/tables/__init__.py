"""Result tables: readings as flat rows, in CSV, JSONL, JSON and Parquet, with a `.meta.json` beside them."""

from feallm.tables.columns import columns, rows
from feallm.tables.reader import read, records
from feallm.tables.segments import segments_table, write_segments
from feallm.tables.writer import OutputError, TableWriter, check_path, meta_path, write

__all__ = [
    "OutputError",
    "TableWriter",
    "check_path",
    "columns",
    "meta_path",
    "read",
    "records",
    "rows",
    "segments_table",
    "write",
    "write_segments",
]
