"""What `feallm data check` finds: how many faces each split has, their labels, and everything that is wrong."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class UnitRate:
    """How often an action unit is `known`, `present` (any strength), and `clear`: 2 or more, of the `graded`."""

    known: int = 0
    present: int = 0
    graded: int = 0
    clear: int = 0


@dataclass(frozen=True)
class SplitCheck:
    """One split: faces found and `published` (None where no number is), `labels[label set][class]` counts of faces,
    `units` base rates, `subjects` (0 where the set names none), `flags[flag]` counts."""

    faces: int
    published: int | None = None
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    units: Mapping[str, UnitRate] = field(default_factory=dict)
    subjects: int = 0
    flags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """Something to know about a data set: `what` it is, how to `fix` it, each of its `cases`.

    `wrong` is True where a published number would come out wrong. `kind` is one of layout, count, label, twice,
    missing, unreadable, subject, repeat, text. `count` is the number of cases, also where they are not listed.
    """

    kind: str
    what: str
    fix: str
    cases: tuple[str, ...] = ()
    count: int = 0
    wrong: bool = True


@dataclass(frozen=True)
class Checkup:
    """All that was found in the data set `source` at `path`; `layout` is the version, None for one in pieces.

    `looked` of `pictures` pictures were decoded (all but frames of videos). `groups` hold pictures that repeat each
    other, as "split/id"; `seconds` is how long it took.
    """

    source: str
    title: str
    path: Path
    layout: str | None
    unconfirmed: str
    splits: Mapping[str, SplitCheck]
    findings: tuple[Finding, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    pictures: int = 0
    looked: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing would make a published number wrong."""
        return not any(finding.wrong for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it, every list in full."""
        return {**asdict(self), "path": str(self.path), "ok": self.ok}
