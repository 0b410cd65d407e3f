"""Which action units a text calls at rest: "the cheeks are relaxed" says that nothing lifts them.

Beside `answers.py`, which reads movements that are named; here it is parts of the face.
"""

import re

from feallm.facs.causes import sentences_of
from feallm.facs.replies import AREAS

_REST = re.compile(
    r"\b(?:is|are|stays?|keeps?|holds?|remains?|looks?|lies)(?: (?:all|both|quite|very|fully|wholly|completely))?"
    r" (?:at rest|relaxed|quiet|calm|motionless|still(?=[.,;]| from| throughout))"
    r"|\bmuscles rest\b|\brests? in (?:its|their) usual\b|\bkeep their resting\b|\bstillness\b|: at rest\b"
    r"|\bnothing\b[^,;:]* (?:stirs|moves)\b|\bdo(?:es)? not move\b",
    re.IGNORECASE,
)
_ONLY_IF = re.compile(r"\bwould (?:be|have|look|expect)\b|\bif it were\b|\botherwise\b|\brest of\b", re.IGNORECASE)
_SPAN = re.compile(r"\bfrom (?:the )?\w+ (?:down )?to\b", re.IGNORECASE)
_WORDS = {
    "brows": r"\b(?:eye)?brows?\b|\bforehead\b",
    "eyes": r"\beyes?\b|\b(?:eye)?lids?\b",
    "cheeks": r"\bcheeks?\b",
    "nose": r"\bnose\b",
    "mouth": r"\bmouth\b|\blips?\b",
    "chin and jaw": r"\bchin\b|\bjaw\b",
}
_HALVES = {"upper": ("brows", "eyes"), "lower": ("cheeks", "nose", "mouth", "chin and jaw")}


def stilled(text: str) -> frozenset[str]:
    """The action units of the parts that a text calls at rest; all of them where it names the face as a whole.

    What is said of the rest of the face, or of what would be, is left out.
    """
    found: set[str] = set()
    for sentence in sentences_of(text):
        if _ONLY_IF.search(sentence):
            continue
        for match in _REST.finditer(sentence):
            before = re.split(r"[);]", sentence[: match.start()])[-1]
            found |= _units(before + re.split(r"[(;]", sentence[match.start() :])[0])
    return frozenset(found)


def _units(part: str) -> set[str]:
    """The units of the areas that a part of a sentence names."""
    areas = {area for area, words in _WORDS.items() if re.search(words, part, re.IGNORECASE)}
    for half, several in _HALVES.items():
        if re.search(rf"\b{half}\b[^,]* (?:face|half)\b|\b{half} half\b", part, re.IGNORECASE):
            areas |= set(several)
    named = AREAS if _SPAN.search(part) or not areas else areas
    return {unit for area in named for unit in AREAS[area]}
