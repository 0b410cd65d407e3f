"""Tables of pictures: Parquet files with a column of paths and addresses, or of encoded pictures.

Cells hold a path or an address (text), an encoded picture (bytes), or both, as Hugging Face's `Image` feature has them
(a struct of `bytes` and `path`). Needs pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from feallm.media.limits import UnreadableError
from feallm.media.remote import Place, is_remote, told

COLUMNS = ("image", "picture", "photo", "frame", "video", "image_path", "path", "file", "file_name", "filename", "url")
"""What a column of pictures is called, where the user does not say: the first of these that there is."""


@dataclass(frozen=True)
class PictureTable:
    """A Parquet file and its column of pictures. `path` is a path or an address (`s3://…`)."""

    path: str
    column: str

    def cells(self, start: int, stop: int) -> Iterator[Any]:
        """The cells of rows `start` to `stop`; only row groups that hold them are read.

        Raises UnreadableError where the file cannot be read any more.
        """
        with told(f"{self.path} cannot be read as Parquet"), open_parquet(self.path) as file:
            first = 0
            for group in range(file.metadata.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if first < stop and first + count > start:
                    for batch in file.iter_batches(64, row_groups=[group], columns=[self.column]):
                        inside = slice(max(start - first, 0), max(min(stop - first, len(batch)), 0))
                        yield from batch.column(0)[inside].to_pylist()
                        first += len(batch)
                        if first >= stop:
                            return
                else:
                    first += count


def open_table(path: str, column: str | None) -> tuple[PictureTable, int]:
    """A table of pictures and how many rows it has.

    Raises ValueError: no Parquet file, no such column, or none that can be told to hold pictures.
    """
    try:
        with told(f"{path} cannot be read as Parquet"):
            file = open_parquet(path)
    except UnreadableError as error:
        raise ValueError(str(error)) from error
    with file:
        return PictureTable(path, _column(path, file.schema_arrow, column)), file.metadata.num_rows


def open_parquet(path: str) -> Any:
    """A Parquet file of this machine or elsewhere, as pyarrow opens it."""
    import pyarrow.parquet

    if not is_remote(path):
        return pyarrow.parquet.ParquetFile(path)
    place = Place(path)
    return pyarrow.parquet.ParquetFile(place.system.open_input_file(place.path(place.name)))


def _column(path: str, schema: Any, column: str | None) -> str:
    fitting = [field.name for field in schema if _holds_pictures(field.type)]
    if column is not None:
        if column not in schema.names:
            raise ValueError(f"{path} has no column {column!r}: it has {', '.join(schema.names[:20])}")
        if column not in fitting:
            raise ValueError(f"{path}: column {column!r} holds {schema.field(column).type}, not paths or pictures")
        return column
    named = [name for name in COLUMNS if name in fitting]
    encoded = [name for name in fitting if not _is_text(schema.field(name).type)]
    for found in (named[:1], encoded, fitting):
        if len(found) == 1:
            return found[0]
    raise ValueError(
        f"{path}: it cannot be told which column holds the pictures or their paths; "
        f"give --column, one of {', '.join(fitting or schema.names)}"
    )


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _holds_pictures(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return "bytes" in {kind.field(place).name for place in range(kind.num_fields)}
    return _is_text(kind) or bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))
