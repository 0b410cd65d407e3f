"""Evidence first: the reading's numbers as the turns the language model must continue, and the check of its words."""

import re
from collections.abc import Collection, Mapping, Sequence
from random import Random

from feallm.analyze.engine import Conversation
from feallm.analyze.reading import Consistency
from feallm.facs import phrases
from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes, sentences_of
from feallm.facs.wording import Verdict, explain, list_units, openings, state_grounds, strength_word
from feallm.prompts import ask

NO_REASON = "no reason is given"
_CLAUSE = re.compile(r"(?<=\))")
_NUMBER = re.compile(r"\bAU\d+\b")
_IN_BRACKETS = re.compile(r"\((AU\d+)\b[^)]*\)")
_STILL = re.compile(phrases.STILL, re.IGNORECASE)


def question(task: str, classes: Sequence[str] = (), **gaps: str) -> Conversation:
    """A conversation of one question, for what the model would say unaided."""
    return [{"role": "user", "content": ask(task, classes, None, **gaps)}]


def evidence_conversation(
    verdict: Verdict, units: Mapping[str, float], classes: Sequence[str], last: str | None = None
) -> Conversation:
    """The AUs (id -> intensity), the emotion and what it rests on, as already answered; then the question why.

    `last` is another question to end with.
    """
    return [
        *question("aus"),
        {"role": "assistant", "content": list_units(units)},
        *question("emotion", classes),
        {"role": "assistant", "content": f"{verdict.emotion.capitalize()}."},
        *question("grounds"),
        {"role": "assistant", "content": state_grounds(verdict)},
        {"role": "user", "content": ask("reason") if last is None else last},
    ]


def unsupported_claims(text: str, emotion: str, units: Collection[str]) -> list[str]:
    """What a text claims against a reading: asserted emotions and AUs it does not show, denied ones that it does."""
    shown = {emotion, *units}
    return [
        mention.value
        for mention in mentions(text)
        if (mention.polarity == "asserted" and mention.value not in shown)
        or (mention.polarity == "denied" and mention.value in shown)
    ]


def faults(text: str, verdict: Verdict, units: Mapping[str, float]) -> list[str]:
    """What is wrong with an explanation in itself, its claims apart: repetition, false stillness, no reason given, a
    reason that no intervention bears out, a doubt, second emotion or strength that the reading does not have."""
    sentences = sentences_of(text) or [""]
    found = []
    told = _IN_BRACKETS.findall(text)
    if len(set(told)) < len(told) or any(_repeats(_NUMBER.findall(sentence)) for sentence in sentences):
        found.append("an action unit is told twice")
    if len(set(sentences)) < len(sentences):
        found.append("a sentence is repeated")
    if set(sentences[1:]) & openings(verdict.emotion):
        found.append("the verdict is told twice")
    still = _STILL.search(text)
    if still and set(read_answer(text[: still.start()]).aus) != set(units):
        found.append("the rest of the face is called still, and it is not")
    if not any(verdict.emotion in sentence.lower() or "verdict" in sentence for sentence in sentences[1:]):
        found.append(NO_REASON)
    if set(causes(text, verdict.emotion)) - set(verdict.carrying):
        found.append("a unit is called a cause that does not carry the verdict")
    if set(read_answer(text).uncertain_emotions) - {verdict.second}:
        found.append("a second emotion is told that the reading does not have")
    if not verdict.weak and sentences[0] in openings(verdict.emotion, weak=True):
        found.append("a clear verdict is called a close one")
    if any(_misjudged(sentence, units) for sentence in sentences):
        found.append("a strength is told that was not measured")
    return found


def _misjudged(sentence: str, units: Mapping[str, float]) -> bool:
    """Whether a clause with one unit tells another strength than the unit's: "strongly" of a slight one."""
    for part in _CLAUSE.split(sentence.lower()):
        told = {unit for unit in read_answer(part).aus if unit in units}
        words = {word for word, adverbs in phrases.ADVERBS.items() if any(a and f" {a} " in part for a in adverbs)}
        if len(told) == 1 and words and strength_word(units[told.pop()]) not in words:
            return True
    return False


def _repeats(numbers: Sequence[str]) -> bool:
    return len(set(numbers)) < len(numbers)


def agree(text: str, verdict: Verdict, units: Mapping[str, float], seed: int = 0) -> tuple[str, Consistency]:
    """Check an explanation against its reading and mend it.

    Sentences that claim anything against the reading go. If what is left does not name the emotion, or has `faults`,
    the explanation is composed from the FACS tables instead, the same for the same reading and seed. Returns the text
    to show and what was found; `repaired` counts the sentences that went.
    """
    before = read_answer(text)
    unsupported = tuple(unit for unit in before.aus if unit not in units)
    sentences = sentences_of(text)
    kept = [sentence for sentence in sentences if harmless(sentence, verdict.emotion, units)]
    mended = " ".join(kept)
    if not kept or not _fits(mended, verdict.emotion, units) or faults(mended, verdict, units):
        mended, kept = explain(verdict, units, Random(f"{verdict} {sorted(units)} {seed}")), []
    repaired = 0 if kept and len(kept) == len(sentences) else max(len(sentences) - len(kept), 1)
    shown = text if not repaired else mended
    return shown, Consistency(_fits(shown, verdict.emotion, units), repaired, unsupported, before.emotion)


def _fits(text: str, emotion: str, units: Mapping[str, float]) -> bool:
    """A finished text that names the emotion and claims nothing against the reading."""
    return harmless(text, emotion, units) and read_answer(text).emotion == emotion


def harmless(text: str, emotion: str, units: Mapping[str, float]) -> bool:
    """Ends as a sentence does, and no mention in it goes against the reading.

    Each mention is judged by itself: said once and taken back later, a false claim is still one.
    """
    if text.rstrip()[-1:] not in {".", "!", "?"} or (read_answer(text).none_aus and units):
        return False
    return not unsupported_claims(text, emotion, units)
