"""Counting the faces of a data set split by split, without decoding one."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from feallm.data.checkup import SplitCheck, UnitRate
from feallm.data.glance import Box, Image
from feallm.data.records import LabelledFace, Problem, VideoFrame
from feallm.data.sources.source import Source

CLEAR = 2.0
"""From this intensity on the field calls a graded action unit present."""


@dataclass
class Census:
    """The faces of all splits, each id once: `names`, `images`, `boxes`, `subjects`, `flags` and `homes` (the splits it
    is in) have one entry a face. `problems[split]` are rows that are no faces, `absent[split]` says why a split is not
    here, `twice[split]` are ids that it lists again."""

    ids: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    subjects: list[str | None] = field(default_factory=list)
    flags: list[frozenset[str]] = field(default_factory=list)
    homes: list[tuple[str, ...]] = field(default_factory=list)
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    twice: dict[str, list[str]] = field(default_factory=dict)
    tallies: dict[str, "Tally"] = field(default_factory=dict)

    def name(self, number: int) -> str:
        """ "split/id" of a face."""
        identity = self.names[number]
        return identity if identity.startswith(f"{self.homes[number][0]}/") else f"{self.homes[number][0]}/{identity}"

    def where(self, number: int) -> str:
        """The file a picture is in, or its name where it is part of a table."""
        image = self.images[number]
        if isinstance(image, VideoFrame):
            return f"{image.path}, frame {image.number}"
        return str(image) if isinstance(image, Path) else self.name(number)

    def add(self, face: LabelledFace, split: str) -> None:
        """Count a face of a split; its picture is kept once however many splits it is in."""
        number = self.ids.setdefault(face.id, len(self.images))
        if number == len(self.images):
            self.names.append(face.id)
            self.images.append(face.image)
            self.boxes.append(face.box)
            self.subjects.append(face.subject)
            self.flags.append(face.flags)
            self.homes.append((split,))
        elif split in self.homes[number]:
            self.twice.setdefault(split, []).append(face.id)
        else:
            self.homes[number] += (split,)
        self.tallies[split].add(face)


@dataclass
class Tally:
    """Labels of one split, counted."""

    faces: int = 0
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    units: dict[str, list[int]] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)
    flags: dict[str, int] = field(default_factory=dict)

    def add(self, face: LabelledFace) -> None:
        self.faces += 1
        compound = {"compound": " + ".join(face.compound)} if face.compound else {}
        for name, label in (*face.labels.items(), *compound.items()):
            counts = self.labels.setdefault(name, {})
            counts[label] = counts.get(label, 0) + 1
        for unit, strength in face.action_units.items():
            known = self.units.setdefault(unit, [0, 0, 0, 0])
            for place, holds in enumerate((True, strength > 0, face.graded, face.graded and strength >= CLEAR)):
                known[place] += holds
        if face.subject is not None:
            self.subjects.add(face.subject)
        for flag in face.flags:
            self.flags[flag] = self.flags.get(flag, 0) + 1

    def freeze(self, published: int | None) -> SplitCheck:
        units = {unit: UnitRate(*self.units[unit]) for unit in sorted(self.units)}
        return SplitCheck(self.faces, published, self.labels, units, len(self.subjects), self.flags)


def take_census(
    source: Source, path: Path, splits: tuple[str, ...], advance: Callable[[int], object] = lambda count: None
) -> Census:
    """Scan every split. A split that is not there, and a list that cannot be read on, are noted, not raised.

    Raises ValueError where a package is missing that reads the layout.
    """
    census = Census()
    for split in splits:
        census.tallies[split] = Tally()
        problems = census.problems.setdefault(split, [])
        try:
            for item in source.scan(path, split):
                if isinstance(item, Problem):
                    problems.append(item)
                else:
                    census.add(item, split)
                advance(1)
        except FileNotFoundError as error:
            census.absent[split] = str(error)
        except ModuleNotFoundError as error:
            raise ValueError(f"{error}: pip install 'feallm[data]'") from error
        except (ValueError, LookupError, AttributeError, TypeError, OSError, csv.Error) as error:  # a row cut short
            read = f"the list cannot be read on after {census.tallies[split].faces} faces: {_told(error)}"
            problems.append(Problem(f"{path}, {split}", read, "get the file again, as the owners ship it"))
    return census


def _told(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no column {error}"
    return str(error) if isinstance(error, (ValueError, OSError)) else f"a row of another form ({error})"


def published(source: Source, layout: str | None, split: str) -> int | None:
    """How many faces a split is published to have in a layout, None where no number is."""
    counts: Mapping[str, int] = source.counts
    return counts.get(f"{layout}/{split}", counts.get(split))


def are_apart(one: str, other: str) -> bool:
    """Whether two splits are to share nothing: those of one fold, and those of no fold. "all" holds all others."""
    (fold, _, side), (other_fold, _, other_side) = one.rpartition("_"), other.rpartition("_")
    return fold == other_fold and side != other_side and "all" not in (one, other)
