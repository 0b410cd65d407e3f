"""Texts for models that have labels and no words, composed from the FACS tables."""

from collections.abc import Mapping
from random import Random

from feallm.facs.wording import Verdict, describe_expression, describe_units, explain


def compose(kind: str, emotion: str | None, units: Mapping[str, float | None] | None, rng: Random) -> str | None:
    """A description or an explanation of labels; None where the labels that it needs are not known.

    `units`: present action units with their strengths 0..5 (None: not known); None: nothing is known of any.
    """
    if kind == "describe_aus":
        return None if units is None else describe_units(units, rng)
    if emotion is None:
        return None
    if kind == "describe_emotion":
        return describe_expression(emotion, units, rng)
    shown = units or {}
    return explain(Verdict.by_prototype(emotion, shown), shown, rng, complete=units is not None)
