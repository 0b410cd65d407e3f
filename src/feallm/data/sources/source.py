"""What a data set is: its reader, and what is published about it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feallm.data.records import LabelledFace, Problem


@dataclass(frozen=True)
class Source:
    """One data set.

    `scan(path, split)` yields a face, or a `Problem` for a row that is not as it should be, in the order of the owner's
    list; it raises FileNotFoundError where `path` holds no layout of the set and ValueError for an unknown split.
    `layout(path)` names the version found there ("aligned", "CSV" …), None for a folder of something else.
    `counts[split]`: published numbers of faces, or `counts["layout/split"]` where layouts differ. `ask`: where to ask
    for the data; `licence`: what it forbids, in one sentence. `unconfirmed`: what of the layout no source confirms, ""
    where all is. `splits_by`: what keeps the splits apart: "subject", "picture" or "" for no such promise.
    """

    title: str
    scan: Callable[[Path, str], Iterator[LabelledFace | Problem]]
    layout: Callable[[Path], str | None]
    splits: tuple[str, ...]
    ask: str
    licence: str
    label_sets: tuple[str, ...] = ()
    action_units: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    unconfirmed: str = ""
    splits_by: str = "picture"
