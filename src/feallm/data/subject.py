"""What may be said of a labelled face: its codes, one label set's emotion and votes, and what the emotion rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from feallm.data.records import LabelledFace
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.blends import CLEAR
from feallm.facs.coding import Coding
from feallm.facs.emotions import LABEL_SETS
from feallm.facs.votes import WORTH_TELLING, leaders
from feallm.facs.wording import Verdict

VOTED_SETS = frozenset({"ferplus"})
"""Label sets whose distributions are votes even where all of them fall on one class."""


@dataclass(frozen=True)
class Subject:
    """One face in the terms of one label set.

    `coding`: None where no AU is known. `verdict`: None where the face has no label in the set. `shares`: the raters'
    votes (emotion -> share), None where the set has none. `affect`: (valence, arousal) in -1..1.
    """

    coding: Coding | None = None
    label_set: str | None = None
    verdict: Verdict | None = None
    shares: Mapping[str, float] | None = None
    compound: tuple[str, str] | None = None
    affect: tuple[float, float] | None = None

    @property
    def emotion(self) -> str | None:
        return None if self.verdict is None else self.verdict.emotion

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the label set. Raises ValueError where there is none."""
        if self.label_set is None:
            raise ValueError("the face has no label set: ask for its classes only where it has")
        return LABEL_SETS[self.label_set]

    @property
    def unlabelled(self) -> bool:
        """Whether nothing is known of the emotion."""
        return self.verdict is None and self.shares is None and self.compound is None


def coding_of(face: LabelledFace) -> Coding | None:
    """The face's AU codes, of the units that FACS words are known for; strengths are None where nobody graded them."""
    codes = {unit: strength for unit, strength in face.action_units.items() if unit in ACTION_UNITS}
    if not codes:
        return None
    units = {unit: strength if face.graded else None for unit, strength in codes.items() if strength > 0}
    return Coding(units, frozenset(codes) - units.keys(), face.sides)


def votes_of(face: LabelledFace, label_set: str | None) -> dict[str, float] | None:
    """The votes in a label set, emotion -> share; None where its distribution is a label, single or compound."""
    if label_set is None or label_set not in face.emotions or face.compound is not None:
        return None
    distribution = face.emotions[label_set]
    if label_set not in VOTED_SETS and max(distribution) > 1 - 1e-6:
        return None
    return dict(zip(LABEL_SETS[label_set], distribution, strict=True))


def voted_set(face: LabelledFace) -> str | None:
    """The first label set, by name, that has votes."""
    return next((name for name in sorted(face.emotions) if votes_of(face, name)), None)


def subject_of(
    face: LabelledFace, rng: Random, verdicts: Mapping[str, Verdict] | None = None, *, voted: bool = False
) -> Subject:
    """A face in one of its label sets: any that it has a label in or, with `voted`, the one that has votes.

    `verdicts[label set]` say what the emotions rest on; without them it is what FACS says, and the votes say how sure
    it is.
    """
    label_set = rng.choice(sorted(face.labels)) if face.labels else None
    if voted or label_set is None:
        label_set = voted_set(face) or label_set
    coding, shares = coding_of(face), votes_of(face, label_set)
    verdict = None
    if label_set is not None and label_set in face.labels:
        told = (verdicts or {}).get(label_set)
        verdict = told or _verdict(face.labels[label_set], coding, shares)
    known = face.valence is not None and face.arousal is not None
    affect = (float(face.valence or 0), float(face.arousal or 0)) if known else None
    return Subject(coding, label_set, verdict, shares, face.compound, affect)


def _verdict(emotion: str, coding: Coding | None, shares: Mapping[str, float] | None) -> Verdict:
    """What FACS says the emotion rests on; weak, or with a second one, where the votes were split."""
    carrying = Verdict.by_prototype(emotion, coding.units if coding else ()).carrying
    if shares is None or leaders(shares) != [emotion]:
        return Verdict(emotion, carrying)
    others = [name for name in shares if name != emotion and shares[name] >= WORTH_TELLING]
    second = max(others, key=lambda name: shares[name], default=None)
    return Verdict(emotion, carrying, second, shares[emotion] < CLEAR)
