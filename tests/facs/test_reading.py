"""What holds for any text: spans, disjoint lists, word bounds; and the table's own phrases read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.facs import ACTION_UNITS, EMOTIONS, LABEL_SETS, mentions, read_answer
from feallm.facs.emotions import EMOTION_WORDS

PHRASES = [(unit.id, phrase) for unit in ACTION_UNITS.values() for phrase in (*unit.signs, *unit.clauses)]
SIGNS = [(unit.id, phrase) for unit in ACTION_UNITS.values() for phrase in (*unit.signs, unit.name, unit.short)]
CLAUSES = [(unit.id, phrase) for unit in ACTION_UNITS.values() for phrase in unit.clauses]

_WORDS = """no not without AU1 AU12 12 , . ( ) : = 0 1 and or nor but if would happy fear the are is raised
cheeks lips parted may than from rather instead of which absent present ? brows neither distinguishes"""
PIECES = st.sampled_from(_WORDS.split())


@pytest.mark.parametrize(("unit", "phrase"), PHRASES)
@pytest.mark.parametrize("frame", ["{}", "{}.", "{} are part of it.", "So: {}!"])
def test_a_phrase_of_the_table_names_its_unit_only(unit: str, phrase: str, frame: str) -> None:
    answer = read_answer(frame.format(phrase))
    assert (answer.aus, answer.denied_aus, answer.uncertain_aus) == ((unit,), (), ())
    assert answer.emotions == ()


@pytest.mark.parametrize(("unit", "sign"), SIGNS)
@pytest.mark.parametrize(
    "frame",
    [
        "There is no sign of {}.",
        "Without {}.",
        "The face does not show {}.",
        "I see no trace of {}, none at all.",
    ],
)
def test_a_denied_sign_is_denied(unit: str, sign: str, frame: str) -> None:
    answer = read_answer(frame.format(sign))
    assert (answer.aus, answer.denied_aus, answer.uncertain_aus) == ((), (unit,), ())


@pytest.mark.parametrize(("unit", "clause"), CLAUSES)
def test_a_clause_can_be_denied_and_supposed(unit: str, clause: str) -> None:
    assert read_answer(f"It is not the case that {clause}.").denied_aus == (unit,)
    supposed = read_answer(f"If {clause}, the answer would differ.")
    assert (supposed.aus, supposed.uncertain_aus) == ((), (unit,))


@pytest.mark.parametrize(("emotion", "word"), [(e, word) for e, words in EMOTION_WORDS.items() for word in words])
def test_every_emotion_word_is_read(emotion: str, word: str) -> None:
    assert read_answer(word).emotion == emotion
    assert read_answer(f"The face: {word.upper()}").emotions == (emotion,)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=25).map(" ".join)))
def test_any_text_is_read_into_disjoint_known_values(text: str) -> None:
    answer = read_answer(text)
    for lists, known in (
        ((answer.emotions, answer.denied_emotions, answer.uncertain_emotions), set(EMOTIONS)),
        ((answer.aus, answer.denied_aus, answer.uncertain_aus), set(ACTION_UNITS)),
    ):
        values = [value for values in lists for value in values]
        assert len(values) == len(set(values))
        assert set(values) <= known
    assert answer.emotion is None or answer.emotion in answer.emotions
    assert not (answer.none_aus and answer.aus)
    assert answer.aus == tuple(sorted(answer.aus))


@given(st.lists(PIECES, max_size=25).map(" ".join))
def test_mentions_lie_in_the_text_in_order(text: str) -> None:
    found = mentions(text)
    assert [mention.start for mention in found] == sorted(mention.start for mention in found)
    for mention in found:
        assert 0 <= mention.start < mention.end <= len(text)
        assert mention.polarity in {"asserted", "denied", "uncertain"}
        assert mention.kind in {"emotion", "au"}


@given(st.integers(0, 999), st.sampled_from(["AU{}", "AU{:02d}", "au_{}", "AU {}", "AU{:02d}_r", "(AU{})"]))
def test_unit_numbers_are_bounded_by_the_word(number: int, form: str) -> None:
    unit = f"AU{number:02d}"
    assert read_answer(f"Seen: {form.format(number)}.").aus == ((unit,) if unit in ACTION_UNITS else ())


def test_mention_spans_cover_the_words() -> None:
    text = "The brows are NOT lowered, but AU12 and raised cheeks make it happy."
    spans = [(m.value, text[m.start : m.end], m.polarity) for m in mentions(text)]
    assert spans == [
        ("AU04", "brows are NOT lowered", "denied"),
        ("AU12", "AU12", "asserted"),
        ("AU06", "raised cheeks", "asserted"),
        ("happiness", "happy", "asserted"),
    ]


def test_a_label_set_moves_other_emotions_out() -> None:
    seven = LABEL_SETS["fer2013"]
    answer = read_answer("The expression is contempt.", seven)
    assert (answer.emotion, answer.emotions, answer.out_of_set_emotions) == (None, (), ("contempt",))
    answer = read_answer("The expression is contempt, with a happy mouth.", seven)
    assert (answer.emotion, answer.emotions, answer.out_of_set_emotions) == (
        None,
        ("happiness",),
        ("contempt",),
    )
    assert read_answer("The expression is contempt.").emotion == "contempt"
    assert read_answer("happy", seven).emotion == "happiness"


@pytest.mark.parametrize(
    "text",
    [
        "none", "None.", "No action units are present.", "There are no AUs.", "AUs: none", '{"AUs": []}',
        "No visible action units are active.", "The face shows no facial movements.",
        "without any action units",
        "None of the action units is present.", "The face does not show any action units.",
    ],
)  # fmt: skip
def test_no_units_is_a_statement(text: str) -> None:
    answer = read_answer(text)
    assert answer.none_aus
    assert answer.aus == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "neutral",
        "AU6",
        "no AU4",
        "No other action units than AU12.",
        "No AU 4, but AU 6.",
        "no",
        "nonetheless",
    ],
)
def test_silence_is_no_statement(text: str) -> None:
    assert not read_answer(text).none_aus


def test_contradictions_are_uncertain() -> None:
    answer = read_answer("AU4 is present. AU4 is absent. The man is angry. He is not angry.")
    assert (answer.uncertain_aus, answer.uncertain_emotions) == (("AU04",), ("anger",))
    assert (answer.aus, answer.denied_aus, answer.emotion) == ((), (), None)
