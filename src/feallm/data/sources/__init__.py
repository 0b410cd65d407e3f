"""Data sets, one file each. `SOURCES[name]` says what a set is and reads it; `load(name, path, split)` its faces."""

from collections.abc import Iterator
from pathlib import Path

from feallm.data.records import LabelledFace, Problem
from feallm.data.sources import affectnet, affwild2, bp4d, disfa, emotionet, faba, fea20k, fer2013, rafau, rafdb, table
from feallm.data.sources.source import Source

SOURCES: dict[str, Source] = {
    "fer2013": fer2013.SOURCE,
    "rafdb": rafdb.SOURCE,
    "rafdb_compound": rafdb.COMPOUND_SOURCE,
    "affectnet": affectnet.SOURCE,
    "emotionet": emotionet.SOURCE,
    "bp4d": bp4d.SOURCE,
    "disfa": disfa.SOURCE,
    "disfa_right": disfa.SOURCE_RIGHT,
    "rafau": rafau.SOURCE,
    "affwild2_expr": affwild2.SOURCE_EXPR,
    "affwild2_au": affwild2.SOURCE_AU,
    "affwild2_va": affwild2.SOURCE_VA,
    "faba": faba.SOURCE,
    "fea20k": fea20k.SOURCE,
    "table": table.SOURCE,
}


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
