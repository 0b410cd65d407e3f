"""Answers that are measured: what interventions on the evidence of one face do to its emotions."""

from collections.abc import Iterator

from feallm.analyze import statements as tell
from feallm.analyze.effects import Change, what_ifs, without_effect
from feallm.analyze.engine import Engine
from feallm.analyze.look import Look
from feallm.analyze.reading import WhatIf
from feallm.analyze.toward import find_toward
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.wording import capital


def tell_change_of(engine: Engine, look: Look, change: Change) -> Iterator[str]:
    """What a change does, and which part of it is so already; nothing for no change."""
    if not any(change):
        return
    (found,) = what_ifs(engine, look.encoded, look.reading, [change])
    absent, present = without_effect(found)
    yield from (f"{ACTION_UNITS[unit].short} is not present as it is." for unit in absent)
    yield from (f"{ACTION_UNITS[unit].short} is present already." for unit in present)
    yield tell.tell_what_if(found)


def tell_opposing(engine: Engine, look: Look) -> list[str]:
    """The present units whose removal raises the leading emotion, those that raise it most first."""
    leading = str(look.reading.leading)
    removals: list[Change] = [((unit,), ()) for unit in look.reading.present_units]
    found = what_ifs(engine, look.encoded, look.reading, removals)
    raising = [each for each in found if each.difference[leading] > 0 and _seen(each, leading)]
    raising.sort(key=lambda each: -each.difference[leading])
    none = "None does: the verdict does not get surer without any one of the units that are there."
    return [tell.tell_what_if(each) for each in raising[: tell.MOST_TOLD]] or [none]


def tell_toward(engine: Engine, look: Look, emotion: str) -> list[str]:
    """The smallest changes after which another emotion leads, or the one that comes nearest."""
    toward = find_toward(engine, look.encoded, look.reading, emotion)
    if toward.found:
        return [_reached(each, emotion) for each in toward.found[: tell.MOST_TOLD]]
    nearest = [_reached(toward.nearest, emotion)] if toward.nearest is not None else []
    return [f"No change of one unit or two makes {emotion} lead.", *nearest]


def _reached(found: WhatIf, emotion: str) -> str:
    """ "With AU4 added, anger would rise from 1% to 72% and lead." """
    before, after = tell.percents(found.reading.emotion_scores[emotion], found.emotion_scores[emotion])
    leads = " and lead" if found.emotion == emotion else f", and {found.emotion} would lead"
    change = capital(tell.tell_change(found.without, found.adding))
    return f"{change}, {emotion} would rise from {before} to {after}{leads}."


def _seen(found: WhatIf, emotion: str) -> bool:
    """Whether the change is large enough to be seen in the per cent that are told."""
    before, after = tell.percents(found.reading.emotion_scores[emotion], found.emotion_scores[emotion])
    return before != after
