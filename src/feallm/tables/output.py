"""Output files: refused in words before any work is done, and never left half written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class OutputError(ValueError):
    """An output that cannot be written there; the message says why and what to do."""


def check_writable(path: str | os.PathLike[str], example: str) -> Path:
    """See that a file can be written at `path`. Missing parent folders are made; what is there is left as it is.

    `example` is a file name for the message. Raises OutputError: a folder, or no permission.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the path of a file, such as {path / example}")
    fresh = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if fresh:
            path.unlink()
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose another path") from error
    return path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside `path` to write to, put in its place when the block ends well and deleted when it does not.

    Raises OutputError for what the disk refuses.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    if path.exists() and not path.is_file():  # a device or a pipe takes what comes, and is nothing to be replaced
        part = path
    try:
        yield part
        if part != path:
            part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write {path}: {reason}; free some space or choose another path") from error
    finally:
        if part != path:
            part.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str, *, example: str) -> Path:
    """Write `text` as UTF-8 with line feeds, whole or not at all; returns the path.

    `example` is a file name for the message. Raises OutputError where it cannot be written.
    """
    path = check_writable(path, example)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    return path
