"""Evidence first: the reading's numbers as the turns the language model must continue, and the check of its words."""

from collections.abc import Collection, Mapping, Sequence
from random import Random

from feallm.analyze.engine import Conversation
from feallm.analyze.reading import Consistency
from feallm.analyze.soundness import NO_REASON, faults, omissions
from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes, sentences_of
from feallm.facs.stillness import stilled
from feallm.facs.wording import Verdict, explain, list_units, state_grounds, tell_few, tellable
from feallm.prompts import ask

__all__ = ["NO_REASON", "agree", "evidence_conversation", "faults", "harmless", "question", "unsupported_claims"]


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
        {"role": "assistant", "content": list_units(tellable(units))},
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


def agree(text: str, verdict: Verdict, units: Mapping[str, float], seed: int = 0) -> tuple[str, Consistency]:
    """Check an explanation against its reading and mend it.

    Sentences that claim anything against the reading go. If what is left does not name the emotion, or has `faults` or
    `omissions`, the explanation is composed from the FACS tables instead, the same for the same reading and seed. That
    a cause had few training examples is added where it is not said. Returns the text to show and what was found;
    `repaired` counts the sentences that went.
    """
    before = read_answer(text)
    unsupported = tuple(unit for unit in before.aus if unit not in units)
    sentences = sentences_of(text)
    kept = [sentence for sentence in sentences if harmless(sentence, verdict.emotion, units)]
    mended = " ".join(kept)
    if not kept or not _sound(mended, verdict, units):
        mended, kept = explain(verdict, units, Random(f"{verdict} {sorted(units)} {seed}")), []
    repaired = 0 if kept and len(kept) == len(sentences) else max(len(sentences) - len(kept), 1)
    shown = _with_caveat(text if not repaired else mended, verdict)
    return shown, Consistency(_fits(shown, verdict.emotion, units), repaired, unsupported, before.emotion)


def _sound(text: str, verdict: Verdict, units: Mapping[str, float]) -> bool:
    fits = _fits(text, verdict.emotion, units)
    return fits and not faults(text, verdict, units) and not omissions(text, verdict, units)


def _with_caveat(text: str, verdict: Verdict) -> str:
    """The text, and which of the causes it tells had few training examples: the model is not asked to know that."""
    told = causes(text, verdict.emotion)
    caveat = tell_few([unit for unit in verdict.few if unit in told])
    return " ".join([text, *(each for each in caveat if each not in text)])


def _fits(text: str, emotion: str, units: Mapping[str, float]) -> bool:
    """A finished text that names the emotion and claims nothing against the reading."""
    return harmless(text, emotion, units) and read_answer(text).emotion == emotion


def harmless(text: str, emotion: str, units: Mapping[str, float]) -> bool:
    """Ends as a sentence does, no mention in it goes against the reading, and no present unit is called at rest.

    Each mention is judged by itself: said once and taken back later, a false claim is still one.
    """
    if text.rstrip()[-1:] not in {".", "!", "?"} or (read_answer(text).none_aus and units):
        return False
    return not unsupported_claims(text, emotion, units) and not stilled(text) & set(units)
