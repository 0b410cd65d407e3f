"""Whether an explanation is sound in itself, its claims about single units apart: its reasons, causes, doubts, repeats.

`faults` are what is wrong already, also with the first sentences of an explanation; `omissions` what a whole one lacks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from feallm.facs import phrases
from feallm.facs.answers import Answer, Mention, mentions, read_answer
from feallm.facs.causes import causes, sentences_of
from feallm.facs.wording import SLIGHT, Verdict, openings, strength_word

NO_REASON = "no reason is given"
_CLAUSE = re.compile(r"(?<=\))")
_NUMBER = re.compile(r"\bAU\d+\b")
_IN_BRACKETS = re.compile(r"\((AU\d+)\b[^)]*\)")
_PAIRED = re.compile(r"\([^()]*\)|\bAU\d+\b")
_BROKEN = re.compile(r"[()]|[^\W\d_]\d|\d[^\W\d_]")
_REASON = re.compile(
    r"\b(?:whole|no one|no single|rests?|resting|relaxed|still|stillness|quiet|calm|carr(?:y|ies)|little)\b"
    r"|\badd up\b|\bpoint to\b|\bas a whole\b"
)
_ADDS_LITTLE, _TOO_LITTLE, _POINTS_BACK, _UNSURE, _STILL = (
    re.compile(words, re.IGNORECASE)
    for words in (phrases.ADDS_LITTLE, phrases.TOO_LITTLE, phrases.POINTS_BACK, phrases.UNSURE, phrases.STILL)
)


def faults(text: str, verdict: Verdict, units: Mapping[str, float]) -> list[str]:
    """What is wrong with an explanation, or with as much of it as there is."""
    told = _Told(text, verdict, units)
    return [fault for fault, found in _FAULTS.items() if found(told)]


def omissions(text: str, verdict: Verdict, units: Mapping[str, float]) -> list[str]:
    """What a whole explanation of this reading should say and does not, or leaves open."""
    told = _Told(text, verdict, units)
    return [omission for omission, found in _OMISSIONS.items() if found(told)]


@dataclass(frozen=True)
class _Told:
    """An explanation and what it is held against."""

    text: str
    verdict: Verdict
    units: Mapping[str, float]

    @cached_property
    def sentences(self) -> list[str]:
        return sentences_of(self.text) or [""]

    @cached_property
    def answer(self) -> Answer:
        return read_answer(self.text)

    @cached_property
    def causes(self) -> set[str]:
        return set(causes(self.text, self.verdict.emotion))

    @cached_property
    def signs(self) -> set[str]:
        """The units that are told by what is seen, not by their numbers alone."""
        return {mention.value for mention in mentions(self.text) if _is_sign(self.text, mention)}


def _is_sign(text: str, mention: Mention) -> bool:
    told = mention.kind == "au" and mention.polarity == "asserted"
    return told and not _NUMBER.match(text, mention.start)


def _unit_twice(told: _Told) -> bool:
    brackets = _IN_BRACKETS.findall(told.text)
    return _repeats(brackets) or any(_repeats(_NUMBER.findall(sentence)) for sentence in told.sentences)


def _repeats(values: Sequence[str]) -> bool:
    return len(set(values)) < len(values)


def _false_rest(told: _Told) -> bool:
    """Whether the rest of the face is called still while units are present that were not told before."""
    rest = _STILL.search(told.text)
    return rest is not None and set(read_answer(told.text[: rest.start()]).aus) != set(told.units)


def _no_reason(told: _Told) -> bool:
    """Whether neither a cause is given nor, where none is known, what the verdict comes from instead."""
    if told.causes or told.verdict.carrying:
        return not told.causes
    return not any(_tells_whole(sentence, told.verdict.emotion) for sentence in told.sentences[1:])


def _tells_whole(sentence: str, emotion: str) -> bool:
    lowered = sentence.lower()
    tied = emotion in lowered or "verdict" in lowered or bool(_POINTS_BACK.search(lowered))
    return tied and bool(_REASON.search(lowered)) and not read_answer(sentence).aus


def _denied_cause(told: _Told) -> bool:
    """Whether no unit is said to carry the verdict, and one does, or moves it."""
    said = set(told.sentences)
    moved = told.verdict.carrying or told.verdict.unlisted
    return bool(told.verdict.carrying and said & set(phrases.WHOLE_FACE)) or bool(
        moved and said & set(phrases.NO_ONE_SIGN)
    )


def _belittled(told: _Told) -> bool:
    """Whether a unit is told to add little that carries the verdict or moves it."""
    moving = {*told.verdict.carrying, *told.verdict.unlisted}
    return any(_ADDS_LITTLE.search(each) and moving & set(read_answer(each).aus) for each in told.sentences)


def _points_nowhere(told: _Told) -> bool:
    """Whether "this", "so little" or "apart from that" stands where no sign was told before it."""
    back = _POINTS_BACK.search(told.text)
    return back is not None and not read_answer(told.text[: back.start()]).aus


def _misjudged(told: _Told) -> bool:
    """Whether a unit is told with another strength than its own, or clear ones as too little."""
    if _TOO_LITTLE.search(told.text) and any(strength_word(each) != SLIGHT for each in told.units.values()):
        return True
    return any(_misgraded(part, told.units) for each in told.sentences for part in _CLAUSE.split(each.lower()))


def _misgraded(part: str, units: Mapping[str, float]) -> bool:
    """Whether a clause with one unit tells another strength than the unit's: "strongly" of a slight one."""
    told = {unit for unit in read_answer(part).aus if unit in units}
    words = {word for word, adverbs in phrases.ADVERBS.items() if any(a and f" {a} " in part for a in adverbs)}
    return len(told) == 1 and bool(words) and strength_word(units[told.pop()]) not in words


def _mislabelled(told: _Told) -> bool:
    """Whether a number in brackets has not its sign before it: "the eyelids are closed (AU7)"."""
    return any(
        _is_mislabelled(sentence, number.start(1), f"AU{int(number[1][2:]):02d}")
        for sentence in told.sentences
        for number in _IN_BRACKETS.finditer(sentence)
    )


def _is_mislabelled(sentence: str, at: int, unit: str) -> bool:
    return unit not in {each.value for each in mentions(sentence) if each.end <= at and _is_sign(sentence, each)}


def _broken(told: _Told) -> bool:
    """Whether a bracket or a number lost its other half: "the5, levator palpebrae superioris)"."""
    return bool(_BROKEN.search(_PAIRED.sub("", told.text)))


def _own_alternative(told: _Told) -> bool:
    """Whether the verdict is told as something that might be as well."""
    return any(each.value == told.verdict.emotion and each.polarity == "uncertain" for each in mentions(told.text))


_FAULTS: Mapping[str, Callable[[_Told], bool]] = {
    "an action unit is told twice": _unit_twice,
    "a sentence is repeated": lambda told: _repeats(told.sentences),
    "the verdict is told twice": lambda told: bool(set(told.sentences[1:]) & openings(told.verdict.emotion)),
    "the rest of the face is called still, and it is not": _false_rest,
    NO_REASON: _no_reason,
    "a unit is called a cause that does not carry the verdict": lambda told: bool(
        told.causes - set(told.verdict.carrying)
    ),
    "no unit is said to carry the verdict, and one does": _denied_cause,
    "a unit that carries the verdict is said to add little": _belittled,
    "words point back to a sign that was not told": _points_nowhere,
    "a second emotion is told that the reading does not have": lambda told: bool(
        set(told.answer.uncertain_emotions) - {told.verdict.second}
    ),
    "the verdict is told as an alternative to itself": _own_alternative,
    "a clear verdict is called a close one": lambda told: not told.verdict.weak and bool(_UNSURE.search(told.text)),
    "a strength is told that was not measured": _misjudged,
    "a number is told without its sign": _mislabelled,
    "a word or a bracket is broken": _broken,
}
_OMISSIONS: Mapping[str, Callable[[_Told], bool]] = {
    "a close verdict is told as a clear one": lambda told: told.verdict.weak and not _UNSURE.search(told.text),
    "the second emotion is left out": lambda told: (
        told.verdict.second is not None and told.verdict.second not in told.answer.uncertain_emotions
    ),
    "a cause is told without its sign": lambda told: bool(told.causes - told.signs),
    "no sign is told": lambda told: bool(told.units) and not told.signs,
    "it is left open whether a unit is there": lambda told: any(
        each.kind == "au" and each.polarity == "uncertain" for each in mentions(told.text)
    ),
    "the jaw is told twice": lambda told: {"AU26", "AU27"} <= set(told.answer.aus),
}
