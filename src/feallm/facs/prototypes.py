"""Which action units make which expression: prototypes as a soft prior and a consistency score.

Many real faces miss their prototype (Du, Tao & Martinez, PNAS 2014, give per cents of people), so nothing
here decides an emotion. Contempt is one-sided, which a set of action units without sides cannot say.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from feallm.facs.emotions import EMOTIONS

EMFACS = "common and variant combinations after Ekman & Friesen (FACS Investigator's Guide, EMFACS)"
DU2014 = "frequencies after Du, Tao & Martinez, PNAS 2014, as summarised, verify before citing"

PROTOTYPICAL = 0.7
"""Fraction entered for a unit the PNAS summary lists as prototypical with no number: its lower bound."""


@dataclass(frozen=True)
class Prototype:
    """The action units (ids such as "AU06") an emotion is made of."""

    common: frozenset[str]
    variants: tuple[frozenset[str], ...]
    frequencies: dict[str, float]  # unit -> fraction of people showing it
    source: str = f"{EMFACS}; {DU2014}"


def _ids(numbers: str) -> frozenset[str]:
    return frozenset(f"AU{int(number):02d}" for number in numbers.split("+"))


def _prototype(common: str, variants: str, frequencies: dict[int, float]) -> Prototype:
    return Prototype(
        common=_ids(common),
        variants=tuple(_ids(variant) for variant in variants.split()),
        frequencies={f"AU{number:02d}": fraction for number, fraction in frequencies.items()},
    )


_P = PROTOTYPICAL
PROTOTYPES: dict[str, Prototype] = {
    "neutral": Prototype(frozenset(), (), {}, "a face with no action unit above a trace"),
    "happiness": _prototype("6+12", "6+12+25", {12: _P, 25: _P, 6: 0.51}),
    "sadness": _prototype("1+4+15", "1+4+15+17 6+15", {4: _P, 15: _P, 1: 0.6, 6: 0.5, 11: 0.26, 17: 0.67}),
    "surprise": _prototype("1+2+5+26", "1+2+5+27", {1: _P, 2: _P, 25: _P, 26: _P, 5: 0.66}),
    "fear": _prototype(
        "1+2+4+5+20+26",
        "1+2+4+5+7+20+25",
        {1: _P, 4: _P, 20: _P, 25: _P, 2: 0.57, 5: 0.63, 26: 0.33},
    ),
    "disgust": _prototype("9+15+16", "9+17 10+17 4+9+17 9+10+17", {9: _P, 10: _P, 17: _P, 4: 0.31, 24: 0.26}),
    "anger": _prototype(
        "4+5+7+23",
        "4+5+7+24 4+5+7+17+23 4+5+7+17+24 4+5+7+10+23+25 4+5+7+10+23+26",
        {4: _P, 7: _P, 24: _P, 10: 0.26, 17: 0.52, 23: 0.29},
    ),
    "contempt": Prototype(
        _ids("12+14"),
        (_ids("14"),),
        {},
        f"{EMFACS}; one-sided, R12A+R14A or L12A+L14A: a two-sided pair does not tell it from a smile",
    ),
}

_LEADING: dict[str, tuple[str, ...]] = {
    "neutral": (),
    "happiness": ("AU12", "AU06", "AU25"),
    "sadness": ("AU15", "AU01", "AU04", "AU17", "AU06", "AU11"),
    "surprise": ("AU05", "AU01", "AU02", "AU26", "AU27", "AU25"),
    "fear": ("AU20", "AU01", "AU02", "AU04", "AU05", "AU26", "AU25", "AU07"),
    "disgust": ("AU09", "AU10", "AU17", "AU15", "AU16", "AU04", "AU24"),
    "anger": ("AU04", "AU07", "AU23", "AU24", "AU05", "AU17", "AU10", "AU25", "AU26"),
    "contempt": ("AU14", "AU12"),
}

# Units that pull the same part of the face the other way, or that belong to the rival the emotion is most
# often confused with. Modest on purpose: blends are real, so these lower a score and never veto.
_OPPOSING: dict[str, tuple[str, ...]] = {
    "neutral": (),
    "happiness": ("AU04", "AU09", "AU15", "AU20"),
    "sadness": ("AU02", "AU05", "AU12", "AU27"),
    "surprise": ("AU04", "AU07", "AU09", "AU15", "AU23", "AU24"),
    "fear": ("AU06", "AU09", "AU12"),
    "disgust": ("AU01", "AU02", "AU05", "AU12"),
    "anger": ("AU01", "AU02", "AU06", "AU12"),
    "contempt": ("AU06", "AU09", "AU15", "AU20", "AU27"),
}

_OPPOSED_FACTOR = 0.7


def _known(emotion: str) -> str:
    if emotion not in PROTOTYPES:
        raise ValueError(f"unknown emotion {emotion!r}; expected one of {', '.join(EMOTIONS)}")
    return emotion


def supporting_aus(emotion: str) -> tuple[str, ...]:
    """Return every unit of the emotion's prototypes and frequencies, the most characteristic first."""
    return _LEADING[_known(emotion)]


def opposing_aus(emotion: str) -> tuple[str, ...]:
    """Return the units that speak against the emotion (AU12 against sadness, AU15 against happiness)."""
    return _OPPOSING[_known(emotion)]


def prototype_score(emotion: str, present: Collection[str]) -> float:
    """Return how well the units `present` (ids such as "AU06") agree with the emotion, 0 to 1.

    The best overlap (Dice) with the common prototype or one of its variants, where a unit that belongs to
    the emotion but not to that variant costs a quarter of a unit, a foreign one a half, and each opposing
    one multiplies the score by 0.7. AU25 comes with AU26 and AU27 and costs nothing beside them.
    Neutral scores 1 / (1 + number of units present).
    """
    prototype = PROTOTYPES[_known(emotion)]
    shown = set(present)
    if emotion == "neutral":
        return 1.0 / (1.0 + len(shown))
    if shown & {"AU26", "AU27"}:
        shown.discard("AU25")
    supporting = set(_LEADING[emotion])
    best = 0.0
    for wanted in (prototype.common, *prototype.variants):
        hits = len(wanted & shown)
        extra = sum(0.25 if unit in supporting else 0.5 for unit in shown - wanted)
        best = max(best, 2.0 * hits / (len(wanted) + hits + extra))
    return float(best * _OPPOSED_FACTOR ** len(shown & set(_OPPOSING[emotion])))
