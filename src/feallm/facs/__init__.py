"""Emotions, action units, prototypes, and the one reader of answers. Standard library only."""

from feallm.facs.action_units import ACTION_UNITS, CODED_AUS, REGIONS, SCORED_AUS, ActionUnit, parse_au
from feallm.facs.answers import Answer, Mention, mentions, read_answer
from feallm.facs.emotions import EMOTIONS, LABEL_SETS, ORDERS, decode, parse_emotion
from feallm.facs.prototypes import (
    PROTOTYPES,
    Prototype,
    opposing_aus,
    prototype_score,
    supporting_aus,
)

__all__ = [
    "ACTION_UNITS",
    "CODED_AUS",
    "EMOTIONS",
    "LABEL_SETS",
    "ORDERS",
    "PROTOTYPES",
    "REGIONS",
    "SCORED_AUS",
    "ActionUnit",
    "Answer",
    "Mention",
    "Prototype",
    "decode",
    "mentions",
    "opposing_aus",
    "parse_au",
    "parse_emotion",
    "prototype_score",
    "read_answer",
    "supporting_aus",
]
