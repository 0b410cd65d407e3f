"""Every question the project asks, once: many phrasings for training, the first of each for everything else."""

from collections.abc import Sequence
from random import Random

QUESTIONS: dict[str, tuple[str, ...]] = {
    "aus": (
        "Which facial action units are visible?",
        "List the action units in this face.",
        "Which AUs does this face show?",
        "What action units are active here?",
        "Name the action units you can see.",
        "Give the FACS action units of this face.",
    ),
    "emotion": (
        "Which of these does the face show: {classes}?",
        "Which one is the expression: {classes}?",
        "Choose the emotion of this face: {classes}.",
        "What is the emotion, out of {classes}?",
        "Classify the expression as one of {classes}.",
    ),
    "reason": (
        "Why does the face show this?",
        "Explain the expression from the action units.",
        "Why is that the expression?",
        "What in the face leads to this emotion?",
        "Give the reasons for this reading.",
    ),
    "grounds": (
        "How sure is that, and what does it rest on?",
        "How clear is this, and which units carry it?",
        "What does this verdict rest on, and how firm is it?",
        "How certain is it, and what decides it?",
    ),
    "unit": (
        "Is {unit} present?",
        "Is {unit} there?",
        "Does this face show {unit}?",
        "Can {unit} be seen?",
        "Is {unit} active in this face?",
    ),
    "why_not": (
        "Why is it not {other}?",
        "Why not {other}?",
        "What speaks against {other}?",
        "How do you know that it is not {other}?",
        "Could it be {other}?",
    ),
    "area": (
        "Describe the {area}.",
        "What do the {area} show?",
        "What happens in the region of the {area}?",
        "Tell me about the {area}.",
    ),
    "describe_expression": (
        "Please describe the expression in this face.",
        "Describe the facial expression.",
        "What does the expression look like?",
        "How does this person look?",
        "Tell me about the expression.",
    ),
    "describe_aus": (
        "Describe the action units of this face by region.",
        "Describe the facial movements from the brow to the jaw.",
        "What do the muscles of this face do?",
        "Describe each action unit you see.",
        "Which facial movements can be seen?",
    ),
}


def ask(task: str, classes: Sequence[str] = (), rng: Random | None = None, **gaps: str) -> str:
    """The question of a task: the first phrasing, or a random one.

    `classes` are named in closed-set questions; `gaps` are what other questions name: `unit`, `other`, `area`.

    Raises:
        KeyError: no such task, or a gap of its question is not given.
    """
    phrasing = rng.choice(QUESTIONS[task]) if rng else QUESTIONS[task][0]
    if classes:
        gaps["classes"] = f"{', '.join(classes[:-1])} or {classes[-1]}"
    return phrasing.format(**gaps)
