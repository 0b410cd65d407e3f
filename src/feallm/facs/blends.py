"""Faces with more than one emotion in them: what leads, what is mixed in, and how far the raters agreed."""

from collections.abc import Mapping
from random import Random

from feallm.facs.said import Said
from feallm.facs.votes import WORTH_TELLING, label_sentence, leaders, tell_tie, tell_votes
from feallm.facs.wording import capital, join

CLEAR = 0.5
"""A leading emotion with a smaller share than this leaves the reading uncertain."""
_MIXED = (
    "It is a blend with {others}.",
    "It is mixed with {others}.",
    "There is a share of {others} in it.",
    "Some {others} is mixed in.",
    "A part of {others} comes with it.",
    "It goes together with some {others}.",
    "Beside it comes {others}, in a smaller part.",
    "It is blended, with {others} as the smaller part.",
    "Not all of it is one emotion: {others} is in it too.",
    "The smaller part of the blend: {others}.",
)
_UNCERTAIN = (
    "The reading is uncertain: perhaps it is {others}.",
    "That is far from certain, and it might be {others} as well.",
    "It is a close call, for {others} is possible too.",
    "The face is ambiguous and could be {others}.",
    "This is unsure; possibly it is {others}.",
    "The margin is small, and possibly it is {others}.",
    "It leads by little; it may be {others} as well.",
)
_NEITHER = (
    "So one emotion alone cannot be given.",
    "Hence the face is a blend, or the raters could not agree.",
    "The face stays between the two.",
    "It takes both to describe this face.",
    "It is a blend, and neither part leads.",
    "Which of the two leads is left open.",
)
_COMPOUND = (
    "The face blends {a} and {b}.",
    "This face holds {a} and {b} at once.",
    "It is a blend of {a} and {b}.",
    "One finds {a} and {b} in the same face.",
    "Both {a} and {b} are in this face.",
    "The face combines {a} and {b}.",
    "A compound of {a} and {b}.",
    "At once one sees {a} and {b}.",
    "{A} and {b} come together in this face.",
    "{A} and {b} are mixed here.",
)


def describe_blend(emotion: str | None, shares: Mapping[str, float], rng: Random) -> Said | None:
    """What the raters' shares say of a blended or uncertain face; None where one emotion has nearly all of the vote.

    `emotion`: the label, which must lead the vote, or None on a tie, where no verdict is given.
    """
    tied = leaders(shares)
    others = [name for name in sorted(shares, key=lambda n: (-shares[n], n)) if shares[name] >= WORTH_TELLING]
    if emotion is None:
        if len(tied) != 2:
            return None
        return Said(f"{tell_tie(tied, shares, rng)} {rng.choice(_NEITHER)}")
    if tied != [emotion] or others == [emotion] or not others:
        return None
    rest = join([name for name in others if name != emotion])
    templates = _MIXED if shares[emotion] >= CLEAR else _UNCERTAIN
    told = rng.choice(templates).format(others=rest if templates is _MIXED else rest.replace(" and ", " or "))
    parts = [label_sentence(emotion, rng), told]
    if rng.random() < 0.5:
        parts.append(tell_votes(emotion, shares, rng))
    return Said(" ".join(parts), emotion)


def describe_compound(pair: tuple[str, str], rng: Random) -> Said:
    """Two emotions that are shown at once; no single one is the verdict."""
    a, b = rng.sample(pair, 2)
    return Said(rng.choice(_COMPOUND).format(a=a, b=b, A=capital(a)))
