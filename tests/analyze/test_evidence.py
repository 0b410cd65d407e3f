"""The words must rest on the numbers: what is checked, what is mended, what is counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feallm.analyze.evidence import agree, evidence_conversation, faults, harmless, unsupported_claims
from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.analyze.soundness import omissions
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import mentions, read_answer
from feallm.facs.causes import causes
from feallm.facs.emotions import EMOTIONS
from feallm.facs.wording import Verdict, explain

SMILE = {"AU06": 3.0, "AU12": 4.0}
HAPPY = Verdict("happiness", ("AU12", "AU06"))
GOOD = (
    "The face shows happiness. The lip corners are raised (AU12), and the cheeks are lifted (AU6). "
    "It is happiness because of AU12."
)


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


def reading_of(shares, units):
    """A reading of emotion scores (in any scale) and units (id -> intensity, fall of the verdict, low support)."""
    scores = {emotion: share / sum(shares) for emotion, share in zip(EMOTIONS, shares, strict=True)}
    sure = max(scores.values())
    aus = {
        unit: ActionUnitReading(0.9, strength, True, few, sure - max(sure - fall, 0.0))
        for unit, (strength, fall, few) in units.items()
    }
    return FaceReading("x", emotion_scores=scores, action_units=aus)


readings = st.builds(
    reading_of,
    st.permutations([4.0, 2.0, 0.1, 0.1, 0.3, 0.5, 1.0, 3.0]) | st.lists(st.floats(0.01, 1), min_size=8, max_size=8),
    st.dictionaries(
        st.sampled_from(CODED_AUS), st.tuples(st.floats(0, 5), st.floats(-0.3, 0.5), st.booleans()), max_size=9
    ),
)


@given(readings, st.integers(0, 99))
@settings(max_examples=400)
def test_what_is_composed_passes_every_check(reading, seed):
    verdict, units = reading.verdict, reading.present_units
    text, found = agree("", verdict, units, seed)
    assert found.agrees
    assert harmless(text, verdict.emotion, units), text
    assert (faults(text, verdict, units), omissions(text, verdict, units)) == ([], []), text
    assert agree(text, verdict, units, seed)[0] == text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The verdict of happiness rests on AU12.", "a cause is told without its sign"),
        ("The verdict of happiness rests on AU12. The cheeks are lifted (AU6).", "a cause is told without its sign"),
        ("The cheeks are lifted (AU6). The verdict of happiness rests on AU6. AU25 may be there.", "left open"),
        ("The cheeks are lifted (AU6), which adds little to the verdict.", "is said to add little"),
        ("Beside this, the cheeks are lifted (AU6). It is happiness because of AU6.", "point back"),
        ("The cheeks are lifted (AU6). It is happiness because of AU6. It might also be happiness.", "to itself"),
        ("The cheeks are lifted (AU6). The verdict rests on the whole face more than on any one sign.", "one does"),
        ("The cheeks are lifted (AU6), which adds little to the verdict of happiness.", "no reason"),
        ("The eyes are closed (AU6). It is happiness because of AU6.", "number is told without its sign"),
        ("The cheeks are lifted (AU6), while the5, risorius). It is happiness because of AU6.", "is broken"),
    ],
)
def test_an_explanation_that_is_not_sound_is_composed_anew(text, wrong):
    text = f"The face shows happiness. {text}"
    units = {**SMILE, "AU43": 3.0}
    assert any(wrong in each for each in faults(text, HAPPY, units) + omissions(text, HAPPY, units))
    shown, found = agree(text, HAPPY, units)
    assert shown != text
    assert (found.agrees, found.repaired > 0) == (True, True)


@pytest.mark.parametrize(
    ("still", "units"),
    [
        ("The cheeks are relaxed.", {"AU06": 1.0}),
        ("Around the mouth all is relaxed.", {"AU12": 1.0}),
        ("The face holds still, and stillness is the sign of a neutral face.", {"AU04": 1.0}),
        ("The rest of the face is relaxed, so the verdict stays neutral.", {"AU01": 1.0, "AU02": 1.0}),
    ],
)
def test_what_moves_is_not_called_still(still, units):
    text = f"The face is neutral. {still} The face as a whole stays neutral."
    shown, found = agree(text, Verdict("neutral"), units)
    assert (still not in shown, found.agrees, found.repaired > 0) == (True, True, True)


def test_a_weak_verdict_and_a_second_emotion_are_told():
    sound = "The lip corners are raised (AU12). It is happiness because of AU12."
    plain, unsure = f"The face shows happiness. {sound}", f"The face probably shows happiness. {sound}"
    for verdict, text in (
        (Verdict("happiness", ("AU12",), weak=True), plain),
        (Verdict("happiness", ("AU12",), "surprise"), plain),
        (Verdict("happiness", ("AU12",)), unsure),
    ):
        assert agree(text, verdict, SMILE)[0] != text
    assert agree(unsure, Verdict("happiness", ("AU12",), weak=True), SMILE)[0] == unsure
    assert agree(f"{plain} It might also be fear.", Verdict("happiness", ("AU12",), "fear"), SMILE)[1].repaired == 0


def test_a_denied_expectation_is_held_against_the_reading():
    text = "For happiness one would expect AU12, which this face does not show."
    assert unsupported_claims(text, "sadness", {"AU12": 1.0}) == ["AU12"]
    assert unsupported_claims(text, "sadness", {}) == []


def test_a_cause_with_few_examples_is_told_to_have_them():
    verdict = Verdict("happiness", ("AU12", "AU06"), few=("AU12",))
    caveat = "AU12 had few training examples, so rely less on that."
    assert agree(GOOD, verdict, SMILE)[0] == f"{GOOD} {caveat}"
    assert agree(GOOD, verdict, SMILE)[1].repaired == 0
    assert agree("", verdict, SMILE)[0].count(caveat) == 1


def test_of_two_jaw_movements_the_wider_is_told():
    units = {"AU26": 3.0, "AU27": 3.0}
    assert evidence_conversation(HAPPY, units, EMOTIONS)[1]["content"] == "AU27 (clear)."
    for seed in range(9):
        assert read_answer(agree("", Verdict("surprise"), units, seed)[0]).aus == ("AU27",)


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
