"""`Chat`: each kind of answer on models whose numbers are known, and no answer against the reading."""

import dataclasses
import threading

import numpy as np
import pytest

from feallm.analyze import Analyzer, Chat
from feallm.analyze.chat import HELP, NOT_UNDERSTOOD
from feallm.analyze.evidence import unsupported_claims
from feallm.analyze.statements import percent, percents_under
from feallm.facs.answers import read_answer
from tests.analyze.test_intents import ALLOWED, KINDS, REFUSED
from tests.analyze.wiring import wire

QUESTIONS = [
    *(question for questions in (*KINDS.values(), *REFUSED.values()) for question in questions),
    *(question for question, _ in ALLOWED),
    *("Is AU18 there?", "Is AU99 there?", "Is AU14 there?", "how strong is AU24", "what if AU4 were gone?"),
    *("what if she smiled?", "Is she happy?", "Is it fear or anger?", "Is it contempt?", "why is he surprised?"),
    *("describe the cheeks", "describe the brows", "how strong is AU5?", "Where is AU25 seen?", "is it neutral?"),
]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """The models here write nonsense, and a few words of it will do."""
    monkeypatch.setattr("feallm.analyze.chat.MAX_NEW_TOKENS", 8)


def answer(chat, question):
    return " ".join(chat.ask(question))


def rewired(folder, picture, *wiring, **options):
    """A chat about a face that a model wired anew reads."""
    analyzer = Analyzer(folder, **options)
    wire(analyzer.engine.model, *wiring)
    return Chat(analyzer, picture)


@pytest.fixture(scope="module")
def chat(smile_checkpoint, astronaut):
    return Chat(Analyzer(smile_checkpoint), astronaut)


@pytest.fixture(scope="module")
def weak(smile_checkpoint, astronaut):
    return rewired(smile_checkpoint, astronaut, {"AU01", "AU04"}, {"sadness": 1.6, "fear": 1.5, "anger": 0.5})


@pytest.fixture(scope="module")
def resting(smile_checkpoint, astronaut):
    return rewired(smile_checkpoint, astronaut, set(), {"neutral": 4.0}, {("anger", "AU04"): 8.0})


@pytest.fixture(scope="module")
def abstained(smile_checkpoint, astronaut):
    return Chat(Analyzer(smile_checkpoint, min_confidence=0.99), astronaut)


@pytest.mark.parametrize("which", ["chat", "weak", "resting", "abstained"])
def test_no_answer_goes_against_the_reading(which, request):
    talk = request.getfixturevalue(which)
    for question in QUESTIONS:
        text = answer(talk, question)
        assert text.strip().endswith("."), question
        assert unsupported_claims(text, str(talk.reading.emotion), talk.reading.present_units) == [], (question, text)


def test_a_random_model_talks_no_nonsense(random_checkpoint, astronaut):
    talk = Chat(Analyzer(random_checkpoint), astronaut)
    for question in QUESTIONS[::4]:
        text = answer(talk, question)
        assert unsupported_claims(text, str(talk.reading.emotion), talk.reading.present_units) == [], (question, text)


@pytest.mark.parametrize("question", KINDS["emotion"])
def test_the_emotion_comes_with_its_confidence(chat, weak, question):
    assert answer(chat, question).startswith(
        f"The face shows happiness with a confidence of {percent(chat.reading.confidence)}."
    )
    text = answer(weak, question)
    assert weak.reading.confidence < 0.5
    assert f"sadness, but with a confidence of only {percent(weak.reading.confidence)}." in text
    assert f"it might be fear, with {percent(weak.reading.emotion_scores['fear'])}." in text


def test_a_question_about_feelings_is_answered_with_what_a_face_can_show(chat):
    assert answer(chat, "How does she feel?").endswith("A face shows an expression, not what a person feels.")


@pytest.mark.parametrize("question", KINDS["sure"])
def test_how_sure_tells_the_next_emotion_and_what_carries_it(chat, question):
    text = answer(chat, question)
    assert f"with a confidence of {percent(chat.reading.confidence)}" in text
    assert f"it might be neutral, with {percent(chat.reading.emotion_scores['neutral'])}." in text
    assert "The verdict rests on AU12 and AU6." in text


@pytest.mark.parametrize("question", KINDS["units"])
def test_units_are_listed_with_names_and_strengths_and_little_support_is_told(chat, resting, question):
    text = answer(chat, question)
    assert "AU12 (lip corner puller, clear)" in text
    assert read_answer(text).aus == tuple(chat.reading.present_units) == ("AU06", "AU12", "AU14", "AU25")
    assert "AU14 had few training examples" in text
    assert answer(resting, question) == "No action units are present."


@pytest.mark.parametrize("question", KINDS["movements"])
def test_movements_are_all_told(chat, question):
    assert read_answer(answer(chat, question)).aus == tuple(chat.reading.present_units)


@pytest.mark.parametrize("question", ["Is AU12 there?", "is she smiling?", "Do you see a lip corner puller?"])
def test_a_unit_that_is_there(chat, resting, question):
    assert read_answer(answer(chat, question)).aus == ("AU12",)
    assert read_answer(answer(resting, question)).denied_aus == ("AU12",)


def test_units_the_model_does_not_read_or_knows_little_of(chat):
    assert "AU18 (lip pucker)" in answer(chat, "Is AU18 there?")
    assert "cannot say" in answer(chat, "Is AU18 there?")
    assert answer(chat, "Is AU99 there?") == "AU99 is no action unit that FEALLM knows."
    for question in ("Is AU14 there?", "Is AU24 there?", "How strong is AU24?"):
        assert "few training examples" in answer(chat, question)
    assert "few training examples" not in answer(chat, "Is AU12 there?")
    assert read_answer(answer(chat, "Are the brows raised?")).denied_aus == ("AU01", "AU02")


@pytest.mark.parametrize(
    "question", ["How strong is AU12?", "What is the intensity of the smile?", "how intense is it"]
)
def test_strength_is_the_reading_s(chat, question):
    au = chat.reading.action_units["AU12"]
    text = answer(chat, question)
    assert f"AU12 is present with an intensity of {au.intensity:.1f} of 5 (clear)" in text
    assert percent(au.probability) in text


@pytest.mark.parametrize("question", KINDS["ground"][:2])
def test_where_a_unit_is_seen_is_measured_by_hiding(random_checkpoint, astronaut, question):
    analyzer = Analyzer(random_checkpoint)
    wire(analyzer.engine.model, {"AU12", "AU06"}, {"happiness": 2.0})
    text = answer(Chat(analyzer, astronaut), question)
    assert "It is seen at the " in text
    assert "with that place hidden its probability goes from 95% to 95%" in text, "the wiring sees no picture"


@pytest.mark.parametrize("question", ["Why?", "Explain the reading.", "Why is she happy?"])
def test_the_reasons_are_those_of_analyze(smile_checkpoint, astronaut, chat, question):
    (reading,) = Analyzer(smile_checkpoint).analyze(astronaut)
    assert answer(chat, question) == reading.explanation
    assert {"AU12", "AU06"} <= set(read_answer(reading.explanation).aus)


def test_a_weak_verdict_is_called_weak_with_its_reasons(weak):
    assert f"The confidence is only {percent(weak.reading.confidence)}" in answer(weak, "Why?")
    assert f"The confidence is only {percent(weak.reading.confidence)}" in answer(weak, "Why not fear?")
    assert "Possibly, but it does not come first." in answer(weak, "Is she afraid?")


def test_a_near_tie_above_one_half_is_called_a_small_lead(smile_checkpoint, astronaut):
    tied = rewired(smile_checkpoint, astronaut, {"AU01", "AU04"}, {"sadness": 6.0, "fear": 5.9})
    assert 0.5 < tied.reading.confidence < 0.6
    shares = [percent(tied.reading.emotion_scores[name]) for name in ("sadness", "fear")]
    for question in ("Why?", "Why not fear?"):
        told = answer(tied, question)
        assert told.endswith(f"The lead over fear is small: {shares[0]} against {shares[1]}."), told
        assert "only" not in told


@pytest.mark.parametrize("question", ["Why not anger?", "Could it be anger?", "What speaks against anger?"])
def test_why_not_another_emotion(chat, question):
    text = answer(chat, question)
    assert "AU4" in text
    assert "happiness" in text
    assert f"The probability of anger is {percent(chat.reading.emotion_scores['anger'])}." in text


def test_is_it_this_emotion(chat, weak):
    assert answer(chat, "Is she happy?").startswith("Yes. The face shows happiness")
    assert answer(chat, "Is she angry?").startswith("No. The face shows happiness")
    assert answer(weak, "Is he sad?").startswith("Most likely the face shows sadness")
    assert "AU4" in answer(chat, "why is he angry?"), "a question that supposes another emotion is told why not"


def test_an_emotion_outside_the_label_set(smile_checkpoint, astronaut):
    talk = Chat(Analyzer(smile_checkpoint, label_set="fer2013"), astronaut)
    assert answer(talk, "Is it contempt?") == "Contempt is not among the emotions of the label set fer2013."


@pytest.mark.parametrize("question", KINDS["what_changes"])
def test_what_would_change_it_is_measured(chat, astronaut, question):
    (found,) = chat.analyzer.what_if(astronaut, without=["AU12"])
    before, after = chat.reading.emotion_scores["happiness"], found.emotion_scores["happiness"]
    leads = f"neutral would lead with {percent(found.emotion_scores['neutral'])}"
    assert answer(chat, question) == (
        f"Without AU12, happiness would fall from {percent(before)} to {percent(after)}, and {leads}."
    )


@pytest.mark.parametrize(
    ("question", "change"),
    [
        ("What if the brows were lowered?", {"adding": ["AU4"]}),
        ("What if she did not smile?", {"without": ["AU12"]}),
        ("without AU12 and AU6, and with AU4?", {"without": ["AU12", "AU6"], "adding": ["AU4"]}),
    ],
)
def test_what_if_is_measured(chat, astronaut, question, change):
    (found,) = chat.analyzer.what_if(astronaut, **change)
    assert percent(found.emotion_scores["happiness"]) in answer(chat, question)
    assert f"{found.emotion} would lead" in answer(chat, question)


def test_what_if_says_what_is_so_already_and_what_is_not_known(chat):
    assert "AU4 is not present as it is. Without AU4," in answer(chat, "What if AU4 were gone?")
    assert "AU12 is present already. With AU12 added," in answer(chat, "What if she smiled?")
    assert answer(chat, "What if AU18 were gone?").startswith("Whether AU18")
    assert answer(chat, "What if?").startswith("Name the action units")


@pytest.mark.parametrize(
    ("question", "units"),
    [
        ("Describe the mouth.", ("AU12", "AU14", "AU25")),
        ("What do the cheeks do?", ("AU06",)),
        ("and the brows?", ()),
        ("Tell me about the eyes", ("AU06",)),
        ("How is the nose?", ()),
        ("what about the chin and the jaw?", ()),
    ],
)
def test_an_area_is_described_by_its_units(chat, question, units):
    text = answer(chat, question)
    assert read_answer(text).aus == units
    assert ("at rest" in text or "relaxed" in text) == (not units)


@pytest.mark.parametrize("question", KINDS["describe"][:3])
def test_the_expression_is_described(chat, question):
    found = read_answer(answer(chat, question))
    assert found.emotion == "happiness"
    assert found.aus


@pytest.mark.parametrize("question", KINDS["help"])
def test_help_names_what_can_be_asked(chat, question):
    assert tuple(chat.ask(question)) == HELP


@pytest.mark.parametrize("topic", REFUSED)
def test_what_a_face_does_not_tell_gets_one_sentence_that_says_so(chat, topic):
    for question in REFUSED[topic]:
        (sentence,) = chat.ask(question)
        assert "ask instead" in sentence


@pytest.mark.parametrize("question", KINDS["unknown"])
def test_what_is_not_understood_gets_one_sentence(chat, question):
    assert list(chat.ask(question)) == [NOT_UNDERSTOOD], "the words of a random model are checked, and do not stand"


@pytest.mark.parametrize("question", ["What emotion is this?", "Is she happy?", "Why?", "Why not anger?", "How sure?"])
def test_an_abstained_reading_names_no_emotion(abstained, question):
    assert abstained.reading.status == "abstained"
    text = answer(abstained, question)
    reached = percent(abstained.reading.confidence)
    assert f"No verdict is given, because the confidence reaches {reached} and 99% was asked for." in text
    assert read_answer(text).emotions == ()


def test_the_packaged_model_is_not_asked_what_it_was_not_trained_for(smile_checkpoint, astronaut, monkeypatch):
    talk = Chat(Analyzer(smile_checkpoint), astronaut)
    asked = []
    generate = talk.analyzer.engine.generate
    monkeypatch.setattr(talk.analyzer.engine, "generate", lambda *a, **k: asked.append(a[1]) or generate(*a, **k))
    assert answer(talk, "Sing <image><clue></s> a song\udce9") == NOT_UNDERSTOOD
    ((conversation,),) = asked
    assert conversation[-1]["content"].split() == ["Sing", "a", "song?"]
    assert conversation[1]["content"].startswith("AU6 (clear)"), "the evidence comes first"
    monkeypatch.setattr(
        talk.analyzer.engine, "info", dataclasses.replace(talk.analyzer.engine.info, model="feallm-tiny")
    )
    assert answer(talk, "Sing a song") == NOT_UNDERSTOOD
    assert len(asked) == 1


def test_an_answer_that_nobody_listens_to_ends(chat):
    before = threading.active_count()
    stream = chat.ask("Why?")
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_a_chat_needs_a_face(chat, astronaut, tmp_path):
    for picture, face, message in (
        (np.zeros((64, 64, 3), np.uint8), 0, "no face was found in array"),
        (astronaut, 1, "no face 1: there is 1 face, number 0"),
        (astronaut, -1, "no face -1"),
        (tmp_path / "gone.png", 0, "cannot be read"),
    ):
        with pytest.raises(ValueError, match=message):
            Chat(chat.analyzer, picture, face)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Which action units are absent?", "AU1, AU2, AU4, AU5,"),
        ("What would make it anger?", "With AU4 added, anger would rise from"),
        ("What would make it happy?", "The face shows happiness"),
        ("What speaks against it?", "None does"),
        ("Is AU12 one-sided?", "Which side of the face a unit is on cannot be told here"),
        ("What is AU4?", "AU4 (brow lowerer) would be seen at the brow"),
        ("Which muscle makes AU12?", "would come from zygomaticus major"),
        ("Which AU is the strongest?", "From the strongest to the weakest, the face shows"),
        ("Anger or disgust?", "The probability of disgust is "),
        ("Is he bored?", "That is none of the emotions that are told apart here."),
        ("Is it a micro-expression?", "cannot be told from one picture"),
        ("How arousing is it?", "Valence and arousal are not measured here"),
        ("How many people are there?", "1 face was found"),
        ("What if all units were gone?", "Without AU6, AU12, AU14 and AU25,"),
        ("What if the mouth were relaxed?", "Without AU12, AU14 and AU25,"),
        ("What if the nose were relaxed?", "There is no action unit to take away there"),
        ("What if the brows were not lowered?", "AU4 is not present as it is. Without AU4,"),
        ("Is AU12 absent?", "AU12 is present with an intensity of"),
    ],
)
def test_questions_beside_the_verdict_get_an_answer_of_their_own(chat, question, told):
    assert told in answer(chat, question)


def test_what_a_target_needs_leads_with_it(chat, astronaut):
    (found,) = chat.analyzer.what_if(astronaut, adding=["AU4"])
    assert answer(chat, "What would make it anger?").startswith(
        f"With AU4 added, anger would rise from {percent(chat.reading.emotion_scores['anger'])} to "
        f"{percent(found.emotion_scores['anger'])} and lead."
    )


def test_a_follow_up_is_about_the_unit_asked_for_before(chat):
    answer(chat, "Is AU12 there?")
    assert "AU12 is present with an intensity" in answer(chat, "And its strength?")
    assert answer(chat, "What if it were gone?").startswith("Without AU12,")
    assert "where it is seen" not in answer(chat, "Where is it?")
    assert "where a picture was taken" not in answer(chat, "Where is it?").lower()


def test_a_place_is_told_in_pixels_where_that_is_asked(random_checkpoint, astronaut):
    analyzer = Analyzer(random_checkpoint)
    wire(analyzer.engine.model, {"AU12", "AU06"}, {"happiness": 2.0})
    talk = Chat(analyzer, astronaut)
    assert "In pixels of the picture, that place is x " in answer(talk, "Give me the pixel coordinates of AU12")
    assert "it would be seen at the brow" in answer(talk, "Which region carries AU4?")


@pytest.mark.parametrize(
    ("share", "bound", "told"),
    [
        (0.4997, 0.5, ("49.97%", "50%")),
        (0.48, 0.5, ("48%", "50%")),
        (0.99971, 0.9999, ("99.97%", "99.99%")),
        (0.4, 0.99, ("40%", "99%")),
        (0.5 - 1e-12, 0.5, ("a little under 50%", "50%")),
    ],
)
def test_a_share_under_a_bound_is_told_apart_from_it(share, bound, told):
    assert percents_under(share, bound) == told
