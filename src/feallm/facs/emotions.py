"""The emotion vocabulary: one order, the label sets, the orders used elsewhere, and the words.

The order is AffectNet's (codes 0-7). Everything that enters the package is mapped to these names here.
"""

from __future__ import annotations

EMOTIONS: tuple[str, ...] = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)

_SEVEN = EMOTIONS[:-1]

LABEL_SETS: dict[str, tuple[str, ...]] = {
    "ferplus": EMOTIONS,
    "fer2013": _SEVEN,
    "rafdb": _SEVEN,
    "affectnet7": _SEVEN,
    "affectnet8": EMOTIONS,
    "affwild2": _SEVEN,
    "faba": _SEVEN,
}
"""Closed label sets, each in the order of EMOTIONS (not in the source's own code order: see ORDERS)."""

_FER2013 = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")

ORDERS: dict[str, tuple[str, ...]] = {
    # list_patition_label.txt; the codes are 1-based, so code 1 is the first name.
    "rafdb": ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"),
    # Codes 8 none, 9 uncertain and 10 non-face are no emotions and are left out.
    "affectnet": EMOTIONS,
    "fer2013": _FER2013,
    # The ten vote columns of fer2013new.csv; the last two are no emotions.
    "ferplus": (
        "neutral",
        "happiness",
        "surprise",
        "sadness",
        "anger",
        "disgust",
        "fear",
        "contempt",
        "unknown",
        "NF",
    ),
    # The codes of the ABAW competitions; the last is no emotion.
    "affwild2": ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other"),
    "pyfeat_v1": _FER2013,
    "pyfeat_v2": ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"),
    "emotiefflib": (
        "anger",
        "contempt",
        "disgust",
        "fear",
        "happiness",
        "neutral",
        "sadness",
        "surprise",
    ),
    "libreface": EMOTIONS,
    # angry disgust fear happy sad surprise neutral, in percent.
    "deepface": _FER2013,
}
"""Class or column order of each source, in canonical names. Codes start at 0, RAF-DB's at 1."""

_FIRST_CODE: dict[str, int] = {"rafdb": 1}


def decode(source: str, code: int) -> str:
    """Return the canonical name of `code` in the order of `source` (a key of ORDERS).

    Raises ValueError for an unknown source and for a code outside the source's range.
    """
    if source not in ORDERS:
        raise ValueError(f"unknown emotion order {source!r}; known: {', '.join(sorted(ORDERS))}")
    names = ORDERS[source]
    first = _FIRST_CODE.get(source, 0)
    if not first <= code < first + len(names):
        raise ValueError(
            f"emotion code {code} is outside the range of {source}: expected {first} to "
            f"{first + len(names) - 1}; drop rows with other codes before decoding"
        )
    return names[code - first]


EMOTION_WORDS: dict[str, tuple[str, ...]] = {
    "neutral": (
        "neutral", "neutrality", "neutrally", "emotionless", "expressionless", "impassive", "deadpan",
        "calm", "calmly", "calmness", "no emotion", "no particular emotion", "no strong emotion",
        "no clear emotion", "no visible emotion", "no obvious emotion", "no expression",
        "no particular expression", "without emotion", "without expression", "without any emotion",
        "lack of emotion", "lack of expression", "absence of emotion", "blank expression", "blank face",
        "unemotional", "not show any emotion", "not show any strong emotion",
    ),
    "happiness": (
        "happiness", "happy", "happily", "joy", "joyful", "joyfully", "joyous", "cheerful", "cheerfully",
        "cheerfulness", "delight", "delighted", "elated", "elation", "glad", "gladness", "pleased", "merry",
        "overjoyed", "amused", "amusement",
    ),
    "sadness": (
        "sadness", "sad", "sadly", "unhappy", "unhappiness", "unhappily", "sorrow", "sorrowful",
        "sorrowfully", "grief", "grieving", "gloomy", "mournful", "mournfully", "dejected", "dejection",
        "melancholy", "melancholic", "saddened",
    ),
    "surprise": (
        "surprise", "surprised", "astonished", "astonishment", "amazed", "amazement", "startled",
        "shocked",
    ),
    "fear": (
        "fear", "fearful", "fearfully", "fearfulness", "afraid", "scared", "frightened", "fright",
        "terrified", "terror", "horrified", "panicked",
    ),
    "disgust": (
        "disgust", "disgusted", "disgustedly", "revulsion", "revolted", "repulsed", "repulsion",
    ),
    "anger": (
        "anger", "angry", "angrily", "angered", "mad", "furious", "furiously", "fury", "rage", "enraged",
        "irate", "annoyed", "annoyance", "irritated", "irritation",
    ),
    "contempt": (
        "contempt", "contemptuous", "contemptuously", "disdain", "disdainful", "disdainfully", "scorn",
        "scornful", "scornfully",
    ),
}  # fmt: skip
"""Words and phrases for each emotion, lower-case; the noun first. Composed from, and read by answers.py.

"Unhappy" is sadness, the dictionary sense; "displeased", "upset" and "surprising" name no emotion.
"""

_ALIASES: dict[str, str] = {word: emotion for emotion, words in EMOTION_WORDS.items() for word in words} | {
    "panic": "fear",
    "astonish": "surprise",
    "sorry": "sadness",
}


def parse_emotion(word: str) -> str | None:
    """Return the canonical emotion a single label names in any usual form, or None.

    For labels in tables and files ("Happy", "NEUTRAL", "scared"); sentences are for answers.read_answer.
    """
    return _ALIASES.get(" ".join(word.lower().replace("_", " ").split()).strip(" .!\"'"))
