"""The words must rest on the numbers: what is checked, what is mended, what is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.analyze.evidence import agree, evidence_conversation, faults, unsupported_claims
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes
from feallm.facs.emotions import EMOTIONS
from feallm.facs.wording import Verdict, explain

SMILE = {"AU06": 3.0, "AU12": 4.0}
HAPPY = Verdict("happiness", ("AU12", "AU06"))
GOOD = "The face shows happiness. The cheeks are lifted (AU6). It is happiness because of AU12."


def test_words_that_agree_are_left_alone():
    text, found = agree(GOOD, HAPPY, SMILE)
    assert text == GOOD
    assert found.agrees
    assert bool(found)
    assert found.repaired == 0
    assert found.emotion_in_words == "happiness"


def test_a_sentence_about_a_unit_that_is_not_shown_goes():
    text, found = agree(f"{GOOD} The nose is wrinkled (AU9).", HAPPY, SMILE)
    assert text == GOOD
    assert found.agrees
    assert (found.repaired, found.unsupported) == (1, ("AU09",))


@pytest.mark.parametrize(
    "bad",
    [
        "The face shows anger. The cheeks are lifted (AU6).",
        "",
        "banana banana",
        "The face shows happiness. No action units are present.",
        "The face shows happiness. There is no AU12.",
        "The face shows happiness and then it",
    ],
)
def test_words_that_cannot_be_kept_are_replaced(bad):
    text, found = agree(bad, HAPPY, SMILE)
    answer = read_answer(text)
    assert found.agrees
    assert found.repaired >= 1
    assert answer.emotion == "happiness"
    assert set(answer.aus) <= set(SMILE)
    assert agree(bad, HAPPY, SMILE)[0] == text, "the same reading gets the same words"


SENTENCES = (
    "The face shows happiness.",
    "The face shows anger.",
    "It is not happiness.",
    "The nose is wrinkled (AU9).",
    "There is no AU9.",
    "The cheeks are lifted (AU6).",
    "AU6 is absent.",
    "The lip corners are raised (AU12), and the brows are lowered (AU4).",
    "It might be fear.",
    "No action units are present.",
    "It is happiness because AU6 and AU12 occur together.",
    "and then",
)


@given(
    st.one_of(st.text(max_size=200), st.lists(st.sampled_from(SENTENCES), max_size=6).map(" ".join)),
    st.sampled_from(EMOTIONS),
    st.dictionaries(st.sampled_from(CODED_AUS), st.floats(0, 5), max_size=6),
)
def test_whatever_is_written_what_is_shown_agrees(text, emotion, units):
    shown, found = agree(text, Verdict.by_prototype(emotion, units), units)
    answer = read_answer(shown)
    assert found.agrees
    assert answer.emotion == emotion
    assert set(answer.aus) <= set(units)
    for mention in mentions(shown):
        assert (mention.polarity != "asserted") or mention.value in {emotion, *units}, shown
        assert (mention.polarity != "denied") or mention.value not in {emotion, *units}, shown


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The face shows happiness. The cheeks are lifted (AU6).", "no reason"),
        (f"{GOOD} The cheeks are raised (AU6).", "told twice"),
        ("The face shows happiness. It is happiness because AU12, AU6 and AU12 occur together.", "told twice"),
        (f"{GOOD} It is happiness because of AU12.", "repeated"),
        ("The face shows happiness. The cheeks are lifted (AU6). Happiness is what this face shows.", "twice"),
        ("The face shows happiness. It is happiness because of AU12 and AU25.", "does not carry"),
        ("The face shows happiness. The cheeks are lifted (AU6). The rest of the face is still.", "still"),
    ],
)
def test_faulty_explanations_are_composed_anew(text, fault):
    assert any(fault in found for found in faults(text, HAPPY, SMILE))
    shown, found = agree(text, HAPPY, {**SMILE, "AU25": 3.0})
    assert shown != text
    assert found.repaired >= 1
    assert faults(shown, HAPPY, SMILE) == []


@given(
    st.sampled_from(EMOTIONS), st.dictionaries(st.sampled_from(CODED_AUS), st.floats(0, 5), max_size=8), st.randoms()
)
def test_what_is_composed_has_no_faults(emotion, units, rng):
    carrying = tuple(unit for unit in units if rng.random() < 0.5)
    verdict = Verdict(emotion, carrying, rng.choice([None, *(e for e in EMOTIONS if e != emotion)]), rng.random() < 0.5)
    text = explain(verdict, units, rng)
    assert faults(text, verdict, units) == [], text
    assert set(causes(text, emotion)) <= set(carrying), text


def test_a_claim_taken_back_is_still_a_claim():
    text, found = agree(f"{GOOD} The nose is wrinkled (AU9). There is no AU9.", HAPPY, SMILE)
    assert text == f"{GOOD} There is no AU9."
    assert found.repaired == 1
    assert unsupported_claims("AU9 is shown. AU6 is absent.", "happiness", SMILE) == ["AU09", "AU06"]


def test_the_evidence_comes_before_the_question_why():
    turns = evidence_conversation(HAPPY, SMILE, EMOTIONS)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 3 + ["user"]
    assert turns[1]["content"] == "AU6 (clear), AU12 (strong)."
    assert turns[3]["content"] == "Happiness."
    assert all(name in turns[2]["content"] for name in EMOTIONS)
    assert turns[5]["content"] == "Clear. It rests on AU12 and AU6."
    assert evidence_conversation(HAPPY, SMILE, EMOTIONS, "Why not anger?")[-1]["content"] == "Why not anger?"


@pytest.mark.parametrize(
    ("sentence", "units"),
    [
        ("It is happiness because AU6 and AU12 occur together.", ("AU06", "AU12")),
        ("The verdict of happiness rests on AU12.", ("AU12",)),
        ("AU6 carries the verdict, which is happiness.", ("AU06",)),
        ("The lips are parted (AU25), but this adds little to the verdict.", ()),
        ("The lips are parted (AU25), which many expressions share.", ()),
        ("The cheeks are lifted (AU6).", ()),
    ],
)
def test_a_cause_is_what_the_emotion_is_said_to_rest_on(sentence, units):
    assert causes(f"The face shows happiness. {sentence}", "happiness") == units
