"""The words that turn a claim: negations, doubts, hypotheses, and what may follow a hit.

`Tail` reads what stands after a hit ("is absent", ": 0"), `Scope` keeps what stands before it ("no sign of").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from feallm.facs.lexicon import VERBS, word_set
from feallm.facs.scan import Word

ASSERTED, DENIED, UNCERTAIN = "asserted", "denied", "uncertain"

ENDS = frozenset({".", "!", "?", ";", "\n"})
BREAKS = word_set(
    "but however while whereas although though yet because since therefore thus hence despite so "
    "instead whilst nevertheless nonetheless"
)
_NEGATORS = word_set(
    "not no never without neither nor lack lacks lacking absence cannot fail fails failed failing none "
    "nothing exclude excludes excluding unlike opposed devoid free missing against unlikely contradicts "
    "zero hardly absent nowhere"
)
_RULES = frozenset({"rule", "rules", "ruling"})
_UNDONE = word_set("without lack lacks lacking absence missing absent fail fails exclude unlike")
"""Negations that another one right before them undoes: "not without", "no lack of"."""
_HEDGES = word_set(
    "may might could maybe perhaps possibly possible unclear uncertain unsure ambiguous whether doubtful "
    "questionable confused mistaken mistake hard difficult potentially conceivably"
)
HYPOTHESES = word_set("would if unless hypothetically suppose imagine needed required needs requires should")
CONDITIONS = word_set("if unless without suppose imagine with were had provided should")
_EXCEPTIONS = word_set("except besides apart beyond only presence")
PURPOSE = re.compile(
    r"\b(?:(?<!speaks )(?<!speak )(?<!stands )(?<!argues )for|to (?:suggest|indicate|show|signal|support"
    r"|make|express|convey)|typical|characteristic|expected|associated|needed|required|indicating|suggesting|showing"
    r"|signalling)\b"
)
"""Words that tie an emotion to a unit just denied without claiming it: "no AU4 to suggest anger"."""
_DISTINGUISHERS = word_set(
    "distinguish distinguishes distinguishing distinguished separate separates separating separated differ "
    "differs differing different tell tells telling discriminates discriminating differentiates "
    "differentiate set sets setting"
)
_COMPARATIVES = frozenset({"more", "closer", "better", "likelier"})
FINITE = VERBS | word_set(
    "suggests suggest indicates indicate gives give makes make displays display conveys convey points point "
    "signals signal reads read expresses express fits fit supports support reveals reveal means mean "
    "confirms confirm 's it's"
)
CUES = (
    ENDS | BREAKS | _NEGATORS | _RULES | _HEDGES | _EXCEPTIONS | _DISTINGUISHERS | _COMPARATIVES | FINITE
    | {"instead", "rather", "other", "than", "from", ",", "and"}
)  # fmt: skip
"""What `Scope.read` heeds, beside words with the key "not"."""
_SINGULAR = frozenset({"is", "was", "isn't", "wasn't", "has", "hasn't", "does", "doesn't", "remains", "appears"})

_PRESENT = word_set(
    "present active activated visible seen shown showing detected evident observed there found on yes true "
    "apparent engaged noticeable displayed indicated supported identified coded scored involved contracted "
    "expressed exhibited discernible recognizable raised"
)
_ABSENT = word_set(
    "absent missing lacking inactive inactivated none undetected invisible unseen false off no unlikely excluded ruled"
)
_DOUBTED = word_set("unclear uncertain questionable doubtful ambiguous possible less")
_POST_FILLERS = word_set(
    "is are was were be been being am both all also either here which does do did to can appear appears seem "
    "seems remain remains has have itself themselves intensity level score value probability equals at "
    ": = - – — ( ) [ ] 's any actually at all out currently today that really"
)
_CLOSERS = ENDS | BREAKS | frozenset({",", ")", "]", "}", "and", "or", "in", "on", "at", "here", "(", "from"})


@dataclass(slots=True)
class Tail:
    """What follows a hit: the verdict on it, if any, and the words used up by it."""

    verdict: str | None = None
    used: range = range(0)
    singular: bool = False
    bracketed: bool = False


def _number(word: Word) -> float | None:
    try:
        return float(word.text)
    except ValueError:
        return None


def _closes(words: Sequence[Word], at: int) -> bool:
    return at >= len(words) or words[at].text in _CLOSERS


def _past_relative_clause(words: Sequence[Word], at: int) -> int:
    """Skip ", which would mean disgust," where the verb of the main clause follows it."""
    if [word.text for word in words[at : at + 2]] != [",", "which"]:
        return at
    for index in range(at + 2, min(at + 15, len(words) - 1)):
        if words[index].text in ENDS:
            break
        if words[index].text == "," and words[index + 1].text in VERBS:
            return index + 1
    return at


def read_tail(words: Sequence[Word], at: int, starts: frozenset[int]) -> Tail:
    """Read what follows a hit that ends before word `at`: "is not present", ": 0", "(absent)"."""
    at = _past_relative_clause(words, at)
    begin, negated, hedged = at, False, False
    tail = Tail()
    while at < len(words) and at - begin < 9 and at not in starts:
        word = words[at]
        tail.singular = tail.singular or word.text in _SINGULAR
        tail.bracketed = tail.bracketed or word.text == "("
        value = _number(word)
        if word.key == "not" or word.text == "never":
            negated = True
        elif word.text in {"may", "might", "could", "possibly", "perhaps", "maybe"}:
            hedged = True
        elif word.text in _ABSENT:
            if word.text == "no" and not _closes(words, at + 1):
                break
            tail.verdict = ASSERTED if negated else DENIED
            if hedged or (negated and word.text in {"ruled", "excluded"}):
                tail.verdict = UNCERTAIN
        elif word.text in _PRESENT:
            tail.verdict = UNCERTAIN if hedged else DENIED if negated else ASSERTED
        elif word.text in _DOUBTED:
            tail.verdict = UNCERTAIN
        elif value is not None:
            if at + 1 < len(words) and words[at + 1].text == "%":
                value /= 100
            tail.verdict = ASSERTED if value >= 0.5 else DENIED
        elif not (
            word.text in _POST_FILLERS
            or (word.text.endswith("ly") and len(word.text) > 4)
            or (word.text == "," and at + 1 < len(words) and words[at + 1].text == "which")
        ):
            break
        at += 1
        if tail.verdict is not None:
            tail.used = range(begin, at)
            return tail
    if negated and at not in starts and _closes(words, at):
        tail.verdict, tail.used = DENIED, range(begin, at)
    return tail


class Scope:
    """The negation or doubt in force while a text is read from left to right."""

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.apart = ""  # "before" | "between" | "after": "distinguishes fear from surprise"
        self.contrasted = -1
        self.comparing = self.versus = False  # "more surprise", "... than fear"
        self.negator = -9  # where the last negation stood
        self.clear()

    def clear(self) -> None:
        self.negated = self.hedged = False
        self.spent = False  # a hit has been met
        self.fresh = False  # a new cue has been read since that hit
        self.comma = self.joined = False
        self.reference = False

    def spend(self) -> None:
        self.spent, self.fresh = True, False
        self.comma = self.joined = self.reference = False

    def links(self) -> set[str]:
        """Return the connectors read since the cue in force."""
        return ({","} if self.comma else set()) | ({"and"} if self.joined else set())

    def _next(self, at: int) -> str:
        return self.words[at + 1].text if at + 1 < len(self.words) else ""

    def _excepts(self, at: int) -> bool:
        text = self.words[at].text
        if text == "apart" and self.apart:
            return False
        return text in _EXCEPTIONS or (text, self._next(at)) == ("other", "than")

    def _cue(self, at: int, *, negated: bool = False, hedged: bool = False) -> None:
        if self.spent:
            self.clear()
            self.spent = self.fresh = True
        elif negated and self.negated and at - self.negator <= 2 and self.words[at].text in _UNDONE:
            self.negated = False  # "not without", "no lack of"
            return
        if negated:
            self.negator = at
        self.negated = self.negated or negated
        self.hedged = self.hedged or hedged
        self.comma = self.joined = False

    def read(self, at: int) -> None:
        """Read one word that belongs to no hit."""
        word = self.words[at]
        text = word.text
        self.comparing = self.comparing or text in _COMPARATIVES
        if text in ENDS:
            self.clear()
            self.apart, self.contrasted = "", -1
            self.comparing = self.versus = False
        elif text in {"instead", "rather"} and self._next(at) in {"of", "than"}:
            self._cue(at, negated=True)
        elif text in BREAKS or self._excepts(at):
            self.clear()
        elif text in _HEDGES:
            self._cue(at, hedged=True)
        elif text == "than" and self.comparing:
            self.versus = True
        elif word.key == "not" or text in _NEGATORS or (text in _RULES and self._next(at) == "out"):
            self._cue(at, negated=True)
        elif text in _DISTINGUISHERS:
            self.apart = "before"
        elif text == "from" and self.apart:
            between = self.apart == "between"
            self.apart = "after" if between else ""
            self._cue(at, negated=not between, hedged=between)
        elif text == ",":
            self.comma = True
        elif text == "and":
            self.joined = True
        elif text in FINITE and (self.comma or self.joined or (self.spent and not self.fresh)):
            self.clear()
