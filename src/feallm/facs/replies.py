"""Answers to single questions about a face: is one AU there, why not another emotion, what does a region do.

Like everything in `facs.wording`, each answer reads back as what it was given.
"""

from collections.abc import Collection, Mapping
from random import Random
from types import MappingProxyType

from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.prototypes import supporting_aus
from feallm.facs.wording import Verdict, capital, clause, join

_REGIONS: dict[str, tuple[str, ...]] = {
    "brows": ("brow",),
    "eyes": ("eyes",),
    "cheeks": ("cheeks",),
    "nose": ("nose",),
    "mouth": ("upper lip", "lip corners", "lower lip", "lips", "mouth"),
    "chin and jaw": ("chin", "jaw"),
}
_SEEN_THERE_TOO = {"eyes": ("AU06",), "mouth": ("AU17", "AU26", "AU27")}
AREAS: dict[str, tuple[str, ...]] = {
    area: tuple(unit for unit, entry in ACTION_UNITS.items() if entry.region in regions or unit in also)
    for area, regions in _REGIONS.items()
    for also in [_SEEN_THERE_TOO.get(area, ())]
}
"""What a person asks about -> the action units that are seen there."""
HOME_AREA: dict[str, str] = {
    unit: next(area for area, regions in _REGIONS.items() if entry.region in regions)
    for unit, entry in ACTION_UNITS.items()
}
"""Action unit -> the one area it belongs to; the areas run from the brows to the jaw."""

YES = ("Yes, {a}.", "Yes: {a}.", "It is: {a}.", "Yes, in this face {a}.")
NO = (
    "No, {unit} is not present.",
    "No, {unit} is absent.",
    "{unit} is not active here.",
    "No, {unit} cannot be seen.",
)
_NEEDS = (
    "For {other} one would expect {units}, which this face does not show.",
    "If it were {other}, {units} would be expected.",
    "For {other} one would expect {units}, and that is not what this face does.",
    "In {other} one would expect {units}, which this face lacks.",
)
_FITS = ("{units} would fit {other} too.", "{Other} would be possible with {units}.")
_NEUTRAL = (
    "If it were neutral, the face would have to be at rest.",
    "A neutral face would be at rest.",
)
_INSTEAD = ("{units} speak for {noun}.", "{units} tip it toward {noun}.", "The verdict of {noun} rests on {units}.")
_INSTEAD_ONE = (
    "{units} speaks for {noun}.",
    "{units} tips it toward {noun}.",
    "The verdict of {noun} rests on {units}.",
)
_WHOLE = ("The face as a whole reads as {noun}.", "The look of the whole face reads as {noun}.")
_CLOSE = ("It is close, and {other} is possible.", "Still, {other} is possible here.")
WHY_NOT_NEEDS = (*_NEEDS, *_NEUTRAL)
WHY_NOT_FITS = (*_FITS, *_CLOSE)
"""What is told of the other emotion."""
_RESTING = ("The {area} {be} at rest.", "Nothing moves there: the {area} {be} at rest.", "The {area} {be} relaxed.")


def answer_unit(
    unit: str, units: Mapping[str, float | None], rng: Random, sides: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Is this AU there? "Yes, the lip corners are strongly raised (AU12)." or "No, AU12 is not present." """
    if unit in units:
        return rng.choice(YES).format(a=clause(unit, rng, units[unit], sides.get(unit)))
    return rng.choice(NO).format(unit=ACTION_UNITS[unit].short)


def answer_why_not(
    verdict: Verdict,
    units: Mapping[str, float | None],
    other: str,
    rng: Random,
    absent: Collection[str] | None = None,
) -> str:
    """Why the verdict is not `other`: the signs it would need, and what speaks for the verdict.

    Only `absent` units are called missing; None means that all but `units` are absent.
    Raises ValueError where `other` is the verdict.
    """
    if other == verdict.emotion:
        raise ValueError(f"the verdict is {other}: ask why not of another emotion")
    gaps = {"other": other, "Other": capital(other), "noun": verdict.emotion}
    typical = supporting_aus(other)[:4]
    known = typical if absent is None else absent
    missing = [ACTION_UNITS[unit].short for unit in typical if unit not in units and unit in known][:3]
    shared = [ACTION_UNITS[unit].short for unit in typical if unit in units]
    if other == "neutral":
        sentences = [rng.choice(_NEUTRAL)] if units else []
    elif missing:
        sentences = [rng.choice(_NEEDS).format(units=join(missing), **gaps)]
    else:
        sentences = [] if not shared else [rng.choice(_FITS).format(units=join(shared), **gaps)]
    shorts = [ACTION_UNITS[unit].short for unit in verdict.carrying[:4]]
    sentences.append(rng.choice(instead(len(shorts))).format(units=join(shorts) if shorts else "", **gaps))
    if verdict.second == other:
        sentences.append(rng.choice(_CLOSE).format(**gaps))
    return " ".join(sentences)


def instead(count: int) -> tuple[str, ...]:
    """What speaks for the verdict, where `count` units are named."""
    return (_WHOLE, _INSTEAD_ONE, _INSTEAD)[min(count, 2)]


def answer_area(
    area: str, units: Mapping[str, float | None], rng: Random, sides: Mapping[str, str] = MappingProxyType({})
) -> str:
    """What one of `AREAS` does; `sides` as in `facs.coding`. Raises KeyError for another name."""
    shown = [unit for unit in sorted(units) if unit in AREAS[area]]
    if not shown:
        be = "is" if area in ("nose", "mouth") else "are"
        return rng.choice(_RESTING).format(area=area, be=be)
    return " ".join(capital(clause(unit, rng, units[unit], sides.get(unit))) + "." for unit in shown)
