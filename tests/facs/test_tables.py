"""The vocabulary: label sets, foreign orders, aliases, the table of action units, and the prototypes."""

import pytest

from feallm.facs import (
    ACTION_UNITS,
    CODED_AUS,
    EMOTIONS,
    LABEL_SETS,
    ORDERS,
    PROTOTYPES,
    REGIONS,
    SCORED_AUS,
    decode,
    opposing_aus,
    parse_au,
    parse_emotion,
    prototype_score,
    supporting_aus,
)
from feallm.facs.action_units import intensity_letter, intensity_value
from feallm.facs.emotions import EMOTION_WORDS

SEVEN = {"neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"}


def test_label_sets_keep_the_one_order() -> None:
    assert LABEL_SETS["ferplus"] == LABEL_SETS["affectnet8"] == EMOTIONS
    for name in ("fer2013", "rafdb", "affectnet7"):
        assert LABEL_SETS[name] == tuple(emotion for emotion in EMOTIONS if emotion in SEVEN)


@pytest.mark.parametrize(
    ("source", "order"),
    [
        ("rafdb", "surprise fear disgust happy sad angry neutral"),
        ("affectnet", "neutral happy sad surprise fear disgust anger contempt"),
        ("fer2013", "angry disgust fear happy sad surprise neutral"),
        ("pyfeat_v1", "anger disgust fear happiness sadness surprise neutral"),
        ("pyfeat_v2", "Neutral Happy Sad Surprise Fear Disgust Anger"),
        ("emotiefflib", "Anger Contempt Disgust Fear Happiness Neutral Sadness Surprise"),
        ("libreface", "Neutral Happiness Sadness Surprise Fear Disgust Anger Contempt"),
        ("deepface", "angry disgust fear happy sad surprise neutral"),
    ],
)
def test_foreign_orders(source: str, order: str) -> None:
    assert ORDERS[source] == tuple(parse_emotion(word) for word in order.split())


def test_ferplus_columns_end_in_two_that_are_no_emotion() -> None:
    assert ORDERS["ferplus"][-2:] == ("unknown", "NF")
    assert set(ORDERS["ferplus"][:8]) == set(EMOTIONS)


@pytest.mark.parametrize("source", ORDERS)
def test_decode_takes_exactly_the_codes_of_the_source(source: str) -> None:
    first = 1 if source == "rafdb" else 0
    last = first + len(ORDERS[source]) - 1
    assert (decode(source, first), decode(source, last)) == (ORDERS[source][0], ORDERS[source][-1])
    for code in (first - 1, last + 1, -1):
        with pytest.raises(ValueError, match=f"emotion code {code} is outside the range of {source}"):
            decode(source, code)


def test_decode_names_the_known_sources() -> None:
    with pytest.raises(ValueError, match="unknown emotion order 'ckplus'; known: affectnet"):
        decode("ckplus", 0)


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("Happy", "happiness"), ("joy", "happiness"), ("NEUTRAL", "neutral"), ("no emotion", "neutral"),
        ("calm", "neutral"), ("angry", "anger"), ("Surprised.", "surprise"), ("scared", "fear"),
        ("afraid", "fear"), ("disgusted", "disgust"), ("contemptuous", "contempt"), (" sad ", "sadness"),
        ("no_emotion", "neutral"), ("unknown", None), ("", None), ("happy sad", None), ("fearless", None),
    ],
)  # fmt: skip
def test_emotion_aliases(word: str, emotion: str | None) -> None:
    assert parse_emotion(word) == emotion


def test_no_word_belongs_to_two_emotions() -> None:
    words = [word for group in EMOTION_WORDS.values() for word in group]
    assert len(words) == len(set(words))
    assert words == [word.lower() for word in words]
    assert tuple(EMOTION_WORDS) == EMOTIONS


def test_the_coded_and_the_scored_units() -> None:
    numbers = [ACTION_UNITS[unit].number for unit in CODED_AUS]
    assert numbers == [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43]
    assert set(SCORED_AUS) < set(CODED_AUS)
    assert len(SCORED_AUS) == 15
    assert sorted(set(ACTION_UNITS) - set(CODED_AUS)) == [
        "AU11", "AU13", "AU18", "AU19", "AU22", "AU28", "AU34", "AU45",
    ]  # fmt: skip
    assert list(ACTION_UNITS) == sorted(ACTION_UNITS)


def test_every_unit_is_complete() -> None:
    for key, unit in ACTION_UNITS.items():
        assert key == unit.id == f"AU{unit.number:02d}"
        assert unit.short == f"AU{unit.number}"
        assert unit.region in REGIONS
        assert unit.signs
        assert unit.clauses
        if unit.coded:
            assert 3 <= len(unit.signs) <= 6
            assert 3 <= len(unit.clauses) <= 6
            assert unit.muscles


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("AU1", "AU01"), ("AU01", "AU01"), ("au_1", "AU01"), ("AU01_r", "AU01"), ("AU01_c", "AU01"),
        ("AU 1", "AU01"), ("AU6L", "AU06"), ("R12", "AU12"), ("R12A", "AU12"), ("6", "AU06"), (6, "AU06"),
        ("action unit 4", "AU04"), ("inner brow raiser", "AU01"), ("Inner_Brow_Raiser", "AU01"),
        ("zygomaticus major", "AU12"), ("orbicularis oculi, pars orbitalis", "AU06"),
        ("orbicularis oculi", None), ("orbicularis oris", None), ("depressor labii inferioris", None),
        ("AU3", None), ("AU99", None), (0, None), ("AU123", None), ("", None), ("raised cheeks", None),
    ],
)  # fmt: skip
def test_unit_labels(text: str | int, unit: str | None) -> None:
    assert parse_au(text) == unit


def test_unit_names_are_read_back() -> None:
    for unit in ACTION_UNITS.values():
        assert parse_au(unit.name) == unit.id


def test_intensity_letters() -> None:
    assert [intensity_letter(value) for value in range(6)] == ["", "A", "B", "C", "D", "E"]
    assert [intensity_value(letter) for letter in ("", "a", "B", "C", "D", "E")] == list(range(6))
    assert (intensity_letter(0.4), intensity_letter(2.5)) == ("", "C")
    for wrong in (-0.1, 5.1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 5"):
            intensity_letter(wrong)
    for letter in ("F", "AB", " "):
        with pytest.raises(ValueError, match="A to E"):
            intensity_value(letter)


def test_prototypes_are_made_of_known_units() -> None:
    assert tuple(PROTOTYPES) == EMOTIONS
    for emotion, prototype in PROTOTYPES.items():
        named = prototype.common.union(*prototype.variants, prototype.frequencies)
        assert named <= set(supporting_aus(emotion)) <= set(ACTION_UNITS)
        assert not set(opposing_aus(emotion)) & set(supporting_aus(emotion))
        assert set(opposing_aus(emotion)) <= set(ACTION_UNITS)
        assert all(0 < fraction <= 1 for fraction in prototype.frequencies.values())
        assert prototype.source


def test_every_prototype_scores_highest_for_its_own_emotion() -> None:
    for emotion, prototype in PROTOTYPES.items():
        scores = {other: prototype_score(other, prototype.common) for other in EMOTIONS}
        assert scores[emotion] == 1.0
        assert max(scores.values()) == 1.0
        assert [other for other, score in scores.items() if score == 1.0] == [emotion]


def test_score_falls_with_foreign_and_opposing_units() -> None:
    smile = {"AU06", "AU12"}
    assert prototype_score("happiness", smile) > prototype_score("happiness", {"AU12"}) > 0
    assert prototype_score("happiness", smile | {"AU43"}) < 1
    assert prototype_score("happiness", smile | {"AU15"}) < prototype_score("happiness", smile | {"AU43"})
    assert prototype_score("neutral", []) == 1 > prototype_score("neutral", ["AU12"])
    assert prototype_score("anger", []) == 0
    with_gap = {"AU01", "AU02", "AU05", "AU25", "AU26"}
    assert prototype_score("surprise", with_gap) == 1.0


def test_characteristic_units() -> None:
    assert supporting_aus("happiness")[0] == "AU12"
    assert "AU12" in opposing_aus("sadness")
    assert "AU15" in opposing_aus("happiness")
    for function in (supporting_aus, opposing_aus):
        with pytest.raises(ValueError, match="unknown emotion 'joy'"):
            function("joy")
