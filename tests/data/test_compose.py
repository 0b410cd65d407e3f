"""Composed conversations: label, action units and words always agree, as the one reader of answers reads them."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feallm.data.compose import (
    CODED_FAMILIES,
    UNCODED_FAMILIES,
    compose,
    compose_corpus,
    compose_records,
    compose_words,
)
from feallm.data.records import LabelledFace, one_hot
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.emotions import EMOTIONS, LABEL_SETS
from feallm.facs.wording import describe_expression, describe_units, explain, list_units

PICTURE = np.zeros((4, 4), np.uint8)
units_of = st.dictionaries(st.sampled_from(CODED_AUS), st.sampled_from([1.0, 3.0, 5.0]), max_size=7)


def face(emotion, units=None, identity="f"):
    coded = None if units is None else {unit: units.get(unit, 0.0) for unit in CODED_AUS}
    return LabelledFace(
        identity,
        PICTURE,
        "x",
        "train",
        {"ferplus": one_hot(emotion, LABEL_SETS["ferplus"])},
        {"ferplus": emotion},
        coded or {},
    )


@settings(max_examples=300)
@given(st.sampled_from(EMOTIONS), units_of, st.integers(0, 2**32))
def test_every_wording_reads_back_as_what_it_was_given(emotion, units, seed):
    rng = Random(seed)
    for text in (list_units(units), describe_units(units, rng)):
        answer = read_answer(text)
        assert answer.aus == tuple(sorted(units)), text
        assert answer.none_aus == (not units), text
        assert answer.emotion is None, text
    for text in (explain(emotion, units, rng), describe_expression(emotion, units, rng)):
        answer = read_answer(text)
        assert answer.emotion == emotion, text
        assert set(answer.aus) <= set(units), text
        assert not answer.denied_aus, text
        assert not answer.uncertain_aus, text
        assert not answer.none_aus, text


@pytest.mark.parametrize("family", sorted(set(CODED_FAMILIES)))
def test_claims_are_what_the_answers_say(family):
    record = compose(face("anger", {"AU04": 3.0, "AU07": 1.0, "AU23": 5.0}), family, Random(3))
    for turn in record.turns:
        answer = read_answer(turn.answer)
        assert answer.aus == turn.claims.asserted
        assert answer.emotion == turn.claims.emotion
        assert turn.question
    assert [message["role"] for message in record.conversation()] == ["user", "assistant"] * len(record.turns)


def test_the_causal_link_names_units_that_carry_the_emotion():
    text = explain("happiness", {"AU06": 3.0, "AU12": 5.0, "AU04": 1.0}, Random(0))
    link = next(s for s in text.split(". ") if "happiness" in s and "AU12" in s)
    assert "AU6" in link
    assert "AU4" not in link, "a lowered brow does not make a smile"


def test_a_face_without_codes_gets_no_unit_claims():
    rng = Random(0)
    uncoded = face("fear")
    for family in ("aus", "movements", "reason"):
        assert compose(uncoded, family, rng) is None
    for record in compose_records([uncoded] * 20, per_face=2, seed=0):
        assert record.family in UNCODED_FAMILIES
        assert all(read_answer(turn.answer).aus == () for turn in record.turns)
        assert all(turn.claims.asserted == () for turn in record.turns)


def test_same_seed_same_records():
    faces = [face("happiness", {"AU12": 3.0}, f"f{n}") for n in range(5)]
    once = compose_records(faces, per_face=2, seed=4)
    assert once == compose_records(faces, per_face=2, seed=4)
    assert once != compose_records(faces, per_face=2, seed=5)
    assert len(once) == 5 * 2 * 5


def test_words_follow_the_evidence_even_when_it_is_unusual():
    faces = [face("happiness", {"AU06": 3.0, "AU12": 3.0}, f"f{n}") for n in range(3)]
    records = compose_words(faces, count=200, seed=1)
    emotions = {record.turns[1].claims.emotion for record in records}
    assert len(emotions) > 4, "evidence must vary beyond what the faces show"
    for record in records:
        listed, _, reason = record.turns
        assert set(read_answer(reason.answer).aus) <= set(listed.claims.asserted)


def test_words_need_codes():
    with pytest.raises(ValueError, match="AU codes"):
        compose_words([face("fear")], count=1, seed=0)


def test_the_corpus_holds_questions_and_answers():
    texts = list(compose_corpus([face("happiness", {"AU12": 3.0})], seed=0, limit=10))
    assert any("Which facial action units" in text for text in texts)
    assert any("AU12" in text for text in texts)
