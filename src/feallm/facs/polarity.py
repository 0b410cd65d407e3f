"""Asserted, denied or uncertain: what the words around a hit do to it.

Four things are looked at, in this order of strength. A relative clause that says what the face does with a list of
hits ("one would expect AU4, which this face does not show") decides it. Hypotheses ("it would be fear if ...") and
questions make everything in their clause uncertain. What follows a hit or a list of hits ("is absent", ": 0") decides
it. Otherwise a negation or a doubt before it ("no sign of", "rather than", "might be") reaches the first hit
after it and the list that hit opens, and ends at "but", "while", "because", a full stop, or a new verb.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from feallm.facs.cues import (
    ASSERTED,
    BREAKS,
    CONDITIONS,
    CUES,
    DENIED,
    ENDS,
    FINITE,
    HYPOTHESES,
    PURPOSE,
    UNCERTAIN,
    Scope,
    Tail,
    read_tail,
)
from feallm.facs.lexicon import FILLERS
from feallm.facs.scan import LIST_WORDS, Hit, Word

_SUPPOSING = HYPOTHESES | {"wouldn't"}
_FACE = r"(?:(?:th[ei]s?|his|her) (?:face|person|man|woman|picture|expression|one)|he|she|it)"
_ONLY = r"(?:\w+ly |also |even |here )*"
_RELATIVE = re.compile(
    r"(?:\) )?(?:, )?(?:(?:(?P<none>none|neither|not one) of |(?:all|both) of )?which "
    rf"(?:{_FACE} |(?P<be>is|are) |(?=can))"
    rf"|and (?P<other>that is not what) {_FACE} |(?:and|but|yet|though) {_FACE} (?=.* (?:it|them|either|any)\b)){_ONLY}"
    rf"(?P<not>(?:do|does|did|can)(?: not|n't)|cannot|not|lacks?|misses)? ?{_ONLY}"
    r"(?P<verb>shows?|has|have|displays?|does|(?:be )?(?:seen|shown|found|present|there|visible)"
    r"|(?P<absent>absent|missing|lacking))?\b(?(be)(?= here| in th[ei]s? (?:face|picture)|$))"
)
"""What a face does with the hits before it, read from the words that follow them up to the end of the sentence."""


class _Reading:
    """The words and hits of one text, and the polarity of each hit as it becomes known."""

    def __init__(self, words: Sequence[Word], hits: list[Hit]) -> None:
        self.words = words
        self.hits = hits
        self.starts = frozenset(hit.first for hit in hits if hit.meaning.kind)
        self.inside = {index: number for number, hit in enumerate(hits) for index in range(hit.first, hit.last)}
        self.tails = [read_tail(words, hit.last, self.starts) if hit.meaning.kind else Tail() for hit in hits]
        self.used = {index for tail in self.tails for index in tail.used}
        self.gaps: list[set[str]] = [set()] + [
            {word.text for word in words[before.last : hit.first]} for before, hit in pairwise(hits)
        ]
        self.polarity = [ASSERTED] * len(hits)

    def listed(self, number: int) -> bool:
        """Whether hit `number` goes on a list that the hit before it opened or continues."""
        gap = self.gaps[number]
        return (
            number > 0
            and bool(self.hits[number - 1].meaning.kind)
            and all(text in LIST_WORDS or text in FILLERS or text.endswith("ly") for text in gap)
        )

    def same_unit(self, number: int) -> bool:
        """Whether hit `number` names the hit before it once more: "AU6 (cheek raiser)"."""
        before, hit = self.hits[number - 1], self.hits[number]
        return (
            number > 0
            and "(" in self.gaps[number]
            and self.listed(number)
            and bool(set(before.meaning.values) & set(hit.meaning.values))
        )

    def refers(self, number: int) -> bool:
        """Whether an emotion is only what a unit just denied would stand for."""
        if number == 0 or self.polarity[number - 1] != DENIED or self.gaps[number] & (ENDS | BREAKS):
            return False
        before, hit = self.hits[number - 1], self.hits[number]
        gap = " ".join(word.text for word in self.words[before.last : hit.first])
        return (
            (before.meaning.kind, hit.meaning.kind) == ("au", "emotion")
            and "and" not in self.gaps[number]
            and PURPOSE.search(gap) is not None
        )

    def own_clause(self, number: int, gap: set[str]) -> bool:
        """Whether hit `number`, after the words in `gap`, opens a clause after a comma or "and"."""
        if not gap & {",", "and", ")"} or gap & {"or", "nor"}:
            return False
        hit, tail = self.hits[number], self.tails[number]
        if hit.clausal or (tail.verdict == ASSERTED and tail.singular):
            return True
        following = self.words[hit.last].text if hit.last < len(self.words) else ""
        return "and" not in gap and following in FINITE and tail.verdict is None

    def run(self) -> list[str]:
        self._forward()
        self._backward()
        self._hypotheses()
        self._relatives()
        return self.polarity

    def _forward(self) -> None:
        """Carry negations and doubts to the hits after them."""
        scope = Scope(self.words)
        at = 0
        for number, hit in enumerate(self.hits):
            self._pass(at, hit.first, scope)
            if hit.meaning.kind:
                self._take(number, scope)
            at = hit.last

    def _pass(self, start: int, end: int, scope: Scope) -> None:
        """Read the words [start, end), which belong to no hit."""
        for at in range(start, end):
            word = self.words[at]
            if word.text not in CUES and word.key != "not":
                continue
            if at not in self.used:
                scope.read(at)
            elif word.text in ENDS:
                scope.clear()

    def _take(self, number: int, scope: Scope) -> None:
        hit = self.hits[number]
        if self.refers(number):
            scope.clear()
            scope.reference = True
        elif scope.spent and not scope.fresh:
            self._continue(number, scope)
        elif self.own_clause(number, scope.links()):
            scope.clear()
        denied = scope.negated or (scope.versus and hit.meaning.kind == "emotion")
        doubted = scope.hedged or hit.hedged or not hit.meaning.sure
        if hit.negated:
            denied = not denied if scope.negated and not scope.spent else True
        doubted = doubted or scope.reference
        self.polarity[number] = UNCERTAIN if doubted else DENIED if denied else ASSERTED
        if scope.apart == "before" and hit.meaning.kind == "emotion":
            scope.apart = "between"
            scope.contrasted = number
        elif scope.apart == "after":
            if scope.contrasted >= 0:
                self.polarity[scope.contrasted] = UNCERTAIN
            scope.apart, scope.contrasted = "", -1
        scope.spend()

    def _continue(self, number: int, scope: Scope) -> None:
        """Decide whether a scope that has met its first hit still holds at hit `number`."""
        gap = self.gaps[number]
        same_kind = self.hits[number - 1].meaning.kind == self.hits[number].meaning.kind
        if self.same_unit(number):
            scope.negated = self.polarity[number - 1] == DENIED
        elif self.own_clause(number, gap) or not (gap & {"or", "nor"} or (same_kind and self.listed(number))):
            scope.clear()

    def _backward(self) -> None:
        """Apply what follows a list ("AU1 and AU2 are absent") to its members."""
        for number, tail in enumerate(self.tails):
            if tail.verdict is None or tail.verdict == ASSERTED:
                continue
            member = number
            self.polarity[member] = tail.verdict
            while self._reaches_back(member, tail):
                member -= 1
                self.polarity[member] = tail.verdict
        for number in range(1, len(self.hits)):
            if self.same_unit(number) and DENIED in (self.polarity[number - 1], self.polarity[number]):
                self.polarity[number - 1] = self.polarity[number] = DENIED

    def _reaches_back(self, member: int, tail: Tail) -> bool:
        """Whether the words after hit `member` also speak of the hit before it."""
        if member == 0 or not self.listed(member):
            return False
        before, hit = self.hits[member - 1], self.hits[member]
        if before.meaning.kind != hit.meaning.kind or hit.clausal or before.clausal:
            return False
        if self.same_unit(member):
            return True
        if not self.gaps[member]:
            return False
        return not tail.bracketed and (not tail.singular or bool(self.gaps[member] & {"or", "nor"}))

    def _hypotheses(self) -> None:
        """Make every hit in a hypothetical clause, in a question or in an open choice uncertain."""
        said = {word.text for word in self.words}
        if not said.isdisjoint(_SUPPOSING):
            for start, end in _clauses(self.words, self.inside):
                self._suppose(start, end)
        for number in range(1, len(self.hits)):
            before, hit = self.hits[number - 1], self.hits[number]
            gap = self.gaps[number]
            if (
                gap & {"or"}
                and self.listed(number)
                and before.meaning.values != hit.meaning.values
                and self.polarity[number] == self.polarity[number - 1] == ASSERTED
            ):
                self.polarity[number] = self.polarity[number - 1] = UNCERTAIN
        if "?" in said:
            self._questions()

    def _relatives(self) -> None:
        """Decide the list of hits that a relative clause about the face follows: expected, and seen or not."""
        said = {word.text for word in self.words}
        if not said & _SUPPOSING or "?" in said:
            return
        for number, hit in enumerate(self.hits):
            verdict = self._relative(hit.last) if self.polarity[number] == UNCERTAIN else None
            while verdict is not None:
                self.polarity[number] = verdict
                if not self.listed(number) or self.hits[number - 1].meaning.kind != hit.meaning.kind:
                    break
                number -= 1

    def _relative(self, at: int) -> str | None:
        """What the clause that begins at word `at` says of the hits before it; None where it is no such clause."""
        rest = []
        for word in self.words[at : at + 14]:
            if word.text in ENDS:
                break
            rest.append(word.text)
        told = _RELATIVE.match(" ".join(rest))
        if told is None or not (told["not"] or told["verb"]):
            return None
        turns = sum(told[name] is not None for name in ("none", "other", "not", "absent"))
        return DENIED if turns % 2 else ASSERTED

    def _questions(self) -> None:
        """Make every hit in a sentence that ends in a question mark uncertain."""
        question = False
        for index in range(len(self.words) - 1, -1, -1):
            text = self.words[index].text
            if text in ENDS:
                question = text == "?"
            number = self.inside.get(index)
            if number is not None and question:
                self.polarity[number] = UNCERTAIN

    def _suppose(self, start: int, end: int) -> None:
        marks = [
            index for index in range(start, end) if index not in self.inside and self.words[index].text in _SUPPOSING
        ]
        if not marks:
            return
        texts = {self.words[index].text for index in range(start, end) if index not in self.inside}
        if not texts & CONDITIONS:
            start, end = self._narrow(start, end, marks)
        for number, hit in enumerate(self.hits):
            if start <= hit.first < end:
                self.polarity[number] = UNCERTAIN

    def _narrow(self, start: int, end: int, marks: list[int]) -> tuple[int, int]:
        """Return the stretch between commas around `marks`, where the commas of a list do not count."""
        lists = {
            index
            for number in range(1, len(self.hits))
            if self.listed(number)
            for index in range(self.hits[number - 1].last, self.hits[number].first)
        }
        commas = [i for i in range(start, end) if self.words[i].text == "," and i not in lists]
        left = max((comma for comma in commas if comma < marks[0]), default=start)
        right = min((comma for comma in commas if comma > marks[-1]), default=end)
        return left, right


def _clauses(words: Sequence[Word], inside: dict[int, int]) -> list[tuple[int, int]]:
    """Split at full stops and at words such as "but" and "because"."""
    bounds = [0]
    for index, word in enumerate(words):
        instead_of = word.text == "instead" and index + 1 < len(words) and words[index + 1].text == "of"
        if index not in inside and not instead_of and (word.text in ENDS or word.text in BREAKS):
            bounds.append(index + 1)
    return list(zip(bounds, [*bounds[1:], len(words)], strict=True))


def polarities(words: Sequence[Word], hits: list[Hit]) -> list[str]:
    """Return "asserted", "denied" or "uncertain" for each hit."""
    return _Reading(words, hits).run()
