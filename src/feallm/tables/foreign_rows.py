"""A row of each tool's table as one `ForeignRow`. What the columns mean: see `tables.foreign`."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from feallm.facs.action_units import parse_au
from feallm.facs.emotions import EMOTIONS, parse_emotion

PRESENT = 0.5
"""Probability, or strength on 0..5, from which a unit counts as present where the tool does not decide by itself."""
NAMES = ("input", "image", "image_path", "img_path", "path", "file", "filename", "file_name", "img", "picture")
DEEPFACE = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""DeepFace's emotions: without its own verdict all of them are needed, or the best of some would pass for it."""
Line = Mapping[str, str]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class ForeignRow:
    """What a tool says of one face.

    `picture` as the table names it; `frame` from 0, None for a still picture. `emotion` as the tool decided, `scores`
    its shares of the emotions it knows (sum 1). Per unit: `present` as decided, `probability` 0..1, `intensity` 0..5;
    a unit that the tool does not read is absent. `box` x, y, width, height in pixels. `text`: an explanation.
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


def number(line: Line, name: str) -> float | None:
    """A cell as a number, None where it is empty, "nan" or not there. Raises ValueError for anything else."""
    cell = line.get(name, "")
    if cell.lower() in ("", "nan", "none", "null"):
        return None
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(f"{name} is {cell[:40]!r}, expected a number") from error
    if not math.isfinite(value):
        raise ValueError(f"{name} is {cell}, expected a finite number")
    return value


def _units(line: Line, pattern: str, low: float, high: float) -> dict[str, float]:
    """Unit -> value of the columns that match `pattern`, in order of number. Raises ValueError outside low..high."""
    found = {}
    for name in line:
        match = re.fullmatch(pattern, name)
        unit = parse_au(int(match[1])) if match else None
        value = number(line, name) if unit else None
        if unit is None or value is None:
            continue
        if not low <= value <= high:
            raise ValueError(f"{name} is {value:g}, expected {low:g} to {high:g}")
        found[unit] = value
    return dict(sorted(found.items()))


def _strengths(line: Line, pattern: str) -> dict[str, float]:
    """As `_units`, cut to 0..5: what regressions predict may lie a little outside."""
    return {unit: min(max(value, 0.0), 5.0) for unit, value in _units(line, pattern, -math.inf, math.inf).items()}


def _emotions(line: Line, prefix: str = "") -> dict[str, float]:
    """Emotion -> value of the columns that name one, in the order of EMOTIONS."""
    found = {}
    for name in line:
        emotion = parse_emotion(name.removeprefix(prefix)) if name.startswith(prefix) else None
        value = number(line, name) if emotion else None
        if emotion is not None and value is not None:
            found[emotion] = value
    return {name: found[name] for name in EMOTIONS if name in found}


def _shares(values: Mapping[str, float]) -> dict[str, float]:
    """Values of 0 and more, divided by their sum; nothing for nothing. Raises ValueError for a negative one."""
    if any(value < 0 for value in values.values()):
        raise ValueError(f"emotions have negative values ({min(values.values()):g}), expected probabilities")
    total = sum(values.values())
    return {name: value / total for name, value in values.items()} if total else {}


def _softmax(values: Mapping[str, float]) -> dict[str, float]:
    top = max(values.values(), default=0.0)
    return _shares({name: math.exp(value - top) for name, value in values.items()})


def _leading(scores: Mapping[str, float]) -> str | None:
    return max(scores, key=lambda name: scores[name], default=None)


def _picture(line: Line, file: Path | None = None) -> str:
    """The name that the row gives its picture, else the file's own without suffix."""
    named = next((line[name] for name in NAMES if line.get(name)), None)
    if named is None and file is None:
        raise ValueError(f"no picture is named: expected a column {', '.join(NAMES[:5])} …")
    return named if named is not None else str(file.stem if file else "")


def _frame(line: Line, name: str, first: int = 0) -> int | None:
    value = number(line, name)
    return None if value is None else int(value) - first


def _box(line: Line, names: tuple[str, str, str, str]) -> Box | None:
    x, y, width, height = (number(line, name) for name in names)
    return None if x is None or y is None or width is None or height is None else (x, y, width, height)


FACE_RECT = ("facerectx", "facerecty", "facerectwidth", "facerectheight")


def _pyfeat(line: Line, file: Path) -> ForeignRow:
    picture, frame, box = _picture(line), _frame(line, "frame"), _box(line, FACE_RECT)
    if "facerectx" in line and box is None:
        return ForeignRow(picture, frame, "no_face")
    units, scores = _units(line, r"au0?(\d+)", 0.0, 1.0), _shares(_emotions(line))
    decided = {unit: value >= PRESENT for unit, value in units.items()}
    score = number(line, "facescore")
    return ForeignRow(picture, frame, "ok", _leading(scores), scores, decided, units, {}, box, score)


def _openface(line: Line, file: Path) -> ForeignRow:
    picture, frame, confidence = _picture(line, file), _frame(line, "frame", 1), number(line, "confidence")
    if number(line, "success") == 0:
        return ForeignRow(picture, frame, "no_face", confidence=confidence)
    strengths = _strengths(line, r"au0?(\d+)_r")
    decided = _decided(_units(line, r"au0?(\d+)_c", 0.0, 1.0), strengths)
    return ForeignRow(picture, frame, present=decided, intensity=strengths, confidence=confidence)


def _libreface(line: Line, file: Path) -> ForeignRow:
    picture, frame = _picture(line, file), _frame(line, "frame_idx")
    strengths = _strengths(line, r"au_(\d+)_intensity")
    decided = _decided(_units(line, r"au_(\d+)", 0.0, 1.0), strengths)
    named = line.get("facial_expression", "")
    if not (decided or named):
        return ForeignRow(picture, frame, "no_face")
    return ForeignRow(picture, frame, emotion=_named(named), present=decided, intensity=strengths)


def _deepface(line: Line, file: Path) -> ForeignRow:
    scores = _shares(_emotions(line, "emotion."))
    named = line.get("dominant_emotion", "")
    if not (named or scores):
        return ForeignRow(_picture(line), status="no_face")
    emotion = _named(named) if named else _leading(scores)
    box = _box(line, ("region.x", "region.y", "region.w", "region.h"))
    return ForeignRow(
        _picture(line), emotion=emotion, scores=scores, box=box, confidence=number(line, "face_confidence")
    )


def _emotiefflib(line: Line, file: Path) -> ForeignRow:
    values = _emotions(line)
    if not values:
        return ForeignRow(_picture(line), _frame(line, "frame"), "no_face")
    probabilities = min(values.values()) >= 0 and abs(sum(values.values()) - 1) < 0.02
    scores = _shares(values) if probabilities else _softmax(values)
    return ForeignRow(_picture(line), _frame(line, "frame"), emotion=_leading(scores), scores=scores)


def _feallm(line: Line, file: Path) -> ForeignRow:
    picture, frame, status = _picture(line), _frame(line, "frame"), line["status"]
    if status == "no_face":
        return ForeignRow(picture, frame, "no_face")
    if status == "unreadable":
        return ForeignRow(picture, frame, "unreadable", error=line.get("error") or None)
    emotion = _named(line["emotion"]) if line["emotion"] else None
    decided = {unit: value >= PRESENT for unit, value in _units(line, r"au0?(\d+)_c", 0.0, 1.0).items()}
    return ForeignRow(
        picture,
        frame,
        emotion=emotion,
        scores=_shares(_emotions(line)) if emotion else {},  # where it abstained, no class may be made of the scores
        present=decided,
        probability=_units(line, r"au0?(\d+)", 0.0, 1.0),
        intensity=_units(line, r"au0?(\d+)_r", 0.0, 5.0),
        box=_box(line, FACE_RECT),
        confidence=number(line, "facescore"),
        text=line.get("explanation") or None,
    )


def _decided(detected: Mapping[str, float], strengths: Mapping[str, float]) -> dict[str, bool]:
    """Presence as the tool decided it; of units with a strength alone, from PRESENT on."""
    by_strength = {unit: value >= PRESENT for unit, value in strengths.items()}
    return dict(sorted({**by_strength, **{unit: value >= PRESENT for unit, value in detected.items()}}.items()))


def _named(label: str) -> str:
    emotion = parse_emotion(label)
    if emotion is None:
        raise ValueError(f"{label[:40]!r} is not the name of an emotion: expected one of {', '.join(EMOTIONS)}")
    return emotion


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
