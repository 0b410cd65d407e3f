"""The worst cases of a run: its most confident wrong answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from feallm.bench.items import Item
from feallm.bench.manifest import Manifest
from feallm.bench.outcomes import Outcome
from feallm.bench.reliability import confidence
from feallm.bench.text_facts import facts_of
from feallm.bench.text_scores import POSITIVE
from feallm.facs.action_units import ACTION_UNITS

CASES = 8
"""Shown of a run."""
LONGEST = 240
"""Characters of a text."""


@dataclass(frozen=True)
class Case:
    """A wrong answer. `sure`: the probability the model gave it, 0..1; None where it gave none. `wrong`: how many
    labels it contradicts."""

    item: Item
    truth: str
    answer: str
    sure: float | None
    text: str = ""
    wrong: int = 1


def worst_cases(outcomes: Sequence[Outcome], made: Manifest, count: int = CASES) -> tuple[Case, ...]:
    """Wrong answers, one a face: the surest first; where there are no probabilities, those with most that is wrong.

    What is not answered at all is no case: it is counted elsewhere. Interventions have none: nothing is labelled there.
    """
    cases = [case for outcome in outcomes if (case := _case(outcome, made)) is not None]
    cases.sort(key=lambda case: (-(case.sure if case.sure is not None else -1.0), -case.wrong))
    faces: dict[str, Case] = {}
    for case in cases:
        faces.setdefault(case.item.face, case)
    return tuple(faces.values())[:count]


def _case(outcome: Outcome, made: Manifest) -> Case | None:
    if outcome.fate != "answered" or made.family == "cause":
        return None
    if made.family in {"describe", "reason"}:
        return _told(outcome)
    return _emotion(outcome) if outcome.item.kind == "emotion" else _units(outcome, made)


def _emotion(outcome: Outcome) -> Case | None:
    truth = outcome.item.truth.emotion
    if truth is None or outcome.emotion is None or outcome.emotion == truth:
        return None
    return Case(outcome.item, truth, outcome.emotion, confidence(outcome), _text(outcome))


def _units(outcome: Outcome, made: Manifest) -> Case | None:
    """The unit on which the answer is surest against every coder; without probabilities, all such units."""
    claimed = frozenset(outcome.present or ())
    wrong = [unit for unit in made.units if _against(outcome.item, unit, unit in claimed, made.positive)]
    if not wrong:
        return None
    presence = (outcome.response.presence if outcome.response is not None else None) or {}
    known = {unit: presence[unit] if unit in claimed else 1 - presence[unit] for unit in wrong if unit in presence}
    unit = max(known, key=lambda name: known[name], default=None)
    named = [unit] if unit is not None else wrong
    said, unsaid = [one for one in named if one in claimed], [one for one in named if one not in claimed]
    truth, answer = _listed(present=unsaid, absent=said), _listed(present=said, absent=unsaid)
    sure = known.get(unit) if unit is not None else None
    return Case(outcome.item, truth, answer, sure, _text(outcome), len(wrong))


def _told(outcome: Outcome) -> Case | None:
    """A text that contradicts the labels of its face."""
    facts = facts_of(outcome, POSITIVE)
    against = facts.contradicted
    if not against and not facts.contradicts_emotion:
        return None
    said = [unit for unit in against if unit in facts.asserted]
    denied = [unit for unit in against if unit not in facts.asserted]
    truth, answer = _listed(present=denied, absent=said), _listed(present=said, absent=denied)
    if facts.contradicts_emotion:
        truth = "; ".join(filter(None, (facts.label, truth)))
        answer = "; ".join(filter(None, (facts.verdict or f"not {facts.label}", answer)))
    return Case(outcome.item, truth, answer, None, _text(outcome), len(against) + facts.contradicts_emotion)


def _against(item: Item, unit: str, claimed: bool, positive: float) -> bool:
    """Whether every coder who looked for the unit says otherwise."""
    seen = [one[unit] >= positive for one in item.truth.units if unit in one]
    return bool(seen) and all(present != claimed for present in seen)


def _listed(**units: list[str]) -> str:
    """ "present: AU1, AU4; absent: AU12"."""
    return "; ".join(f"{kind}: {', '.join(map(_short, held))}" for kind, held in units.items() if held)


def _short(unit: str) -> str:
    return ACTION_UNITS[unit].short if unit in ACTION_UNITS else unit


def _text(outcome: Outcome) -> str:
    text = " ".join(outcome.text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
