"""Verifiable rewards: what an answer says, read by the one reader, against what is true of the face.

Each reward is a pure function of a text and its `Truth`, and lies in 0..1. Rewards of what is said (emotion, units,
faithfulness, causes) weigh most; those of how it is said (format, length, repetition) keep the words usable. Label and
AU rewards follow Facial-R1 (arXiv 2511.10254), causes and faithfulness are the project's own.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import Field

from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes, sentences_of
from feallm.settings import Strict

_WORD = re.compile(r"[\w'-]+")
_NUMBER = re.compile(r"\bAU\s?\d+", re.IGNORECASE)
_PIECES = re.compile(r"[,;\n]|\band\b")
_ENDS = (".", "!", "?")
LENGTHS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"emotion": (1, 3), "aus": (1, 60), "reason": (10, 150), "unaided": (10, 150), "expression": (3, 90)}
    | {"movements": (2, 220)}
)
"""Family -> the fewest and the most words that an answer of it needs."""


@dataclass(frozen=True)
class Truth:
    """What an answer of one question is held against.

    `emotion` of `classes` and `units` are right (by the labels, else by the head); `shown` are the units in the head's
    evidence; `carrying` those whose removal lowers the verdict, None where the causes cannot be judged.
    """

    family: str
    question: str
    emotion: str
    classes: tuple[str, ...]
    units: frozenset[str]
    shown: frozenset[str]
    carrying: tuple[str, ...] | None = None


Reward = Callable[[str, Truth], float]


def emotion_reward(text: str, truth: Truth) -> float:
    """1 for the right label and no other; every further one that is asserted divides it. 0 where none is settled on."""
    answer = read_answer(text, truth.classes)
    named = len(answer.emotions) + len(answer.out_of_set_emotions)
    return 1.0 / named if answer.emotion == truth.emotion else 0.0


def units_reward(text: str, truth: Truth) -> float:
    """F1 of the asserted units; a right one that is denied counts as a miss twice. 1 where there is none and none is
    asserted, if anything is said at all."""
    answer = read_answer(text)
    if not _words(text):
        return 0.0
    return _f1(set(answer.aus), truth.units, len(truth.units & set(answer.denied_aus)))


def faithfulness_reward(text: str, truth: Truth) -> float:
    """Share of the claims about units that the evidence bears out: those asserted, and those denied that it shows.

    Each mention is judged by itself: said once and taken back later, a false claim is still one. Without any claim 0
    where the evidence shows units, else 1.
    """
    said = [mention for mention in mentions(text) if mention.kind == "au"]
    asserted = {mention.value for mention in said if mention.polarity == "asserted"}
    denied = {mention.value for mention in said if mention.polarity == "denied"} & truth.shown
    if not asserted and not denied:
        return float(bool(_words(text)) and not truth.shown)
    return len(asserted & truth.shown) / (len(asserted) + len(denied))


def causal_reward(text: str, truth: Truth) -> float:
    """F1 of the units that the text gives as causes against those that an intervention bears out.

    Where no single unit carries the verdict, 1 for a text that names the emotion and no cause.
    """
    named = set(causes(text, truth.emotion))
    if truth.emotion not in read_answer(text).emotions:
        return 0.0
    return _f1(named, frozenset(truth.carrying or ()))


def format_reward(text: str, truth: Truth) -> float:
    """Whether the answer has the form that its question asks for.

    A closed set: one short label. A list: every piece of it names a unit, or it says that there is none. A reason or an
    expression: the emotion first, then sentences that end. Movements: sentences that end and name units. A question,
    or the question again, is no answer.
    """
    if not _words(text) or "?" in text or _echoes(text, truth.question):
        return 0.0
    sentences = sentences_of(text)
    if truth.family == "emotion":
        return float(len(_words(text)) <= LENGTHS["emotion"][1] and bool(read_answer(text).emotions))
    if truth.family == "aus":
        return _list_form(text)
    if not sentences[-1].endswith(_ENDS):
        return 0.0
    if truth.family == "movements":
        answer = read_answer(text)
        return float(bool(answer.aus or answer.denied_aus) or answer.none_aus)
    return float(len(sentences) > 1 and len(read_answer(sentences[0]).emotions) == 1)


def length_reward(text: str, truth: Truth) -> float:
    """1 between the fewest and the most words of the family; falls to 0 at none, and at twice the most."""
    fewest, most = LENGTHS[truth.family]
    count = len(_words(text))
    return min(count / fewest, 1.0) * min(max(2 - count / most, 0.0), 1.0)


def repetition_penalty(text: str, truth: Truth | None = None) -> float:
    """The share that is new of the sentences, of all three words in a row, and of the units within a sentence; the
    least of the three. 1: nothing is repeated; 0 for an empty text."""
    words = [word.lower() for word in _words(text)]
    if not words:
        return 0.0
    sentences = sentences_of(text.lower())
    each = [_NUMBER.findall(sentence) for sentence in sentences]
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return min(_new(sentences), _new(triples), *(_new(units) for units in each))


REWARDS: Mapping[str, Reward] = MappingProxyType(
    {
        "emotion": emotion_reward,
        "units": units_reward,
        "faithfulness": faithfulness_reward,
        "causes": causal_reward,
        "format": format_reward,
        "length": length_reward,
        "repetition": repetition_penalty,
    }
)
"""Name -> reward, in the order in which they are logged."""

ASKED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "emotion": ("emotion", "format", "length"),
        "aus": ("units", "faithfulness", "format", "length", "repetition"),
        "reason": ("emotion", "faithfulness", "causes", "format", "length", "repetition"),
        "unaided": ("emotion", "faithfulness", "causes", "format", "length", "repetition"),
        "expression": ("emotion", "faithfulness", "format", "length", "repetition"),
        "movements": ("units", "faithfulness", "format", "length", "repetition"),
    }
)
"""Family of questions -> the rewards that its answers can earn."""


class Weights(Strict):
    """How much each reward counts. A reward with the weight 0 is only logged."""

    emotion: float = Field(default=1.0, ge=0)
    units: float = Field(default=1.0, ge=0)
    faithfulness: float = Field(default=1.0, ge=0)
    causes: float = Field(default=1.0, ge=0)
    format: float = Field(default=0.3, ge=0)
    length: float = Field(default=0.1, ge=0)
    repetition: float = Field(default=0.3, ge=0)


class Thresholds(Strict):
    """The least of each reward with which an answer counts as verified."""

    emotion: float = Field(default=1.0, ge=0, le=1)
    units: float = Field(default=0.8, ge=0, le=1)
    faithfulness: float = Field(default=1.0, ge=0, le=1)
    causes: float = Field(default=0.8, ge=0, le=1)
    format: float = Field(default=1.0, ge=0, le=1)
    length: float = Field(default=0.9, ge=0, le=1)
    repetition: float = Field(default=0.9, ge=0, le=1)


def applies(name: str, truth: Truth) -> bool:
    """Whether an answer to this question can earn the reward."""
    return name in ASKED[truth.family] and not (name == "causes" and truth.carrying is None)


def scores(text: str, truth: Truth) -> dict[str, float]:
    """Every reward that applies, by name. Raises KeyError for a family without rewards."""
    return {name: reward(text, truth) for name, reward in REWARDS.items() if applies(name, truth)}


def verified(text: str, truth: Truth, thresholds: Thresholds | None = None) -> bool:
    """Whether every reward that applies reaches its threshold."""
    least = (thresholds or Thresholds()).model_dump()
    return all(value >= least[name] - 1e-9 for name, value in scores(text, truth).items())


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _f1(found: Collection[str], right: Collection[str], extra: int = 0) -> float:
    """2 TP / (2 TP + FP + FN + extra); 1 where both are empty."""
    hit = len(set(found) & set(right))
    wrong = len(set(found) ^ set(right)) + extra
    return 2 * hit / (2 * hit + wrong) if hit + wrong else 1.0


def _list_form(text: str) -> float:
    """Share of the pieces of a list that name units, in a few words each; 1 where the text says that there is none."""
    if read_answer(text).none_aus:
        return 1.0
    pieces = [piece for piece in _PIECES.split(text) if _words(piece)]
    good = [piece for piece in pieces if read_answer(piece).aus and len(_words(piece)) <= 8]
    return len(good) / len(pieces)


def _echoes(text: str, question: str) -> bool:
    """Whether half of the text, in threes of words, stands in the question."""
    said, asked = ([word.lower() for word in _words(each)] for each in (text, question))
    if len(said) < 3:
        return said == asked
    triples = set(zip(asked, asked[1:], asked[2:], strict=False))
    own = list(zip(said, said[1:], said[2:], strict=False))
    return sum(triple in triples for triple in own) >= len(own) / 2


def _new(parts: Sequence[object]) -> float:
    return len(Counter(parts)) / len(parts) if parts else 1.0
