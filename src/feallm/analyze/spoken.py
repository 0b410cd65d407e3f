"""The language model's answers sentence by sentence, each checked against the reading before it is told."""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Any

from feallm.analyze.engine import Conversation, Engine
from feallm.analyze.evidence import NO_REASON, faults, harmless
from feallm.facs import forms
from feallm.facs.answers import Answer, mentions, read_answer
from feallm.facs.causes import SENTENCE_END, sentences_of
from feallm.facs.expressions import MORE, SHOWN
from feallm.facs.prototypes import supporting_aus
from feallm.facs.replies import HOME_AREA, WHY_NOT_FITS, WHY_NOT_NEEDS, instead
from feallm.facs.votes import LABELS, NEUTRAL_LABELS
from feallm.facs.wording import Verdict

_BRACKETS = re.compile(r" \([^)]*\)")

Units = Mapping[str, float]


class _StoppedError(Exception):
    """Nobody listens any more."""


@dataclass(frozen=True)
class Wanted:
    """What an answer must say and may say.

    `sound(told)`: whether the last sentence of `told` may be said after those before it. `missing(told)`: what they
    have not said yet. `composed`: answers from the FACS tables, the first to be told where the model has none, the
    others to complete what it has said.
    """

    sound: Callable[[list[str]], bool]
    missing: Callable[[list[str]], set[str]]
    composed: Sequence[str]


def speak(
    engine: Engine, encoded: Any, conversation: Conversation, max_new_tokens: int, seed: int
) -> Generator[str, None, None]:
    """The sentences of the model's answer to a conversation, each as soon as it is whole.

    The model writes in a thread of its own, which ends when this iterator is closed.
    """
    pieces: SimpleQueue[str | None] = SimpleQueue()
    closed = Event()

    def take(piece: str) -> None:
        if closed.is_set():
            raise _StoppedError
        pieces.put(piece)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(engine.generate, encoded, [conversation], max_new_tokens, seeds=[seed], on_text=take)
        writing.add_done_callback(lambda _: pieces.put(None))
        try:
            yield from _whole(iter(pieces.get, None))
        finally:
            closed.set()
        writing.result()


def _whole(pieces: Iterable[str | None]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *done, rest = SENTENCE_END.split(rest + (piece or ""))
        yield from (sentence.strip() for sentence in done if sentence.strip())
    if rest.strip():
        yield rest.strip()


def checked(sentences: Generator[str, None, None], wanted: Wanted) -> Iterator[str]:
    """The sentences that are sound, completed from the composed answers.

    Where the first is not sound, none of them is trusted and the first composed answer is told instead; later ones are
    left out one by one.
    """
    told: list[str] = []
    for sentence in sentences:
        if wanted.sound([*told, sentence]):
            told.append(sentence)
            yield sentence
        elif not told:
            sentences.close()
    if not told:
        yield from sentences_of(wanted.composed[0])
        return
    for sentence in (each for text in wanted.composed[1:] for each in sentences_of(text)):
        if not wanted.missing(told):
            return
        if wanted.sound([*told, sentence]) and wanted.missing([*told, sentence]) < wanted.missing(told):
            told.append(sentence)
            yield sentence


def want_unit(unit: str, emotion: str, units: Units, composed: Sequence[str]) -> Wanted:
    """Yes or no to one unit, and nothing of others."""

    def sound(told: list[str]) -> bool:
        answer = read_answer(told[-1])
        said = bool(_said(answer)) and _said(answer) <= {unit} and harmless(told[-1], emotion, units)
        return said and forms.written(told[-1], forms.UNIT)

    def missing(told: list[str]) -> set[str]:
        answer = read_answer(" ".join(told))
        return {unit} - set(answer.aus if unit in units else answer.denied_aus)

    return Wanted(sound, missing, composed)


def want_units(shown: Sequence[str], emotion: str, units: Units, composed: Sequence[str]) -> Wanted:
    """The units `shown`, all of them, each once, and no others."""

    def missing(told: list[str]) -> set[str]:
        return set(shown) - set(read_answer(" ".join(told)).aus)

    def sound(told: list[str]) -> bool:
        answer = read_answer(told[-1])
        if not answer.aus or not set(answer.aus) <= missing(told[:-1]) or not _once(told[-1]):
            return False
        home = HOME_AREA[answer.aus[0]]
        return harmless(told[-1], emotion, units) and forms.written(told[-1], forms.MOVEMENTS, area=home)

    return Wanted(sound, missing, composed)


def want_why_not(verdict: Verdict, units: Units, other: str, composed: Sequence[str]) -> Wanted:
    """What `other` would need, and what speaks for the verdict."""

    def form(text: str, templates: Sequence[str]) -> bool:
        return forms.written(text, templates, verdict.emotion, other)

    def sound(told: list[str]) -> bool:
        text, answer = told[-1], read_answer(told[-1])
        said = _said(answer)
        if not harmless(text, verdict.emotion, units) or not _once(text) or text in told[:-1]:
            return False
        if form(text, instead(len(answer.aus))):
            return len(told) > 1 and set(answer.aus) <= set(verdict.carrying)
        if not said:
            rests = form(text, WHY_NOT_NEEDS) and other == "neutral" and bool(units)
            return rests or (form(text, WHY_NOT_FITS) and other == verdict.second)
        fits = form(text, WHY_NOT_FITS) and said <= set(units)
        needs = form(text, WHY_NOT_NEEDS) and not said & set(units)
        return said <= set(supporting_aus(other)) and (fits or needs)

    def missing(told: list[str]) -> set[str]:
        felt = _felt(" ".join(told))
        return {other, verdict.emotion} - felt

    return Wanted(sound, missing, composed)


def want_description(emotion: str, units: Units, composed: Sequence[str]) -> Wanted:
    """The label, then signs that are there."""

    def templates(told: list[str]) -> tuple[str, ...]:
        if not told:
            return NEUTRAL_LABELS if emotion == "neutral" else LABELS
        if not units:
            return forms.STILLNESS
        return MORE if read_answer(" ".join(told)).aus else SHOWN

    def sound(told: list[str]) -> bool:
        *before, last = told
        if not mentions(last) or not harmless(last, emotion, units) or not _once(" ".join(told)):
            return False
        return last not in before and forms.written(last, templates(before), emotion)

    def missing(told: list[str]) -> set[str]:
        answer = read_answer(" ".join(told))
        return {emotion} - set(answer.emotions) | ({"signs"} if units and not answer.aus else set())

    return Wanted(sound, missing, composed)


def want_anything(verdict: Verdict, units: Units, composed: Sequence[str]) -> Wanted:
    """Whatever rests on the reading: each sentence names an emotion or a unit, and none goes against the reading."""

    def sound(told: list[str]) -> bool:
        if not mentions(told[-1]) or not harmless(told[-1], verdict.emotion, units):
            return False
        return set(faults(" ".join(told), verdict, units)) <= {NO_REASON}

    return Wanted(sound, lambda told: set(), composed)


def _said(answer: Answer) -> set[str]:
    """The units named in any way."""
    return {*answer.aus, *answer.denied_aus, *answer.uncertain_aus}


def _once(text: str) -> bool:
    """Whether no unit is told twice; what stands in brackets after its words is no second telling."""
    told = [each.value for each in mentions(_BRACKETS.sub("", text)) if each.kind == "au"]
    return len(set(told)) == len(told)


def _felt(text: str) -> set[str]:
    """The emotions named in any way."""
    return {each.value for each in mentions(text) if each.kind == "emotion"}
