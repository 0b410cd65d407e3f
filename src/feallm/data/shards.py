"""Writing a store's shards so that a build can be stopped at any moment: each appears whole or not at all.

A shard is written to `records-00000.jsonl.part` and renamed when it is complete; then `progress.json` is replaced: what
is finished, with checksums, and where the next record comes from. Whatever a stopped build leaves beside that is
written again, to the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feallm.data.rows import mappings, parquet_schema
from feallm.settings import SettingsError
from feallm.tables import OutputError

PROGRESS, MANIFEST = "progress.json", "manifest.json"
PART = ".part"


@dataclass(frozen=True)
class Shard:
    """A finished file of a store."""

    file: str
    records: int
    sha256: str


@dataclass(frozen=True)
class Position:
    """Where the next record comes from: the face at this place of the build's order, less its first records."""

    face: int = 0
    record: int = 0


class ShardWriter:
    """The shards of a store in `folder`, going on where `progress.json` stands.

    `key` is what the records depend on. `state` is a mapping kept in the progress file for the builder. Raises
    SettingsError where the folder holds another build, OutputError where it cannot be written.
    """

    def __init__(self, folder: Path, format_: str, size: int, key: Mapping[str, Any]) -> None:
        self.folder, self.format, self.size = folder, format_, size
        self.key = json.loads(json.dumps(key))
        self.shards: list[Shard] = []
        self.position = Position()
        self.state: dict[str, Any] = {}
        self._lines: list[bytes] = []
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._resume()
            for left in folder.glob(f"*{PART}"):
                left.unlink()
            self._note()

    @property
    def done(self) -> int:
        """Records in finished shards."""
        return sum(shard.records for shard in self.shards)

    @property
    def taken(self) -> int:
        """Records taken so far, with those of the shard that is being filled."""
        return self.done + len(self._lines)

    @property
    def complete(self) -> bool:
        return (self.folder / MANIFEST).is_file()

    def add(self, lines: Sequence[bytes], face: int) -> None:
        """Take all records of the face at place `face`, less those that `position` says are written."""
        first = self.position.record if face == self.position.face else 0
        for number, line in enumerate(lines[first:], start=first + 1):
            self._lines.append(line)
            if len(self._lines) == self.size:
                self._finish(Position(face, number))

    def close(self, faces: int) -> None:
        """Write what is left, of a build that has seen `faces` faces."""
        if self._lines:
            self._finish(Position(faces))

    def keep(self, state: Mapping[str, Any]) -> None:
        """Put the builder's state into the progress file."""
        self.state = dict(state)
        with writing(self.folder):
            self._note()

    def _finish(self, position: Position) -> None:
        name = f"records-{len(self.shards):05d}.{self.format}"
        part = self.folder / (name + PART)
        with writing(part):
            (write_parquet if self.format == "parquet" else write_lines)(part, self._lines)
            digest = sha256(part)
            part.replace(part.with_name(name))
            self.shards.append(Shard(name, len(self._lines), digest))
            self._lines, self.position = [], position
            self._note()

    def _resume(self) -> None:
        found = next((self.folder / name for name in (PROGRESS, MANIFEST) if (self.folder / name).is_file()), None)
        if found is None:
            if any(self.folder.glob("records-*")):
                raise SettingsError(f"{self.folder} holds records of no build that is known: choose another output")
            return
        kept = json.loads(found.read_text(encoding="utf-8"))
        before = {"feallm": kept["feallm"], **kept["recipe"]}
        changed = [f"{name}: {old} -> {new}" for name, old, new in differences(before, self.key)]
        if changed:
            raise SettingsError(
                f"{self.folder} was built otherwise:\n  " + "\n  ".join(changed) + "\n"
                "take the old settings to go on with it, or choose another output"
            )
        self.shards = [Shard(**shard) for shard in kept["shards"]]
        for shard in self.shards:
            if not (self.folder / shard.file).is_file():
                raise SettingsError(f"{self.folder / shard.file} is gone: remove the folder and build again")
        self.position, self.state = Position(**kept.get("position", {})), kept.get("state", {})

    def _note(self) -> None:
        if (self.folder / MANIFEST).is_file():
            return
        version, recipe = self.key["feallm"], {name: value for name, value in self.key.items() if name != "feallm"}
        kept = {
            "feallm": version,
            "recipe": recipe,
            "shards": [asdict(shard) for shard in self.shards],
            "position": asdict(self.position),
            "state": self.state,
        }
        replace_text(self.folder / PROGRESS, json.dumps(kept, ensure_ascii=False) + "\n")


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What differs between two settings, as (place, old, new): ("sources.0.split", "train", "val")."""
    old, new = (dict(_flat(values)) for values in (before, now))
    for name in {**old, **new}:
        values = [str(side.get(name, "nothing")) for side in (old, new)]
        if values[0] != values[1]:
            yield name, values[0], values[1]


def _flat(values: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(values, dict | list):
        yield place, values
        return
    for name, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield from _flat(value, f"{place}.{name}" if place else str(name))


def write_lines(path: Path, lines: Sequence[bytes]) -> None:
    with path.open("wb") as stream:
        stream.writelines(lines)
        stream.flush()
        os.fsync(stream.fileno())  # the progress file must not outlive the shard


def write_parquet(path: Path, lines: Sequence[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_with_maps(json.loads(line)) for line in lines]
    pq.write_table(pa.Table.from_pylist(rows, schema=parquet_schema()), path, compression="zstd")


def _with_maps(row: dict[str, Any]) -> dict[str, Any]:
    """Mappings as Arrow takes them: lists of pairs."""
    for holder, name in mappings(row):
        holder[name] = list(holder[name].items())
    return row


def replace_text(path: Path, text: str) -> None:
    """Write a small file so that it is the old one or the new one at any moment."""
    part = path.with_name(path.name + PART)
    write_lines(part, [text.encode("utf-8", "backslashreplace")])
    part.replace(path)


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns a disk's refusal into an OutputError that says what is kept."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}; finished shards are kept: free some space or see to the "
            "permissions, and run the same command again"
        ) from error
