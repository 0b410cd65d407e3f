"""Questions about faces, each with what its answer is held against: what reinforcement asks.

The right emotion and units are the labels' where there are any; the evidence, and what an emotion rests on, are the
head's. A question is about a row of `Views`, so that the evidence is that of the very view the answer is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from feallm.analyze.evidence import evidence_conversation
from feallm.analyze.reading import FaceReading
from feallm.data.records import LabelledFace
from feallm.prompts import ask
from feallm.train.rewards import ASKED, Truth

TASKS = {
    "emotion": "emotion",
    "aus": "aus",
    "unaided": "unaided",
    "expression": "describe_expression",
    "movements": "describe_aus",
}
"""Family -> the task whose phrasings ask for it, where one question is all."""


@dataclass(frozen=True)
class Asked:
    """A conversation that ends with a question, about row `row` of the views, and the truth of its answer."""

    row: int
    conversation: tuple[dict[str, str], ...]
    truth: Truth


def true_units(face: LabelledFace, reading: FaceReading) -> frozenset[str]:
    """The units coded as present, and of those that nobody coded the ones that the head reads."""
    coded = {unit for unit, strength in face.action_units.items() if strength > 0}
    return frozenset(coded | (set(reading.present_units) - set(face.action_units)))


def ask_about(face: LabelledFace, readings: Mapping[str, FaceReading], row: int, family: str, rng: Random) -> Asked:
    """One question of a family about one view of a face, in a label set it has a label in, if there is one.

    "reason" follows the evidence and is held against it, as `analyze` asks it; the others are single questions in one
    of their phrasings ("unaided": the emotion and why at once, as the benchmark asks).

    Raises ValueError for an unknown family.
    """
    if family not in ASKED:
        raise ValueError(f"unknown family {family!r}: those that can be rewarded are {', '.join(ASKED)}")
    label_set = rng.choice(sorted(set(face.labels) & set(readings)) or sorted(readings))
    reading = readings[label_set]
    verdict, shown = reading.verdict, frozenset(reading.present_units)
    classes = tuple(reading.emotion_scores)
    right = face.labels.get(label_set, verdict.emotion)
    if family == "reason":
        right, conversation = (
            verdict.emotion,
            evidence_conversation(verdict, reading.present_units, classes, ask("reason", rng=rng)),
        )
    else:
        named = classes if family in ("emotion", "unaided") else ()
        conversation = [{"role": "user", "content": ask(TASKS[family], named, rng)}]
    truth = Truth(
        family=family,
        question=conversation[-1]["content"],
        emotion=right,
        classes=classes,
        units=true_units(face, reading),
        shown=shown,
        carrying=verdict.carrying if right == verdict.emotion else None,
    )
    return Asked(row, tuple(conversation), truth)


def ask_all(
    faces: Sequence[LabelledFace],
    readings: Sequence[Mapping[str, FaceReading]],
    families: Mapping[str, float],
    *,
    per_face: int,
    seed: int,
) -> list[Asked]:
    """`per_face` questions about each view, of families drawn by their shares. View i is of face i modulo their count.

    Same seed, same questions.
    """
    rng = Random(seed)
    names, shares = list(families), list(families.values())
    return [
        ask_about(faces[row % len(faces)], each, row, family, rng)
        for row, each in enumerate(readings)
        for family in rng.choices(names, shares, k=per_face)
    ]
