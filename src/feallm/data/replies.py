"""Replies of a describing model, and the file they are kept in, so that no request is paid for twice.

The file is JSONL: {"key", "text", "finish", "tokens_in", "tokens_out", "estimated"}, one line a reply, on the disk
before the next step is taken. A line that a kill cut short is skipped, and the next one begins on a line of its own.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What a model answered. `finish` is its reason to stop ("stop", "length" …); counts in tokens.

    `estimated`: the endpoint told no token counts, and these are a quarter of the characters.
    """

    text: str
    finish: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    estimated: bool = False


def key_of(*parts: Any) -> str:
    """A hash of anything JSON can hold: equal content, equal key."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class ReplyCache:
    """The replies kept in a file: key -> Reply. Several processes may add to one file.

    Raises OSError where the file cannot be made, read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._places: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as stream:
            stream.seek(0)
            place, line = 0, b"\n"
            for line in stream:
                self._note(line, place)
                place += len(line)
            if not line.endswith(b"\n"):
                stream.write(b"\n")

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, key: str) -> Reply:
        with self.path.open("rb") as stream:
            stream.seek(self._places[key])
            entry = json.loads(stream.readline())
        del entry["key"]
        return Reply(**entry)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def add(self, key: str, reply: Reply) -> None:
        """Keep a reply; it is on the disk when this returns."""
        line = json.dumps({"key": key, **asdict(reply)}, ensure_ascii=True).encode() + b"\n"
        with self.path.open("ab", buffering=0) as stream:
            written = stream.write(line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes could be written (is the disk full?)")
            os.fsync(stream.fileno())
            self._places[key] = stream.tell() - len(line)

    def _note(self, line: bytes, place: int) -> None:
        if not line.strip():
            return
        try:
            entry = json.loads(line)
            self._places[entry.pop("key")] = place
            Reply(**entry)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.damaged += 1
