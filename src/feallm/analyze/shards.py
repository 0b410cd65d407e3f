"""How a great many pictures are shared out: shards, each of which becomes one file of the output.

The plan depends on the inputs alone, not on how many workers there are, so that a run that was stopped goes on with any
number of them.
"""

from __future__ import annotations

import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from feallm.analyze.picture_tables import PictureTable, open_table
from feallm.media import Limits, Picture, pictures
from feallm.media.find import VIDEO_SUFFIXES, suffix
from feallm.media.images import ADDRESS, is_video
from feallm.media.limits import UnreadableError
from feallm.media.remote import Place, is_remote

TABLE = ".parquet"
LEAST, MOST, MANY = 16, 256, 64
"""A shard holds `LEAST` to `MOST` pictures, and there are about `MANY` shards where that allows it: enough to keep many
workers busy to the end, few enough files, and a minute's work or less to lose."""


@dataclass(frozen=True)
class Item:
    """One picture or video: its name in the readings, and where it is: a path, an address, encoded bytes, or why not.

    `root`: the address that leads to its place, where it is not on this machine.
    """

    name: str
    source: str | bytes | UnreadableError
    root: str | None = None

    @property
    def is_video(self) -> bool:
        return isinstance(self.source, str) and _names_video(self.source, self.root)


@dataclass(frozen=True)
class Shard:
    """What one file of the output holds the readings of: files by name, or rows `start` to `stop` of a table.

    `root`: the address below which the names are, None for this machine and the web.
    """

    number: int
    names: tuple[str, ...] = ()
    root: str | None = None
    table: PictureTable | None = None
    start: int = 0
    stop: int = 0

    @property
    def count(self) -> int:
        """How many pictures and videos it has."""
        return len(self.names) if self.table is None else self.stop - self.start

    def items(self) -> Iterator[Item]:
        """Its pictures and videos, in order. Raises UnreadableError where a table cannot be read any more."""
        if self.table is None:
            yield from (Item(name, name, self.root) for name in self.names)
            return
        for row, cell in enumerate(self.table.cells(self.start, self.stop), start=self.start):
            yield _of_cell(f"{self.table.path}[{row}]", cell)


def plan(inputs: Sequence[str], column: str | None = None, size: int | None = None) -> list[Shard]:
    """The shards of all inputs, in their order.

    inputs: paths of pictures and videos, web addresses, Parquet tables of pictures (`picture_tables`), and addresses of
    files, prefixes or patterns elsewhere (`s3://bucket/prefix`). A video is a shard of its own. `column` is the
    tables' column of pictures, `size` the pictures of a shard; both are found out where None.

    Raises ValueError: an address where nothing is found, or a table whose pictures are not.
    """
    found = [part for given in inputs for part in _found(given, column)]
    in_all = sum(part.count for part in found)
    most = size if size is not None else min(max(-(-in_all // MANY), LEAST), MOST)
    try:
        cut = [piece for part in _joined(found) for piece in _cut(part, most)]
    except UnreadableError as reason:
        raise ValueError(str(reason)) from reason
    return [replace(shard, number=number) for number, shard in enumerate(cut)]


def digest(shards: Sequence[Shard]) -> str:
    """Sixteen hexadecimal digits over what is read, and how it is shared out."""
    grown = hashlib.sha256()
    for shard in shards:
        names = "\n".join(shard.names).encode("utf-8", "surrogateescape")
        table = (shard.table.path, shard.table.column) if shard.table is not None else ()
        grown.update(repr((table, shard.start, shard.stop, len(names))).encode() + names)
    return grown.hexdigest()[:16]


def load(item: Item, base: Path, limits: Limits) -> Picture:
    """The picture of an item; relative paths begin at `base`. What cannot be read is a Picture with the reason."""
    source = item.source
    try:
        if isinstance(source, str) and item.root is not None:
            source = Place(item.root).read(source, limits)
        elif isinstance(source, str) and not ADDRESS.match(source):
            source = _one_file(os.path.join(base, source))
    except UnreadableError as reason:
        source = reason
    if isinstance(source, UnreadableError):
        return Picture(item.name, None, str(source))
    return replace(next(iter(pictures(source, limits=limits))), input=item.name)


def _one_file(path: str) -> str:
    """A path as that of one picture, whatever characters it has. Raises UnreadableError for a folder."""
    if os.path.isdir(path):
        raise UnreadableError("a folder, where one picture is expected")
    return path if os.path.lexists(path) else glob.escape(path)


@contextmanager
def local(item: Item, base: Path, limits: Limits) -> Iterator[Path]:
    """A video as a file of this machine, fetched to a temporary one where it is elsewhere.

    Raises UnreadableError where it cannot be fetched.
    """
    assert isinstance(item.source, str)
    if item.root is None:
        yield base / item.source
        return
    with tempfile.TemporaryDirectory(prefix="feallm-") as folder:
        path = Path(folder) / f"video{suffix(item.source)}"
        Place(item.root).fetch(item.source, path)
        yield path


def _found(given: str, column: str | None) -> Iterator[Shard]:
    """An input as one piece, however large."""
    if suffix(given) == TABLE:
        for path in _tables(given):
            table, rows = open_table(path, column)
            yield Shard(0, table=table, stop=rows)
    elif is_remote(given):
        try:
            yield Shard(0, tuple(Place(given).find()), given)
        except UnreadableError as reason:
            raise ValueError(f"{Place(given).name}: {reason}") from reason
    else:
        yield Shard(0, (given,))


def _tables(given: str) -> list[str]:
    """A table, or those that an address stands for."""
    if not is_remote(given) or "*" not in given:
        return [given]
    try:
        return Place(given).find({TABLE})
    except UnreadableError as reason:
        raise ValueError(f"{given}: {reason}") from reason


def _joined(found: Sequence[Shard]) -> Iterator[Shard]:
    """Neighbours that are files of the same place as one."""
    for (is_table, root), run in groupby(found, lambda part: (part.table is not None, part.root)):
        if is_table:
            yield from run
        else:
            yield Shard(0, tuple(name for part in run for name in part.names), root)


def _cut(part: Shard, size: int) -> Iterator[Shard]:
    if part.table is not None:
        first = list(islice(part.table.cells(0, 1), 1)) if part.stop else []
        step = 1 if first and _of_cell("", first[0]).is_video else size
        for start in range(0, part.stop, step):
            yield replace(part, start=start, stop=min(start + step, part.stop))
        return
    for are_videos, run in groupby(part.names, lambda name: _names_video(name, part.root)):
        names = tuple(run)
        step = 1 if are_videos else size
        for start in range(0, len(names), step):
            yield replace(part, names=names[start : start + step])


def _names_video(name: str, root: str | None) -> bool:
    """Whether a name is a video's: on this machine and in the web as `media` has it, elsewhere by its suffix."""
    return is_video(name) if root is None else suffix(name) in VIDEO_SUFFIXES


def _of_cell(name: str, cell: Any) -> Item:
    """An item of a table's cell: text names itself, bytes are called by their row."""
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, str) and cell:
        return Item(cell, cell, cell if is_remote(cell) else None)
    return Item(name, cell if isinstance(cell, bytes) and cell else UnreadableError("the table's cell is empty"))
