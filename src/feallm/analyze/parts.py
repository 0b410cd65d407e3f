"""The output of a run at scale: a folder, here or elsewhere, with a Parquet file for each shard.

    part-000017.parquet    the readings of shard 17, with the columns of any other table of ours
    _meta.json             what the run is of and how readings are made; readers of Parquet folders pass over it

A file is put in its place whole (written beside it first, where the file system is a local one; object stores show
none before it is complete), so what is there is finished, and a run that was killed goes on with the others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from feallm.media.limits import UnreadableError
from feallm.media.remote import Place, is_remote
from feallm.tables import OutputError
from feallm.tables.writer import SUFFIXES, arrow_table

META = "_meta.json"
COUNTS = b"feallm.counts"
OF_THE_RUN = frozenset(("readings", "statuses", "complete"))
"""What `_meta.json` says of the run so far, and not of what is read and how."""
AT_ONCE = 16
TRIES = 2
"""How often a shard is begun in one run before it is left out: what it holds may be what its process died of."""


@dataclass(frozen=True)
class Counts:
    """Of one shard: pictures and videos, faces, faces that were read, readings by status."""

    pictures: int
    faces: int
    read: int
    statuses: dict[str, int] = field(default_factory=dict)


class Parts:
    """A folder of parts at `output`, a path or an address. Raises OutputError where it cannot be used."""

    def __init__(self, output: str) -> None:
        self.output = output
        try:
            place = Place(output) if is_remote(output) else None
            self._root = os.path.abspath(output) if place is None else place.path(place.name).rstrip("/")
            self._fs = _local() if place is None else place.system
        except UnreadableError as reason:
            raise OutputError(f"cannot write to {output}: {reason}") from reason
        if Path(output).suffix.lower() in SUFFIXES:
            raise OutputError(f"{output} is a file: engine ray writes a folder of Parquet files, so give a folder")

    def begin(self, about: Mapping[str, Any]) -> dict[int, Counts]:
        """Make the folder, or go on with what it holds of the same run: the shards that are done.

        `about`: what the rows depend on, plain values. Raises OutputError: the folder holds another run's rows.
        """
        with self._told():
            self._fs.create_dir(self._root, recursive=True)
            names = self._names()
            done = self._done(names)
            self._clear("_try-")
            if done:
                self._check(about, names)
            else:
                self._put(META, json.dumps({**about, "complete": False}, indent=2, default=str).encode())
        return done

    def take(self, number: int) -> bool:
        """Note that a shard is begun; False where it was `TRIES` times and never ended. Raises OutputError."""
        from pyarrow import fs

        with self._told():
            for mark in self._marks(number):
                if self._fs.get_file_info(mark).type == fs.FileType.NotFound:
                    self._fs.open_output_stream(mark).close()
                    return True
        return False

    def add(self, number: int, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], counts: Counts) -> None:
        """Put a shard's rows in their place. Raises OutputError where the disk refuses."""
        import pyarrow
        import pyarrow.parquet
        from pyarrow import fs

        table = arrow_table(rows, columns).replace_schema_metadata({COUNTS: json.dumps(asdict(counts))})
        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(table, sink)
        with self._told():
            self._put(f"part-{number:06d}.parquet", sink.getvalue())
            for mark in self._marks(number):
                if self._fs.get_file_info(mark).type == fs.FileType.File:
                    self._fs.delete_file(mark)

    def end(self, about: Mapping[str, Any], statuses: Mapping[str, int], *, complete: bool) -> None:
        """Say in `_meta.json` how many readings there are, and whether they are all. Raises OutputError."""
        summed = {"readings": sum(statuses.values()), "statuses": dict(sorted(statuses.items())), "complete": complete}
        with self._told():
            self._put(META, json.dumps({**about, **summed}, indent=2, ensure_ascii=False, default=str).encode())
            if complete:
                self._clear("_part-")  # what a killed worker left

    def _marks(self, number: int) -> list[str]:
        return [f"{self._root}/_try-{number:06d}-{turn}" for turn in range(TRIES)]

    def _clear(self, start: str) -> None:
        for name in self._names():
            if name.startswith(start):
                self._fs.delete_file(f"{self._root}/{name}")

    def _names(self) -> list[str]:
        from pyarrow import fs

        return [each.base_name for each in self._fs.get_file_info(fs.FileSelector(self._root))]

    def _done(self, names: Sequence[str]) -> dict[int, Counts]:
        import pyarrow.parquet

        def counts(name: str) -> Counts:
            stored = pyarrow.parquet.read_metadata(f"{self._root}/{name}", filesystem=self._fs).metadata or {}
            if COUNTS not in stored:
                raise OutputError(f"{self.output} holds {name}, which no run of this kind wrote: choose another folder")
            return Counts(**json.loads(stored[COUNTS]))

        parts = sorted(name for name in names if name.startswith("part-"))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = pool.map(counts, parts)
            return {int(name[5:-8]): each for name, each in zip(parts, found, strict=True)}

    def _check(self, about: Mapping[str, Any], names: Sequence[str]) -> None:
        if META not in names:
            raise OutputError(f"{self.output} holds parts and no {META} that says of what: choose another folder")
        with self._fs.open_input_stream(f"{self._root}/{META}") as file:
            then = json.loads(file.read())
        now = json.loads(json.dumps(about, default=str))
        for name in {**then, **now}:
            if name not in OF_THE_RUN and then.get(name) != now.get(name):
                raise OutputError(
                    f"{self.output} holds readings of another run, whose {name.replace('_', ' ')} was "
                    f"{_short(then.get(name))}, this one's is {_short(now.get(name))}: give what was given then, or "
                    "choose another folder"
                )

    def _put(self, name: str, data: Any) -> None:
        beside = f"{self._root}/_{name}.{uuid4().hex[:8]}" if self._fs.type_name == "local" else f"{self._root}/{name}"
        with self._fs.open_output_stream(beside) as file:
            file.write(data)
        if self._fs.type_name == "local":
            self._fs.move(beside, f"{self._root}/{name}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a file system raises, as an OutputError."""
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error).strip() or type(error).__name__).splitlines()[0]
            raise OutputError(f"cannot write in {self.output}: {reason}; free some space or choose another") from error


def _local() -> Any:
    from pyarrow import fs

    return fs.LocalFileSystem()


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
