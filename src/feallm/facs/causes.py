"""Which action units a text gives as reasons for an emotion. Beside `answers.py`, which reads what is claimed."""

import re

from feallm.facs import phrases
from feallm.facs.answers import read_answer

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NO_CAUSE = re.compile(phrases.NO_CAUSE)
_CAUSES = re.compile(
    r"\b(?:because|since|decid\w+|mak\w+|made|carr\w+|rest\w*|bas\w+|lead\w*|due|support\w*|speak\w*|tip\w*|verdict|hence|why)\b"
)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, none of them empty."""
    return [sentence for sentence in SENTENCE_END.split(text.strip()) if sentence]


def causes(text: str, emotion: str) -> tuple[str, ...]:
    """The action units that a text calls causes of the emotion, in order.

    Those asserted in a sentence with a causal word, or after the first sentence with the emotion's name. A unit that is
    told as adding little is none.
    """
    named: dict[str, None] = {}
    for number, sentence in enumerate(sentences_of(text)):
        lowered = sentence.lower()
        causal = bool(_CAUSES.search(lowered)) or (number > 0 and emotion in lowered)
        if causal and not _NO_CAUSE.search(lowered):
            named |= dict.fromkeys(read_answer(sentence).aus)
    return tuple(named)
