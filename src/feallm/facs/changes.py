"""Which change of which action units would turn a verdict into another, by the prototypes of FACS."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.coding import Coding
from feallm.facs.contrast import CONFUSED
from feallm.facs.emotions import EMOTIONS
from feallm.facs.prototypes import prototype_score, supporting_aus
from feallm.facs.said import Said
from feallm.facs.votes import label_sentence
from feallm.facs.wording import capital, clause, join

MOST = 3
"""Units that a change may touch: with more, it is another face."""
MARGIN = 0.02
"""How far another emotion's prototype must come out ahead to be called the verdict."""
_NOW = ("As it is, {a}.", "Now {a}.", "At present {a}.", "{A} here.", "In this face, {a}.", "As things stand, {a}.")
_NOT_YET_MANY = (
    "{units} are absent.",
    "{units} are not active.",
    "{units} are not present so far.",
    "So far, {units} are absent.",
)
_NOT_YET_ONE = (
    "{units} is absent.",
    "{units} is not active.",
    "{units} is not present so far.",
    "So far, {units} is absent.",
)
_WITHOUT = (
    "Without {taken}, it would read as {other}.",
    "If {taken} {were} gone, the verdict would be {other}.",
    "If one took {taken} away, the verdict would turn to {other}.",
    "If {taken} came to rest, it would look like {other}.",
    "It would be {other} if {taken} went back to rest.",
    "One would read {other} in it if {taken} relaxed.",
    "It would take the loss of {taken} to make it {other}.",
)
_WITH = (
    "With {added} added, it would read as {other}.",
    "If {added} {were_added} there too, the verdict would be {other}.",
    "If one added {added}, the verdict would turn to {other}.",
    "If {added} came in, it would look like {other}.",
    "It would be {other} if {added} joined in.",
    "One would read {other} in it if {added} came in too.",
    "It would take {added} to make it {other}.",
)
_BOTH = (
    "Without {taken} and with {added}, it would read as {other}.",
    "If {taken} {were} gone and {added} there, the verdict would be {other}.",
    "If one took {taken} away and added {added}, the verdict would turn to {other}.",
    "If {taken} gave way to {added}, it would look like {other}.",
    "It would be {other} if {added} took the place of {taken}.",
    "One would read {other} in it if {taken} made room for {added}.",
    "It would take {added} in the place of {taken} to make it {other}.",
)

_BARE = frozenset({"lips part", "eyes closed", "tongue show"})


@dataclass(frozen=True)
class Change:
    """`taken` out and `added`, in the order of their weight, turn the verdict `emotion` into `other`."""

    emotion: str
    other: str
    taken: tuple[str, ...]
    added: tuple[str, ...]


@lru_cache(maxsize=200_000)
def _scores(present: frozenset[str]) -> dict[str, float]:
    return {emotion: prototype_score(emotion, present) for emotion in EMOTIONS}


def _lead(emotion: str, classes: Sequence[str], present: frozenset[str]) -> float:
    """How far an emotion is ahead of all others (below 0: behind)."""
    scores = _scores(present)
    return scores[emotion] - max(scores[name] for name in classes if name != emotion)


def find_change(emotion: str, other: str, classes: Sequence[str], coding: Coding) -> Change | None:
    """The fewest units whose loss or gain makes `other` fit best; None where the emotion itself does not fit best now,
    or more than `MOST` would be needed. Only units that are known are changed."""
    if emotion == other:
        raise ValueError(f"{emotion} cannot turn into itself: give another emotion")
    present = frozenset(coding.units)
    if _lead(emotion, classes, present) < 0:
        return None
    wanted = [unit for unit in supporting_aus(other) if unit in coding.absent]
    state = present
    for _ in range(MOST):
        left = (*sorted(state & present), *(unit for unit in wanted if unit not in state))
        options = [state ^ {unit} for unit in left]
        if not options:
            return None
        state = max(options, key=lambda option: _lead(other, classes, option))
        if _lead(other, classes, state) > MARGIN:
            taken = tuple(unit for unit in sorted(present) if unit not in state)
            return Change(emotion, other, taken, tuple(unit for unit in wanted if unit in state))
    return None


def pick_change(emotion: str, classes: Sequence[str], coding: Coding, rng: Random) -> Change | None:
    """A change into one of the emotions this one is confused with, or else into any other, or None."""
    near = [other for other in CONFUSED[emotion] if other in classes]
    far = [other for other in classes if other != emotion and other not in near]
    rng.shuffle(near)
    rng.shuffle(far)
    found = (find_change(emotion, other, classes, coding) for other in (*near, *far))
    return next((each for each in found if each is not None), None)


def answer_change(change: Change, coding: Coding, rng: Random) -> Said:
    """The verdict as it is, what is there and what is not, and what the change would make of it."""
    sentences = [label_sentence(change.emotion, rng)]
    for start in range(0, len(change.taken), 2):
        units = change.taken[start : start + 2]
        told = join([clause(unit, rng, coding.units[unit], coding.sides.get(unit)) for unit in units])
        sentences.append(rng.choice(_NOW[: 3 if start else None]).format(a=told, A=capital(told)))
    if change.added:
        absent = _NOT_YET_MANY if len(change.added) > 1 else _NOT_YET_ONE
        sentences.append(capital(rng.choice(absent).format(units=_shorts(change.added))))
    templates = _BOTH if change.taken and change.added else _WITHOUT if change.taken else _WITH
    gaps = {"taken": _named(change.taken, rng), "added": _named(change.added, rng), "other": change.other}
    gaps["were"] = "were" if len(change.taken) > 1 else "was"
    gaps["were_added"] = "were" if len(change.added) > 1 else "was"
    sentences.append(capital(rng.choice(templates).format(**gaps)))
    return Said(" ".join(sentences), change.emotion, change.taken, change.added)


def _shorts(units: Sequence[str]) -> str:
    return join([ACTION_UNITS[unit].short for unit in units])


def _named(units: Sequence[str], rng: Random) -> str:
    """ "AU4 and AU20", or "the brow lowerer (AU4) and the lip stretcher (AU20)"."""
    if not units:
        return ""
    entries = [ACTION_UNITS[unit] for unit in units]
    if rng.random() < 0.5:
        return _shorts(units)
    articles = {entry.short: "" if entry.name in _BARE else "the " for entry in entries}
    return join([f"{articles[entry.short]}{entry.name} ({entry.short})" for entry in entries])
