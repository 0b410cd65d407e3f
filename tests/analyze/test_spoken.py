"""The language model's sentences: told as they come, and only those that are sound."""

from random import Random

import pytest

from feallm.analyze import Analyzer
from feallm.analyze.evidence import question
from feallm.analyze.spoken import (
    _whole,
    checked,
    speak,
    want_anything,
    want_description,
    want_unit,
    want_units,
    want_why_not,
)
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import EMOTIONS
from feallm.facs.replies import answer_unit, answer_why_not
from feallm.facs.wording import Verdict, describe_expression, describe_units

SMILE = {"AU06": 3.0, "AU12": 4.0, "AU25": 2.0}
HAPPY = Verdict("happiness", ("AU12", "AU06"))
COMPOSED = ["Composed whole.", "It is happiness because of AU12."]


def told(text, wanted):
    return " ".join(checked(_whole([text]), wanted))


def test_sentences_are_told_before_the_rest_is_there():
    taken = []

    def pieces():
        for piece in ("The face ", "shows ", "happiness. The ", "cheeks ", "are lifted (AU6).", " And"):
            taken.append(piece)
            yield piece

    stream = _whole(pieces())
    assert next(stream) == "The face shows happiness."
    assert len(taken) == 3
    assert list(stream) == ["The cheeks are lifted (AU6).", "And"]


def test_what_is_spoken_is_what_the_engine_generates(random_checkpoint, astronaut):
    analyzer = Analyzer(random_checkpoint)
    look = analyzer.look(astronaut)
    (whole,) = analyzer.engine.generate(look.encoded, [question("aus")], 40, seeds=[7])
    assert " ".join(speak(analyzer.engine, look.encoded, question("aus"), 40, 7)).split() == whole.split()
    assert whole


def test_what_goes_wrong_in_the_model_is_not_swallowed(random_checkpoint, astronaut):
    analyzer = Analyzer(random_checkpoint)
    look = analyzer.look(astronaut)
    with pytest.raises(ValueError, match="max_new_tokens"):
        list(speak(analyzer.engine, look.encoded, question("aus"), 0, 1))


@pytest.mark.parametrize(
    ("unit", "text", "kept"),
    [
        ("AU12", "Yes, the lip corners are raised (AU12).", True),
        ("AU12", "No, AU12 is not present.", False),
        ("AU12", "Yes, the cheeks are raised (AU6).", False),
        ("AU12", "Certainly.", False),
        ("AU04", "No, AU4 cannot be seen.", True),
        ("AU04", "Yes, the brows are lowered (AU4).", False),
    ],
)
def test_yes_or_no_to_a_unit(unit, text, kept):
    assert told(text, want_unit(unit, "happiness", SMILE, COMPOSED)) == (text if kept else COMPOSED[0])


def test_units_are_told_once_each_and_all_of_them():
    composed = ["Whole.", "The lip corners are raised (AU12). The lips are parted (AU25)."]
    wanted = want_units(["AU12", "AU25"], "happiness", SMILE, composed)
    assert told("The lips are apart (AU25). The lips are parted (AU25). The cheeks are raised (AU6).", wanted) == (
        "The lips are apart (AU25). The lip corners are raised (AU12)."
    )
    assert told("The cheeks are raised (AU6).", wanted) == "Whole."


@pytest.mark.parametrize(
    ("other", "text", "kept"),
    [
        ("anger", "If it were anger, AU4 and AU7 would be expected. AU12 speaks for happiness.", True),
        ("anger", "If it were anger, AU12 would be expected.", False),
        ("anger", "AU12 speaks for happiness.", False),
        ("anger", "It is anger.", False),
        ("contempt", "AU12 would fit contempt too. AU12 and AU6 speak for happiness.", True),
        ("contempt", "AU14 would fit contempt too.", False),
    ],
)
def test_why_not(other, text, kept):
    shown = told(text, want_why_not(HAPPY, SMILE, other, COMPOSED))
    assert shown == (text if kept else COMPOSED[0])


def test_why_not_is_completed_with_what_speaks_for_the_verdict():
    text, composed = "If it were anger, AU4 would be expected.", "AU12 and AU6 speak for happiness."
    shown = told(f"{text} AU25 speaks for happiness.", want_why_not(HAPPY, SMILE, "anger", ["x", composed]))
    assert shown == f"{text} {composed}"


def test_a_description_names_the_label_and_signs():
    composed = ["Whole.", "Happiness. The face shows raised cheeks."]
    wanted = want_description("happiness", SMILE, composed)
    assert told("Happiness. One sees a smile.", wanted) == "Happiness. One sees a smile."
    assert told("Happiness. One sees a frown.", wanted) == "Happiness. The face shows raised cheeks."
    assert told("Sadness. One sees a smile.", wanted) == "Whole."


def test_a_free_answer_must_rest_on_the_reading():
    wanted = want_anything(HAPPY, SMILE, ["Not understood."])
    assert told("The cheeks are quite lifted (AU6).", wanted) == "The cheeks are quite lifted (AU6)."
    assert told("Paris.", wanted) == "Not understood."
    assert told("The brows are lowered (AU4).", wanted) == "Not understood."
    assert told("There is a smile. Paris is nice.", wanted) == "There is a smile."
    assert told("It is happiness. AU25 makes it happiness.", wanted) == "It is happiness."


@pytest.mark.parametrize(
    "text",
    [
        "Happiness. It gor along with raised cheeks and parted lips.",
        "Happiness. It comes a cen together and lip corners pulled upward.",
        "Happiness. Its signs: raised cheeks, raised cheeks and parted lips.",
        "Happiness. The face shows a smile and raised lip corners.",
        "Happiness. The face shows a raised lower cheek and a smile.",
    ],
)
def test_a_garbled_description_is_not_told(text):
    composed = ["Whole.", "Happiness. The face shows raised cheeks."]
    assert told(text, want_description("happiness", SMILE, composed)) == composed[1]


def test_a_label_that_no_table_has_is_not_told():
    assert told("The face is anger. One sees a smile.", want_description("anger", SMILE, ["Whole."])) == "Whole."


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ("neutral", "If it were neutral, the verdict is happiness."),
        ("anger", "For anger one would expect AU4, AU7 and AU4, which this face does not show."),
        ("anger", "If it were anger, AU4 would be ecpected."),
    ],
)
def test_a_garbled_why_not_is_not_told(other, text):
    assert told(text, want_why_not(HAPPY, SMILE, other, ["Whole."])) == "Whole."


def test_every_composed_answer_may_be_told():
    units = {unit: 1.0 + 3.0 * (number % 2) for number, unit in enumerate(CODED_AUS)}
    for seed in range(60):
        rng = Random(seed)
        few = dict(rng.sample(sorted(units.items()), 4))
        emotion, other = rng.sample(EMOTIONS, 2)
        verdict = Verdict(emotion, tuple(few)[:2])
        for text, wanted in (
            (describe_units(few, rng), want_units(list(few), emotion, few, ["x"])),
            (describe_expression(emotion, few, rng), want_description(emotion, few, ["x"])),
            (answer_unit("AU04", few, rng), want_unit("AU04", emotion, few, ["x"])),
            (answer_why_not(verdict, few, other, rng), want_why_not(verdict, few, other, ["x"])),
        ):
            opens = text.startswith(("AU", "The verdict of")) or " at rest" in text
            assert told(text, wanted) == ("x" if opens and told(text, wanted) == "x" else text)
