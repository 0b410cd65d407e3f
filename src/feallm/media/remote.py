"""Pictures in object stores and on other file systems that Arrow opens: `s3://bucket/prefix`, `gs://…`, `hdfs://…`.

An address may end in options of Arrow's (`s3://bucket/prefix?endpoint_override=localhost:9000`) and hold credentials:
both open the place, and neither is part of the names that readings carry. Needs pyarrow.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from .find import IMAGE_SUFFIXES, MAGIC, natural, suffix
from .limits import Limits, UnreadableError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://(?:[^/?@]*@)?([^/?]*)(/.*?)?(\?[a-z_]+=[^/]*)?", re.IGNORECASE | re.ASCII)
_FETCHED = ("http", "https", "data")


def is_remote(name: str) -> bool:
    """Whether a name is an address of such a place; web addresses are not."""
    found = _ADDRESS.fullmatch(name)
    return found is not None and found[1].lower() not in _FETCHED


@dataclass(frozen=True)
class Place:
    """A file system that an address leads to. `origin`: the address as the user gave it.

    Raises UnreadableError where it cannot be opened: an unknown scheme, no credentials, no network.
    """

    origin: str

    @property
    def name(self) -> str:
        """The address without credentials and options."""
        scheme, host, path = _parts(self.origin)
        return f"{scheme}://{host}{path}"

    @property
    def system(self) -> Any:
        """The `pyarrow.fs.FileSystem`."""
        return _opened(self._root)[0]

    @property
    def _root(self) -> str:
        scheme, _, rest = self.origin.partition("://")
        options = _ADDRESS.fullmatch(self.origin)
        return f"{scheme}://{re.split('[/?]', rest, maxsplit=1)[0]}/{(options and options[4]) or ''}"

    def path(self, name: str) -> str:
        """What the file system calls the file that `name` stands for."""
        return f"{_opened(self._root)[1].rstrip('/')}/{_parts(name)[2].lstrip('/')}"

    def find(self, suffixes: Iterable[str] = IMAGE_SUFFIXES) -> list[str]:
        """The file of this address, the files below it, or a pattern's matches (`s3://bucket/clips/*.mp4`).

        In natural order, hidden names skipped; only `suffixes` count, unless a pattern names its own or the address is
        a file's. Raises UnreadableError where nothing is found.
        """
        from pyarrow import fs

        scheme, host, path = _parts(self.origin)
        head, _, pattern = path.rpartition("/") if MAGIC.search(path) else (path, "", "")
        if MAGIC.search(head):
            raise UnreadableError("only the last part of an address may be a pattern, such as s3://bucket/clips/*.mp4")
        start = self.path(f"{scheme}://{host}{head}")
        with told("it cannot be listed"):
            info = self.system.get_file_info(start)
            if info.type == fs.FileType.File:
                return [self.name]
            below = self.system.get_file_info(fs.FileSelector(start, recursive=True, allow_not_found=True))
        inside = (each.path[len(start) :].lstrip("/") for each in below if each.type == fs.FileType.File)
        own = {suffix(pattern)} if suffix(pattern) and not MAGIC.search(suffix(pattern)) else frozenset(suffixes)
        wanted = [name for name in inside if suffix(name) in own and _fits(name, pattern)]
        if not wanted:
            raise UnreadableError(f"nothing is there that ends in {', '.join(sorted(own))}: check the address")
        wanted.sort(key=lambda name: [natural(part) for part in name.split("/")])
        return [f"{scheme}://{host}{head.rstrip('/')}/{name}" for name in wanted]

    def read(self, name: str, limits: Limits) -> bytes:
        """The bytes of one file. Raises UnreadableError where it cannot be read or has more than `max_bytes`."""
        with told("it cannot be read"), self.system.open_input_file(self.path(name)) as file:
            limits.check_bytes(file.size())
            data: bytes = file.read()
            return data

    def fetch(self, name: str, path: Path) -> None:
        """Copy one file to this machine, whatever its size. Raises UnreadableError where it cannot be read."""
        with told("it cannot be read"), self.system.open_input_stream(self.path(name)) as file, path.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)


def _parts(address: str) -> tuple[str, str, str]:
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise UnreadableError(f"{address[:60]!r} is no address such as s3://bucket/prefix")
    return found[1], found[2], found[3] or ""


def _fits(name: str, pattern: str) -> bool:
    hidden = any(part.startswith(".") for part in name.split("/"))
    return not hidden and (not pattern or fnmatchcase(name, pattern))


@lru_cache(maxsize=64)
def _opened(root: str) -> tuple[Any, str]:
    try:
        from pyarrow import fs
    except ImportError as error:
        raise UnreadableError("reading from there needs pyarrow: pip install 'feallm[ray]'") from error
    with told("it cannot be opened"):
        system, path = fs.FileSystem.from_uri(root)
    return system, str(path)


@contextmanager
def told(what: str) -> Iterator[None]:
    """What Arrow raises, as an UnreadableError that begins with `what` ("it cannot be read")."""
    try:
        yield
    except (OSError, ValueError, NotImplementedError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnreadableError(f"{what} ({reason})") from error
