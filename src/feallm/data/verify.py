"""Whether a model's words may replace a composed answer: only if `facs.answers` reads the same claims from them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from feallm.data.records import Claims, LabelledFace, Turn
from feallm.facs.action_units import ACTION_UNITS, CODED_AUS
from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes
from feallm.facs.cues import ASSERTED, DENIED, UNCERTAIN
from feallm.facs.wording import join

COMPLETE = ("movements", "area")
"""Families whose answer names every unit that is there."""
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|$)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"^.*</(?:think|thinking|reasoning)>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^```[\w-]*\n(.*?)\n?```$", re.DOTALL)
_LEAD = re.compile(r"^(?:(?:new |rewritten |rephrased |final )?(?:answer|response)\s*:)\s*", re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "`": "`"}
_REFUSES = re.compile(
    r"^(?:i['’]?m (?:sorry|unable)|i am (?:sorry|unable)|sorry\b|i can(?:no|['’])t\b|as an ai\b)", re.IGNORECASE
)
_TELLS = re.compile(
    r"\b(?:label(?:s|led|ed|ling)?|annotat\w+|ground truth|prompt|instructions?|given facts|rewrit\w+)\b", re.I
)
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w])")
_MARKUP = re.compile(r"^\s*(?:[-*•]|#{1,6}|\d+[.)])\s|```|\{\"", re.MULTILINE)


@dataclass(frozen=True)
class Refusal:
    """Why a text cannot be used: `reason` to be counted, `told` to the model that wrote it."""

    reason: str
    told: str


@dataclass(frozen=True)
class Limits:
    """What an answer may and must claim. All but `emotion` and the flags are sets of emotions or of action units.

    `emotions` are asserted, all of them and no others; `named` may be spoken of otherwise. `asserted` may be,
    `required` must be, and one of `asserted` must be where `some`. `labelled` units must not be denied, nor those
    that are not `known`; of `supposed` ones it may be said what would be. `none`: "no action units" is true.
    """

    emotion: str | None
    emotions: frozenset[str]
    named: frozenset[str]
    asserted: frozenset[str]
    required: frozenset[str]
    some: bool
    labelled: frozenset[str]
    known: frozenset[str]
    supposed: frozenset[str]
    denied: frozenset[str]
    causes: tuple[str, ...]
    words: frozenset[str]
    none: bool
    says_none: bool


def limits(turn: Turn, before: Sequence[Turn], face: LabelledFace, family: str) -> Limits:
    """The limits of a free answer: its own claims, those of the turns before it, and what is known of the face."""
    composed = read_answer(turn.answer)
    own = frozenset(turn.claims.asserted)
    complete = family in COMPLETE
    earlier = frozenset() if complete else frozenset(unit for each in before for unit in each.claims.asserted)
    spoken = mentions(turn.answer) + mentions(turn.question)
    emotions = frozenset(composed.emotions) | ({turn.claims.emotion} if turn.claims.emotion else frozenset())
    known = frozenset(face.action_units)
    present = frozenset(unit for unit, strength in face.action_units.items() if strength > 0)
    denied = frozenset(each.value for each in mentions(turn.answer) if each.kind == "au" and each.polarity == DENIED)
    free = known if composed.uncertain_aus or denied else frozenset()
    return Limits(
        emotion=turn.claims.emotion,
        emotions=emotions,
        named=emotions | {each.value for each in spoken if each.kind == "emotion"},
        asserted=own | earlier,
        required=own if complete else frozenset(),
        some=bool(own),
        labelled=present | own | earlier,
        known=known,
        supposed=free | {each.value for each in spoken if each.kind == "au"},
        denied=denied | frozenset(turn.claims.denied),
        causes=turn.claims.causes,
        words=frozenset(_peculiar(turn.answer)),
        none=composed.none_aus or (not present and known >= set(CODED_AUS)),
        says_none=complete and composed.none_aus,
    )


def clean(text: str) -> str:
    """The answer in a reply: without thoughts, bold, code fences, "Answer:" and quotes around it, on one line."""
    text = _THOUGHT_END.sub("", _THOUGHT.sub("", text)).replace("**", "").strip()
    before = None
    while before != text:
        before = text
        fence = _FENCE.match(text)
        text = _LEAD.sub("", fence[1] if fence else text).strip()
        inner = text[1:-1]
        if len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in inner and text[-1] not in inner:
            text = inner.strip()
    return text if _MARKUP.search(text) else " ".join(text.split())


def check(text: str, bounds: Limits, finish: str = "stop", most: int = 900) -> Claims | Refusal:
    """The claims of a cleaned text, or why it cannot be used."""
    return (
        _form(text, finish, most)
        or _words(text, bounds)
        or _emotions(text, bounds)
        or _units(text, bounds)
        or _claims(text, bounds)
    )


def _form(text: str, finish: str, most: int) -> Refusal | None:
    if not re.search(r"\w", text):
        return Refusal("empty", "it is empty. Write the answer, and nothing else.")
    if finish == "length":
        return Refusal("cut off", "it was cut off. Write a shorter one.")
    if len(text) > most:
        return Refusal("too long", f"it has {len(text)} characters, and {most} are allowed. Write a shorter one.")
    if _REFUSES.search(text):
        return Refusal(
            "declined", "it is no answer. The question is about the movements of a face, and nobody is judged."
        )
    if _MARKUP.search(text):
        return Refusal("markup", "it holds a list or markup. Write plain sentences.")
    return None


def _peculiar(text: str) -> set[str]:
    """Numbers that are no action unit's, and words about labels."""
    return set(_NUMBER.findall(text)) | {word.lower() for word in _TELLS.findall(text)}


def _words(text: str, bounds: Limits) -> Refusal | None:
    foreign = join(sorted(_peculiar(text) - bounds.words) or [""])
    if not foreign:
        return None
    if any(letter.isdigit() for letter in foreign):
        return Refusal("invented number", f"it holds {foreign}, and no such number is known.")
    return Refusal("tells of the labels", f"it speaks of {foreign}. Speak of the face alone.")


def _emotions(text: str, bounds: Limits) -> Refusal | None:
    found = read_answer(text)
    read = set(found.emotions)
    wanted = join(sorted(bounds.emotions)) if bounds.emotions else "no emotion"
    if read - bounds.emotions or (found.emotion and found.emotion != bounds.emotion):
        return Refusal("wrong emotion", f"it reads as {join(sorted(read))}, and it must state {wanted}.")
    if bounds.emotions - read or found.emotion != bounds.emotion:
        lacking = join(sorted(bounds.emotions - read or bounds.emotions))
        return Refusal("no clear emotion", f"it does not plainly state {lacking}. State it in one plain sentence.")
    foreign = set(found.uncertain_emotions) - bounds.named
    if foreign:
        return Refusal("speculates", f"it supposes {join(sorted(foreign))}, of which nothing is known.")
    return None


def _units(text: str, bounds: Limits) -> Refusal | None:
    polarity: dict[str, set[str]] = {ASSERTED: set(), DENIED: set(), UNCERTAIN: set()}
    for each in mentions(text):
        if each.kind == "au":
            polarity[each.polarity].add(each.value)
    asserted, denied = polarity[ASSERTED], polarity[DENIED] - bounds.denied
    if asserted - bounds.asserted:
        return Refusal("extra AU", f"it says that {_shorts(asserted - bounds.asserted)} can be seen. Leave that out.")
    if denied & bounds.labelled:
        return Refusal("denied AU", f"it denies {_shorts(denied & bounds.labelled)}, which can be seen.")
    if denied - bounds.known:
        told = f"it denies {_shorts(denied - bounds.known)}, of which nothing is known. Do not mention that."
        return Refusal("denies an unknown AU", told)
    # units that a text asserts and denies, or only supposes
    loose = polarity[UNCERTAIN] - asserted - bounds.supposed
    if loose:
        return Refusal(
            "speculates", f"it leaves open whether {_shorts(loose)} can be seen. Say it plainly or leave it out."
        )
    read = read_answer(text)
    if bounds.required - set(read.aus):
        return Refusal(
            "AU left out", f"it does not plainly say that {_shorts(bounds.required - set(read.aus))} can be seen."
        )
    if bounds.some and not read.aus:
        return Refusal("AU left out", f"it names no movement of the face, such as {_shorts(bounds.asserted)}.")
    if read.none_aus and not bounds.none:
        return Refusal("no AU", "it says that no action unit is present, and that is not known.")
    if bounds.says_none and not read.none_aus:
        return Refusal("no AU", "it does not say that no action units are present.")
    return _reasons(text, bounds)


def _reasons(text: str, bounds: Limits) -> Refusal | None:
    """A unit given as a reason must be one that the composed answer gives."""
    if not bounds.causes or bounds.emotion is None:
        return None
    false = set(causes(text, bounds.emotion)) - set(bounds.causes)
    if not false:
        return None
    right = _shorts(bounds.causes)
    return Refusal("false cause", f"it gives {_shorts(false)} as a reason, and the reasons are {right}.")


def _claims(text: str, bounds: Limits) -> Claims:
    found = read_answer(text)
    told = tuple(unit for unit in bounds.causes if unit in found.aus)
    return Claims(found.emotion, found.aus, found.denied_aus, told)


def _shorts(units: Iterable[str]) -> str:
    return join([f"{ACTION_UNITS[unit].short} ({ACTION_UNITS[unit].name})" for unit in sorted(units)])
