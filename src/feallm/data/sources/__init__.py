"""Data sets, one file each. `SOURCES[name]` says what a set is and reads it; `load(name, path, split)` its faces."""

from collections.abc import Iterator
from pathlib import Path

from feallm.data.records import LabelledFace, Problem
from feallm.data.sources import fer2013
from feallm.data.sources.source import Source

SOURCES: dict[str, Source] = {"fer2013": fer2013.SOURCE}


def load(name: str, path: Path, split: str) -> Iterator[LabelledFace]:
    """The faces of one split of a source.

    Raises:
        FileNotFoundError: the folder does not hold the source in any known layout.
        ValueError: an unknown source or split, or a row that is not as the source's owners ship it.
    """
    if name not in SOURCES:
        raise ValueError(f"unknown source {name!r}: the sources are {', '.join(SOURCES)}")
    for item in SOURCES[name].scan(path, split):
        if isinstance(item, Problem):
            raise ValueError(f"{item} (`feallm data check {name} {path}` lists all such rows)")
        yield item
