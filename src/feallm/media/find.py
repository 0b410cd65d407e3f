"""Which files a path, a folder or a pattern stands for. Nothing is opened here."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import PurePath

from .limits import UnreadableError

# HEIC is listed although it may not be readable: a photo that is skipped in silence is worse than a reason.
IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for names in (
        ("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "gif", "bmp", "tif", "tiff"),
        ("ppm", "pgm", "pbm", "pnm", "pfm", "jp2", "j2k", "jpx", "jpf", "j2c", "jpc", "avif", "heic", "heif"),
    )
    for name in names
)
VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for names in (
        ("mp4", "m4v", "mov", "qt", "avi", "mkv", "webm", "mpg", "mpeg", "vob"),
        ("wmv", "asf", "flv", "f4v", "3gp", "3g2", "ogv", "mts", "m2ts", "mxf", "dv"),
    )
    for name in names
)
MAGIC = re.compile(r"[*?\[]")


def suffix(name: str) -> str:
    """The lower-case suffix of a file name, with its dot."""
    return PurePath(name).suffix.lower()


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key that puts img2 before img10, letters without case, ties by the name itself."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name)
    return [(int(digits), "") if digits else (-1, text.casefold()) for digits, text in parts], name


def find(path: str) -> Iterator[str]:
    """Files that `path` stands for: the file itself, a folder's pictures, or a pattern's matches.

    A folder is walked to its leaves in natural order, hidden names skipped, links to folders not followed;
    only picture suffixes count, so videos are skipped. So they do for a pattern, unless it names a suffix itself
    (`*.dat`, `*.mp4`). An existing file comes before a pattern, whatever characters its name has.

    Raises UnreadableError where nothing is found.
    """
    if os.path.isdir(path):
        reason = f"the folder holds no pictures ({_suffixes()}); videos in it are read by a pattern (folder/*.mp4)"
        return _or_reason(_walk(path), reason)
    if os.path.exists(path):
        return iter([path])
    if os.path.lexists(path):
        raise UnreadableError("a link that leads nowhere: its target does not exist")
    if MAGIC.search(path):
        return _or_reason(_matches(path), "the pattern matches no picture files: check it and its folder")
    raise UnreadableError("no such file or folder: check the path" if path else "the path is empty")


def left_out(path: str) -> list[str]:
    """The videos that `find` passes over: those in a folder, or that match a pattern which names no suffix."""
    if os.path.isdir(path):
        return list(_walk(path, VIDEO_SUFFIXES))
    if os.path.lexists(path) or not MAGIC.search(path) or _names_suffix(path):
        return []
    return list(_matches(path, VIDEO_SUFFIXES))


def _or_reason(found: Iterator[str], reason: str) -> Iterator[str]:
    first = next(found, None)
    if first is None:
        raise UnreadableError(reason)
    yield first
    yield from found


def _suffixes() -> str:
    return ", ".join(sorted(IMAGE_SUFFIXES))


def _walk(folder: str, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            listing = sorted(entries, key=lambda entry: natural(entry.name))
    except OSError:
        yield folder  # reading it as a file gives the reason
        return
    for entry in listing:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, suffixes)
        elif suffix(entry.name) in suffixes and not entry.is_dir():
            yield entry.path


def _names_suffix(pattern: str) -> bool:
    named = suffix(pattern)
    return bool(named) and not MAGIC.search(named)


def _matches(pattern: str, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> Iterator[str]:
    any_suffix = _names_suffix(pattern)
    for path in sorted(glob.iglob(pattern, recursive=True), key=_path_key):
        if not os.path.isdir(path) and (any_suffix or suffix(path) in suffixes):
            yield path


def _path_key(path: str) -> list[tuple[list[tuple[int, str]], str]]:
    return [natural(part) for part in PurePath(path).parts]
