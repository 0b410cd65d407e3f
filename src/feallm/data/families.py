"""The families of questions: for each, the turn that asks and answers it about one face, or None without the labels.

What an answer claims is known from how it was composed; tests read every answer back and hold it to that.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from feallm.data.records import Claims, Turn
from feallm.data.subject import Subject
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.answers import read_answer
from feallm.facs.blends import describe_blend, describe_compound
from feallm.facs.changes import answer_change, pick_change
from feallm.facs.coding import Coding
from feallm.facs.comparisons import answer_reading, answer_stronger, stronger_pair
from feallm.facs.contrast import answer_contrast, pick_contrast
from feallm.facs.expressions import describe_face
from feallm.facs.refusals import CANNOT, refuse
from feallm.facs.regions import describe_regions
from feallm.facs.replies import AREAS, answer_area, answer_unit, answer_why_not
from feallm.facs.said import Said
from feallm.facs.votes import describe_votes
from feallm.facs.wording import explain, list_units, state_grounds, told_in_reason
from feallm.prompts import ask, ask_refused

LAST_TURNS = ("reason", "unit", "why_not", "area")
EVIDENCE_FIRST = (*LAST_TURNS, "discriminate", "counterfactual")
"""Families whose question follows the evidence: the AUs, the emotion, and what it rests on."""
NONE_OF_THESE = "None of these."


def emotion_turn(subject: Subject, rng: Random) -> Turn | None:
    if subject.emotion is None:
        return None
    answer = f"{subject.emotion.capitalize()}."
    return Turn(ask("emotion", subject.classes, rng), answer, Claims(emotion=subject.emotion))


def distribution_turn(subject: Subject, rng: Random) -> Turn | None:
    if subject.shares is None:
        return None
    return _turn(ask("distribution", rng=rng), describe_votes(subject.emotion, subject.shares, rng))


def expression_turn(subject: Subject, rng: Random) -> Turn | None:
    if subject.emotion is None:
        return None
    said = describe_face(subject.emotion, subject.coding, rng, subject.shares, subject.affect)
    return _turn(ask("describe_expression", rng=rng), said)


def aus_turn(subject: Subject, rng: Random) -> Turn | None:
    """The AUs listed; where not all are known, only the known ones are asked about."""
    coding = subject.coding
    if coding is None:
        return None
    claims = Claims(asserted=tuple(sorted(coding.units)))
    if coding.complete:
        return Turn(ask("aus", rng=rng), list_units(coding.units), claims)
    asked = ask("aus_among", [ACTION_UNITS[unit].short for unit in coding.known], rng)
    return Turn(asked, list_units(coding.units) if coding.units else NONE_OF_THESE, claims)


def movements_turn(subject: Subject, rng: Random) -> Turn | None:
    if subject.coding is None:
        return None
    return _turn(ask("describe_aus", rng=rng), describe_regions(subject.coding, rng))


def unit_turn(subject: Subject, rng: Random) -> Turn | None:
    """One known AU: half of the time one that is there, where there is one."""
    coding = subject.coding
    if coding is None:
        return None
    present, absent = sorted(coding.units), sorted(coding.absent)
    there = bool(present) and (not absent or rng.random() < 0.5)
    unit = rng.choice(present if there else absent)
    answer = answer_unit(unit, coding.units, rng, coding.sides)
    claims = Claims(asserted=(unit,)) if there else Claims(denied=(unit,))
    return Turn(ask("unit", rng=rng, unit=ACTION_UNITS[unit].short), answer, claims)


def area_turn(subject: Subject, rng: Random) -> Turn | None:
    """What a region does: one with movement, or one that is known to be at rest."""
    coding = subject.coding
    known = [] if coding is None else [area for area in sorted(AREAS) if _tellable(area, coding)]
    if coding is None or not known:
        return None
    area = rng.choice(known)
    shown = tuple(unit for unit in sorted(coding.units) if unit in AREAS[area])
    answer = answer_area(area, coding.units, rng, coding.sides)
    return Turn(ask("area", rng=rng, area=area), answer, Claims(asserted=shown))


def intensity_turn(subject: Subject, rng: Random) -> Turn | None:
    coding = subject.coding
    pair = stronger_pair(coding.units, rng) if coding is not None else None
    if coding is None or pair is None:
        return None
    first, second = (ACTION_UNITS[unit].short for unit in rng.sample(pair, 2))
    said = answer_stronger(*pair, coding.units, rng, coding.sides)
    return _turn(ask("stronger", rng=rng, unit=first, other=second), said)


def grounds_turn(subject: Subject, rng: Random) -> Turn | None:
    if subject.verdict is None:
        return None
    carrying = subject.verdict.carrying
    claims = Claims(asserted=tuple(sorted(carrying)), causes=carrying)
    return Turn(ask("grounds", rng=rng), state_grounds(subject.verdict), claims)


def reason_turn(subject: Subject, rng: Random) -> Turn | None:
    verdict, coding = subject.verdict, subject.coding
    if verdict is None or coding is None:
        return None
    answer = explain(verdict, coding.units, rng, complete=coding.complete)
    told = tuple(sorted(told_in_reason(verdict, coding.units)))
    return Turn(ask("reason", rng=rng), answer, Claims(verdict.emotion, told, causes=verdict.carrying[:5]))


def unaided_turn(subject: Subject, rng: Random) -> Turn | None:
    """The emotion and why at once: the answer of `reason` to a question that follows no evidence."""
    turn = reason_turn(subject, rng)
    return None if turn is None else replace(turn, question=ask("unaided", subject.classes, rng))


def why_not_turn(subject: Subject, rng: Random) -> Turn | None:
    verdict, coding = subject.verdict, subject.coding
    if verdict is None or coding is None:
        return None
    other = verdict.second or rng.choice([name for name in subject.classes if name != verdict.emotion])
    answer = answer_why_not(verdict, coding.units, other, rng, coding.absent)
    carrying = verdict.carrying[:4]
    claims = Claims(verdict.emotion, tuple(sorted(carrying)), read_answer(answer).denied_aus, carrying)
    return Turn(ask("why_not", rng=rng, other=other), answer, claims)


def discriminate_turn(subject: Subject, rng: Random) -> Turn | None:
    coding = subject.coding
    if subject.emotion is None or coding is None:
        return None
    found = pick_contrast(subject.emotion, subject.classes, coding, rng)
    if found is None:
        return None
    return _turn(ask("discriminate", rng=rng, other=found.other), answer_contrast(found, coding, rng))


def counterfactual_turn(subject: Subject, rng: Random) -> Turn | None:
    coding = subject.coding
    if subject.emotion is None or coding is None:
        return None
    change = pick_change(subject.emotion, subject.classes, coding, rng)
    if change is None:
        return None
    return _turn(ask("counterfactual", rng=rng, other=change.other), answer_change(change, coding, rng))


def blend_turn(subject: Subject, rng: Random) -> Turn | None:
    """Two emotions at once, by the label of a compound or by the votes."""
    said = None
    if subject.compound is not None:
        if subject.emotion in (None, *subject.compound):
            said = describe_compound(subject.compound, rng)
    elif subject.shares is not None:
        said = describe_blend(subject.emotion, subject.shares, rng)
    return _turn(ask("blend", rng=rng), said)


def reading_turn(subject: Subject, rng: Random) -> Turn | None:
    """What AUs without a label may mean."""
    if subject.coding is None or not subject.unlabelled:
        return None
    return _turn(ask("reading", rng=rng), answer_reading(subject.coding, rng))


def refusal_turn(subject: Subject, rng: Random) -> Turn:
    topic = rng.choice(sorted(CANNOT))
    return Turn(ask_refused(topic, rng), refuse(topic, rng), Claims())


TURNS: dict[str, Callable[[Subject, Random], Turn | None]] = {
    "reason": reason_turn,
    "unit": unit_turn,
    "why_not": why_not_turn,
    "area": area_turn,
    "aus": aus_turn,
    "emotion": emotion_turn,
    "expression": expression_turn,
    "movements": movements_turn,
    "discriminate": discriminate_turn,
    "counterfactual": counterfactual_turn,
    "distribution": distribution_turn,
    "intensity": intensity_turn,
    "blend": blend_turn,
    "reading": reading_turn,
    "refusal": refusal_turn,
    "unaided": unaided_turn,
}
"""Family -> its turn; `chat` alone is made of several."""
FAMILIES = (*TURNS, "chat")


def evidence(subject: Subject, rng: Random) -> tuple[Turn, ...]:
    """The AUs, the emotion and what it rests on, as far as they are known."""
    turns = (turn(subject, rng) for turn in (aus_turn, emotion_turn, grounds_turn))
    return tuple(turn for turn in turns if turn is not None)


def family_turns(family: str, subject: Subject, rng: Random) -> tuple[Turn, ...]:
    """The turns of one family, the evidence first where it belongs to it; empty without the labels it needs."""
    if family == "chat":
        return chat_turns(subject, rng)
    first = evidence(subject, rng) if family in EVIDENCE_FIRST and subject.coding is not None else ()
    last = TURNS[family](subject, rng)
    return () if last is None else (*first, last)


def chat_turns(subject: Subject, rng: Random) -> tuple[Turn, ...]:
    """Three to six turns of different families, one of them now and then a refusal; empty where too little is known.

    The talk opens with what the face shows, since later questions ask why.
    """
    opening = rng.choice(("emotion", "expression")) if subject.emotion else "aus"
    others = [family for family in TURNS if family not in (opening, "refusal", "unaided")]
    rng.shuffle(others)
    count, refused = rng.randint(3, 6), rng.random() < 0.3
    turns: list[Turn] = []
    for family in (opening, *others):
        if len(turns) < count - refused and (turn := TURNS[family](subject, rng)) is not None:
            turns.append(turn)
    if refused or 1 < len(turns) < 3:
        turns.insert(rng.randint(0, len(turns)), refusal_turn(subject, rng))
    return tuple(turns) if len(turns) >= 3 else ()


def _turn(question: str, said: Said | None) -> Turn | None:
    if said is None:
        return None
    claims = Claims(said.emotion, _sorted(said.asserted), _sorted(said.denied), said.causes)
    return Turn(question, said.text, claims)


def _sorted(units: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(units))


def _tellable(area: str, coding: Coding) -> bool:
    coded = [unit for unit in AREAS[area] if ACTION_UNITS[unit].coded]
    return any(unit in coding.units for unit in AREAS[area]) or coding.still(coded)
