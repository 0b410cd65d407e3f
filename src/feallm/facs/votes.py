"""What raters voted, in words: "The face shows sadness. Most raters chose it, and some saw fear."

The label stands in a sentence of its own that `facs.answers` takes for the verdict; what others saw is told beside it.
"""

from collections.abc import Mapping
from random import Random

from feallm.facs.said import Said
from feallm.facs.wording import capital, join

ALL = 0.999
WORTH_TELLING = 0.2
"""Share from which a second emotion is part of the reading, and not only of the vote."""
LABELS = (
    "{Noun}.",
    "The face shows {noun}.",
    "The expression is {noun}.",
    "This face expresses {noun}.",
    "The expression reads as {noun}.",
    "What the face shows is {noun}.",
    "The verdict is {noun}.",
    "This face displays {noun}.",
    "The emotion is {noun}.",
    "The label of this face is {noun}.",
    "The answer is {noun}.",
    "In one word, the expression is {noun}.",
)
NEUTRAL_LABELS = (
    "Neutral.",
    "The face is neutral.",
    "The expression is neutral.",
    "This is a neutral face.",
    "The expression reads as neutral.",
    "The verdict is neutral.",
    "The face looks neutral.",
    "This face reads as neutral.",
    "The label of this face is neutral.",
    "The answer is neutral.",
    "In one word, the expression is neutral.",
)
"""Each is read as a verdict, also where a later sentence names other emotions that raters saw."""
_SEEN = ("saw", "chose", "named", "picked", "voted for", "settled on", "went for", "decided for")
_UNANIMOUS = (
    "All raters who named an emotion {seen} this one.",
    "The raters who named an emotion all {seen} it.",
    "The vote was unanimous among the raters who named an emotion: they {seen} {it}.",
    "Those who rated the face agreed: all who named one {seen} {it}.",
    "Rater after rater {seen} {it}, as far as they named an emotion.",
    "Among the raters who named one, all {seen} {it}.",
)
_LEADS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.85, ("nearly all raters", "almost all raters", "the great majority of raters", "nearly everyone")),
    (0.6, ("most raters", "the majority of raters", "most of the raters", "a large majority of raters")),
    (0.5, ("about half of the raters", "half of the raters or a few more", "roughly half of the raters")),
    (0.0, ("the largest group of raters", "the largest share of the raters")),
)
_SHARES: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.34, ("a large part of the raters", "a good part of the others", "a sizeable minority", "a large minority")),
    (0.15, ("some", "some raters", "a number of raters", "others")),
    (0.0, ("a few", "a few raters", "very few", "very few raters")),
)
_JOINS = (
    "{Lead} {seen} {it}, and {rest}.",
    "{Lead} {seen} {it}; {rest}.",
    "{Lead} {seen} {it}, {rest}.",
    "{Lead} {seen} {it}. {Rest}.",
    "{Lead} {seen} {it}, while {rest}.",
    "Although {rest}, {lead} {seen} {noun}.",
    "{Lead} {seen} {it}. At the same time, {rest}.",
)
_TIED = (
    "The raters are divided: as many {seen} {a} as {b}.",
    "The vote is a tie between {a} and {b}.",
    "Equally many raters {seen} {a} and {b}.",
    "As many raters {seen} {a} as {seen} {b}.",
    "{A} and {b} got equally many votes.",
    "Between {a} and {b} the raters did not settle.",
    "The raters were split evenly between {a} and {b}.",
    "It is a draw: {a} and {b} have as many votes each.",
)
_TIED_REST = ("Besides, {rest}.", "In addition, {rest}.", "{Rest} as well.", "Beside these two, {rest}.")


def label_sentence(emotion: str, rng: Random) -> str:
    """A sentence that gives the label and nothing else."""
    return rng.choice(NEUTRAL_LABELS if emotion == "neutral" else LABELS).format(noun=emotion, Noun=capital(emotion))


def leaders(shares: Mapping[str, float]) -> list[str]:
    """The emotions that lead the vote: one, or several on a tie."""
    top = max(shares.values())
    return [name for name, share in shares.items() if share > top - 1e-6]


def tell_votes(emotion: str, shares: Mapping[str, float], rng: Random) -> str:
    """How the raters voted (emotion -> share, summing to 1) on a face labelled `emotion`, which must lead the vote."""
    it = rng.choice(("it", "this", emotion))
    seen = rng.choice(_SEEN)
    if shares[emotion] >= ALL:
        return rng.choice(_UNANIMOUS).format(seen=seen, it=it)
    lead = rng.choice(_words(_LEADS, shares[emotion]))
    rest = _others({name: share for name, share in shares.items() if name != emotion and share > 0}, rng)
    gaps = {"Lead": capital(lead), "lead": lead, "seen": seen, "it": it, "noun": emotion, "rest": rest}
    gaps["Rest"] = capital(rest)
    return rng.choice(_JOINS).format(**gaps)


def describe_votes(emotion: str | None, shares: Mapping[str, float], rng: Random) -> Said | None:
    """The label, if there is one, and the vote in words; None where neither a label nor a tie of two can be told."""
    if emotion is not None:
        if leaders(shares) != [emotion]:
            return None
        return Said(f"{label_sentence(emotion, rng)} {tell_votes(emotion, shares, rng)}", emotion)
    tied = leaders(shares)
    return None if len(tied) != 2 else Said(tell_tie(tied, shares, rng))


def tell_tie(tied: list[str], shares: Mapping[str, float], rng: Random) -> str:
    """Two emotions that lead with equal shares, and what else was seen."""
    a, b = rng.sample(tied, 2)
    text = rng.choice(_TIED).format(a=a, b=b, A=capital(a), seen=rng.choice(("saw", "chose", "named", "picked")))
    others = {name: share for name, share in shares.items() if name not in tied and share > 0}
    if not others:
        return text
    rest = _others(others, rng)
    return f"{text} {rng.choice(_TIED_REST).format(rest=rest, Rest=capital(rest))}"


def _others(shares: Mapping[str, float], rng: Random) -> str:
    """ "some saw fear and a few chose anger", the larger shares first."""
    ordered = sorted(shares, key=lambda name: (-shares[name], name))
    words: dict[str, list[str]] = {}
    for name in ordered:
        words.setdefault(_words(_SHARES, shares[name])[0], []).append(name)
    parts = []
    for names in words.values():
        quantity = rng.choice(_words(_SHARES, shares[names[0]]))
        parts.append(f"{quantity} {rng.choice(_SEEN[:6])} {join(names)}")
    return join(parts)


def _words(levels: tuple[tuple[float, tuple[str, ...]], ...], share: float) -> tuple[str, ...]:
    return next(words for level, words in levels if share >= level - 1e-6)
