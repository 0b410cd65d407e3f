"""Sentences composed from the FACS tables: the project's own answers, and what a bad explanation is replaced by.

`answers.read_answer` reads every sentence written here as exactly the emotion and the action units it was given;
tests hold both to it. The sentences themselves are in `facs.phrases`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from feallm.facs import phrases
from feallm.facs.action_units import ACTION_UNITS, REGIONS, parse_au
from feallm.facs.prototypes import supporting_aus

Strength = TypeVar("Strength", float, float | None)
SLIGHT, CLEAR, STRONG = "slight", "clear", "strong"
NO_AUS = "No action units are present."
SIDES = {"L": "left", "R": "right"}
_GRADED = re.compile(r"\b(?:are|is)\b(?! (?:wide|shut|closed|apart|open|separated))(?!.*wide)")


@dataclass(frozen=True)
class Verdict:
    """An emotion and what it rests on.

    `carrying`: the AUs that lower it when they are taken away, the most important first. `second`: another emotion
    with a share worth telling. `weak`: the verdict is a close one. `unlisted`: AUs that lower it too, though FACS does
    not list them for the emotion: neither causes nor of little weight. `few`: carrying AUs with few training examples.
    """

    emotion: str
    carrying: tuple[str, ...] = ()
    second: str | None = None
    weak: bool = False
    unlisted: tuple[str, ...] = ()
    few: tuple[str, ...] = ()

    @classmethod
    def by_prototype(cls, emotion: str, units: Collection[str]) -> "Verdict":
        """What carries the emotion according to FACS, where no intervention has told."""
        return cls(emotion, tuple(unit for unit in supporting_aus(emotion) if unit in units))


def strength_word(intensity: float | None) -> str:
    """An intensity in 0..5 as a word: slight below 2 (FACS A–B), clear below 4 (C–D), else strong (E).

    "" where the strength is not known (None).
    """
    if intensity is None:
        return ""
    return SLIGHT if intensity < 2 else CLEAR if intensity < 4 else STRONG


def list_units(units: Mapping[str, float | None]) -> str:
    """Present AUs with their intensities (0..5, or None where unknown) as the evidence line.

    "AU6 (clear), AU12 (strong)." or, without strengths, "AU6, AU12.".
    """
    if not units:
        return NO_AUS
    words = {unit: strength_word(units[unit]) for unit in sorted(units)}
    return ", ".join(f"{ACTION_UNITS[unit].short}{f' ({word})' if word else ''}" for unit, word in words.items()) + "."


def state_grounds(verdict: Verdict) -> str:
    """The evidence line beside the verdict: how sure, what second, what carries it.

    "Clear. It rests on AU12 and AU6." or "Weak, possibly surprise. No single unit carries it."
    """
    sure = "Weak" if verdict.weak else "Clear"
    second = f", possibly {verdict.second}" if verdict.second else ""
    shorts = [ACTION_UNITS[unit].short for unit in verdict.carrying]
    return f"{sure}{second}. " + (f"It rests on {join(shorts)}." if shorts else "No single unit carries it.")


def join(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def clause(unit: str, rng: Random, intensity: float | None = None, side: str | None = None) -> str:
    """What an AU looks like, with its number: "the cheeks are strongly lifted (AU6)".

    `intensity` 0..5 adds a word for it where the clause has a place for one; `side` "L" or "R" says where; the muscle
    is named now and then.
    """
    entry = ACTION_UNITS[unit]
    words = rng.choice(entry.clauses)
    adverb = rng.choice(phrases.ADVERBS[strength_word(intensity)]) if intensity is not None else ""
    if adverb:
        words = _GRADED.sub(lambda verb: f"{verb[0]} {adverb}", words, count=1)
    muscle = (
        f", {entry.muscles[0]}" if entry.muscles and parse_au(entry.muscles[0]) == unit and rng.random() < 0.3 else ""
    )
    where = f" on the {SIDES[side]}" if side in SIDES else ""
    return f"{words}{where} ({entry.short}{muscle})"


def describe_units(units: Mapping[str, float | None], rng: Random) -> str:
    """Present AUs from the brow to the jaw, a clause each. Without AUs: that none is present."""
    if not units:
        return NO_AUS
    ordered = sorted(units, key=lambda unit: (REGIONS.index(ACTION_UNITS[unit].region), unit))
    return " ".join(capital(clause(unit, rng, units[unit])) + "." for unit in ordered)


def describe_expression(
    emotion: str, units: Mapping[str, float | None] | None, rng: Random, *, complete: bool = True
) -> str:
    """The label, then one sentence of plain signs (the form of the paper's own example).

    `units=None` means that the AUs are not known: then only the label is said. `complete=False`: units that are not
    given may be there, so nothing is called still.
    """
    label = f"{capital(emotion)}."
    if not units:
        rest = phrases.AT_REST if emotion == "neutral" and complete else phrases.WITHOUT_CARRIER
        return label if units is None else f"{label} {rng.choice(rest)}"
    signs = join([sign(unit, rng, units[unit]) for unit in by_weight(emotion, units)[:4]])
    return f"{label} {rng.choice(('The face shows', 'One sees', 'One can see', 'Visible in the face:'))} {signs}."


def sign(unit: str, rng: Random, intensity: float | None = None) -> str:
    """What an AU looks like as a noun phrase: "raised cheeks". Without an intensity, no word of strength is in it."""
    signs = ACTION_UNITS[unit].signs
    return rng.choice(signs if intensity is not None else [each for each in signs if "slightly" not in each])


def openings(emotion: str, *, weak: bool | None = None) -> set[str]:
    """Every sentence that an explanation of this emotion may begin with; those of weak or clear verdicts alone."""
    neutral = emotion == "neutral"
    every = [*_openings(neutral, weak=True)] if weak is not False else []
    if not weak:
        every += [*phrases.OPENINGS, *_openings(neutral, weak=False)]
    return {opening.format(noun=emotion, Noun=capital(emotion)) for opening in every}


def told_in_reason(verdict: Verdict, units: Mapping[str, float | None]) -> tuple[str, ...]:
    """The AUs that `explain` names: the first five that carry the verdict and three beside them, or six of the rest."""
    carrying = verdict.carrying[:5]
    beside = [unit for unit in by_weight(verdict.emotion, units) if unit not in verdict.carrying]
    return (*carrying, *beside[: 3 if carrying else 6])


def explain(verdict: Verdict, units: Mapping[str, float | None], rng: Random, *, complete: bool = True) -> str:
    """Why these AUs (id -> intensity) go with this verdict: how sure, the signs that carry it, the link, the rest.

    "Because" is said of `verdict.carrying` alone. `complete=False`: units that are not given may be there, so nothing
    is called still. Raises ValueError where `carrying` names an AU that is not present.
    """
    if not set(verdict.carrying) <= set(units):
        raise ValueError(f"carrying {verdict.carrying} must be among the present units {sorted(units)}")
    neutral = verdict.emotion == "neutral"
    gaps = {"noun": verdict.emotion, "Noun": capital(verdict.emotion)}
    sentences = [rng.choice(_openings(neutral, verdict.weak)).format(**gaps)]
    beside = [unit for unit in by_weight(verdict.emotion, units) if unit not in verdict.carrying]
    if not units:
        still = neutral and complete
        sentences += rng.sample(phrases.STILL_REMARKS, rng.choice((0, 1, 1, 2))) if still else []
        sentences.append(rng.choice(phrases.AT_REST if still else phrases.WITHOUT_CARRIER))
    elif verdict.carrying:
        sentences += _carried(verdict, units, rng)
    else:
        sentences += _sentences(beside[:3], units, rng)
        whole = phrases.WHOLE_FACE if verdict.unlisted else phrases.WITHOUT_CARRIER
        sentences.append(rng.choice(_neutral_links(units, complete) if neutral else whole).format(**gaps))
        beside = beside[3:]
    if beside:
        words = join([clause(unit, rng, units[unit]) for unit in beside[:3]])
        templates = phrases.BESIDE_PLAIN if set(beside[:3]) & set(verdict.unlisted) else phrases.BESIDE
        sentences.append(rng.choice(templates).format(a=capital(words), a_low=words))
    if verdict.second:
        seconds = phrases.SECONDS_NEUTRAL if verdict.second == "neutral" else phrases.SECONDS
        sentences.append(rng.choice(seconds).format(other=verdict.second))
    return " ".join([*sentences, *tell_few(verdict.few)])


def tell_few(units: Sequence[str]) -> list[str]:
    """That these AUs had few training examples: one sentence, or none."""
    return [phrases.FEW_EXAMPLES.format(units=join([ACTION_UNITS[unit].short for unit in units]))] if units else []


def _carried(verdict: Verdict, units: Mapping[str, float | None], rng: Random) -> list[str]:
    """The signs that carry the verdict, and that they do."""
    carrying = verdict.carrying[:5]
    many = len(carrying) > 1
    links: tuple[str, ...] = phrases.LINKS_MANY if many else phrases.LINKS_ONE
    link = rng.choice(phrases.LINKS_TO_NEUTRAL if verdict.emotion == "neutral" else links)
    shorts = join([ACTION_UNITS[unit].short for unit in carrying])
    told = link.format(units=shorts, make="make" if many else "makes", noun=verdict.emotion)
    return [*_sentences(carrying, units, rng), told]


def _openings(neutral: bool, weak: bool) -> tuple[str, ...]:
    if weak:
        return phrases.WEAK_NEUTRAL_OPENINGS if neutral else phrases.WEAK_OPENINGS
    return phrases.NEUTRAL_OPENINGS if neutral else phrases.OPENINGS


def _neutral_links(units: Mapping[str, float | None], complete: bool) -> tuple[str, ...]:
    """Why these units leave the face neutral: only slight ones are too little for an emotion."""
    slight = all(strength_word(strength) == SLIGHT for strength in units.values())
    one = phrases.LINKS_NEUTRAL_ONE if len(units) == 1 and complete else ()
    return (*phrases.LINKS_NEUTRAL, *(phrases.LINKS_NEUTRAL_SLIGHT if slight else ()), *one)


def tellable(units: Mapping[str, Strength]) -> dict[str, Strength]:
    """AUs without a dropped jaw (AU26) beside a mouth stretched open (AU27): FACS codes one of the two."""
    return {unit: strength for unit, strength in units.items() if unit != "AU26" or "AU27" not in units}


def by_weight(emotion: str, units: Mapping[str, float | None]) -> list[str]:
    """AUs that carry the emotion first, the most characteristic and strongest ahead; see `tellable`."""
    order = supporting_aus(emotion)
    rank = {unit: place for place, unit in enumerate(order)}
    return sorted(tellable(units), key=lambda unit: (rank.get(unit, len(order)), -(units[unit] or 0.0), unit))


def _sentences(carrying: Sequence[str], units: Mapping[str, float | None], rng: Random) -> list[str]:
    """One sentence for each two AUs."""
    sentences = []
    for start in range(0, len(carrying), 2):
        clauses = [clause(unit, rng, units[unit]) for unit in carrying[start : start + 2]]
        template = rng.choice(phrases.PAIRS if len(clauses) == 2 else phrases.SINGLES)
        sentences.append(capital(template.format(a=clauses[0], b=clauses[-1])))
    return sentences
