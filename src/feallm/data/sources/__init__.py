"""Data sets, one file each: `SOURCES[name](path, split)` yields `LabelledFace`s."""

from collections.abc import Callable, Iterator
from pathlib import Path

from feallm.data.records import LabelledFace
from feallm.data.sources.fer2013 import fer2013

SOURCES: dict[str, Callable[[Path, str], Iterator[LabelledFace]]] = {"fer2013": fer2013}
