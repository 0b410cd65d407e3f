"""What questions are taken for: every intent in several wordings, every topic that is refused, and near misses."""

import pytest

from feallm.analyze.intents import understand
from feallm.analyze.refusals import REFUSALS, UNMEASURED
from feallm.analyze.wordings import wordings
from feallm.facs.refusals import ALSO_CANNOT, CANNOT, NOT_MEASURED, refuse
from feallm.prompts import QUESTIONS

KINDS = {
    "emotion": ("What emotion is this?", "Which expression does she show?", "How is he feeling?", "verdict?"),
    "sure": ("How sure are you?", "What else could it be?", "Is there a second emotion?", "can I trust this?"),
    "units": ("Which AUs are there?", "List the action units.", "facs?"),
    "movements": ("Which muscles move?", "What facial movements can be seen?", "Describe the action units."),
    "unit": ("Is AU12 there?", "is she smiling?", "Do you see a lip corner puller?", "AU4", "are the brows lowered?"),
    "strength": (
        "How strong is AU12?",
        "What is the intensity of the smile?",
        "how strong is the expression?",
        "Is AU12 absent?",
    ),
    "ground": ("Where is AU12 seen?", "How do you know that the cheeks are raised?", "Which region carries AU12?"),
    "why": (
        "Why?",
        "Explain the reading.",
        "Why is she happy?",
        "What makes it happiness?",
        "what makes her look sad?",
    ),
    "why_not": ("Why not anger?", "Could it be sadness?", "What speaks against fear?", "why not?", "Isn't it fear?"),
    "is_it": ("Is she angry?", "Do you think he is happy?", "happy?", "Is the man sad?"),
    "what_changes": ("What would change it?", "Which unit matters most?", "What decides?"),
    "what_if": ("What if the brows were lowered?", "without AU6?", "How does AU12 contribute?", "What if?"),
    "area": ("Describe the mouth.", "What do the eyes do?", "and the nose?", "how is the jaw?"),
    "describe": (
        "Describe the expression.",
        "How does this person look?",
        "What do you see?",
        "Tell me about the face.",
    ),
    "toward": ("What would make it anger?", "What would turn it into happiness?", "What would it take to be neutral?"),
    "absent": ("Which action units are absent?", "Which AUs are not present?", "List the inactive AUs"),
    "against": ("Which AUs speak against it?", "What speaks against the verdict?"),
    "sides": ("Is AU12 one-sided?", "Is the left brow raised?", "Is AU4 more on the left?", "Is the face symmetric?"),
    "meaning": ("What is AU6?", "Which muscle makes AU4?", "What does AU4 mean?"),
    "strongest": ("Which AU is the strongest?", "Name the weakest unit."),
    "quality": ("Is the picture blurry?", "Is the picture good enough?"),
    "faces": ("How many people are in the picture?",),
    "unmeasured": ("Is it a micro-expression?", "Is this a posed expression?", "How arousing is it?", "the valence?"),
    "beyond": ("Is he bored?", "Is she confused?"),
    "help": ("help", "?", "What can I ask?", "What can you do?"),
    "unknown": ("What is the capital of France?", "asdf", "thanks", ""),
}
NAMED = (
    "Is this Eileen Collins?",
    "Is that Barack Obama?",
    "Does he look like Tom Hanks?",
    "Have you seen her before?",
)
REFUSED = {
    "identity": ("Who is this?", "What is her name?", "Do you recognise him?", "is he famous?", *NAMED),
    "age": ("How old is she?", "Is this a child?", "What age is he?"),
    "gender": ("Is it a man or a woman?", "What gender is this person?", "is this a girl?"),
    "ethnicity": ("What race is he?", "Is she Asian?", "Where is he from?", "What is her nationality?"),
    "honesty": ("Is he lying?", "Is the smile genuine?", "Is she honest?"),
    "personality": ("Is she a nice person?", "Can I trust him?", "What is her IQ?", "Is he a threat?"),
    "attractiveness": ("Is she beautiful?", "How attractive is he?", "is she pretty?"),
    "health": ("Is he depressed?", "Is she ill?", "Does he have Parkinson's?", "is she tired?"),
    "thoughts": ("What is she thinking?", "What does he want?", "Is she going to cry?", "What made her smile?"),
    "life": ("Is she gay?", "Is he rich?", "What is his job?", "Is she married?", "Does he work as a nurse?"),
    "else": ("is this barack obama?", "What does she eat?", "Can he sing?"),
    "place": ("Where was this taken?", "Where is she?", "What is in the background?"),
    "looks": ("What colour are her eyes?", "Is he wearing glasses?", "What hair does she have?"),
}
ALLOWED = (
    ("Is the man angry?", "is_it"),
    ("Is this child sad?", "is_it"),
    ("Are you pretty sure?", "sure"),
    ("Are the lip corners depressed?", "unit"),
    ("What do you think she feels?", "emotion"),
    ("Where is it seen?", "unknown"),
    ("Is it like anger?", "is_it"),
    ("What does this look like?", "describe"),
    ("Could you tell if she is smiling?", "unit"),
    ("Is the white of the eye above the iris visible?", "unit"),
)


@pytest.mark.parametrize(("question", "kind"), [(each, kind) for kind, several in KINDS.items() for each in several])
def test_each_intent_is_known_in_several_wordings(question, kind):
    assert understand(question).kind == kind


@pytest.mark.parametrize(("question", "topic"), [(each, topic) for topic, many in REFUSED.items() for each in many])
def test_what_an_expression_does_not_tell_is_refused_by_its_topic(question, topic):
    intent = understand(question)
    assert (intent.kind, intent.topic) == ("refuse", topic)


def test_every_topic_has_questions_and_one_sentence():
    assert set(REFUSED) == {*REFUSALS, "else"} == {*CANNOT, *ALSO_CANNOT}
    assert {*UNMEASURED, "sides"} == set(NOT_MEASURED)
    for topic in REFUSED:
        sentence = refuse(topic)
        assert sentence.count(".") == 1
        assert sentence.endswith(".")
        assert "ask instead which emotion" in sentence


@pytest.mark.parametrize(("question", "kind"), ALLOWED)
def test_questions_about_the_expression_are_not_refused_for_a_word(question, kind):
    assert understand(question).kind == kind


@pytest.mark.parametrize(
    ("question", "without", "adding"),
    [
        ("What if the brows were lowered?", "", "AU04"),
        ("What if AU12 were gone?", "AU12", ""),
        ("What if she did not smile?", "AU12", ""),
        ("What if she stopped smiling?", "AU12", ""),
        ("without AU6 and AU12?", "AU06 AU12", ""),
        ("without AU6 and with AU4?", "AU06", "AU04"),
        ("What if AU6, AU12 were gone and AU4 were added?", "AU06 AU12", "AU04"),
        ("if AU4 were added and AU12 removed", "AU12", "AU04"),
        ("What if the brows were lowered and the smile gone?", "AU12", "AU04"),
        ("suppose the nose was wrinkled", "", "AU09"),
        ("How much does AU12 matter?", "AU12", ""),
        ("What if the brows were not lowered?", "AU04", ""),
        ("What if the brows weren't furrowed?", "AU04", ""),
        ("What if the mouth was not open?", "AU25", ""),
        ("What if the brow lowerer was inactive?", "AU04", ""),
        ("What if AU4 were not absent?", "", "AU04"),
        ("What if the brows were not lowered and the mouth smiled?", "AU04", "AU12"),
        ("What if it were AU10 instead of AU9?", "AU09", "AU10"),
        ("What if instead of AU9 there were AU10?", "AU09", "AU10"),
        ("What if neither AU6 nor AU12 were there?", "AU06 AU12", ""),
        ("Take out AU4 and put in AU12", "AU04", "AU12"),
        ("What if AU6 replaced AU4?", "AU04", "AU06"),
        ("Replace AU4 with AU12", "AU04", "AU12"),
        ("What if AU4 were replaced by AU12?", "AU04", "AU12"),
        ("Substitute AU12 for AU4", "AU04", "AU12"),
        ("What if she smiled rather than frowned?", "AU04", "AU12"),
    ],
)
def test_what_a_supposition_takes_out_and_puts_in(question, without, adding):
    intent = understand(question)
    assert intent.kind == "what_if"
    assert (" ".join(intent.without), " ".join(intent.adding)) == (without, adding)


def test_names_are_read_with_the_question():
    assert understand("is a zygomaticus major there?").units == ("AU12",)
    assert understand("12").units == ("AU12",)
    assert understand("Is AU99 there?").strange == "AU99"
    assert understand("What do the lips do?").area == "mouth"
    assert understand("Why not sad or angry?").emotions == ("sadness", "anger")
    assert understand("How does she really feel?").felt
    assert not understand("What does she show?").felt


@pytest.mark.parametrize(
    ("before", "question", "kind", "units"),
    [
        ("Is AU12 there?", "Where is it?", "ground", ("AU12",)),
        ("Is AU12 there?", "What if that were missing?", "what_if", ("AU12",)),
        ("Are AU6 and AU12 there?", "How strong are they?", "strength", ("AU06", "AU12")),
        ("Is she smiling?", "Which muscle makes it?", "meaning", ("AU12",)),
        ("Is AU12 there?", "Which emotion is it?", "emotion", ()),
        ("Is AU12 there?", "Is that Barack Obama?", "refuse", ()),
        ("Which emotion?", "Where is it?", "refuse", ()),
    ],
)
def test_it_stands_for_the_units_of_the_question_before(before, question, kind, units):
    intent = understand(question, understand(before))
    assert (intent.kind, intent.units) == (kind, units)


def test_a_bare_why_not_is_of_the_emotion_asked_for_before():
    assert understand("Why not?", understand("Is she angry?")).emotions == ("anger",)
    assert understand("Why not?", understand("Is AU4 there?")).emotions == ()


def test_the_whole_evidence_or_an_area_can_be_taken_away():
    assert understand("What if all action units were gone?").every
    assert understand("What if the brows were relaxed?").area == "brows"
    assert understand("What if AU4 was only slight?").topic == "graded"


def test_the_notation_of_wordings():
    rule = wordings("where ... taken, (a/an) ?very old* man, PERSON runs, end $")
    for text in ("Where, do you think, was it TAKEN", "a very older man", "an old man", "the woman runs", "the end?"):
        assert rule.search(text), text
    for text in ("nowhere taken", "a very old", "it runs", "the ending"):
        assert not rule.search(text), text


@pytest.mark.parametrize(
    "question",
    [
        *(
            phrasing.format(classes="neutral or fear", unit="AU4", other="fear", area="brows")
            for phrasings in QUESTIONS.values()
            for phrasing in phrasings
        ),
        "Which unit weighs most?",
        "What lies behind the verdict?",
        "Name the strongest movement.",
    ],
)
def test_no_question_about_the_expression_is_refused(question):
    assert understand(question).kind != "refuse", question
