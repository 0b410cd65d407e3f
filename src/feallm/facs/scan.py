"""Text -> words -> hits: where a text names an emotion or an action unit, before its polarity is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.lexicon import FILLERS, PARTS, TRIE, VERBS, Meaning, Node, key_of

_TOKEN = re.compile(
    r" *(?:(?P<au>(?i:(?<![A-Za-z0-9])(?:AUs?|action\s+units?)(?:\s+numbers?)?[\s_:#=\-\"'\[(]{0,6}"
    r"[LRTB]?0*(?P<number>\d{1,2})(?:_[rc])?[LRTB]?[A-E]?(?![A-Za-z0-9]|\.\d)))"
    r"|(?P<value>(?i:(?<![A-Za-z0-9])[LRTB]?\d+(?:\.\d+)?[A-E]?(?![A-Za-z0-9])))"
    r"|(?P<word>\b(?i:e\.g\.|i\.e\.)|[^\W\d_]+(?:['’´][^\W\d_]+)?)"
    r"|(?P<mark>[.!?;:,()\[\]{}+/&=%\n\-–—]))"
)
_LISTED = re.compile(r"[LRTB]?0*(\d{1,2})[A-E]?", re.IGNORECASE)
_COUNTED = re.compile(
    r"[\s-]*(?:%|years?\b|yrs?\b|percent\b|people\b|persons?\b|faces?\b|images?\b|others?\b|more\b|of\b"
    r"|action\b|aus?\b|seconds?\b|frames?\b|[=:]?\s*\d)",
    re.IGNORECASE,
)
_CONNECTORS = frozenset({",", "and", "or", "nor", "+", "/", "&"})
LIST_WORDS = _CONNECTORS | {"(", ")", '"', "[", "]", "as", "well", "either", "neither", "any", "then"}

NEGATORS_INSIDE = frozenset({"not", "never", "neither", "no", "hardly", "barely"})
HEDGES_INSIDE = frozenset({"may", "might", "could", "possibly", "perhaps", "maybe"})


class Word(NamedTuple):
    """One token: its lower-case text, its key in the lexicon, its characters, and its unit number if any.

    A named tuple, since there is one for every word that is read, and it is made in a third of a dataclass's time.
    """

    text: str
    key: str
    filler: bool  # it carries no meaning of its own
    passed: bool  # it may stand inside a phrase: a filler, a negation, a doubt
    start: int
    end: int
    unit: int = -1  # AU number, -1 for any other token


@dataclass(slots=True)
class Hit:
    """A phrase found: the words [first, last), its meaning, and what stands inside it."""

    first: int
    last: int
    meaning: Meaning
    negated: bool = False
    hedged: bool = False
    clausal: bool = False  # it holds its own verb: "the brows are raised"
    subject: Node | None = None  # where a coordinated second half would go on: "... and drawn together"


def split_words(text: str) -> list[Word]:
    """Return the tokens of `text`. Numbers that go on a list of units ("AUs 6, 12 and 25") are units."""
    words: list[Word] = []
    listing = False
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        start, end = match.span(kind)
        if kind == "au":
            listing, depth = True, 0
            words.append(Word(*_UNIT, start, end, int(match["number"])))
            continue
        known = _known(match[kind])
        raw = known[0]
        if not listing:
            words.append(Word(*known, start, end))
        elif kind == "value":
            number = _LISTED.fullmatch(raw)
            if number and words[-1].text in _CONNECTORS and not _COUNTED.match(text, end):
                words.append(Word(*_UNIT, start, end, int(number[1])))
            else:
                words.append(Word(*known, start, end))
        else:
            words.append(Word(*known, start, end))
            depth += {"(": 1, ")": -1}.get(raw, 0)
            listing = depth > 0 or raw in _CONNECTORS or raw in ")("
    return words


@lru_cache(maxsize=8192)
def _known(token: str) -> tuple[str, str, bool, bool]:
    """The first four fields of a token's `Word`."""
    text = token.lower().replace("’", "'").replace("´", "'")
    key = "the" if text in ("e.g.", "i.e.") else key_of(text)
    filler = text in FILLERS or (len(text) > 4 and text.endswith("ly"))
    return text, key, filler, filler or text == ":" or key in NEGATORS_INSIDE or text in HEDGES_INSIDE


_UNIT = ("au", "", False, False)


def _walk(words: list[Word], at: int, node: Node) -> tuple[int, Meaning, list[int]] | None:
    """Follow the trie from `node` at word `at`; return the longest phrase's end, meaning and skips."""
    best: tuple[int, Meaning, list[int]] | None = None
    skipped: list[int] = []
    run = 0
    while at < len(words) and run <= 5:
        word = words[at]
        following = node.next.get(word.key) if word.unit < 0 else None
        if following is not None:
            node, run = following, 0
            if node.meaning is not None:
                best = (at + 1, node.meaning, list(skipped))
        elif word.passed:
            skipped.append(at)
            run += 1
        else:
            break
        at += 1
    return best


def _subject(words: list[Word], first: int, last: int) -> Node | None:
    """Return the trie node of a phrase's leading half: its parts ("lip corners") or its states ("raised")."""
    node: Node | None = None
    head_is_part = words[first].key in PARTS
    for word in words[first:last]:
        following = (node or TRIE).next.get(word.key)
        if (word.key in PARTS) != head_is_part and not word.filler:
            break
        if following is not None:
            node = following
    return node


def _phrase(words: list[Word], at: int) -> Hit | None:
    if words[at].key not in TRIE.next:
        return None
    found = _walk(words, at, TRIE)
    if found is None:
        return None
    last, meaning, skipped = found
    hit = Hit(at, last, meaning)
    _mark_inside(hit, words, skipped)
    if meaning.kind == "au" and last - at > 1:
        hit.subject = _subject(words, at, last)
    return hit


def _mark_inside(hit: Hit, words: list[Word], skipped: list[int]) -> None:
    for index in skipped:
        hit.negated = hit.negated or words[index].key in NEGATORS_INSIDE
        hit.hedged = hit.hedged or words[index].text in HEDGES_INSIDE
        hit.clausal = hit.clausal or words[index].text in VERBS or words[index].key == "not"


def _coordinated(words: list[Word], previous: Hit) -> Hit | None:
    """Return the second half of "the brows are raised and drawn together", if there is one."""
    at = previous.last
    while at < len(words) and words[at].text in {",", "and", "or", "nor", "but", "then"}:
        at += 1
    if at == previous.last or at >= len(words) or previous.subject is None:
        return None
    start = at
    while at < len(words) and words[at].filler and words[at].key not in previous.subject.next:
        at += 1
    if at >= len(words) or words[at].key not in previous.subject.next:
        return None
    own = _phrase(words, at)
    found = _walk(words, at, previous.subject)
    if found is None or (own is not None and own.last >= found[0]):
        return None
    links = {word.text for word in words[previous.last : start]}
    hit = Hit(at, found[0], found[1], hedged=previous.hedged, subject=previous.subject)
    hit.negated = previous.negated and "but" not in links
    hit.clausal = previous.clausal and not previous.negated
    return hit


def find_hits(words: list[Word]) -> list[Hit]:
    """Return the phrases and numbered units of a text, in order, without overlaps."""
    hits: list[Hit] = []
    at = 0
    while at < len(words):
        hit: Hit | None = None
        if words[at].unit >= 0:
            unit = f"AU{words[at].unit:02d}"
            hit = Hit(at, at + 1, Meaning("au", (unit,) if unit in ACTION_UNITS else ()))
        else:
            hit = _phrase(words, at)
        if hit is None:
            at += 1
            continue
        hits.append(hit)
        at = hit.last
        while (more := _coordinated(words, hits[-1])) is not None:
            at = more.last
            if more.meaning.values == hits[-1].meaning.values and more.negated == hits[-1].negated:
                hits[-1].last = at
            else:
                hits.append(more)
    return hits
