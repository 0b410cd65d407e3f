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


def agree(text: str, emotion: str, units: Mapping[str, float]) -> tuple[str, Consistency]:
    """Check an explanation against its reading and mend it: bad sentences go; what is left must name the emotion.

    Returns the text to show and what was found. An explanation with nothing usable left is replaced by one composed
    from the FACS tables, the same for the same reading.
    """
    before = read_answer(text)
    unsupported = tuple(unit for unit in before.aus if unit not in units)
    if _fits(text, emotion, units):
        return text, Consistency(True, 0, (), before.emotion)
    sentences = _SENTENCE.split(text.strip()) if text.strip() else []
    kept = [sentence for sentence in sentences if _harmless(sentence, emotion, units)]
    mended = " ".join(kept)
    if not kept or not _fits(mended, emotion, units):
        seed = f"{emotion} {sorted(units)}"
        mended, kept = explain(emotion, units, Random(seed)), []
    repaired = max(len(sentences) - len(kept), 1)
    return mended, Consistency(_fits(mended, emotion, units), repaired, unsupported, before.emotion)


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
