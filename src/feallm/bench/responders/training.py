"""What a source's training split holds: how often each class, how strong each action unit. For the baselines."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feallm.bench.responders.responder import ResponderError
from feallm.data.records import LabelledFace
from feallm.data.sources import SOURCES, load
from feallm.data.sources.au_codes import read_codes, with_codes

SPLIT = "train"
AU_CODES = "fea_au_train.csv"
"""Model-coded action units of FER2013's training pictures, used where they lie beside the data."""
PRESENT = 0.5
"""Strength from which an action unit counts as present: anything looked for and seen."""


@dataclass(frozen=True)
class Training:
    """`labels[label set]`: how many faces of each class. `strengths[unit]`: how many faces of each strength 0..5, among
    those where the unit is known."""

    source: str
    faces: int
    labels: Mapping[str, Counter[str]]
    strengths: Mapping[str, Counter[float]]

    def shares(self, label_set: str, classes: Sequence[str]) -> dict[str, float]:
        """The classes' shares, summing to 1: of that label set where the source has it, else of its first, restricted.

        Raises ResponderError where no training face is of any of the classes.
        """
        counts = self.labels.get(label_set) or next(iter(self.labels.values()), Counter[str]())
        total = sum(counts[name] for name in classes)
        if not total:
            raise ResponderError(f"no training face of {self.source} is labelled with any of {', '.join(classes)}")
        return {name: counts[name] / total for name in classes}

    def rate(self, unit: str) -> float:
        """The share of training faces that show a unit."""
        counts = self.strengths[unit]
        return sum(count for strength, count in counts.items() if strength >= PRESENT) / counts.total()

    def strength(self, unit: str) -> float:
        """A unit's mean strength over all training faces where it is known."""
        counts = self.strengths[unit]
        return sum(strength * count for strength, count in counts.items()) / counts.total()


def read_training(source: str, path: str | None) -> Training:
    """Count the training split of a source.

    Raises ResponderError: no folder given, an unknown source, one without a training split, or data that are not there.
    """
    if source not in SOURCES:
        raise ResponderError(f"unknown source {source!r}: the sources are {', '.join(SOURCES)}")
    if SPLIT not in SOURCES[source].splits:
        splits = ", ".join(SOURCES[source].splits)
        raise ResponderError(f"{source} has no training split (it has {splits}): this baseline needs one")
    if path is None:
        raise ResponderError(f"this baseline looks at the training split of {source}: give its folder with --data")
    folder = Path(path)
    try:
        faces: Iterable[LabelledFace] = load(source, folder, SPLIT)
        codes = (folder if folder.is_dir() else folder.parent) / AU_CODES
        if source == "fer2013" and codes.is_file():
            faces = with_codes(faces, read_codes(codes))
        return _count(source, faces)
    except (FileNotFoundError, ValueError) as error:
        raise ResponderError(f"this baseline needs the training split of {source}: {error}") from error


def _count(source: str, faces: Iterable[LabelledFace]) -> Training:
    labels: dict[str, Counter[str]] = {}
    strengths: dict[str, Counter[float]] = {}
    seen = 0
    for face in faces:
        seen += 1
        for label_set, label in face.labels.items():
            labels.setdefault(label_set, Counter())[label] += 1
        for unit, strength in face.action_units.items():
            strengths.setdefault(unit, Counter())[strength] += 1
    if not labels and not strengths:
        raise ValueError(f"none of its {seen} faces has a label")
    return Training(source, seen, labels, dict(sorted(strengths.items())))
