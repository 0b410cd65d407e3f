"""What a run has read so far, kept on disk as it comes, so that a run that was stopped can go on, and so that a long
clip needs no memory.

A journal is a file of JSON lines: a heading that says what run it is of, then entries, each of one job (the number of
an input). An entry is written in one piece: a killed run leaves at most one broken line, which `resume` takes off.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from feallm.tables import OutputError

Entry = dict[str, Any]
SUFFIX = ".journal"
KIND = "feallm_journal"


class JournalError(ValueError):
    """A journal that is of another run, or none; the message is for the user."""


def journal_path(output: str | os.PathLike[str]) -> Path:
    """Where the journal of the table at `output` lies: beside it, until the table is complete."""
    output = Path(output)
    return output.with_name(output.name + SUFFIX)


class Journal(AbstractContextManager["Journal"]):
    """Entries of a run, on disk as soon as they are added, used in a `with` statement.

    Args:
        path: the file; None is a temporary one.
        about: what the run's readings depend on, plain values.
        resume: keep the entries that are there instead of beginning anew.

    Raises:
        JournalError: `resume`, and the file is of a run with another `about`.
        OutputError: the file cannot be written.
    """

    def __init__(
        self, path: Path | None = None, about: Mapping[str, Any] | None = None, *, resume: bool = False
    ) -> None:
        self.path = path
        self._about = json.loads(json.dumps(dict(about or {}), default=str))
        self._places: dict[int, list[int]] = {}
        self._file: IO[bytes] = _opened(path, resume)
        if not self._heading():
            self._file.truncate(0)
            self._write({KIND: 1, "about": self._about})

    def add(self, job: int, entry: Mapping[str, Any]) -> None:
        """Keep an entry of a job. Raises OutputError where the disk refuses."""
        self._places.setdefault(job, []).append(self._write({"job": job, **entry}))

    def entries(self, job: int) -> Iterator[Entry]:
        """The entries of a job so far, in order, read one by one."""
        for place in tuple(self._places.get(job, ())):
            self._file.seek(place)
            entry: Entry = json.loads(self._file.readline())
            yield entry

    def done(self) -> None:
        """The run has ended by itself: nothing is left to go on with, and the file is removed."""
        self._file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _heading(self) -> bool:
        """Take over what the file holds, without a broken last line; False where there is nothing to take over."""
        try:
            heading = json.loads(self._file.readline() or b"{}")
        except ValueError:
            heading = None
        if heading == {}:
            return False
        if not isinstance(heading, dict) or heading.get(KIND) != 1:
            raise JournalError(f"{self.path} is no journal of a run: delete it, or leave --resume away")
        self._check(heading["about"])
        place = self._file.tell()
        for line in iter(self._file.readline, b""):
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("cut short")
                job = json.loads(line)["job"]
            except ValueError:
                break
            self._places.setdefault(job, []).append(place)
            place = self._file.tell()
        self._file.truncate(place)
        return True

    def _check(self, about: Mapping[str, Any]) -> None:
        for name in {**about, **self._about}:
            then, now = about.get(name), self._about.get(name)
            if then != now:
                raise JournalError(
                    f"cannot go on with {self.path}: its run had {name.replace('_', ' ')} {_short(then)}, this one has "
                    f"{_short(now)}; give what was given then, or leave --resume away to begin anew"
                )

    def _write(self, entry: Mapping[str, Any]) -> int:
        line = json.dumps(entry, ensure_ascii=True, allow_nan=False).encode() + b"\n"
        try:
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise _refused(self.path, error) from error
        return place


def _opened(path: Path | None, resume: bool) -> IO[bytes]:
    try:
        if path is None:
            return tempfile.TemporaryFile(prefix="feallm-")
        if not resume:
            path.unlink(missing_ok=True)
        return open(path, "r+b" if path.exists() else "w+b")
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path | None, error: OSError) -> OutputError:
    where = tempfile.gettempdir() if path is None else path
    return OutputError(f"cannot keep what is read in {where}: {error.strerror or error}; free some space there")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
