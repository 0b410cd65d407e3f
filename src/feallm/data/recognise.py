"""Which data set a folder holds, what is amiss with its files, and where missing pictures may be."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import islice
from pathlib import Path

from feallm.data.checkup import Finding
from feallm.data.sources import SOURCES

TEXTS = frozenset({".csv", ".txt", ".json", ".jsonl", ".tsv"})
OWN = "table"
"""The source that reads anybody's table, and so many a list that belongs to a data set."""
FILES_SEARCHED = 400_000
TEXTS_READ = 500
FOLDERS_TRIED = 60


def find_layout(name: str, path: Path) -> str | None:
    """The layout of source `name` at `path`; None where only a part of one is there.

    Raises FileNotFoundError where there is nothing of it, with the source that it looks like, or the folder to give.
    """
    source = SOURCES[name]
    if not path.exists():
        raise FileNotFoundError(f"nothing at {path}: give the folder that holds {source.title}")
    found = _layout(name, path)
    if found is not None:
        return found
    others = {other: seen for other in SOURCES if other != OWN and (seen := _layout(other, path))}
    if others:
        titles = " or ".join(f"{SOURCES[other].title} ({seen})" for other, seen in others.items())
        command = f"feallm data check {next(iter(others))} {path}"
        raise FileNotFoundError(f"{path} does not hold {source.title}: it looks like {titles}; try `{command}`")
    near = [place for place in (path.parent, *_folders(path)) if _layout(name, place)]
    if near:
        raise FileNotFoundError(f"{path} does not hold {source.title}, but {near[0]} does: give that folder")
    return None


def looks_like_a_table(path: Path) -> bool:
    """Whether the source for tables of one's own could read what is there."""
    return _layout(OWN, path) is not None


def _layout(name: str, path: Path) -> str | None:
    try:
        return SOURCES[name].layout(path)
    except (OSError, ValueError, LookupError, ImportError):
        return None  # a folder this set's reader cannot make sense of is not its own


def _folders(path: Path) -> Iterator[Path]:
    """Folders up to two levels below."""
    if path.is_dir():
        inner = [place for place in sorted(path.iterdir()) if place.is_dir()]
        deeper = (below for place in inner for below in sorted(place.iterdir()) if below.is_dir())
        yield from islice((*inner, *islice(deeper, FOLDERS_TRIED)), FOLDERS_TRIED)


def missing_advice(root: Path, files: Sequence[Path], homes: Set[Path]) -> str:
    """What most likely happened to missing files, and what to do; `homes` are all folders where pictures belong."""
    first = files[0]
    elsewhere = _elsewhere(root, {file.name for file in files[:50]}, homes)
    if elsewhere is not None:
        return f"{elsewhere.name} lies in {elsewhere.parent}, expected in {_home(elsewhere.name, files)}: move it there"
    if first.parent.is_dir():
        other = next((place for place in first.parent.glob(f"{_plain(first.stem)}.*") if place.is_file()), None)
        if other is not None:
            return f"the list says {first.name}, the folder has {other.name}: use the release's own files"
    gone = Counter(_gone(file) for file in files)
    folder, count = gone.most_common(1)[0]
    if folder.is_dir():
        return f"{folder} lacks {count:,} of them: the download or the unpacking stopped half-way, unpack it again"
    return f"the folder {folder} is not there ({count:,} pictures): unpack the pictures there"


def _plain(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)


def _home(name: str, files: Iterable[Path]) -> Path:
    return next(file.parent for file in files if file.name == name)


def _gone(file: Path) -> Path:
    """The outermost folder that is not there, or the file's own folder where that is."""
    missing = file.parent
    while not missing.is_dir() and not missing.parent.is_dir() and missing != missing.parent:
        missing = missing.parent
    return missing


def _elsewhere(root: Path, names: Set[str], homes: Set[Path]) -> Path | None:
    """A file with one of the names under `root`, in a folder where no picture belongs."""
    seen = 0
    for folder, _, files in os.walk(root):
        seen += len(files)
        hit = None if Path(folder) in homes else next((name for name in files if name in names), None)
        if hit is not None:
            return Path(folder, hit)
        if seen > FILES_SEARCHED:
            break
    return None


def text_findings(path: Path) -> Iterator[Finding]:
    """Lists with a byte-order mark or Windows line ends, which are read, and in UTF-16, which are not."""
    marked, windows, wide = [], [], []
    for file in islice(_texts(path), TEXTS_READ):
        with file.open("rb") as stream:
            head = stream.read(65536)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            wide.append(str(file))
        elif head.startswith(b"\xef\xbb\xbf"):
            marked.append(str(file))
        if b"\r\n" in head:
            windows.append(str(file))
    if wide:
        yield Finding("text", f"{wide[0]} is in UTF-16", "save it as UTF-8", tuple(wide), len(wide))
    if marked:
        what = f"{len(marked)} lists begin with a byte-order mark, such as {marked[0]}"
        fix = "read here as they are; for other programs remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE"
        yield Finding("text", what, fix, tuple(marked), len(marked), wrong=False)
    if windows:
        what = f"{len(windows)} lists have Windows line ends, such as {windows[0]}"
        fix = "read here as they are; for other programs turn them: sed -i 's/\\r$//' FILE"
        yield Finding("text", what, fix, tuple(windows), len(windows), wrong=False)


def _texts(path: Path) -> Iterator[Path]:
    """Text files up to three folders deep."""
    if path.is_file():
        yield from [path] if path.suffix.lower() in TEXTS else []
        return
    for folder, inner, files in os.walk(path):
        if len(Path(folder).relative_to(path).parts) >= 3:
            inner.clear()
        yield from (Path(folder, name) for name in sorted(files) if Path(name).suffix.lower() in TEXTS)
