"""Reference texts for faces that have labels but no description: composed from the labels by `data.compose`.

They say nothing but what the labels say, so they are right as far as those are; but they say it in this project's own
sentences. A model that was trained on composed answers knows the wording, and ROUGE-L favours it: a score against these
references must say so (`NOTE`), and does not lead a task.
"""

from dataclasses import replace
from random import Random

from feallm.data.compose import compose
from feallm.data.records import LabelledFace

FAMILIES = {"describe_emotion": "expression", "describe_aus": "movements", "reason": "reason"}
"""Kind of question -> the family of answers that are its references."""
NOTE = (
    "The references are composed from the labels by the project's own tables, so s_ge and rege favour models that "
    "learned this wording; what a text claims is scored against the labels, whatever its words."
)


def reference(face: LabelledFace, kind: str, label_set: str, seed: int = 0) -> str | None:
    """A text about a face in the terms of one label set: always the same for a face, a kind and a seed.

    None where the labels it needs are not known.
    """
    labels = {name: value for name, value in face.labels.items() if name == label_set}
    votes = {name: shares for name, shares in face.emotions.items() if name == label_set}
    rng = Random(f"{seed} {kind} {face.id}")
    record = compose(replace(face, labels=labels, emotions=votes), FAMILIES[kind], rng)
    return record.turns[-1].answer if record is not None else None
