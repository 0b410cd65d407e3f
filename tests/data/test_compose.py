"""Composed conversations: label, action units and words always agree, as the one reader of answers reads them."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feallm.analyze.evidence import unsupported_claims
from feallm.data.compose import (
    FAMILIES,
    LAST_TURNS,
    compose,
    compose_corpus,
    compose_records,
    compose_words,
)
from feallm.data.families import EVIDENCE_FIRST
from feallm.data.records import LabelledFace, one_hot
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.causes import causes
from feallm.facs.emotions import EMOTIONS, LABEL_SETS
from feallm.facs.replies import AREAS, answer_area, answer_unit, answer_why_not
from feallm.facs.wording import Verdict, describe_expression, describe_units, explain, list_units, state_grounds

PICTURE = np.zeros((4, 4), np.uint8)
EVEN = dict.fromkeys(FAMILIES, 1.0)
EMOTION = st.sampled_from(EMOTIONS)
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


def any_verdict(emotion, units, other, weak, rng):
    carrying = tuple(unit for unit in sorted(units) if rng.random() < 0.5)[:5]
    return Verdict(emotion, carrying, other if other != emotion else None, weak)


@settings(max_examples=400)
@given(EMOTION, units_of, st.one_of(st.none(), EMOTION), st.booleans(), st.integers(0, 2**32))
def test_every_wording_reads_back_as_what_it_was_given(emotion, units, other, weak, seed):
    rng = Random(seed)
    verdict = any_verdict(emotion, units, other, weak, rng)
    assert read_answer(state_grounds(verdict)).aus == tuple(sorted(verdict.carrying))
    for text in (list_units(units), describe_units(units, rng)):
        answer = read_answer(text)
        assert answer.aus == tuple(sorted(units)), text
        assert answer.none_aus == (not units), text
        assert answer.emotion is None, text
    reason = explain(verdict, units, rng)
    assert set(causes(reason, emotion)) <= set(verdict.carrying), reason
    if verdict.second:
        assert verdict.second in read_answer(reason).uncertain_emotions, reason
    for text in (reason, describe_expression(emotion, units, rng)):
        answer = read_answer(text)
        assert answer.emotion == emotion, text
        assert set(answer.aus) <= set(units), text
        assert not answer.denied_aus, text
        assert not answer.uncertain_aus, text
        assert not answer.none_aus, text


@settings(max_examples=300)
@given(EMOTION, units_of, EMOTION, st.sampled_from(CODED_AUS), st.sampled_from(sorted(AREAS)), st.integers(0, 2**32))
def test_replies_say_nothing_against_what_they_were_given(emotion, units, other, unit, area, seed):
    rng = Random(seed)
    answer = read_answer(answer_unit(unit, units, rng))
    assert (answer.aus, answer.denied_aus) == (((unit,), ()) if unit in units else ((), (unit,))), answer.text
    answer = read_answer(answer_area(area, units, rng))
    assert answer.aus == tuple(sorted(u for u in units if u in AREAS[area])), answer.text
    verdict = any_verdict(emotion, units, rng.choice((None, other)), False, rng)
    if other == emotion:
        with pytest.raises(ValueError, match="ask why not of another"):
            answer_why_not(verdict, units, other, rng)
        return
    text = answer_why_not(verdict, units, other, rng)
    assert read_answer(text).emotion == emotion, text
    assert not unsupported_claims(text, emotion, units), text


def test_an_explanation_cannot_rest_on_what_is_not_there():
    with pytest.raises(ValueError, match="must be among the present units"):
        explain(Verdict("anger", ("AU04",)), {"AU12": 3.0}, Random(0))


def test_intensity_doubt_and_a_second_emotion_are_put_in_words():
    rng = Random(1)
    weak = {explain(Verdict("fear", ("AU04",), "surprise", weak=True), {"AU04": 1.0}, rng) for _ in range(40)}
    assert all("surprise" in text.lower() for text in weak)
    assert sum(any(word in text for word in ("slightly", "a little", "faintly")) for text in weak) > 30
    assert all(
        any(word in text for word in ("probably", "close", "lean", "margin", "uncertain", "mixed")) for text in weak
    )
    strong = {explain(Verdict("happiness", ("AU12",)), {"AU12": 5.0}, rng) for _ in range(40)}
    assert sum(any(word in text for word in ("strongly", "markedly", "distinctly")) for text in strong) > 20


@pytest.mark.parametrize("emotion", ["neutral", "happiness"])
def test_the_same_evidence_is_worded_in_many_ways(emotion):
    units = {} if emotion == "neutral" else {"AU12": 3.0}
    verdict = Verdict.by_prototype(emotion, units)
    assert len({explain(verdict, units, Random(seed)) for seed in range(300)}) > 250


@pytest.mark.parametrize("family", FAMILIES)
def test_claims_are_what_the_answers_say(family):
    blended = dict.fromkeys(EMOTIONS, 0.0) | {"anger": 0.6, "disgust": 0.4}
    shown = replace(
        face("anger", {"AU04": 3.0, "AU07": 1.0, "AU23": 5.0}), emotions={"ferplus": tuple(blended.values())}
    )
    if family == "reading":
        shown = replace(shown, emotions={}, labels={})
    record = compose(shown, family, Random(3))
    for turn in record.turns:
        answer = read_answer(turn.answer)
        assert answer.aus == turn.claims.asserted
        assert answer.denied_aus == turn.claims.denied
        assert answer.emotion == turn.claims.emotion
        assert turn.question
    assert [message["role"] for message in record.conversation()] == ["user", "assistant"] * len(record.turns)


def test_the_causal_link_names_units_that_carry_the_emotion():
    units = {"AU06": 3.0, "AU12": 5.0, "AU04": 1.0}
    for seed in range(50):
        text = explain(Verdict.by_prototype("happiness", units), units, Random(seed))
        assert set(causes(text, "happiness")) == {"AU06", "AU12"}, "a lowered brow does not make a smile"


def test_a_face_without_codes_gets_no_unit_claims():
    rng = Random(0)
    uncoded = face("fear")
    for family in ("aus", "movements", "intensity", "reading", *EVIDENCE_FIRST):
        assert compose(uncoded, family, rng) is None
    for record in compose_records([uncoded] * 20, EVEN, per_face=5, seed=0):
        assert record.family in ("emotion", "expression", "distribution", "refusal", "chat")
        assert all(read_answer(turn.answer).aus == () for turn in record.turns)
        assert all(turn.claims.asserted == () for turn in record.turns)


def test_same_seed_same_records():
    faces = [face("happiness", {"AU12": 3.0}, f"f{n}") for n in range(5)]
    once = compose_records(faces, EVEN, per_face=2, seed=4)
    assert once == compose_records(faces, EVEN, per_face=2, seed=4)
    assert once != compose_records(faces, EVEN, per_face=2, seed=5)
    assert len(compose_records(faces, {"aus": 1.0, "reason": 1.0}, per_face=2, seed=4)) == 5 * 2 * 5


def test_words_follow_the_evidence_even_when_it_is_unusual():
    faces = [face("happiness", {"AU06": 3.0, "AU12": 3.0}, f"f{n}") for n in range(3)]
    records = compose_words(faces, count=200, seed=1)
    emotions = {record.turns[1].claims.emotion for record in records}
    assert len(emotions) > 4, "evidence must vary beyond what the faces show"
    assert {len(record.turns) for record in records} == {4, 5, 6}
    assert {record.family for record in records} <= set(LAST_TURNS), "the first language stage keeps to its families"
    for record in records:
        assert record.given == 3, "the evidence is told, not learned"
        listed, _, grounds, *answers = record.turns
        assert set(grounds.claims.asserted) <= set(listed.claims.asserted)
        for answer in answers:
            assert set(read_answer(answer.answer).aus) <= set(listed.claims.asserted)


def test_words_need_codes():
    with pytest.raises(ValueError, match="AU codes"):
        compose_words([face("fear")], count=1, seed=0)


def test_the_corpus_holds_questions_and_answers():
    texts = list(compose_corpus([face("happiness", {"AU12": 3.0})], seed=0, limit=10))
    assert any("Which facial action units" in text for text in texts)
    assert any("AU12" in text for text in texts)
