"""Which of two action units is the stronger, and which emotion units without a label may go with."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.coding import Coding
from feallm.facs.emotions import EMOTIONS
from feallm.facs.prototypes import prototype_score
from feallm.facs.said import Said
from feallm.facs.wording import capital, clause, join, strength_word

STEP = 1.0
"""Difference of two strengths (0..5) from which one is called the stronger, if their words differ too."""
FITS = 0.5
"""Prototype score from which an emotion is offered as a reading; below it the units are said to fit none well."""
_STRONGER = (
    "{hi} is the stronger of the two: {a}, and {b}.",
    "{hi} is stronger than {lo}. {A}, while {b}.",
    "The stronger one is {hi}: {a}; {b}.",
    "Of the two, {hi} is stronger. {B}, and {a}.",
    "{lo} is weaker than {hi}: {b}, while {a}.",
    "{hi} outweighs {lo}: {a}, and {b}.",
    "{hi}. {A}; {b}.",
    "{hi} is {more} and {lo} {less}, so {hi} is the stronger one.",
    "{hi}: it is {more}, and {lo} is {less}.",
    "It is {hi}. {A}, and {b}.",
)
_MAY_BE = (
    "This may be {noun}.",
    "That might be {noun}.",
    "Possibly it is {noun}.",
    "It could be {noun}.",
    "By the prototypes, this may be {noun}.",
    "Perhaps the face expresses {noun}.",
    "One could take this for {noun}.",
    "It may point to {noun}.",
)
_MIGHT_BE = (
    "This fits no prototype well; it may be {noun} or {other}.",
    "That is not a known pattern; it might be {noun}, or perhaps {other}.",
    "The prototypes do not settle it; possibly it is {noun}, and it could be {other} too.",
    "It is hard to say: it could be {noun} or {other}.",
)
_CAVEATS = (
    "The units alone do not settle it.",
    "That is a reading of the units, and no label confirms it.",
    "Many faces do not follow their prototype, so this is a guess.",
    "More than this cannot be told from the units.",
    "It is a guess from the units.",
)


def stronger_pair(units: Mapping[str, float | None], rng: Random) -> tuple[str, str] | None:
    """Two present units whose strengths differ clearly, the stronger first; None where no two do."""
    pairs = [
        (hi, lo)
        for hi in sorted(units)
        for lo in sorted(units)
        if (high := units[hi]) is not None
        and (low := units[lo]) is not None
        and high - low >= STEP
        and strength_word(high) != strength_word(low)
    ]
    return rng.choice(pairs) if pairs else None


def answer_stronger(
    hi: str,
    lo: str,
    units: Mapping[str, float | None],
    rng: Random,
    sides: Mapping[str, str] = MappingProxyType({}),
) -> Said:
    """That `hi` is stronger than `lo`, both present, and how strong each is."""
    a, b = (clause(unit, rng, units[unit], sides.get(unit)) for unit in (hi, lo))
    gaps = {"a": a, "A": capital(a), "b": b, "B": capital(b)}
    gaps |= {"hi": ACTION_UNITS[hi].short, "lo": ACTION_UNITS[lo].short}
    gaps |= {"more": strength_word(units[hi]), "less": strength_word(units[lo])}
    return Said(rng.choice(_STRONGER).format(**gaps), asserted=(hi, lo))


def answer_reading(coding: Coding, rng: Random) -> Said | None:
    """What emotion the prototypes support, hedged: no emotion is asserted. None where too little is known."""
    scores = {emotion: prototype_score(emotion, coding.units) for emotion in EMOTIONS if emotion != "neutral"}
    first, second = sorted(scores, key=lambda name: -scores[name])[:2]
    if not coding.units:
        if not coding.complete:
            return None
        return Said(f"No action units are present. {rng.choice(_MAY_BE).format(noun='neutral')} {rng.choice(_CAVEATS)}")
    told = sorted(coding.units)
    clauses = [clause(unit, rng, coding.units[unit], coding.sides.get(unit)) for unit in told]
    sentences = [f"{capital(join(clauses[start : start + 3]))}." for start in range(0, len(clauses), 3)]
    hedges = _MAY_BE if scores[first] >= FITS else _MIGHT_BE
    sentences += [rng.choice(hedges).format(noun=first, other=second), rng.choice(_CAVEATS)]
    return Said(" ".join(sentences), asserted=tuple(told))
