"""Evidence first: the reading's numbers as the turns the language model must continue, and the check of its words."""

import re
from collections.abc import Mapping, Sequence
from random import Random

from feallm.analyze.engine import Conversation
from feallm.analyze.reading import Consistency
from feallm.facs.answers import read_answer
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
    answer = read_answer(text)
    finished = text.rstrip()[-1:] in {".", "!", "?"}
    named = finished and set(answer.emotions) <= {emotion} and answer.emotion == emotion
    nothing_claimed = not answer.none_aus or not units
    return named and nothing_claimed and set(answer.aus) <= set(units) and not set(answer.denied_aus) & set(units)


def _harmless(sentence: str, emotion: str, units: Mapping[str, float]) -> bool:
    answer = read_answer(sentence)
    return (
        set(answer.emotions) <= {emotion}
        and emotion not in answer.denied_emotions
        and set(answer.aus) <= set(units)
        and not set(answer.denied_aus) & set(units)
        and (not answer.none_aus or not units)
        and sentence[-1:] in {".", "!", "?"}
    )
