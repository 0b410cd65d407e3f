"""What FEALLM's calibrated head says, and the words that the product puts to it."""

import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Conversation, Engine
from feallm.analyze.evidence import agree, evidence_conversation, question
from feallm.analyze.numbers import named, read_numbers
from feallm.analyze.reading import FaceReading
from feallm.analyze.spoken import checked, want_description, want_units
from feallm.bench.items import Request, Response
from feallm.bench.responders.narrowed import for_task
from feallm.bench.responders.responder import Options
from feallm.facs.causes import sentences_of
from feallm.facs.wording import describe_expression, describe_units

NUMBERS = ("emotion", "aus")
"""The kinds that the head answers without words."""
ATTEMPTS = 4
Faces = Sequence[NDArray[np.uint8]]


def read_head(engine: Engine, encoded: Any, faces: Faces, asked: Sequence[Request], options: Options) -> list[Response]:
    """Emotion and action units of each face, as labels with their probabilities and strengths."""
    first = asked[0]
    narrowed, label_set = for_task(engine, first.label_set, first.classes)
    scores, info = narrowed.scores(encoded), narrowed.info
    responses = []
    for row in range(len(asked)):
        shares = named(scores.emotions[label_set][row], info.label_sets[label_set])
        wanted = {name: shares[name] for name in first.classes}
        presence = dict(zip(info.action_units, (float(each) for each in scores.presence[row]), strict=True))
        strengths = zip(info.action_units, scores.intensity[row], strict=True)
        responses.append(
            Response(
                how="head",
                emotion=max(first.classes, key=lambda name: shares[name], default=None),
                present=tuple(unit for unit in info.action_units if presence[unit] >= info.thresholds[unit]),
                scores=wanted or None,
                presence=presence,
                intensity={unit: min(max(float(each), 0.0), 5.0) for unit, each in strengths},
            )
        )
    return responses


def write_words(
    engine: Engine, encoded: Any, faces: Faces, asked: Sequence[Request], options: Options
) -> list[Response]:
    """The product's explanation or description of each face, the same as `Analyzer` and `Chat` give, checked."""
    kind = asked[0].kind
    narrowed, label_set = for_task(engine, asked[0].label_set, asked[0].classes)
    blanks = [FaceReading(input=request.sample, label_set=label_set) for request in asked]
    readings = read_numbers(narrowed, encoded, blanks, label_set)
    classes = narrowed.info.label_sets[label_set]
    conversations = [_conversation(kind, reading, classes) for reading in readings]
    seeds = [zlib.crc32(face.tobytes()) for face in faces]
    texts = narrowed.generate(encoded, conversations, options.max_new_tokens, seeds=seeds)
    return [
        Response(how="generation", text=_CHECKS[kind](text, reading, seed))
        for text, reading, seed in zip(texts, readings, seeds, strict=True)
    ]


def _conversation(kind: str, reading: FaceReading, classes: Sequence[str]) -> Conversation:
    if kind == "reason":
        return evidence_conversation(reading.verdict, reading.present_units, classes)
    return question("describe_aus" if kind == "describe_aus" else "describe_expression")


def _reason(text: str, reading: FaceReading, seed: int) -> str:
    return agree(text, reading.verdict, reading.present_units, seed)[0]


def _movements(text: str, reading: FaceReading, seed: int) -> str:
    units = reading.present_units
    composed = _composed(reading, seed, lambda rng: describe_units(units, rng))
    if not units:
        return composed[0]
    wanted = want_units(list(units), reading.verdict.emotion, units, composed)
    return " ".join(checked((sentence for sentence in sentences_of(text)), wanted))


def _expression(text: str, reading: FaceReading, seed: int) -> str:
    emotion, units = reading.verdict.emotion, reading.present_units
    composed = _composed(reading, seed, lambda rng: describe_expression(emotion, units, rng))
    wanted = want_description(emotion, units, composed)
    return " ".join(checked((sentence for sentence in sentences_of(text)), wanted))


def _composed(reading: FaceReading, seed: int, write: Callable[[Random], str]) -> list[str]:
    start = f"{reading.verdict} {sorted(reading.present_units)} {seed}"  # as `Chat` has it, for the same answers
    return [write(Random(f"{start}{attempt or ''}")) for attempt in range(ATTEMPTS)]


_CHECKS: dict[str, Callable[[str, FaceReading, int], str]] = {
    "reason": _reason,
    "describe_aus": _movements,
    "describe_emotion": _expression,
}
