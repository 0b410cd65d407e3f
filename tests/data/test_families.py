"""Every family over every mix of labels: what is composed reads back as what it claims, and claims what is labelled."""

import re
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feallm.analyze.refusals import REFUSALS, refused_topic
from feallm.data.compose import FAMILIES, compose
from feallm.data.families import EVIDENCE_FIRST, TURNS
from feallm.data.records import Claims, LabelledFace, one_hot
from feallm.data.subject import coding_of, subject_of
from feallm.facs import phrases
from feallm.facs.action_units import ACTION_UNITS, CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.causes import causes
from feallm.facs.changes import answer_change, find_change
from feallm.facs.coding import Coding
from feallm.facs.contrast import CONFUSED, answer_contrast, contrast
from feallm.facs.emotions import EMOTIONS, LABEL_SETS
from feallm.facs.prototypes import prototype_score
from feallm.facs.refusals import ALSO_CANNOT, CANNOT, refuse
from feallm.prompts import QUESTIONS, REFUSED_QUESTIONS, ask

PICTURE = np.zeros((4, 4), np.uint8)
STRENGTH_WORDS = re.compile(
    r"\b(?:"
    + "|".join(word for words in phrases.ADVERBS.values() for word in words if word)
    + r"|slight|clear|strong)\b"
)
STILLNESS = re.compile(
    r"\b(?:no action units|no other|only|rest of the face|whole face is|alone this|every region|keeps still|brow to jaw"
    r"|both at rest|nothing in the face|features keep|face holds still|eyes and mouth|lower half of|upper half of)\b",
    re.IGNORECASE,
)
REFUSED = {question for questions in REFUSED_QUESTIONS.values() for question in questions}
PROFILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def draw_face(rng, *, known=1.0, graded=True, labelled=True, voted=True, sides=False, pair=None, foreign=False):
    """A face with random codes and labels; `known` is the share of the coded AUs that are known."""
    codes = {}
    for unit in ACTION_UNITS if foreign else CODED_AUS:
        if rng.random() < known:
            codes[unit] = rng.choice((1.0, 2.5, 3.0, 5.0)) if rng.random() < 0.25 else 0.0
    if not graded:
        codes = {unit: float(strength > 0) for unit, strength in codes.items()}
    emotions, labels = {}, {}
    if labelled:
        votes = [rng.choice((0, 0, 0, 1, 2, 4, 7)) for _ in EMOTIONS] if voted else [0] * len(EMOTIONS)
        votes[rng.randrange(len(EMOTIONS))] += rng.choice((2, 8))
        emotions["ferplus"] = tuple(vote / sum(votes) for vote in votes)
        if votes.count(max(votes)) == 1:
            labels["ferplus"] = EMOTIONS[votes.index(max(votes))]
        if rng.random() < 0.5:
            labels["fer2013"] = rng.choice(LABEL_SETS["fer2013"])
            emotions["fer2013"] = one_hot(labels["fer2013"], LABEL_SETS["fer2013"])
    shown = [unit for unit, strength in codes.items() if strength > 0]
    return LabelledFace(
        "f",
        PICTURE,
        "x",
        "train",
        emotions,
        labels,
        codes,
        graded=graded,
        sides={unit: rng.choice("LRT") for unit in shown} if sides else {},
        compound=pair,
        valence=rng.uniform(-1, 1) if sides else None,
        arousal=rng.uniform(-1, 1) if sides else None,
    )


MIXES = {
    "whole": {},
    "ungraded": {"graded": False},
    "partial": {"known": 0.6},
    "partial, ungraded": {"known": 0.5, "graded": False},
    "few known": {"known": 0.15},
    "uncoded": {"known": 0.0},
    "uncoded, one voice": {"known": 0.0, "voted": False},
    "codes alone": {"labelled": False},
    "partial codes alone": {"labelled": False, "known": 0.5, "graded": False},
    "one-sided": {"sides": True},
    "with units that are seldom coded": {"foreign": True},
    "seldom coded units, partly": {"foreign": True, "known": 0.5, "graded": False, "labelled": False},
    "compound": {"pair": ("fear", "surprise"), "labelled": False},
}


def check(record, face):
    """Each answer reads back as its claims, and its claims are the face's labels."""
    present = {unit for unit, strength in face.action_units.items() if strength > 0}
    absent = set(face.action_units) - present
    for turn in record.turns:
        answer, claims = read_answer(turn.answer), turn.claims
        assert answer.emotion == claims.emotion, turn
        assert answer.aus == claims.asserted, turn
        assert answer.denied_aus == claims.denied, turn
        assert not answer.none_aus or (absent >= set(CODED_AUS) and not claims.asserted), turn
        assert claims.emotion is None or claims.emotion in face.labels.values(), turn
        assert claims.emotion not in (*answer.denied_emotions, *answer.uncertain_emotions) or claims.emotion is None, (
            turn
        )
        assert set(claims.asserted) <= present, turn
        assert set(claims.denied) <= absent, turn
        assert set(claims.causes) <= set(claims.asserted), turn
        assert turn.question, turn
        assert turn.answer[-1] == ".", turn
        assert "{" not in turn.question + turn.answer, turn


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_answer_reads_back_as_its_claims_and_its_claims_are_labelled(family, mix):
    rng = Random(f"{family} {mix}")
    for _ in range(25):
        face = draw_face(rng, **MIXES[mix])
        record = compose(face, family, rng)
        if record is not None:
            check(record, face)


@PROFILE
@given(st.sampled_from(FAMILIES), st.sampled_from(sorted(MIXES)), st.integers(0, 2**32))
def test_no_mix_of_labels_breaks_a_family(family, mix, seed):
    rng = Random(seed)
    face = draw_face(rng, **MIXES[mix])
    record = compose(face, family, Random(seed))
    assert record == compose(face, family, Random(seed)), "the same state of the generator gives the same record"
    if record is not None:
        assert record.family == family
        check(record, face)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_composed_from_some_face(family):
    rng = Random(1)
    mixes = [MIXES[name] for name in ("whole", "codes alone", "compound")]
    assert any(compose(draw_face(rng, **mix), family, rng) for mix in mixes for _ in range(20))


def test_presence_without_strength_gets_no_words_of_strength():
    rng = Random(2)
    for mix in ("ungraded", "partial, ungraded", "partial codes alone"):
        for _ in range(40):
            face = draw_face(rng, **MIXES[mix])
            for family in FAMILIES:
                record = compose(face, family, rng)
                for turn in record.turns if record else ():
                    told = "" if turn.question in QUESTIONS["grounds"] else turn.answer
                    found = STRENGTH_WORDS.findall(told.replace("without being clear", ""))  # said of the verdict
                    assert not found, (found, turn)
            assert compose(face, "intensity", rng) is None


def test_what_is_not_known_is_neither_asked_about_nor_called_still():
    rng = Random(3)
    for mix in ("partial", "few known", "partial codes alone"):
        for _ in range(60):
            face = draw_face(rng, **MIXES[mix])
            if len(face.action_units) == len(CODED_AUS):
                continue
            for family in FAMILIES:
                record = compose(face, family, rng)
                for turn in record.turns if record else ():
                    asked = read_answer(turn.question.rstrip("?") + ".")
                    named = {*asked.aus, *asked.denied_aus, *asked.uncertain_aus}
                    assert named <= set(face.action_units), turn
                    assert turn.question in REFUSED or not STILLNESS.search(turn.answer), turn
                    assert not read_answer(turn.answer).none_aus, turn
            listed = compose(face, "aus", rng)
            assert listed is None or all(
                unit.replace("AU0", "AU") in listed.turns[0].question for unit in face.action_units
            )


def test_a_resting_face_of_which_half_is_hidden_is_not_called_a_face_at_rest():
    upper = dict.fromkeys(("AU01", "AU02", "AU04", "AU05", "AU07", "AU43"), 0.0)
    face = LabelledFace("f", PICTURE, "x", "train", labels={"ferplus": "neutral"}, action_units=upper)
    resting = (*phrases.AT_REST, *phrases.STILL_REMARKS, *phrases.LINKS_NEUTRAL_ONE)
    for seed in range(60):
        for family in ("expression", "reason", "why_not", "movements", "chat"):
            record = compose(face, family, Random(seed))
            assert not any(sentence in turn.answer for turn in record.turns for sentence in resting), record
    assert compose(face, "movements", Random(0)).turns[0].claims.denied == tuple(sorted(upper))
    assert compose(face, "aus", Random(0)).turns[0].answer == "None of these."
    areas = {compose(face, "area", Random(seed)).turns[-1].question for seed in range(80)}
    assert not any("mouth" in question or "cheeks" in question or "nose" in question for question in areas)


def test_single_units_are_asked_about_half_and_half():
    rng = Random(4)
    face = LabelledFace(
        "f",
        PICTURE,
        "x",
        "train",
        labels={"ferplus": "happiness"},
        action_units={u: 3.0 * (u == "AU12") for u in CODED_AUS},
    )
    turns = [compose(face, "unit", rng).turns[-1] for _ in range(400)]
    assert 160 < sum(bool(turn.claims.asserted) for turn in turns) < 240
    assert all(bool(turn.claims.asserted) != bool(turn.claims.denied) for turn in turns)


def test_emotion_only_faces_get_no_units_and_code_only_faces_no_emotion():
    rng = Random(5)
    for _ in range(60):
        emotional, coded = draw_face(rng, known=0.0), draw_face(rng, labelled=False)
        for family in FAMILIES:
            for turn in (compose(emotional, family, rng) or compose(emotional, "refusal", rng)).turns:
                assert turn.claims == Claims(emotion=turn.claims.emotion), turn
            record = compose(coded, family, rng)
            for turn in record.turns if record else ():
                assert turn.claims.emotion is None, turn
                assert not read_answer(turn.answer).emotions, turn
    assert compose(draw_face(rng), "reading", rng) is None, "a labelled face needs no guess"


def test_the_second_emotion_and_the_doubt_come_from_the_votes():
    shares = dict.fromkeys(EMOTIONS, 0.0) | {"fear": 0.4, "surprise": 0.3, "anger": 0.3}
    face = LabelledFace("f", PICTURE, "x", "train", {"ferplus": tuple(shares.values())}, {"ferplus": "fear"})
    verdict = subject_of(face, Random(0)).verdict
    assert (verdict.weak, verdict.second) == (True, "surprise")
    for seed in range(30):
        told = read_answer(compose(face, "blend", Random(seed)).turns[0].answer)
        assert told.emotion == "fear"
        assert {"surprise", "anger"} <= {*told.emotions, *told.uncertain_emotions}
    sure = LabelledFace("f", PICTURE, "x", "train", {"ferplus": one_hot("fear", EMOTIONS)}, {"ferplus": "fear"})
    assert compose(sure, "blend", Random(0)) is None
    assert compose(sure, "distribution", Random(0)) is not None, "ten raters of one mind are a vote"
    official = LabelledFace(
        "f", PICTURE, "x", "train", {"fer2013": one_hot("fear", LABEL_SETS["fer2013"])}, {"fer2013": "fear"}
    )
    halves = tuple(0.5 * (name in ("fear", "surprise")) for name in LABEL_SETS["rafdb"])
    both = LabelledFace("f", PICTURE, "x", "train", {"rafdb": halves}, compound=("fear", "surprise"))
    assert compose(both, "distribution", Random(0)) is None, "a compound label is no vote of equally many raters"
    assert compose(both, "blend", Random(0)) is not None
    assert compose(official, "distribution", Random(0)) is None, "one label is no vote"


def test_what_most_raters_saw_is_said_of_most_raters_only():
    shares = dict.fromkeys(EMOTIONS, 0.0) | {"sadness": 0.7, "neutral": 0.3}
    face = LabelledFace("f", PICTURE, "x", "train", {"ferplus": tuple(shares.values())}, {"ferplus": "sadness"})
    texts = [compose(face, "distribution", Random(seed)).turns[0].answer for seed in range(60)]
    assert all(re.search(r"most|majority", text, re.IGNORECASE) for text in texts)
    assert all("neutral" in text for text in texts)
    assert not any("all raters" in text or "half" in text for text in texts)


def test_called_causes_are_those_the_reader_of_reasons_finds():
    rng = Random(6)
    for _ in range(150):
        face = draw_face(rng)
        for family in ("reason", "discriminate", "counterfactual", "why_not"):
            record = compose(face, family, rng)
            if record is not None and record.turns[-1].claims.emotion != "neutral":
                claims = record.turns[-1].claims
                assert set(causes(record.turns[-1].answer, claims.emotion)) == set(claims.causes), record.turns[-1]


def test_the_deciding_unit_belongs_to_one_of_the_two():
    whole = Coding.whole({"AU01": 3.0, "AU02": 3.0, "AU04": 5.0, "AU05": 3.0, "AU20": 3.0, "AU25": 3.0})
    found = contrast("fear", "surprise", whole)
    assert found.deciding == ("AU20", "AU04")
    assert found.shared == ("AU01", "AU02", "AU05", "AU25")
    assert "AU27" in found.missing
    assert found.tells
    assert not contrast("surprise", "fear", whole).tells, "nothing here speaks for surprise and against fear"
    assert contrast("anger", "disgust", Coding.whole({"AU23": 3.0, "AU04": 3.0})).deciding == ("AU23",)
    said = answer_contrast(found, whole, Random(0))
    assert set(said.causes) <= {"AU20", "AU04"}
    with pytest.raises(ValueError, match="give another emotion"):
        contrast("fear", "fear", whole)
    assert all(emotion not in others and len(others) > 2 for emotion, others in CONFUSED.items())


def test_a_change_makes_the_other_emotion_fit_best():
    rng = Random(7)
    tried = 0
    for _ in range(200):
        units = dict.fromkeys(rng.sample(CODED_AUS, rng.randrange(6)), 3.0)
        coding = Coding(units, frozenset(unit for unit in CODED_AUS if unit not in units and rng.random() < 0.8))
        emotion = max(EMOTIONS, key=lambda name: prototype_score(name, units))
        other = rng.choice([name for name in EMOTIONS if name != emotion])
        change = find_change(emotion, other, EMOTIONS, coding)
        if change is None:
            continue
        tried += 1
        after = (set(units) - set(change.taken)) | set(change.added)
        assert max(EMOTIONS, key=lambda name: prototype_score(name, after)) == other
        assert set(change.taken) <= set(units)
        assert set(change.added) <= coding.absent
        assert 1 <= len(change.taken) + len(change.added) <= 3
        assert other in read_answer(answer_change(change, coding, rng).text).uncertain_emotions
    assert tried > 60
    assert find_change("happiness", "neutral", EMOTIONS, Coding.whole({"AU12": 3.0})).taken == ("AU12",)
    assert find_change("anger", "neutral", EMOTIONS, Coding.whole({"AU12": 3.0, "AU06": 1.0})) is None


def test_one_sided_units_are_placed():
    face = LabelledFace(
        "f",
        PICTURE,
        "x",
        "train",
        labels={"ferplus": "contempt"},
        action_units={unit: 3.0 * (unit in ("AU12", "AU14")) for unit in CODED_AUS},
        sides={"AU12": "L", "AU14": "T"},
    )
    for seed in range(20):
        (turn,) = compose(face, "movements", Random(seed)).turns
        assert turn.answer.count("on the left") == 1
        assert "on the right" not in turn.answer


def test_a_talk_keeps_to_one_face_and_opens_with_what_it_shows():
    rng = Random(8)
    lengths = set()
    for _ in range(150):
        face = draw_face(rng)
        record = compose(face, "chat", rng)
        lengths.add(len(record.turns))
        assert len({turn.claims.emotion for turn in record.turns} - {None}) <= 1, "one verdict in a talk"
        questions = [turn.question for turn in record.turns]
        assert len(set(questions)) == len(questions)
    assert lengths == {3, 4, 5, 6}


def test_the_evidence_stands_before_what_rests_on_it():
    face = draw_face(Random(9))
    while not face.labels:
        face = draw_face(Random(10))
    for family in EVIDENCE_FIRST:
        record = compose(face, family, Random(0))
        if record is not None:
            listed, verdict, grounds, *_ = record.turns
            assert listed.claims.asserted == tuple(sorted(coding_of(face).units))
            assert verdict.answer.rstrip(".").lower() == verdict.claims.emotion
            assert set(grounds.claims.asserted) == set(grounds.claims.causes)


def test_every_question_has_twenty_phrasings_that_differ():
    for task, phrasings in QUESTIONS.items():
        plain = {" ".join(re.findall(r"[\w{}]+", phrasing.lower())) for phrasing in phrasings}
        assert len(plain) == len(phrasings) >= 20, task
        words = [set(phrasing.split()) for phrasing in plain]
        near = [
            (a, b) for i, a in enumerate(words) for b in words[:i] if len(a | b) > 4 and len(a & b) / len(a | b) > 0.85
        ]
        assert not near, (task, near)


def test_the_first_phrasings_are_those_that_readings_use():
    assert ask("aus") == "Which facial action units are visible?"
    assert ask("emotion", ("neutral", "fear")) == "Which of these does the face show: neutral or fear?"
    assert ask("reason") == "Why does the face show this?"
    assert ask("grounds") == "How sure is that, and what does it rest on?"
    assert ask("unit", unit="AU4") == "Is AU4 present?"
    assert ask("why_not", other="fear") == "Why is it not fear?"
    assert ask("area", area="nose") == "Describe the nose."
    assert ask("describe_expression") == "Please describe the expression in this face."
    assert ask("describe_aus") == "Describe the action units of this face by region."


@pytest.mark.parametrize("topic", sorted(CANNOT))
def test_refused_questions_are_refused_in_one_honest_sentence(topic):
    assert set(CANNOT) == set(REFUSALS) - set(ALSO_CANNOT) == set(REFUSED_QUESTIONS)
    assert all(refused_topic(question) == topic for question in REFUSED_QUESTIONS[topic])
    texts = {refuse(topic, Random(seed)) for seed in range(60)}
    assert len(texts) > 10
    for text in (refuse(topic), *texts):
        answer = read_answer(text)
        assert (answer.emotions, answer.aus, answer.denied_aus, answer.none_aus) == ((), (), (), False), text
        assert text.count(".") == 1
    with pytest.raises(KeyError):
        refuse("weather")


def test_an_unknown_family_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="the families are"):
        compose(draw_face(Random(0)), "poem", Random(0))
    assert set(FAMILIES) == {*TURNS, "chat"}
