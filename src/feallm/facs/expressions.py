"""Descriptions of a whole expression: the label, its signs, how pleasant it is, and how the raters saw it."""

from collections.abc import Mapping, Sequence
from random import Random

from feallm.facs import phrases
from feallm.facs.coding import Coding
from feallm.facs.said import Said
from feallm.facs.votes import label_sentence, leaders, tell_votes
from feallm.facs.wording import by_weight, join, sign

MOST_SIGNS = 4
SHOWN = (
    "The face shows {signs}.",
    "One sees {signs}.",
    "One can see {signs}.",
    "Visible in the face: {signs}.",
    "Its signs: {signs}.",
    "Seen in the face: {signs}.",
    "It comes with {signs}.",
    "What is seen: {signs}.",
    "The picture shows {signs}.",
    "It goes along with {signs}.",
    "To be seen here: {signs}.",
    "The face has {signs}.",
)
MORE = (
    "Beside this, one sees {signs}.",
    "There is also {signs}.",
    "In addition, the face shows {signs}.",
    "Also seen: {signs}.",
)
_FRAMES = (
    "It is {tone}.",
    "This is {tone}.",
    "That makes it {tone}.",
    "As expressions go, it is {tone}.",
    "It counts as {tone}.",
    "All in all, it is {tone}.",
    "It comes across as {tone}.",
    "On the whole it is {tone}.",
    "Taken together, it is {tone}.",
)
_TONES: dict[str, tuple[str, ...]] = {
    "neutral": ("a quiet one", "an even one", "neither pleasant nor unpleasant", "an unmoved one", "a composed one"),
    "happiness": ("a pleasant one", "a positive one", "a bright one", "on the pleasant side", "an agreeable one"),
    "sadness": ("an unpleasant one", "a negative one", "a low one", "on the unpleasant side", "a heavy one"),
    "surprise": ("a sudden one", "an alert one", "neither pleasant nor unpleasant in itself", "a lively one"),
    "fear": ("an unpleasant one", "a negative one", "an alert one", "on the unpleasant side", "a wary one"),
    "disgust": (
        "an unpleasant one",
        "a negative one",
        "on the unpleasant side",
        "one of turning away",
        "an averse one",
    ),
    "anger": ("an unpleasant one", "a negative one", "a heated one", "on the unpleasant side", "a confronting one"),
    "contempt": (
        "a negative one",
        "a cool one",
        "on the unpleasant side",
        "a distant one",
        "one of looking past others",
    ),
}
_RATED = (
    "It was rated as {valence} and {arousal}.",
    "In tone it is {valence}, and it is {arousal}.",
    "The ratings call it {valence} and {arousal}.",
    "On the scales of affect it is {valence} and {arousal}.",
)


def describe_face(
    emotion: str,
    coding: Coding | None,
    rng: Random,
    shares: Mapping[str, float] | None = None,
    affect: tuple[float, float] | None = None,
) -> Said:
    """The label, and what is known beside it.

    `coding=None`: the AUs are not known, and none is told. `shares` are votes (emotion -> share), told only where the
    emotion leads them; `affect` is (valence, arousal), each in -1..1.
    """
    sentences = [label_sentence(emotion, rng)]
    told: Sequence[str] = ()
    if coding is not None:
        signs, told = _signs(emotion, coding, rng)
        sentences += signs
    voted = shares is not None and leaders(shares) == [emotion]
    beside = []
    if affect is not None:
        beside.append(_rated(affect, rng))
    elif coding is None or rng.random() < 0.3:
        beside.append(rng.choice(_FRAMES).format(tone=rng.choice(_TONES[emotion])))
    if shares is not None and voted and (coding is None or rng.random() < 0.3):
        beside.append(tell_votes(emotion, shares, rng))
        rng.shuffle(beside)
    return Said(" ".join([*sentences, *beside]), emotion, tuple(told))


def _signs(emotion: str, coding: Coding, rng: Random) -> tuple[list[str], Sequence[str]]:
    """The sentences of what is seen, and the units they name: the weightiest four, and up to three others."""
    if not coding.units:
        if emotion != "neutral" or not coding.complete:
            return [rng.choice(phrases.WITHOUT_CARRIER)], ()
        return [*rng.sample(phrases.STILL_REMARKS, rng.choice((0, 1, 2))), rng.choice(phrases.AT_REST)], ()
    ordered = by_weight(emotion, coding.units)
    first, more = ordered[:MOST_SIGNS], ordered[MOST_SIGNS : MOST_SIGNS + 3]
    sentences = [rng.choice(SHOWN).format(signs=_named(first, coding, rng))]
    if not more or rng.random() < 0.4:
        return sentences, first
    return [*sentences, rng.choice(MORE).format(signs=_named(more, coding, rng))], [*first, *more]


def _named(units: Sequence[str], coding: Coding, rng: Random) -> str:
    return join([sign(unit, rng, coding.units[unit]) for unit in units])


def _rated(affect: tuple[float, float], rng: Random) -> str:
    valence, arousal = affect
    pleasant = "pleasant" if valence > 0.2 else "unpleasant" if valence < -0.2 else "neither pleasant nor unpleasant"
    energy = "high in energy" if arousal > 0.3 else "low in energy" if arousal < -0.3 else "of medium energy"
    return rng.choice(_RATED).format(valence=pleasant, arousal=energy)
