"""The words by which the published REGE scorer knows emotions. Facts about that scorer, its oddities included.

Source: `emollava/eval/eval_FABA.py` of github.com/JackYFL/EmoLA at ac647aa.
"""

ORDER = ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")
"""Its order of emotions. A word of several emotions and a tie go to the first, and so does a text without any word."""

WORDS: dict[str, frozenset[str]] = {
    emotion: frozenset(words.split())
    for emotion, words in {
        "happiness": "happiness happy smiling smile pleasant content contentment relaxed relaxation cheerful joy "
        "amusement amused positivity positive lightheartedness joyful friendly warmth bright",
        "neutral": "neutral neutrality calm contemplative concerned thoughtful focused solemn mild",
        "surprise": "surprise surprised startled puzzled astonishment disbelief wonder curiosity curious confusion "
        "bewilderment skepticism excitement uncertainty",
        "fear": "fear shock anxiety apprehension tension panic alertness focus worry alarm curiosity contemplation",
        "disgust": "disgust distaste disgusted discomfort displeasure displeased disapproval disdain contempt",
        "anger": "anger mad irate outraged agitation irritated enraged annoyed incensed serious frustration "
        "displeased stern",
        "sadness": "sadness crying distress concern discomfort anguish somber",
    }.items()
}

NEGATIONS = ("not", "no", "isn't ", "nothing", "cannot", "won't", "shouldn't", "neither", "nor")
"""A sentence with one of these anywhere in its letters is dropped: "nose", "noticeable" and "normal" hold "no"."""
