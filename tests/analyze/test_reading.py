"""`FaceReading.to_dict`: what `dataclasses.asdict` says, plain all the way down."""

import json
import math
from dataclasses import asdict, replace

import pytest

from feallm.analyze.reading import ActionUnitReading, Consistency, FaceReading, Quality, RegionEvidence, WhatIf

CORNERS = ((1.0, 2.0), (3.0, 2.0), (3.0, 4.5), (1.0, 4.5))
NUMBERS = FaceReading(
    "a.jpg",
    frame=3,
    timestamp=0.12,
    face_id=0,
    box=(1.0, 2.0, 30.5, 40.0),
    score=0.99,
    quality=Quality(30.5, 0.07, None, -3.0, 0.5, 0.0, 0.01, 0.2, ("small", "dark")),
    emotion="anger",
    emotion_scores={"anger": 0.7, "fear": 0.3},
    action_units={"AU04": ActionUnitReading(0.9, 2.5, True, effect=0.2), "AU12": ActionUnitReading(0.1, 0.0, False)},
    model="feallm-tiny",
    label_set="own",
)
SHOWN = replace(
    NUMBERS.action_units["AU04"], low_support=True, evidence=RegionEvidence((CORNERS, CORNERS[::-1]), 0.4, -0.01)
)
WORDS = replace(
    NUMBERS,
    explanation="The brows are lowered.",
    raw_text="The brows are lowered and the lips part.",
    consistency=Consistency(False, 1, ("AU25",), "anger"),
    status="unparsed",
)
READINGS = {
    "numbers": NUMBERS,
    "words": WORDS,
    "evidence": replace(WORDS, action_units={**NUMBERS.action_units, "AU04": SHOWN}),
    "no face": FaceReading("b.jpg", status="no_face", model="feallm-tiny"),
    "unreadable": FaceReading("c.jpg", status="unreadable", error="no picture"),
    "no number": replace(NUMBERS, score=math.nan, timestamp=math.inf),
}


def as_written(value):
    """The same by the standard library: lists for tuples, None for what JSON has no number for."""
    return json.loads(json.dumps(asdict(value)), parse_constant=lambda _: None)


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_a_reading_is_told_as_asdict_tells_it(reading):
    told = reading.to_dict()
    assert told == {**as_written(reading), "confidence": reading.confidence}
    assert list(told) == [*asdict(reading), "confidence"]
    assert json.loads(reading.to_json()) == told


def test_a_change_is_told_with_its_difference():
    found = WhatIf(WORDS, ("AU04",), (), {"anger": 0.2, "fear": 0.8})
    told = found.to_dict()
    assert {**told, "reading": None} == {
        **as_written(found),
        "reading": None,
        "emotion": "fear",
        "difference": found.difference,
    }
    assert told["reading"] == WORDS.to_dict()


def test_what_is_told_may_be_changed():
    told = NUMBERS.to_dict()
    told["emotion_scores"]["anger"] = told["action_units"]["AU04"]["intensity"] = 0
    told["quality"]["flags"].append("turned")
    assert NUMBERS.emotion_scores["anger"] == 0.7
    assert NUMBERS.to_dict()["quality"]["flags"] == ["small", "dark"]
    assert NUMBERS.action_units["AU04"].intensity == 2.5


def judged(shares, **effects):
    """A verdict over emotion scores and units that are present (id -> fall of the verdict when it is taken out)."""
    units = {unit: ActionUnitReading(0.9, 2.0, True, unit == "AU24", fall) for unit, fall in effects.items()}
    return FaceReading("x", emotion_scores=shares, action_units=units).verdict


def test_a_cause_has_an_effect_that_is_seen_and_stands_in_the_list_of_its_emotion():
    near_half = {"anger": 0.55, "fear": 0.25, "neutral": 0.2}
    found = judged(near_half, AU04=0.06, AU07=0.04, AU24=0.08, AU12=0.2)
    assert (found.carrying, found.unlisted, found.few) == (("AU24", "AU04"), ("AU12",), ("AU24",))
    certain = {"anger": 0.99, "neutral": 0.01}
    assert judged(certain, AU04=0.004, AU07=0.006).carrying == ("AU07",), "0.4 points, though 0.3 in log-odds"
    assert judged({"neutral": 0.8, "anger": 0.2}, AU04=0.3).carrying == ()
    assert judged({"surprise": 0.8, "fear": 0.2}, AU26=0.3, AU27=0.2).carrying == ("AU27",)


@pytest.mark.parametrize(("first", "second", "weak"), [(0.52, 0.45, True), (0.45, 0.2, True), (0.55, 0.4, False)])
def test_a_near_tie_is_weak_as_a_low_share_is(first, second, weak):
    assert judged({"anger": first, "fear": second, "neutral": 1 - first - second}).weak == weak
