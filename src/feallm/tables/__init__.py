"""Result tables: readings as flat rows, in CSV, JSONL, JSON and Parquet, with a `.meta.json` beside them."""

from feallm.tables.columns import columns, rows
from feallm.tables.reader import read
from feallm.tables.writer import OutputError, TableWriter, check_path, meta_path, write

__all__ = ["OutputError", "TableWriter", "check_path", "columns", "meta_path", "read", "rows", "write"]
