"""What a describing model is told: the labels of the face, what must not be claimed, the question, and the task."""

import re
from collections.abc import Iterable, Sequence

from feallm.data.records import LabelledFace, Record, Turn
from feallm.data.verify import Limits
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.emotions import EMOTIONS
from feallm.facs.wording import join, strength_word
from feallm.prompts import QUESTIONS

Message = dict[str, str]

TASK = """You put into words what a face shows, for a data set on facial expression. Experts have coded the face with \
the Facial Action Coding System. Answer the question below about it, in your own plain words, as someone who is \
looking at the face.

- Everything listed as known is true, whatever you may think of it. Add nothing to it.
- Write one to four plain sentences in English: no list, no heading, no markup, at most {most} characters.
- After the words for a movement put its number in brackets: "the brows are drawn together (AU4)".
- State what is seen as a fact: not "might", "appears to" or "if", unless the wording below does.
- Do not speak of codes, experts, data or this task, nor of age, sex, origin, identity or inner feelings.
- Reply with the answer alone.
"""
_FAMILY_OF = {
    "describe_expression": "expression",
    "describe_aus": "movements",
    "aus_among": "aus",
    "stronger": "intensity",
}
_SIDES = {"L": " on the left side only", "R": " on the right side only"}
_CLASSES, _GAP = re.compile(r"\\{classes\\}"), re.compile(r"\\{\w+\\}")
_PATTERNS = [
    (_FAMILY_OF.get(task, task), re.compile(_GAP.sub(r"[\\w ]{1,20}", _CLASSES.sub(".+", re.escape(phrasing)))))
    for with_gap in (False, True)  # whole questions before those with a gap that might hold them
    for task, phrasings in QUESTIONS.items()
    for phrasing in phrasings
    if ("{" in phrasing) is with_gap
]


def family_of(record: Record, place: int) -> str:
    """The family of a record's turn: that of its question, and of an unknown question at the end the record's own."""
    found = [family for family, pattern in _PATTERNS if pattern.fullmatch(record.turns[place].question)]
    if record.family in found or (not found and place == len(record.turns) - 1):
        return record.family
    return found[0] if found else ""


def brief(turn: Turn, before: Sequence[Turn], face: LabelledFace, bounds: Limits, most: int) -> list[Message]:
    """The first request for an answer. One user message: not every model takes another role at the beginning."""
    parts = [TASK.format(most=most), "What is known:", *_emotion_lines(bounds), *_unit_lines(turn, face, bounds)]
    if before:
        parts += ["", "The conversation so far:", *(f"Q: {each.question}\nA: {each.answer}" for each in before)]
    parts += ["", f"The question: {turn.question}", f"What to say, in other words than these: {turn.answer}"]
    return [{"role": "user", "content": "\n".join(parts)}]


def again(messages: Sequence[Message], text: str, told: str) -> list[Message]:
    """The request after an answer that cannot be used, with the reason."""
    return [
        *messages,
        {"role": "assistant", "content": text[:2000] or "(no answer)"},
        {"role": "user", "content": f"This answer cannot be used: {told} Reply with the corrected answer alone."},
    ]


def _emotion_lines(bounds: Limits) -> list[str]:
    if not bounds.emotions:
        return ["- The emotion: not to be told. Name no emotion and no word for one."]
    others = [emotion for emotion in EMOTIONS if emotion not in bounds.named]
    noun = "emotion" if len(bounds.emotions) == 1 else "emotions, shown together"
    return [
        f"- The {noun}: {join(sorted(bounds.emotions))}. Use this very word.",
        f"- Do not speak of {', '.join(others)}.",
    ]


def _unit_lines(turn: Turn, face: LabelledFace, bounds: Limits) -> list[str]:
    if not bounds.asserted and not bounds.known:
        return ["- The movements of the face: not known. Mention none: no smile, no raised brows, no open mouth."]
    lines = [f"- Seen: {_seen(unit, face)}" for unit in sorted(bounds.asserted)] or ["- Seen: no action unit."]
    if turn.claims.causes:
        told = _numbers(turn.claims.causes)
        lines.append(f"- The emotion rests on {told}. Call no other movement a reason for it.")
    absent = bounds.known - bounds.labelled
    hidden = set(ACTION_UNITS) - absent - bounds.asserted - bounds.supposed - bounds.denied
    lines += [f"- Looked for and not there: {_numbers(absent)}."] if absent else []
    lines += [f"- Not to be mentioned at all: {_numbers(hidden)}."] if hidden else []
    must = "Name every movement that is seen." if bounds.required else "Name at least one movement that is seen."
    return [*lines, *([f"- {must}"] if bounds.some else [])]


def _seen(unit: str, face: LabelledFace) -> str:
    entry = ACTION_UNITS[unit]
    strength = face.action_units.get(unit, 0.0)
    how = strength_word(strength) if face.graded and strength > 0 else "strength not known, so do not say how strong"
    return f"{entry.short} {entry.name}{_SIDES.get(face.sides.get(unit, ''), '')} ({how}): {entry.appearance}"


def _numbers(units: Iterable[str]) -> str:
    return ", ".join(ACTION_UNITS[unit].short for unit in sorted(units))
