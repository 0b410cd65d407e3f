"""Rewards: honest answers earn them, and every way to earn them without reading the face does not."""

from random import Random

import pytest

from feallm.data.compose import compose
from feallm.data.records import LabelledFace
from feallm.facs.action_units import ACTION_UNITS, CODED_AUS
from feallm.facs.emotions import LABEL_SETS
from feallm.facs.prototypes import supporting_aus
from feallm.facs.wording import NO_AUS, Verdict, explain, list_units
from feallm.train.rewards import (
    ASKED,
    Thresholds,
    Truth,
    Weights,
    causal_reward,
    emotion_reward,
    faithfulness_reward,
    format_reward,
    length_reward,
    repetition_penalty,
    scores,
    units_reward,
    verified,
)

CLASSES = LABEL_SETS["ferplus"]
SMILE = ("AU06", "AU12")


def composite(text, right):
    """The weighted mean of the rewards that apply, which is what GRPO compares."""
    share, earned = Weights().model_dump(), scores(text, right)
    return sum(share[name] * value for name, value in earned.items()) / sum(share[name] for name in earned)


def truth(family="reason", emotion="happiness", units=SMILE, shown=None, carrying=SMILE, question="Why this?"):
    shown = units if shown is None else shown
    return Truth(family, question, emotion, CLASSES, frozenset(units), frozenset(shown), carrying)


def honest(family, emotion, units, rng):
    """An answer composed from the FACS tables, and its truth."""
    strengths = {unit: float(rng.choice((1, 3, 5))) for unit in units}
    coded = dict.fromkeys(CODED_AUS, 0.0) | strengths
    face = LabelledFace("f", b"", "drawn", "train", labels={"ferplus": emotion}, action_units=coded)
    verdict = Verdict.by_prototype(emotion, units)
    if family in ("reason", "unaided"):
        return explain(verdict, strengths, rng), truth(family, emotion, units, carrying=verdict.carrying[:5])
    turn = compose(face, family, rng, {"ferplus": verdict}).turns[-1]
    return turn.answer, truth(family, emotion, units, carrying=verdict.carrying, question=turn.question)


@pytest.mark.parametrize("family", ASKED)
def test_composed_answers_earn_nearly_everything(family):
    rng, low = Random(3), []
    for _ in range(150):
        emotion = rng.choice(CLASSES)
        pool = supporting_aus(emotion) or CODED_AUS
        units = set(rng.sample(sorted(pool), min(len(pool), rng.randrange(4)))) | set(rng.sample(CODED_AUS, 1))
        text, right = honest(family, emotion, sorted(units & set(CODED_AUS)), rng)
        if composite(text, right) < 0.95:
            low.append((round(composite(text, right), 2), scores(text, right), text))
    assert not low, low[:3]


HACKS = {
    "nothing": "",
    "blanks": " \n ",
    "one word again": "AU12 " * 30,
    "one claim again": "The lip corners are raised (AU12). " * 8,
    "every unit": list_units(dict.fromkeys(CODED_AUS)),
    "every unit in a reason": "Happiness. It rests on " + ", ".join(ACTION_UNITS[u].short for u in CODED_AUS) + ".",
    "none": NO_AUS,
    "denying all": " ".join(f"{ACTION_UNITS[u].short} is not present." for u in CODED_AUS),
    "every emotion": f"The face shows {', '.join(CLASSES)}.",
    "no sense": "abc def ghi jkl mno pqr stu vwx yz abc. And so on it goes for some more words.",
    "a question": "Is it happiness, because of AU6 and AU12?",
}


@pytest.mark.parametrize("family", ASKED)
@pytest.mark.parametrize("hack", HACKS)
def test_a_hack_earns_less_than_half_of_what_an_honest_answer_does(family, hack):
    emotion, units = "sadness", ["AU01", "AU04", "AU15"]
    text, right = honest(family, emotion, units, Random(1))
    assert composite(text, right) > 0.95
    assert composite(HACKS[hack], right) < 0.5, scores(HACKS[hack], right)
    assert not verified(HACKS[hack], right)


@pytest.mark.parametrize("family", ASKED)
def test_quoting_the_question_earns_little(family):
    from feallm.prompts import QUESTIONS
    from feallm.train.asked import TASKS

    task = TASKS.get(family, "reason")
    questions = [each.format(classes=", ".join(CLASSES)) for each in QUESTIONS[task]]
    for question in questions:
        right = truth(family, "sadness", ("AU01", "AU15"), carrying=("AU15",), question=question)
        assert composite(question, right) < 0.5, question


def test_an_empty_text_earns_nothing_whatever_the_truth():
    for family in ASKED:
        for units in ((), SMILE):
            assert composite("", truth(family, units=units, carrying=units)) == 0.0
            assert set(scores(" ", truth(family, units=units, carrying=units)).values()) == {0.0}


@pytest.mark.parametrize(
    ("text", "earned"),
    [
        ("Happiness.", 1.0),
        ("The face shows happiness.", 1.0),
        ("Anger.", 0.0),
        ("Not happiness.", 0.0),
        ("Happiness or anger.", 0.0),
        ("Happiness. Anger.", 0.0),
        ("The expression is happiness, with some anger.", 0.5),
    ],
)
def test_emotion_reward(text, earned):
    assert emotion_reward(text, truth("emotion")) == earned


@pytest.mark.parametrize(
    ("text", "earned"),
    [
        ("AU6, AU12.", 1.0),
        ("AU12.", 2 / 3),
        ("AU12, AU4.", 0.5),
        ("AU6 and AU12 are present, AU4 is not.", 1.0),
        ("AU12 is present, AU6 is not present.", 0.5),
        (NO_AUS, 0.0),
    ],
)
def test_units_reward(text, earned):
    assert units_reward(text, truth("aus")) == pytest.approx(earned)


def test_units_where_there_are_none():
    nothing = truth("aus", "neutral", units=())
    assert units_reward(NO_AUS, nothing) == 1.0
    assert units_reward("AU4.", nothing) == 0.0
    assert units_reward("", nothing) == 0.0


@pytest.mark.parametrize(
    ("text", "earned"),
    [
        ("AU6 and AU12 are visible.", 1.0),
        ("AU12 and AU4 are visible.", 0.5),
        ("AU12 is visible. AU12 is absent.", 0.5),
        ("AU6 is not present.", 0.0),
        ("AU4 is not present.", 0.0),
        ("AU12 is visible, AU4 is not present.", 1.0),
        ("A face.", 0.0),
    ],
)
def test_faithfulness_reward(text, earned):
    assert faithfulness_reward(text, truth()) == pytest.approx(earned)


def test_faithfulness_is_to_the_evidence_and_not_to_the_labels():
    split = truth(units=("AU06", "AU12"), shown=("AU04",))
    assert faithfulness_reward("AU4 is visible.", split) == 1.0
    assert units_reward("AU4 is visible.", split) == 0.0


@pytest.mark.parametrize(
    ("text", "earned"),
    [
        ("Happiness. AU6 and AU12 make the happiness.", 1.0),
        ("Happiness. The verdict rests on AU12.", 2 / 3),
        ("Happiness. The verdict rests on AU4.", 0.0),
        ("Happiness. AU6 and AU12 are visible.", 0.0),
        ("AU6 and AU12 make the anger.", 0.0),
    ],
)
def test_causal_reward(text, earned):
    assert causal_reward(text, truth()) == pytest.approx(earned)


def test_where_nothing_carries_the_verdict_naming_a_cause_is_wrong():
    right = truth(carrying=())
    assert causal_reward("Happiness. No single unit carries it.", right) == 1.0
    assert causal_reward("Happiness. The verdict rests on AU12.", right) == 0.0


def test_causes_of_another_emotion_than_the_verdict_are_not_judged():
    assert "causes" not in scores("Happiness.", truth(carrying=None))


@pytest.mark.parametrize(
    ("family", "text", "earned"),
    [
        ("emotion", "Happiness.", 1.0),
        ("emotion", "The face shows happiness since the cheeks are raised.", 0.0),
        ("aus", "AU6 (clear), AU12 (strong).", 1.0),
        ("aus", "AU6, a nice face, AU12, and so on.", 0.5),
        ("aus", NO_AUS, 1.0),
        ("reason", "Happiness. It rests on AU12.", 1.0),
        ("reason", "It rests on AU12. Happiness.", 0.0),
        ("reason", "Happiness.", 0.0),
        ("reason", "Happiness. It rests on AU12 and", 0.0),
        ("movements", "The lip corners are raised (AU12).", 1.0),
        ("movements", "A face.", 0.0),
    ],
)
def test_format_reward(family, text, earned):
    assert format_reward(text, truth(family)) == earned


def test_length_reward():
    assert length_reward("Happiness.", truth("emotion")) == 1.0
    assert length_reward("one two three four five six", truth("emotion")) == 0.0
    assert length_reward("Happiness.", truth("reason")) == pytest.approx(0.1)
    assert length_reward("word " * 225, truth("reason")) == pytest.approx(0.5)


def test_repetition_penalty():
    assert repetition_penalty("AU6, AU12.") == 1.0
    assert repetition_penalty("AU6, AU6, AU6, AU12.") == 0.5
    assert repetition_penalty("It is so. It is so.") <= 0.5
    assert repetition_penalty("a b c a b c a b c") < 0.5


def test_an_answer_is_verified_when_every_reward_reaches_its_threshold():
    text = "Happiness. The lip corners are raised (AU12) and the cheeks are lifted (AU6). Both make the happiness."
    text = text.replace("Both make", "AU6 and AU12 make")
    assert verified(text, truth())
    assert not verified(text + " The brows are lowered (AU4).", truth())
    assert verified(text + " The brows are lowered (AU4).", truth(), Thresholds(faithfulness=0.5))
