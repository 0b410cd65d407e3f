"""Why this emotion and not the one it is confused with: the action units that decide between the two."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.coding import Coding
from feallm.facs.prototypes import supporting_aus
from feallm.facs.said import Said
from feallm.facs.wording import capital, clause, join

CONFUSED: dict[str, tuple[str, ...]] = {
    "neutral": ("sadness", "contempt", "anger", "happiness"),
    "happiness": ("contempt", "neutral", "surprise"),
    "sadness": ("neutral", "fear", "anger", "disgust"),
    "surprise": ("fear", "happiness", "neutral"),
    "fear": ("surprise", "sadness", "disgust"),
    "disgust": ("anger", "contempt", "sadness"),
    "anger": ("disgust", "sadness", "contempt", "neutral"),
    "contempt": ("happiness", "neutral", "disgust"),
}
"""Emotion -> what people and models take it for most often, the most frequent first."""

_VERDICTS = (
    "The face shows {noun} rather than {other}.",
    "The verdict is {noun}, not {other}.",
    "The expression is {noun} and not {other}.",
    "This is an expression of {noun} rather than of {other}.",
    "The expression reads as {noun}, not as {other}.",
    "What the face shows is {noun} and not {other}.",
    "{Noun} it is, and not {other}.",
    "Between the two, the verdict is {noun} rather than {other}.",
)
_NEUTRAL_VERDICTS = (
    "The face is neutral rather than showing {other}.",
    "The verdict is neutral, not {other}.",
    "The expression is neutral and not {other}.",
    "The expression reads as neutral, not as {other}.",
    "Neutral it is, and not {other}.",
    "This is a neutral face rather than one of {other}.",
    "Between the two, the verdict is neutral rather than {other}.",
)
_DECIDING = (
    "What decides is this: {a}.",
    "{A}, and this decides it.",
    "It is decided by what is seen here: {a}.",
    "The deciding sign: {a}.",
    "{A}, which speaks for {noun}.",
    "{A}; that tips it toward {noun}.",
    "It turns on this, and it decides the verdict: {a}.",
    "That {a} decides between the two.",
    "The verdict rests on this: {a}.",
)
_MISSING_MANY = (
    "{units} are absent; {other} would bring them.",
    "{units} are not active; with {other} one would expect them.",
    "{units} are missing; in {other} they would be seen.",
    "There is no {any} in this face; {other} would show them.",
    "Neither {nor} is present; {other} would need one of them.",
    "The face lacks {units}; {other} would be built on them.",
    "One finds no {any}; {other} would call for them.",
)
_MISSING_ONE = (
    "{units} is absent; {other} would bring it.",
    "{units} is not active; with {other} one would expect it.",
    "{units} is missing; in {other} it would be seen.",
    "There is no {units} in this face; {other} would show it.",
    "The face lacks {units}; {other} would be built on it.",
    "One finds no {units}; {other} would call for it.",
)
_SHARED = (
    "{units} {be} found in either expression, which adds little here.",
    "{units} {go} with either of the two and {add} little.",
    "{units} {be} there as well, without deciding between the two.",
)
_CONTRARY = (
    "{A} as well, and that alone could be {other}, yet it adds little.",
    "{A}; by itself that could be {other}, yet it adds little beside the rest.",
    "At the same time {a}, which adds little.",
)
_AT_REST = (
    "A neutral face would be at rest.",
    "If it were neutral, this would not be seen.",
    "In a neutral face, nothing of the kind would be seen.",
    "With a neutral face one would expect rest.",
)


@dataclass(frozen=True)
class Contrast:
    """What tells an emotion from another in one face; each part in the order of how characteristic its units are.

    `deciding` are present and belong to the emotion alone, `contrary` present and of the other alone, `shared` present
    and of both; `missing` are known to be absent and belong to the other alone.
    """

    emotion: str
    other: str
    deciding: tuple[str, ...]
    missing: tuple[str, ...]
    shared: tuple[str, ...]
    contrary: tuple[str, ...]

    @property
    def tells(self) -> bool:
        """Whether the units speak for the emotion: more for it than against it, and at least one that decides."""
        if self.emotion == "neutral":
            return len(self.missing) > 1 and not self.contrary
        return bool(self.deciding) and len(self.deciding) >= len(self.contrary)


def contrast(emotion: str, other: str, coding: Coding) -> Contrast:
    """What tells two emotions apart in this face. Raises ValueError where they are the same."""
    if emotion == other:
        raise ValueError(f"{emotion} cannot be told from itself: give another emotion")
    own, foreign = supporting_aus(emotion), supporting_aus(other)
    return Contrast(
        emotion,
        other,
        tuple(unit for unit in own if unit in coding.units and unit not in foreign),
        tuple(unit for unit in foreign if unit in coding.absent and unit not in own),
        tuple(unit for unit in own if unit in coding.units and unit in foreign),
        tuple(unit for unit in foreign if unit in coding.units and unit not in own),
    )


def pick_contrast(emotion: str, classes: Sequence[str], coding: Coding, rng: Random) -> Contrast | None:
    """A contrast to one of the emotions this one is confused with that the units bear out, or None."""
    others = [other for other in CONFUSED[emotion] if other in classes]
    rng.shuffle(others)
    found = (contrast(emotion, other, coding) for other in others)
    return next((each for each in found if each.tells), None)


def answer_contrast(found: Contrast, coding: Coding, rng: Random) -> Said:
    """The verdict, what decides, what the other would need and is absent, and what belongs to both or to the other."""
    gaps = {"noun": found.emotion, "Noun": capital(found.emotion), "other": found.other}
    deciding, missing = found.deciding[: rng.choice((1, 2, 3))], found.missing[: rng.choice((1, 2, 3))]
    contrary, shared = found.contrary[:1], found.shared[: rng.choice((0, 2))]
    middle = []
    if deciding:
        told = _clauses(deciding, coding, rng)
        middle.append(rng.choice(_DECIDING).format(a=told, A=capital(told), **gaps))
    if missing:
        middle.append(_missing(missing, gaps, rng))
    elif found.other == "neutral":
        middle.append(rng.choice(_AT_REST))
    if rng.random() < 0.3:
        middle.reverse()
    verdicts = _NEUTRAL_VERDICTS if found.emotion == "neutral" else _VERDICTS
    sentences = [rng.choice(verdicts).format(**gaps), *middle]
    if shared:
        be, go, add = ("are", "go", "add") if len(shared) > 1 else ("is", "goes", "adds")
        sentences.append(rng.choice(_SHARED).format(units=_shorts(shared), be=be, go=go, add=add))
    if contrary:
        told = _clauses(contrary, coding, rng)
        sentences.append(rng.choice(_CONTRARY).format(a=told, A=capital(told), **gaps))
    return Said(" ".join(sentences), found.emotion, (*deciding, *shared, *contrary), missing, deciding)


def _clauses(units: Sequence[str], coding: Coding, rng: Random) -> str:
    return join([clause(unit, rng, coding.units[unit], coding.sides.get(unit)) for unit in units])


def _missing(units: Sequence[str], gaps: dict[str, str], rng: Random) -> str:
    shorts = [ACTION_UNITS[unit].short for unit in units]
    either, nor = (f"{', '.join(shorts[:-1])} {word} {shorts[-1]}" for word in ("or", "nor"))
    templates = _MISSING_MANY if len(units) > 1 else _MISSING_ONE
    return capital(rng.choice(templates).format(units=join(shorts), any=either, nor=nor, **gaps))


def _shorts(units: Sequence[str]) -> str:
    return join([ACTION_UNITS[unit].short for unit in units])
