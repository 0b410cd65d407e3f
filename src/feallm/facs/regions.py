"""The movements of a face region by region, from the brows to the jaw, and which regions are at rest."""

from random import Random

from feallm.facs import phrases
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.coding import Coding
from feallm.facs.replies import AREAS, HOME_AREA
from feallm.facs.said import Said
from feallm.facs.wording import NO_AUS, capital, clause, join

_ORDER = tuple(dict.fromkeys(HOME_AREA.values()))
_LEADS = (
    "",
    "",
    "",
    "This is what moves, from top to bottom.",
    "Region by region, this is seen.",
    "These movements are seen.",
    "What moves, one area after the other.",
)
_ONE = (
    "{A}.",
    "{A}.",
    "In the region of the {area}, {a}.",
    "At the {area}, {a}.",
    "As to the {area}, {a}.",
    "Here {a}.",
)
_SEVERAL = (
    "{A}, {b}.",
    "{A}, and {b}.",
    "{A}; {b}.",
    "{A}, while {b}.",
    "At the {area}, {a}, and {b}.",
    "As to the {area}, {a}; {b}.",
)
AT_AREAS = (*_ONE, *_SEVERAL)
"""What may be told of the first one or two units of an area."""
_RESTING = (
    "The {area} {be} at rest.",
    "The {area} {be} relaxed.",
    "The {area} {stay} still.",
    "{Area}: at rest.",
    "Nothing moves at the {area}.",
    "The {area} {do} not move.",
    "At the {area} all is quiet.",
    "Around the {area} all is relaxed.",
)
_NONE = (
    NO_AUS,
    "No action units are visible.",
    "No action units are active.",
    "None of the coded action units is at work, and no action units are present.",
    "There are no action units in this face.",
    "No visible action units.",
)
_ABSENT_MANY = (
    "{units} are absent.",
    "{units} are not active.",
    "{units} are not present.",
    "Neither {nor} is present.",
    "There is no {any} in this face.",
)
_ABSENT_ONE = (
    "{units} is absent.",
    "{units} is not active.",
    "{units} is not present.",
    "There is no {units} in this face.",
)


def describe_regions(coding: Coding, rng: Random) -> Said | None:
    """Every present AU in a clause, area by area; some of the areas that are known to be at rest are said to be.

    Without present AUs: that there are none where all coded units are known, else which ones are absent; None where
    nothing is known.
    """
    if not coding.known:
        return None
    if not coding.units and not coding.complete:
        return _absent(coding, rng)
    resting = [area for area in _ORDER if coding.still(unit for unit in AREAS[area] if ACTION_UNITS[unit].coded)]
    chosen = set(rng.sample(resting, rng.randrange(min(len(resting), 3) + 1)))
    sentences = [rng.choice(_LEADS) if coding.units else rng.choice(_NONE)]
    for area in _ORDER:
        shown = [unit for unit in sorted(coding.units) if HOME_AREA[unit] == area]
        sentences += _moving(area, shown, coding, rng)
        if not shown and area in chosen:
            sentences.append(_at_rest(area, rng))
    return Said(" ".join(sentence for sentence in sentences if sentence), asserted=tuple(coding.units))


def _moving(area: str, shown: list[str], coding: Coding, rng: Random) -> list[str]:
    """One sentence for each one or two units."""
    clauses = [clause(unit, rng, coding.units[unit], coding.sides.get(unit)) for unit in shown]
    sentences: list[str] = []
    while clauses:
        taken, clauses = (clauses[:2], clauses[2:]) if rng.random() < 0.7 else (clauses[:1], clauses[1:])
        templates: tuple[str, ...] = _SEVERAL if len(taken) > 1 else _ONE
        if sentences:
            templates = phrases.PAIRS if len(taken) > 1 else phrases.SINGLES
        gaps = {"a": taken[0], "A": capital(taken[0]), "b": taken[-1], "area": area, "Area": capital(area)}
        sentences.append(capital(rng.choice(templates).format(**gaps)))
    return sentences


def _at_rest(area: str, rng: Random) -> str:
    one = area in ("nose", "mouth")
    be, stay, do = ("is", "stays", "does") if one else ("are", "stay", "do")
    return rng.choice(_RESTING).format(area=area, Area=capital(area), be=be, stay=stay, do=do)


def _absent(coding: Coding, rng: Random) -> Said:
    units = coding.known
    shorts = [ACTION_UNITS[unit].short for unit in units]
    either, nor = (f"{', '.join(shorts[:-1])} {word} {shorts[-1]}" for word in ("or", "nor"))
    template = rng.choice(_ABSENT_MANY if len(units) > 1 else _ABSENT_ONE)
    return Said(template.format(units=join(shorts), any=either, nor=nor), denied=units)
