"""The one reader of free text: which emotions and action units an answer asserts, denies or leaves open.

Everything in the package that turns words into labels comes through here. Numbers, names, muscles and plain
words are read, word by word and never as substrings: "nose" holds no negation, AU12 no AU1. What the words
mean is in lexicon.py, what stands around them in cues.py
and polarity.py.

Choices, where language leaves room:
- A weak claim ("a hint of", "slight", "trace of", "most likely", "appears") is a claim.
- "might", "possibly", "could be", "hard to say", "X or Y", questions and hypotheses leave a value uncertain.
- A value with a number ("AU4: 0.2", "AU12=3") is asserted from 0.5 on, and denied below.
- Asserted once and denied once is contradictory, so uncertain; asserted or denied beats uncertain.
- A smile is AU12, not happiness; "neutral" said of a part of the face is not the emotion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from feallm.facs.cues import ASSERTED, DENIED, UNCERTAIN
from feallm.facs.lexicon import FILLERS, PARTS, word_set
from feallm.facs.polarity import polarities
from feallm.facs.scan import Hit, Word, find_hits, split_words


@dataclass(frozen=True)
class Mention:
    """One value named in a text, at characters [start, end)."""

    kind: str  # "emotion" | "au"
    value: str
    start: int
    end: int
    polarity: str  # "asserted" | "denied" | "uncertain"


@dataclass(frozen=True)
class Answer:
    """What a text says. Emotions in order of appearance, units in numeric order; no value is in two lists.

    `emotion` is the single verdict, or None where the text gives none or several: never a default.
    """

    text: str
    emotions: tuple[str, ...]
    denied_emotions: tuple[str, ...]
    uncertain_emotions: tuple[str, ...]
    aus: tuple[str, ...]
    denied_aus: tuple[str, ...]
    uncertain_aus: tuple[str, ...]
    none_aus: bool  # the text says that no action unit is present
    emotion: str | None
    out_of_set_emotions: tuple[str, ...] = ()  # asserted, but not in the label set


_ADVERBS = r"(?:(?:\w+ly|most|very|quite|rather|best|a|an|the|that|one|of|as|to|be|described|probably)\s+)*"
_LABELLED = re.compile(
    r"(?:expression|emotion|label|answer|verdict|category|class|prediction|classification|feeling|mood|state)s?\b"
    r"[\"'*]*(?:\s+(?!is\b|was\b|reads?\b|not\b)[\w'-]+){0,6}?\s*(?:\)\s*)?[\"'*]*\s*"
    r"(?:(?:is|was|reads|remains|would\s+be)\b|[:=]|->|→)[\s\"'*\[]*" + _ADVERBS + r"[\"'*]*$",
    re.IGNORECASE,
)
_CLAIMED = re.compile(
    r"\b(?:shows?|showing|is|are|was|looks?|looking|displays?|displaying|conveys?|conveying|express(?:es|ing)?"
    r"|indicat(?:es?|ing)|suggest(?:s|ing)?|signal(?:s|ling)?|feels?|feeling|appears?|seems?|reflects?|reads?"
    r"|(?:classified|labell?ed|categori[sz]ed|recogni[sz]ed|identified|rated|coded|read|reads)\s+as"
    r"|consistent\s+with|points?\s+to|experiencing|portrays?|depicts?|reveals?)\s+"
    r"(?:(?:\w+ly|a|an|the|clear|clearly|strong|mild|slight|genuine|very|quite|signs?|look|expression|feelings?"
    r"|emotion|state|hint|trace|sense|of|to|be|like|as|with|being|some|rather|person|somewhat)\s+)*[\"'*]*$",
    re.IGNORECASE,
)
_FACE_NOUNS = frozenset({"expression", "face", "look", "emotion", "facial"})
_REST = re.compile(
    r"(?:\brest\s+of\s+(?:the|his|her|their)\s+(?:\w+\s+)?face|\botherwise|\b(?:upper|lower|other)\s+"
    r"(?:face|half|part|parts|features))\s*(?:(?:is|are|looks?|remains?|stays?|appears?)\s*)?$",
    re.IGNORECASE,
)
_NEUTRAL_THINGS = PARTS | word_set(
    "position state baseline resting rest alignment background tone lighting point pose gaze head forehead"
)
_UNITS = r"(?:facial\s+)?(?:action\s+units?|aus?\b|muscle\s+(?:movements?|activity|actions?)|movements?\b)"
_UNIT_WORDS = ("au", "unit", "muscle", "movement", "none")
"""One of these stands in whatever `_NO_UNITS` matches."""
_NO_UNITS = re.compile(
    r"\b(?:no|without(?:\s+any)?|zero|none\s+of|not?\s+(?:show|have|display|see)\s+any|absence\s+of(?:\s+any)?"
    r"|lack\s+of(?:\s+any)?|n[’']t\s+(?:show|have|display|see)\s+any)\s+"
    r"(?:(?:visible|clear|active|significant|specific|noticeable|notable|particular|detectable|the|any|evident"
    r"|coded|discernible|obvious|of|facial)\s+)*" + _UNITS + r"(?![\s#_-]*\d)"
    r"|\b(?:action\s+units?|aus?)\b[\"']?\s*(?:present|active|detected|shown)?\s*(?:[:=]|are|is)\s*[\"'\[({]*\s*"
    r"(?:none\b|nil\b|no\b(?!\s*\w)|\])"
    r"|^[\W_]*none(?:\s+(?:is|are)\s+(?:present|active|visible))?[\W_]*$",
    re.IGNORECASE,
)


def _says_no_units(text: str) -> bool:
    small = text.lower()
    return any(word in small for word in _UNIT_WORDS) and _NO_UNITS.search(text) is not None


def _behind(words: Sequence[Word], at: int) -> Word | None:
    """Return the last word before `at` that is no filler."""
    while at > 0:
        at -= 1
        word = words[at]
        if not (word.text in FILLERS or (word.text.endswith("ly") and len(word.text) > 4)):
            return word
    return None


def _is_label(text: str, words: Sequence[Word], hit: Hit) -> bool:
    """Whether an emotion word is meant as one: not "neutral brow", "Sadly, the picture is dark"."""
    word = words[hit.first]
    following = words[hit.last] if hit.last < len(words) else None
    if word.text in {"sadly", "happily"}:
        return following is None or following.text != ","
    if word.text not in {"neutral", "calm"} or hit.last - hit.first > 1:
        return True
    if following is not None and {following.key, following.text} & _NEUTRAL_THINGS:
        return False
    before = _behind(words, hit.first)
    if before is not None and {before.key, before.text} & _NEUTRAL_THINGS:
        return False
    return _REST.search(text[max(0, word.start - 60) : word.start]) is None


def _read(text: str) -> tuple[list[Word], list[Hit], list[str]]:
    words = split_words(text)
    hits = [hit for hit in find_hits(words) if hit.meaning.kind != "emotion" or _is_label(text, words, hit)]
    return words, hits, polarities(words, hits)


def _mentions(words: Sequence[Word], hits: Iterable[Hit], found: Iterable[str]) -> list[Mention]:
    return [
        Mention(hit.meaning.kind, value, words[hit.first].start, words[hit.last - 1].end, polarity)
        for hit, polarity in zip(hits, found, strict=True)
        for value in hit.meaning.values
    ]


@lru_cache(maxsize=512)  # a check asks the same few sentences again and again
def _mentioned(text: str) -> tuple[Mention, ...]:
    return tuple(_mentions(*_read(text)))


def mentions(text: str) -> list[Mention]:
    """Return every value the text names, in order, each with its characters and its polarity."""
    return list(_mentioned(text))


def _settle(named: Iterable[Mention]) -> dict[str, str]:
    """Give each value one polarity, in order of first appearance."""
    seen: dict[str, set[str]] = {}
    for mention in named:
        seen.setdefault(mention.value, set()).add(mention.polarity)
    return {
        value: UNCERTAIN
        if {ASSERTED, DENIED} <= found or found == {UNCERTAIN}
        else ASSERTED
        if ASSERTED in found
        else DENIED
        for value, found in seen.items()
    }


def _with(settled: dict[str, str], polarity: str) -> tuple[str, ...]:
    return tuple(value for value, found in settled.items() if found == polarity)


def _weight(text: str, mention: Mention) -> int:
    """Return how explicit a claim is: 3 a labelled verdict, 2 "shows X", 1 a word in passing."""
    before = text[max(0, mention.start - 90) : mention.start]
    sentence = re.split(r"[.!?;\n]", before)[-1]
    after = re.match(r"[^.!?;,\n]*", text[mention.end :])
    alone = not re.search(r"\w", sentence) and not re.search(r"\w", after[0] if after else "")
    if alone or _LABELLED.search(sentence):
        return 3
    following = re.match(r"[\s\"'*]*(\w+)", text[mention.end :])
    if _CLAIMED.search(sentence) or (following and following[1].lower() in _FACE_NOUNS):
        return 2
    return 1


def _verdict(text: str, named: Sequence[Mention], asserted: Sequence[str]) -> str | None:
    """Return the one emotion the text settles on, or None."""
    if len(asserted) < 2:
        return asserted[0] if asserted else None
    weights: dict[int, set[str]] = {}
    for mention in named:
        if mention.kind == "emotion" and mention.polarity == ASSERTED and mention.value in asserted:
            weights.setdefault(_weight(text, mention), set()).add(mention.value)
    top = max(weights)
    return next(iter(weights[top])) if top > 1 and len(weights[top]) == 1 else None


def read_answer(text: str, label_set: Sequence[str] | None = None) -> Answer:
    """Read a text. With `label_set`, asserted emotions outside it go to `out_of_set_emotions`.

    A verdict outside the label set leaves `emotion` None.
    """
    named = mentions(text)
    emotions = _settle(mention for mention in named if mention.kind == "emotion")
    units = dict(sorted(_settle(mention for mention in named if mention.kind == "au").items()))
    asserted = _with(emotions, ASSERTED)
    verdict = _verdict(text, named, asserted)
    inside = asserted if label_set is None else tuple(value for value in asserted if value in label_set)
    aus = _with(units, ASSERTED)
    return Answer(
        text=text,
        emotions=inside,
        denied_emotions=_with(emotions, DENIED),
        uncertain_emotions=_with(emotions, UNCERTAIN),
        aus=aus,
        denied_aus=_with(units, DENIED),
        uncertain_aus=_with(units, UNCERTAIN),
        none_aus=not aus and _says_no_units(text),
        emotion=verdict if verdict in inside else None,
        out_of_set_emotions=tuple(value for value in asserted if value not in inside),
    )
