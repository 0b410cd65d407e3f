"""REGE: each habit of the published scorer, by an example that a careful reader reads otherwise."""

import sys

import numpy as np
import pytest
from sklearn.metrics import f1_score

from feallm.bench import rouge
from feallm.bench.rege import UNITS, Rege, ScorerError, Told, published_emotion, published_rege, published_units
from feallm.bench.rege_words import ORDER, WORDS
from feallm.bench.rouge import published_rouge_l, rouge_l
from feallm.facs.answers import read_answer
from feallm.settings import SettingsError

EMOTIONS = [
    # "nose" holds "no": the sentence with the emotion is dropped
    ("The face shows disgust with a wrinkled nose. Its mouth is relaxed.", "happiness", "disgust"),
    ("A noticeable frown speaks of anger. Surprise would lift the brows.", "surprise", "anger"),
    # no known word: happiness
    ("The lips are pressed together.", "happiness", None),
    ("This man is angry.", "happiness", "anger"),
    # words that name no emotion, or another one
    ("The focus lies on the eyes, which show sadness.", "fear", "sadness"),
    ("This is contempt.", "disgust", "contempt"),
    # the first word of the first sentence, whatever is said of it
    ("Without any sadness, the face shows fear.", "sadness", "fear"),
    # of every sentence negated, none is dropped
    ("The face does not show anger.", "anger", None),
    # elsewhere the most words, and of a tie the first in its order
    ("The brows are raised. There is worry and alarm, which is fear, and sadness.", "fear", "fear"),
    ("The brows are raised. It is a look of fear or surprise.", "surprise", None),
]


@pytest.mark.parametrize(("text", "published", "strict"), EMOTIONS)
def test_emotions_as_the_published_scorer_reads_them_and_as_they_are(text, published, strict):
    assert published_emotion(text) == published
    assert read_answer(text).emotion == strict


@pytest.mark.parametrize("text", ["Anger", "anger,\nas the brows show.", "", "Anger.\n\nNo doubt: not one"])
def test_a_text_without_an_end_on_its_first_line_stops_the_published_scorer(text):
    if text.endswith("one"):
        assert published_emotion(text) == "anger"
        return
    with pytest.raises(ScorerError, match="full stop"):
        published_emotion(text)


def test_abbreviations_and_exclamations_do_not_end_a_sentence_that_is_dropped():
    assert published_emotion("Anger! It is no fear. A smile.") == "happiness"
    assert published_emotion("As Dr. No says, anger. A smile.") == "happiness"
    assert published_emotion("I know it i.e. fear. Anger is here.") == "anger"
    assert published_emotion("Is there joy? No. Sadness.") == "happiness"


def test_every_word_is_known_in_the_first_sentence():
    for emotion, words in WORDS.items():
        for word in words:
            first = next(each for each in ORDER if word in WORDS[each])
            assert published_emotion(f"It is {word}!") == first, (emotion, word)


@pytest.mark.parametrize(
    ("text", "published", "strict"),
    [
        ("AU4 is absent, AU12 is present.", {"AU04", "AU12"}, {"AU12"}),
        ("AU06 and AU 12 are there, au25 too.", set(), {"AU06", "AU12", "AU25"}),
        ("The brows are drawn together.", set(), {"AU04"}),
        ("AU1+AU2, AU100 and AU017.", {"AU01", "AU02"}, {"AU01", "AU02"}),
    ],
)
def test_units_as_the_published_scorer_reads_them_and_as_they_are(text, published, strict):
    assert published_units(text) == published
    assert strict <= set(read_answer(text).aus)
    assert (published - strict).isdisjoint(read_answer(text).aus)


def told(*pairs, reference="A face with a smile."):
    return [Told(text, reference, **labels) for text, labels in pairs]


def test_emotion_rege_by_hand():
    texts = told(
        ("A face with joy.", {"emotion": "happiness"}),
        ("A face with fear.", {"emotion": "happiness"}),
        ("A face with a smile.", {"emotion": "happiness"}),
        ("A face.", {"emotion": "neutral"}),
    )
    found = published_rege(texts, "emotion")
    # words are distinct ones, the "A" of the reference apart from its "a": 5 words; 3 of 4, 3 of 4, 5 of 5, 2 of 2
    rouge = [2 * 3 / (4 + 5), 2 * 3 / (4 + 5), 1.0, 2 * 2 / (2 + 5)]
    assert found.recognition == pytest.approx(50)
    assert found.generation == pytest.approx(100 * np.mean(rouge), abs=1e-5)
    assert found.total == pytest.approx(found.recognition + found.generation)


def test_units_rege_leaves_out_what_is_nowhere_or_everywhere():
    texts = told(
        ("AU12. AU6. AU1.", {"units": frozenset({"AU12", "AU06", "AU01"})}),
        ("AU12. AU4. AU1.", {"units": frozenset({"AU12", "AU06", "AU01"})}),
        ("AU12. AU1.", {"units": frozenset({"AU12", "AU07", "AU01"})}),
    )
    found = published_rege(texts, "aus")
    assert set(found.units_left_out) == set(UNITS) - {"AU06", "AU04"}  # AU12 and AU01 are right in every text
    assert found.recognition == pytest.approx(100 * (2 / 3 + 0) / 2)


def test_units_rege_is_the_mean_f1_of_scikit_learn():
    rng = np.random.default_rng(0)
    here, said = rng.random((2, 40, len(UNITS))) < 0.4
    texts = [
        Told(
            "The face: " + " ".join(f"AU{int(u[2:])}" for u, s in zip(UNITS, row, strict=True) if s),
            "x",
            units=frozenset(u for u, h in zip(UNITS, labels, strict=True) if h),
        )
        for row, labels in zip(said, here, strict=True)
    ]
    want = np.mean([f1_score(here[:, place], said[:, place]) for place in range(len(UNITS))])
    assert published_rege(texts, "aus").recognition == pytest.approx(100 * want)


def test_one_text_that_it_stops_at_leaves_no_number():
    texts = told(("A smile.", {"emotion": "happiness"}), ("Anger", {"emotion": "anger"}))
    assert published_rege(texts, "emotion") == Rege(None, None, (1,), 0)
    unknown = told(("A smile.", {"emotion": "contempt"}))
    assert published_rege(unknown, "emotion").fails_on == (0,)
    assert published_rege([], "emotion").total is None


def test_rouge_failures_are_left_out_except_the_first_which_stops_it():
    smile = ("A face with a smile.", {"units": frozenset({"AU12"})})
    empty = ("...", {"units": frozenset({"AU12"})})
    found = published_rege(told(smile, empty, smile), "aus")
    assert (found.generation, found.rouge_skipped, found.fails_on) == (pytest.approx(100, abs=1e-4), 1, ())
    assert published_rege(told(empty, smile), "aus").fails_on == (0,)
    assert rouge_l("A face with a smile.", "...") == 0  # the strict mean counts it


def test_a_resumed_run_counts_rouge_0_for_what_it_had():
    texts = told(*[("A face with a smile.", {"emotion": "happiness"})] * 4)
    found = published_rege(texts, "emotion", resumed={0, 1, 2})
    assert (found.recognition, found.generation) == (100, pytest.approx(25, abs=1e-4))


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch):
    rouge._scorer.cache_clear()
    for name in ("rouge_score", "rouge_score.rouge_scorer"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=r"scoring texts needs ROUGE: pip install 'feallm\[bench\]'"):
        rouge_l("one", "two")


def test_the_two_rouges_differ_where_they_should():
    assert rouge_l("The Brows are raised.", "the brows, are raised") == pytest.approx(1)
    assert published_rouge_l("The Brows are raised.", "the brows, are raised") < 0.6
    assert published_rouge_l("one two. three four.", "three four. one two.") == pytest.approx(1, abs=1e-4)
    assert rouge_l("one two. three four.", "three four. one two.") == pytest.approx(0.5)
    assert published_rouge_l("", "one") is None
    assert published_rouge_l(" ".join(map(str, range(1200))), " ".join(map(str, range(1200, 2400)))) is None
