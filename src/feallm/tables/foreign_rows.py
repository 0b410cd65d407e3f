"""A row of each tool's table as one `ForeignRow`. What the columns mean: see `tables.foreign`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from feallm.facs.emotions import parse_emotion
from feallm.tables.foreign_cells import (
    FACE_RECT,
    NAMES,
    PRESENT,
    Box,
    Line,
    around,
    box,
    decided,
    emotions,
    leading,
    named,
    number,
    picture,
    shares,
    softmax,
    strengths,
    units,
    whole,
)

DEEPFACE = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""DeepFace's emotions: without its own verdict all of them are needed, or the best of some would pass for it."""


@dataclass(frozen=True)
class ForeignRow:
    """What a tool says of one face.

    `picture` as the table names it; `frame` from 0, None for a still picture; `timestamp` in seconds. `emotion` as the
    tool decided, `scores` its shares of the emotions it knows (sum 1). Per unit: `present` as decided, `probability`
    0..1, `intensity` 0..5; a unit that the tool does not read is absent. `box` x, y, width, height in pixels. `text`:
    an explanation. `face`: the tool's own number of the face in its picture or video.
    """

    picture: str
    frame: int | None = None
    status: Literal["ok", "no_face", "unreadable"] = "ok"
    emotion: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    present: Mapping[str, bool] = field(default_factory=dict)
    probability: Mapping[str, float] = field(default_factory=dict)
    intensity: Mapping[str, float] = field(default_factory=dict)
    box: Box | None = None
    confidence: float | None = None
    text: str | None = None
    error: str | None = None
    timestamp: float | None = None
    face: int | None = None


@dataclass(frozen=True)
class Form:
    """A tool's form of table: how it is known, what it must have, and how a row (named by its file) is read.

    `file_a_picture`: the tool writes a table for each picture or video.
    """

    name: str
    expected: str
    note: str
    sniff: Callable[[frozenset[str]], bool]
    needs: tuple[str, ...]
    row: Callable[[Line, Path], ForeignRow]
    file_a_picture: bool = False

    def missing(self, names: frozenset[str]) -> str:
        """The first pattern of `needs` that no column matches, "" where all are there."""
        return next((need for need in self.needs if not any(re.fullmatch(need, name) for name in names)), "")


def _placed(row: ForeignRow, line: Line, face: str = "face_id") -> ForeignRow:
    """`row` with its time in seconds and the number of its face."""
    return replace(row, timestamp=number(line, "timestamp"), face=whole(line, face))


def _pyfeat(line: Line, file: Path) -> ForeignRow:
    name, frame, rect = picture(line), whole(line, "frame"), box(line, FACE_RECT)
    if "facerectx" in line and rect is None:
        return _placed(ForeignRow(name, frame, "no_face"), line)
    read, scores = units(line, r"au0?(\d+)", 0.0, 1.0), shares(emotions(line))
    present = {unit: value >= PRESENT for unit, value in read.items()}
    score = number(line, "facescore")
    row = ForeignRow(name, frame, "ok", leading(scores), scores, present, read, {}, rect, score)
    return _placed(row, line)


def _openface(line: Line, file: Path) -> ForeignRow:
    name, frame, confidence = picture(line, file), whole(line, "frame", 1), number(line, "confidence")
    face = "face_id" if "face_id" in line else "face"
    if number(line, "success") == 0:
        return _placed(ForeignRow(name, frame, "no_face", confidence=confidence), line, face)
    rated = strengths(line, r"au0?(\d+)_r")
    present = decided(units(line, r"au0?(\d+)_c", 0.0, 1.0), rated)
    row = ForeignRow(name, frame, present=present, intensity=rated, box=around(line), confidence=confidence)
    return _placed(row, line, face)


def _libreface(line: Line, file: Path) -> ForeignRow:
    name, frame = picture(line, file), whole(line, "frame_idx")
    rated = strengths(line, r"au_(\d+)_intensity")
    present = decided(units(line, r"au_(\d+)", 0.0, 1.0), rated)
    said, timestamp = line.get("facial_expression", ""), _seconds(number(line, "frame_time_in_ms"), frame)
    if not (present or said):
        return ForeignRow(name, frame, "no_face", timestamp=timestamp)
    emotion = named(said) if said else None
    return ForeignRow(name, frame, emotion=emotion, present=present, intensity=rated, timestamp=timestamp)


def _seconds(time: float | None, frame: int | None) -> float | None:
    """LibreFace's `frame_time_in_ms` in seconds. Releases that decode with ffmpeg write seconds there (frame divided by
    frame rate), others milliseconds: a step from frame to frame below 1 can only be in seconds."""
    if time is None or not frame:
        return time
    return time if time / frame < 1 else time / 1000


def _deepface(line: Line, file: Path) -> ForeignRow:
    scores, said = shares(emotions(line, "emotion.")), line.get("dominant_emotion", "")
    if not (said or scores):
        return ForeignRow(picture(line), status="no_face")
    emotion = named(said) if said else leading(scores)
    region = box(line, ("region.x", "region.y", "region.w", "region.h"))
    return ForeignRow(
        picture(line), emotion=emotion, scores=scores, box=region, confidence=number(line, "face_confidence")
    )


def _emotiefflib(line: Line, file: Path) -> ForeignRow:
    values = emotions(line)
    if not values:
        return ForeignRow(picture(line), whole(line, "frame"), "no_face")
    probabilities = min(values.values()) >= 0 and abs(sum(values.values()) - 1) < 0.02
    scores = shares(values) if probabilities else softmax(values)
    return ForeignRow(picture(line), whole(line, "frame"), emotion=leading(scores), scores=scores)


def _feallm(line: Line, file: Path) -> ForeignRow:
    name, frame, status = picture(line), whole(line, "frame"), line["status"]
    if status == "no_face":
        return _placed(ForeignRow(name, frame, "no_face"), line)
    if status == "unreadable":
        return _placed(ForeignRow(name, frame, "unreadable", error=line.get("error") or None), line)
    emotion = named(line["emotion"]) if line["emotion"] else None
    present = {unit: value >= PRESENT for unit, value in units(line, r"au0?(\d+)_c", 0.0, 1.0).items()}
    row = ForeignRow(
        name,
        frame,
        emotion=emotion,
        scores=shares(emotions(line)) if emotion else {},  # where it abstained, no class may be made of the scores
        present=present,
        probability=units(line, r"au0?(\d+)", 0.0, 1.0),
        intensity=units(line, r"au0?(\d+)_r", 0.0, 5.0),
        box=box(line, FACE_RECT),
        confidence=number(line, "facescore"),
        text=line.get("explanation") or None,
    )
    return _placed(row, line)


def _any(names: frozenset[str], *patterns: str) -> bool:
    return all(any(re.fullmatch(pattern, name) for name in names) for pattern in patterns)


def _classes(names: frozenset[str]) -> int:
    return len({parse_emotion(name) for name in names} - {None})


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form(
            "feallm",
            "input, status, emotion, confidence, a column a class, AU01, AU01_r, AU01_c …",
            "presence as FEALLM decided it; an abstention names no emotion",
            lambda names: {"input", "status", "emotion", "confidence"} <= names,
            ("input", "status", "emotion"),
            _feallm,
        ),
        Form(
            "libreface",
            "facial_expression, au_1 …, au_1_intensity …",
            f"presence from LibreFace's detector, of units that it only rates from a strength of {PRESENT}",
            lambda names: _any(names, r"au_\d+(_intensity)?"),
            (r"au_\d+(_intensity)?",),
            _libreface,
            file_a_picture=True,
        ),
        Form(
            "deepface",
            "a column of names (input …), dominant_emotion, emotion.angry … emotion.neutral",
            "per cent divided by their sum",
            lambda names: "dominant_emotion" in names or _any(names, r"emotion\.\w+"),
            (*(f"dominant_emotion|emotion.{name}" for name in DEEPFACE), "|".join(NAMES)),
            _deepface,
        ),
        Form(
            "openface",
            "confidence, AU01_r …, AU01_c …, in videos frame and success",
            f"presence from AU.._c (else from a strength of {PRESENT}), strengths from AU.._r",
            lambda names: "confidence" in names and _any(names, r"au\d\d_[rc]"),
            ("confidence", r"au\d\d_[rc]"),
            _openface,
            file_a_picture=True,
        ),
        Form(
            "pyfeat",
            "input, FaceRectX …, AU01 …, anger … or Neutral …",
            f"probabilities of action units, present from {PRESENT}",
            lambda names: "input" in names and _any(names, r"au\d\d|facerectx"),
            ("|".join(NAMES), r"au\d\d|facerectx"),
            _pyfeat,
        ),
        Form(
            "emotiefflib",
            "a column of names (input …) and one for each class: Anger, Disgust, Fear, Happiness …",
            "probabilities, or the softmax of scores that are none",
            lambda names: _classes(names) >= 7 and bool(names & set(NAMES)),
            ("|".join(NAMES), "anger"),
            _emotiefflib,
        ),
    )
}
"""The tools whose tables are read; the first whose `sniff` fits a table is taken."""
