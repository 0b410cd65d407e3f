"""What an expression does not tell, and the one sentence that says so: asked by chat and taught by the data."""

from random import Random

CANNOT: dict[str, tuple[str, ...]] = {
    "identity": (
        "Who someone is stays out of what FEALLM reads",
        "Nobody is named or recognised from a face here",
        "A face is read for its expression, and not for whose it is",
    ),
    "age": (
        "How old someone is cannot be told from an expression",
        "Age is nothing that the movements of a face show",
        "No age is given here, for an expression holds none",
    ),
    "gender": (
        "Gender is nothing that an expression shows",
        "Whether someone is a man, a woman or neither is not read from a face",
        "The movements of a face say nothing of gender",
    ),
    "ethnicity": (
        "Ethnicity and origin are nothing that an expression shows",
        "Where someone comes from, and what they believe, is not read from a face",
        "An expression says nothing of race, origin or religion",
    ),
    "honesty": (
        "Whether someone is honest or means it cannot be told from an expression",
        "A lie and the truth look the same in an expression",
        "Honesty and guilt are not seen in a face",
    ),
    "personality": (
        "What someone is like cannot be told from an expression",
        "Character is not read from a face, and one expression is no sign of it",
        "Neither trust nor talent can be judged from an expression",
    ),
    "attractiveness": (
        "How attractive someone is is not for FEALLM to say",
        "Faces are not rated for their looks here",
        "Beauty is not something that is judged here",
    ),
    "health": (
        "The health of body or mind cannot be told from an expression",
        "An expression is no diagnosis, and none is given here",
        "Illness, pain and tiredness cannot be told from one picture of a face",
    ),
    "thoughts": (
        "What someone thinks, wants or reacts to cannot be told from an expression",
        "Thoughts and plans do not show in a face",
        "What led to an expression is not in the picture of it",
    ),
    "place": (
        "Where and when a picture was taken is nothing that the face shows",
        "Only the face is read, and not the place or the time",
        "The scene around the face is not looked at",
    ),
    "looks": (
        "Looks apart from the movements of the face are not read",
        "Hair, clothes and colours are not looked at here",
        "Only what the face does is read, and not what it wears",
    ),
}
"""Topic -> the first half of its sentence, in several wordings."""
ALSO_CANNOT: dict[str, tuple[str, ...]] = {
    "life": ("How someone lives, loves, works or votes is nothing that an expression shows",),
    "else": ("Of a person only the expression is read here, and this is not part of it",),
}
"""Topics that are asked, and that the data does not teach."""
NOT_MEASURED: dict[str, str] = {
    "micro": "How long an expression lasts, and what came before or after it, cannot be told from one picture.",
    "posed": "Whether an expression is posed or felt cannot be told from one picture of it.",
    "affect": "Valence and arousal are not measured here: emotions and action units are.",
    "graded": "A unit can be taken away or added, and what that does is measured; a change of its strength is not.",
    "made": "Whether a picture is real, edited or generated is not looked at here.",
    "head": "Where the head and the gaze turn is not measured here.",
    "sides": "Which side of the face a unit is on cannot be told here: each is read for the whole face.",
}
"""What there is no number for -> the sentence that says so."""
_ASK = (
    "ask instead which emotion the face shows, which action units make it, or why.",
    "what can be asked is which emotion the face shows, and why.",
    "the emotion, the action units and the reasons can be asked for.",
    "ask which action units are there, or which emotion they make.",
    "ask about the expression or its action units.",
    "questions about the expression can be answered.",
)


def refuse(topic: str, rng: Random | None = None) -> str:
    """One sentence: that it cannot be told, and what can be asked; the first wording, or a random one.

    Raises KeyError for another topic.
    """
    wordings = (CANNOT | ALSO_CANNOT)[topic]
    if rng is None:
        return f"{wordings[0]}; {_ASK[0]}"
    return f"{rng.choice(wordings)}; {rng.choice(_ASK)}"
