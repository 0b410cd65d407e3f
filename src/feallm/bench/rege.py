"""REGE of EmoLA and FABA-Bench (Li et al., ECCV 2024) by the published scorer's own rules, for published numbers.

REGE = S_re + S_ge in percent points, at most 200: how well labels are recognised in the texts, and the mean ROUGE-L F.
This is the `compat` form. The `strict` one is `text_scores`': read by `facs.answers`, every item counted.

What the published scorer does (`emollava/eval/eval_FABA.py` of github.com/JackYFL/EmoLA at ac647aa), and this does too:

- Emotion: sentences with "no" and the like among their letters are dropped (all of them: then none is); the first
  known word of the first sentence that is left decides; else the emotion with most words in the rest, and without any
  word happiness. The first sentence must end in ".", "!" or "?" on the first line, else the scorer stops with an error.
- Action units: "AU" in capitals with a number right after it, wherever it stands and whatever is said of it; "AU04" and
  "AU 4" are none. A unit that is in every text and label, or in none, is left out of the mean.
- ROUGE: texts it fails on are left out of the mean; if it fails on the first one, the scorer stops with an error.
- A run that was resumed adds ROUGE 0 for every text it had already.

Where it stops with an error there is no number at all, and here None.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from feallm.bench.rege_words import NEGATIONS, ORDER, WORDS
from feallm.bench.rouge import published_rouge_l

UNITS = ("AU01", "AU02", "AU04", "AU05", "AU06", "AU10", "AU12", "AU17", "AU24", "AU25", "AU26", "AU43")
"""The units whose mean F1 is S_re."""
_SENTENCE_END = re.compile(r"(?<=[.?])(?<!\w\.\w[.?])(?<![A-Z][a-z]\.)\s")
_FIRST = re.compile(r"(.*?)[.!?]")
_WORD = re.compile(r"\w+")
_UNIT = re.compile(r"AU(\d+)")


class ScorerError(ValueError):
    """The published scorer stops with an error here."""


@dataclass(frozen=True)
class Told:
    """A text, and what it is scored against: the emotion or the units that are there, and the reference text."""

    text: str
    reference: str
    emotion: str | None = None
    units: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rege:
    """What the published scorer prints, in percent points; None where it prints nothing or no number.

    `fails_on` are the places of the texts that it stops at, `rouge_skipped` the number of those left out of S_ge,
    `units_left_out` the units left out of S_re.
    """

    recognition: float | None
    generation: float | None
    fails_on: tuple[int, ...] = ()
    rouge_skipped: int = 0
    units_left_out: tuple[str, ...] = ()

    @property
    def total(self) -> float | None:
        if self.recognition is None or self.generation is None:
            return None
        return self.recognition + self.generation


def published_emotion(text: str) -> str:
    """The emotion that the published scorer reads. Raises ScorerError where it stops with an error."""
    kept = [sentence for sentence in _SENTENCE_END.split(text) if not any(no in sentence.lower() for no in NEGATIONS)]
    told = " ".join(kept) or text
    first = _FIRST.match(told)
    if first is None:
        raise ScorerError("no full stop, exclamation or question mark on the first line")
    for word in _WORD.findall(first[1].lower()):
        for emotion in ORDER:
            if word in WORDS[emotion]:
                return emotion
    counts = Counter(
        emotion for word in _WORD.findall(told[first.end() :].lower()) for emotion in ORDER if word in WORDS[emotion]
    )
    return max(ORDER, key=lambda emotion: counts[emotion])


def published_units(text: str) -> frozenset[str]:
    """The units that the published scorer reads: ids such as "AU04"."""
    return frozenset(
        f"AU{int(number):02d}" for number in _UNIT.findall(text) if len(number) < 3 and not number.startswith("0")
    )


def published_rege(told: Sequence[Told], about: str, resumed: Collection[int] = ()) -> Rege:
    """Score texts as the published scorer does. `about`: "emotion" or "aus".

    `resumed` are the places of texts that an earlier, interrupted run of the scorer had left.
    """
    fails_on, right = set[int](), 0
    if about == "emotion":
        for place, each in enumerate(told):
            try:
                right += published_emotion(each.text) == each.emotion
                if each.emotion not in ORDER:
                    raise ScorerError(f"the label {each.emotion!r} is unknown to it")
            except ScorerError:
                fails_on.add(place)
    rouge, skipped, fails = _rouge(told, resumed)
    fails_on |= fails
    if fails_on or not told:
        return Rege(None, None, tuple(sorted(fails_on)), skipped)
    generation = 100 * fmean(rouge) if rouge else None
    if about == "emotion":
        return Rege(100 * right / len(told), generation, (), skipped)
    recognition, left_out = _unit_f1(told)
    return Rege(recognition, generation, (), skipped, left_out)


def _rouge(told: Sequence[Told], resumed: Collection[int]) -> tuple[list[float], int, set[int]]:
    """The values that are averaged, how many are left out, and where the scorer stops."""
    values: list[float] = []
    fails: set[int] = set()
    skipped, seen = 0, False
    for place, each in enumerate(told):
        if place in resumed:
            values.append(0.0)
            continue
        value = published_rouge_l(each.reference, each.text)
        if value is not None:
            values.append(value)
        else:
            skipped += 1
            fails |= set() if seen else {place}  # what it writes down next is the last value, and there is none
        seen = True
    return values, skipped, fails


def _unit_f1(told: Sequence[Told]) -> tuple[float | None, tuple[str, ...]]:
    """Mean F1 in percent points, and the units that have but one value in labels and texts together."""
    read = [published_units(each.text) for each in told]
    scores, left_out = [], []
    for unit in UNITS:
        pairs = [(unit in each.units, unit in found) for each, found in zip(told, read, strict=True)]
        if len({value for pair in pairs for value in pair}) < 2:
            left_out.append(unit)
            continue
        hits, wrong = pairs.count((True, True)), pairs.count((False, True)) + pairs.count((True, False))
        scores.append(2 * hits / (2 * hits + wrong) if hits else 0.0)
    return (100 * fmean(scores) if scores else None), tuple(left_out)
