"""Whether a sentence is one that the tables of composed answers could have written; garbled words are none.

Words of a small language model go wrong in ways that no reader of claims sees: "It gor along with", "a lowered upper
lip". A template and the phrases of its gaps are both finite, so the whole sentence can be compared.
"""

import re
from collections.abc import Sequence
from functools import cache

from feallm.facs import phrases, replies
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.regions import AT_AREAS
from feallm.facs.wording import capital

STILLNESS = (*phrases.AT_REST, *phrases.STILL_REMARKS)
MOVEMENTS = (*AT_AREAS, *phrases.PAIRS, *phrases.SINGLES)
UNIT = (*replies.YES, *replies.NO)
_UNITS = re.compile(r"\bau\d+(?:, au\d+)*(?: and au\d+)?\b")
_LISTS = re.compile(r"§s(?:, §s)*(?: and §s)?")
_ADVERB = re.compile(
    rf"\b(are|is) (?:{'|'.join(sorted({each for many in phrases.ADVERBS.values() for each in many if each}))}) "
)
_MARKS = {"a": "§a", "A": "§a", "b": "§a", "signs": "§s", "units": "§u", "unit": "§u"}


def written(sentence: str, templates: Sequence[str], emotion: str = "", other: str = "", area: str = "") -> bool:
    """Whether one of the templates, filled with phrases of the FACS tables, gives the sentence.

    `emotion`, `other` and `area` fill the gaps of those names.
    """
    gaps = {"noun": emotion, "Noun": capital(emotion), "other": other, "Other": capital(other), "area": area}
    return _skeleton(sentence) in {template.format(**_MARKS, **gaps).lower() for template in templates}


def _skeleton(sentence: str) -> str:
    """The sentence with a mark for each clause, each list of signs, and each list of units."""
    plain = _ADVERB.sub(r"\1 ", sentence.lower())
    clauses, signs = _phrases()
    marked = _UNITS.sub("§u", signs.sub("§s", clauses.sub("§a", plain)))
    return _LISTS.sub("§s", marked)


@cache
def _phrases() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Clauses with the number of their own unit, and signs; the longest first, so that none hides in another."""
    clauses = {
        rf"{re.escape(clause)} \({unit.short.lower()}\b(?:, {re.escape(unit.muscles[0] if unit.muscles else '')})?\)"
        for unit in ACTION_UNITS.values()
        for clause in unit.clauses
    }
    signs = {re.escape(sign) for unit in ACTION_UNITS.values() for sign in unit.signs}
    return _any_of(clauses), _any_of(signs)


def _any_of(patterns: set[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(sorted(patterns, key=len, reverse=True))})(?!\w)")
