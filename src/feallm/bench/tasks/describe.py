"""Descriptions of the expression and of the movements: on our coded faces, and on FABA-Instruct's test faces."""

from collections.abc import Mapping
from functools import partial

from feallm.bench import mini
from feallm.bench.references import NOTE, reference
from feallm.bench.tasks.described import Faced, text_task
from feallm.bench.tasks.fea_au import both_passes
from feallm.bench.tasks.fer2013 import SHARES
from feallm.data.records import LabelledFace
from feallm.data.sources import faba, load
from feallm.facs.action_units import CODED_AUS
from feallm.prompts import ask

CODES = (
    "The codes are model-coded, by eye after a written guide, two passes a face; no certified FACS coder took part. A "
    "unit is there at any strength."
)


def listed(face: LabelledFace) -> tuple[Mapping[str, float], ...]:
    """FABA-Instruct's units as its published scorer takes them: what the list does not name is not there.

    Nothing where the face has no list.
    """
    if faba.TASKS["au"] not in face.references:
        return ()
    return ({unit: face.action_units.get(unit, 0.0) for unit in CODED_AUS},)


def mini_faced(kind: str) -> Faced:
    """Our coded faces, with references composed from FER+'s label and the mean of the passes."""
    composed = partial(reference, kind=kind, label_set="ferplus")
    return Faced("fer2013", mini.SPLIT, "ferplus", mini.coded, both_passes, composed, SHARES)


def faba_faced(family: str) -> Faced:
    """FABA-Instruct's faces, with the answers that it ships."""
    return Faced(
        "faba", "test", "faba", partial(load, "faba"), listed, lambda face: face.references.get(family), ("affectnet",)
    )


MINI_DESCRIBE_EMOTION = text_task(
    "mini_describe_emotion",
    "FEABench-mini: the expression in words",
    "describe_emotion",
    ask("describe_expression"),
    "The coded pictures of PublicTest that repeat no training picture and have a leading emotion in FER+'s votes. The "
    f"emotion a text settles on is scored against it, the units it asserts against the codes. {CODES} {NOTE}",
    mini_faced("describe_emotion"),
    "label_accuracy",
)
MINI_DESCRIBE_AUS = text_task(
    "mini_describe_aus",
    "FEABench-mini: the movements in words",
    "describe_aus",
    ask("describe_aus"),
    "The coded pictures of PublicTest that repeat no training picture. The units a text asserts are scored against "
    f"twenty coded ones, all pooled, the mean over passes. {CODES} {NOTE}",
    mini_faced("describe_aus"),
    "claim_f1",
)
_FABA = (
    "rege is strict (read word by word, negations minded, an answer without the label wrong and counted); rege_compat "
    "follows the published scorer, for published numbers, though it put its question in other words. The references "
    "and, where the lists have no labels, the labels too were written by GPT-4V: nobody checked them face by face."
)
FABA_DESCRIBE_EMOTION = text_task(
    "faba_describe_emotion",
    "FABA-Instruct: the expression in words",
    "describe_emotion",
    ask("describe_expression"),
    f"FABA-Instruct's test faces with an answer about the emotion (403 as published). {_FABA}",
    faba_faced(faba.TASKS["emotion"]),
    "rege",
    as_published=True,
)
FABA_DESCRIBE_AUS = text_task(
    "faba_describe_aus",
    "FABA-Instruct: the movements in words",
    "describe_aus",
    ask("describe_aus"),
    "FABA-Instruct's test faces with an answer about the action units (325 as published); units that the list does "
    f"not name count as absent, S_re is over twelve units. {_FABA}",
    faba_faced(faba.TASKS["au"]),
    "rege",
    as_published=True,
)
