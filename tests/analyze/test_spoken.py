"""The language model's sentences: told as they come, and only those that are sound."""

import pytest

from feallm.analyze import Analyzer
from feallm.analyze.evidence import question
from feallm.analyze.spoken import (
    _whole,
    checked,
    speak,
    want_anything,
    want_description,
    want_reason,
    want_unit,
    want_units,
    want_why_not,
)
from feallm.facs.wording import Verdict

SMILE = {"AU06": 3.0, "AU12": 4.0, "AU25": 2.0}
HAPPY = Verdict("happiness", ("AU12", "AU06"))
REASON = "The face shows happiness."
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
    ("text", "expected"),
    [
        (f"{REASON} It is happiness because of AU12.", f"{REASON} It is happiness because of AU12."),
        (f"{REASON} The nose is wrinkled (AU9). It is happiness because of AU12.", f"{REASON} {COMPOSED[1]}"),
        (f"{REASON} It is happiness because of AU25.", f"{REASON} {COMPOSED[1]}"),
        (f"{REASON} Possibly some anger is mixed in.", f"{REASON} {COMPOSED[1]}"),
        (f"{REASON} {REASON} It is happiness bec", f"{REASON} {COMPOSED[1]}"),
        (f"The face shows anger. {REASON} It is happiness because of AU12.", COMPOSED[0]),
        ("The cheeks are lifted (AU6). It is happiness because of AU12.", COMPOSED[0]),
        ("", COMPOSED[0]),
        ("banana banana", COMPOSED[0]),
    ],
)
def test_an_explanation(text, expected):
    assert told(text, want_reason(HAPPY, SMILE, COMPOSED)) == expected


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
        ("anger", "Anger would need AU4 and AU7, which this face does not have. AU12 speaks for happiness.", True),
        ("anger", "Anger would need AU12, which this face does not have.", False),
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
    text = "Anger would need AU4, which this face does not have."
    shown = told(f"{text} AU25 speaks for happiness.", want_why_not(HAPPY, SMILE, "anger", ["x", *COMPOSED]))
    assert shown == f"{text} {COMPOSED[1]}"


def test_a_description_names_the_label_and_signs():
    composed = ["Whole.", "Happiness. The face shows raised cheeks."]
    wanted = want_description("happiness", SMILE, composed)
    assert told("Happiness. One sees a smile.", wanted) == "Happiness. One sees a smile."
    assert told("Happiness. One sees a frown.", wanted) == "Happiness. The face shows raised cheeks."
    assert told("Sadness. One sees a smile.", wanted) == "Whole."


def test_a_free_answer_must_rest_on_the_reading():
    wanted = want_anything(HAPPY, SMILE, ["Not understood."])
    assert told("The smile reaches the cheeks (AU6).", wanted) == "The smile reaches the cheeks (AU6)."
    assert told("Paris.", wanted) == "Not understood."
    assert told("The brows are lowered (AU4).", wanted) == "Not understood."
    assert told("There is a smile. Paris is nice.", wanted) == "There is a smile."
    assert told("It is happiness. AU25 makes it happiness.", wanted) == "It is happiness."
