"""Sentences composed from the FACS tables: the project's own answers, and what a bad explanation is replaced by.

`answers.read_answer` reads every sentence written here as exactly the emotion and the action units it was given;
tests hold both to it.
"""

from collections.abc import Mapping, Sequence
from random import Random

from feallm.facs.action_units import ACTION_UNITS, REGIONS
from feallm.facs.prototypes import supporting_aus

SLIGHT, CLEAR, STRONG = "slight", "clear", "strong"
NO_AUS = "No action units are present."

_OPENINGS = (
    "The face shows {noun}.",
    "The expression is {noun}.",
    "This face expresses {noun}.",
    "The expression reads as {noun}.",
    "What the face shows is {noun}.",
)
_NEUTRAL_OPENINGS = (
    "The face is neutral.",
    "The expression is neutral.",
    "This is a neutral face.",
    "The expression reads as neutral.",
)
_AT_REST = (
    "The muscles look relaxed, and a face at rest is what neutral means.",
    "Brow, eyes and mouth stay at rest, which is why the verdict is neutral.",
    "Every region of the face is at rest, so the verdict is neutral.",
    "Nothing in the face moves away from rest, which makes it neutral.",
)
_PAIRS = ("{a}, and {b}.", "{a}, while {b}.", "{a}; {b}.", "{a}, and at the same time {b}.")
_LINKS_MANY = (
    "Together {units} make the expression {noun}.",
    "The combination of {units} is what makes this {noun}.",
    "It is {noun} because {units} occur together.",
    "Because {units} come together, the expression reads as {noun}.",
    "{units} are the signs on which {noun} rests.",
)
_LINKS_ONE = (
    "{units} is the sign on which {noun} rests.",
    "It is {noun} because of {units}.",
    "{units} is what makes the expression {noun}.",
    "Because of {units}, the expression reads as {noun}.",
)
_LINKS_NEUTRAL = (
    "This is too little to leave {noun}.",
    "This does not add up to another emotion, so the verdict is {noun}.",
)
_LINKS_NEUTRAL_ONE = (
    "The rest of the face is still, so the verdict stays {noun}.",
    "Alone this does not carry an emotion, so the verdict is {noun}.",
)
_WEAK = (
    "The signs that usually go with it are missing here, so the verdict rests on the face as a whole.",
    "None of this is typical, so the verdict rests on the whole face.",
    "The verdict comes from the face as a whole, and no single sign carries it.",
)
_BESIDE_ONE = (
    "{clause}, which many expressions share.",
    "Beside this, {clause_low}.",
    "{clause} as well.",
    "In addition, {clause_low}.",
)


def strength_word(intensity: float) -> str:
    """An intensity in 0..5 as a word: slight below 2 (FACS A–B), clear below 4 (C–D), else strong (E)."""
    return SLIGHT if intensity < 2 else CLEAR if intensity < 4 else STRONG


def list_units(units: Mapping[str, float]) -> str:
    """Present AUs with their intensities (0..5) as the evidence line: "AU6 (clear), AU12 (strong)."."""
    if not units:
        return NO_AUS
    parts = [f"{ACTION_UNITS[unit].short} ({strength_word(units[unit])})" for unit in sorted(units)]
    return ", ".join(parts) + "."


def join(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def clause(unit: str, rng: Random, *, numbered: bool = True) -> str:
    """What an AU looks like, as a clause, with its number: "the cheeks are lifted (AU6)"."""
    words = rng.choice(ACTION_UNITS[unit].clauses)
    return f"{words} ({ACTION_UNITS[unit].short})" if numbered else words


def describe_units(units: Mapping[str, float], rng: Random) -> str:
    """Present AUs from the brow to the jaw, a clause each. Without AUs: that none is present."""
    if not units:
        return NO_AUS
    ordered = sorted(units, key=lambda unit: (REGIONS.index(ACTION_UNITS[unit].region), unit))
    return " ".join(capital(clause(unit, rng)) + "." for unit in ordered)


def describe_expression(emotion: str, units: Mapping[str, float] | None, rng: Random) -> str:
    """The label, then one sentence of plain signs (the form of the paper's own example).

    `units=None` means that the AUs are not known: then only the label is said.
    """
    label = f"{capital(emotion)}."
    if not units:
        return label if units is None else f"{label} {rng.choice(_AT_REST if emotion == 'neutral' else _WEAK)}"
    signs = join([rng.choice(ACTION_UNITS[unit].signs) for unit in _by_weight(emotion, units)[:4]])
    return f"{label} {rng.choice(('The face shows', 'One sees', 'There are', 'Visible are'))} {signs}."


def explain(emotion: str, units: Mapping[str, float], rng: Random) -> str:
    """Why these AUs (id -> intensity) go with this emotion: label, signs that carry it, the link, and the rest."""
    neutral = emotion == "neutral"
    opening = rng.choice(_NEUTRAL_OPENINGS if neutral else _OPENINGS).format(noun=emotion)
    if not units:
        return f"{opening} {rng.choice(_AT_REST) if neutral else rng.choice(_WEAK)}"
    carrying, beside = _split(emotion, units)
    sentences = [opening, *_sentences(carrying or beside[:2], rng)]
    if neutral:
        alone = _LINKS_NEUTRAL if len(units) > 1 else _LINKS_NEUTRAL_ONE
        sentences.append(rng.choice(alone).format(noun=emotion))
        beside = beside[2:]
    elif carrying:
        shorts = join([ACTION_UNITS[unit].short for unit in carrying])
        links = _LINKS_MANY if len(carrying) > 1 else _LINKS_ONE
        sentences.append(rng.choice(links).format(units=shorts, noun=emotion))
    else:
        sentences.append(rng.choice(_WEAK))
        beside = beside[2:]
    if beside:
        words = join([clause(unit, rng) for unit in beside])
        sentences.append(rng.choice(_BESIDE_ONE).format(clause=capital(words), clause_low=words))
    return " ".join(sentences)


def _by_weight(emotion: str, units: Mapping[str, float]) -> list[str]:
    """AUs that carry the emotion first, the most characteristic and strongest ahead."""
    order = supporting_aus(emotion)
    return sorted(units, key=lambda unit: (order.index(unit) if unit in order else len(order), -units[unit], unit))


def _split(emotion: str, units: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """AUs that carry the emotion (at most five) and up to three of the others."""
    support = supporting_aus(emotion)
    ordered = _by_weight(emotion, units)
    return [u for u in ordered if u in support][:5], [u for u in ordered if u not in support][:3]


def _sentences(units: Sequence[str], rng: Random) -> list[str]:
    """One sentence for each two AUs."""
    sentences = []
    for start in range(0, len(units), 2):
        clauses = [clause(unit, rng) for unit in units[start : start + 2]]
        template = rng.choice(_PAIRS) if len(clauses) == 2 else "{a}."
        sentences.append(capital(template.format(a=clauses[0], b=clauses[-1])))
    return sentences
