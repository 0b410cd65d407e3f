"""Evidence first: the reading's numbers as the turns the language model must continue, and the check of its words."""

import re
from collections.abc import Collection, Mapping, Sequence
from random import Random

from feallm.analyze.engine import Conversation
from feallm.analyze.reading import Consistency
from feallm.facs.answers import mentions, read_answer
from feallm.facs.wording import explain, list_units
from feallm.prompts import ask

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"\bAU\d+\b")
_IN_BRACKETS = re.compile(r"\((AU\d+)\)")
_STILL = re.compile(r"rest of the face is still|alone this", re.IGNORECASE)


def question(task: str, classes: Sequence[str] = ()) -> Conversation:
    """A conversation of one question, for what the model would say unaided."""
    return [{"role": "user", "content": ask(task, classes)}]


def evidence_conversation(emotion: str, units: Mapping[str, float], classes: Sequence[str]) -> Conversation:
    """The AUs (id -> intensity), then the emotion, as already answered; then the question why."""
    return [
        *question("aus"),
        {"role": "assistant", "content": list_units(units)},
        *question("emotion", classes),
        {"role": "assistant", "content": f"{emotion.capitalize()}."},
        *question("reason"),
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


def faults(text: str, emotion: str, units: Collection[str]) -> list[str]:
    """What is wrong with an explanation in itself, its claims apart: repetition, false stillness, no reason given."""
    sentences = _SENTENCE.split(text.strip())
    found = []
    told = _IN_BRACKETS.findall(text)
    if len(set(told)) < len(told) or any(_repeats(_NUMBER.findall(sentence)) for sentence in sentences):
        found.append("an action unit is told twice")
    still = _STILL.search(text)
    if still and set(read_answer(text[: still.start()]).aus) != set(units):
        found.append("the rest of the face is called still, and it is not")
    if not any(emotion in sentence.lower() or "verdict" in sentence for sentence in sentences[1:]):
        found.append("no reason is given")
    return found


def _repeats(numbers: Sequence[str]) -> bool:
    return len(set(numbers)) < len(numbers)


def agree(text: str, emotion: str, units: Mapping[str, float]) -> tuple[str, Consistency]:
    """Check an explanation against its reading and mend it.

    Sentences that claim anything against the reading go. If what is left does not name the emotion, or has `faults`,
    the explanation is composed from the FACS tables instead, the same for the same reading. Returns the text to show
    and what was found; `repaired` counts the sentences that went.
    """
    before = read_answer(text)
    unsupported = tuple(unit for unit in before.aus if unit not in units)
    sentences = _SENTENCE.split(text.strip()) if text.strip() else []
    kept = [sentence for sentence in sentences if _harmless(sentence, emotion, units)]
    mended = " ".join(kept)
    if not kept or not _fits(mended, emotion, units) or faults(mended, emotion, units):
        mended, kept = explain(emotion, units, Random(f"{emotion} {sorted(units)}")), []
    repaired = 0 if kept and len(kept) == len(sentences) else max(len(sentences) - len(kept), 1)
    shown = text if not repaired else mended
    return shown, Consistency(_fits(shown, emotion, units), repaired, unsupported, before.emotion)


def _fits(text: str, emotion: str, units: Mapping[str, float]) -> bool:
    """A finished text that names the emotion and claims nothing against the reading."""
    return _harmless(text, emotion, units) and read_answer(text).emotion == emotion


def _harmless(text: str, emotion: str, units: Mapping[str, float]) -> bool:
    """Ends as a sentence does, and no mention in it goes against the reading.

    Each mention is judged by itself: said once and taken back later, a false claim is still one.
    """
    if text.rstrip()[-1:] not in {".", "!", "?"} or (read_answer(text).none_aus and units):
        return False
    return not unsupported_claims(text, emotion, units)
