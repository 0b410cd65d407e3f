"""Responders: each model answers what was asked of it, as itself, and what it cannot answer is told and counted."""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from skimage import data

from feallm.analyze import Analyzer, Chat
from feallm.analyze.evidence import question
from feallm.bench.items import KINDS, Request
from feallm.bench.responders import RESPONDERS, Options, ResponderError, open_responder
from feallm.bench.responders.tools import deepface_rows, pyfeat_rows
from feallm.data.sources.au_codes import PROVENANCE
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.emotions import EMOTIONS, LABEL_SETS
from feallm.facs.prototypes import prototype_score
from feallm.prompts import ask

SEVEN = LABEL_SETS["rafdb"]
QUESTIONS = {
    "emotion": ask("emotion", EMOTIONS),
    "aus": ask("aus"),
    "describe_emotion": ask("describe_expression"),
    "describe_aus": ask("describe_aus"),
    "reason": ask("reason"),
}


def request(picture, kind="emotion", *, sample="s", is_crop=True, classes=EMOTIONS, label_set="ferplus", **more):
    return Request(sample, kind, QUESTIONS[kind], picture, is_crop, classes, label_set, CODED_AUS, **more)


@pytest.fixture(scope="module")
def pictures():
    """One face in three lights and sizes, cut out of scikit-image's portrait."""
    face = data.astronaut()[60:190, 160:290]
    dark = (face * 0.6).astype(np.uint8)
    return [face, dark[::2, ::2], face[:, ::-1].copy()]


@pytest.fixture(scope="module")
def head():
    return open_responder("feallm", Options())


@pytest.fixture(scope="module")
def analyzer():
    return Analyzer(detector="none")


def again(head, mode, options):
    """The same engine in another mode: the weights are loaded once."""
    from feallm.bench.responders.feallm import FeallmResponder

    return FeallmResponder(mode, head.engine, head.detector, options)


def test_the_head_reads_what_the_analyzer_reads(head, analyzer, pictures):
    readings = analyzer.analyze(pictures)
    answers = head.respond([request(picture) for picture in pictures])
    for reading, answer in zip(readings, answers, strict=True):
        assert (answer.status, answer.how, answer.emotion) == ("ok", "head", reading.emotion)
        assert answer.scores == pytest.approx(reading.emotion_scores, abs=1e-5)
        assert set(answer.present) == {unit for unit, au in reading.action_units.items() if au.present}
        assert answer.presence == pytest.approx(
            {unit: au.probability for unit, au in reading.action_units.items()}, abs=1e-5
        )
        assert answer.intensity == pytest.approx(
            {unit: au.intensity for unit, au in reading.action_units.items()}, abs=1e-4
        )
    words = head.respond([request(picture, "reason") for picture in pictures])
    assert [answer.text for answer in words] == [reading.explanation for reading in readings]


def test_the_head_describes_as_the_product_does(head, analyzer, pictures):
    chat = Chat(analyzer, pictures[0])
    for kind in ("describe_emotion", "describe_aus"):
        (answer,) = head.respond([request(pictures[0], kind)])
        assert " ".join(chat.ask(QUESTIONS[kind])).startswith(answer.text)
        assert set(read_answer(answer.text).aus) <= set(chat.reading.present_units)


def test_other_label_sets_are_restricted_and_renormalised(head, pictures):
    (eight,) = head.respond([request(pictures[0])])
    (seven,) = head.respond([request(pictures[0], classes=SEVEN, label_set="rafdb")])
    assert tuple(seven.scores) == SEVEN
    assert sum(seven.scores.values()) == pytest.approx(1, abs=1e-6)
    rest = 1 - eight.scores["contempt"]
    assert seven.scores == pytest.approx({name: eight.scores[name] / rest for name in SEVEN}, abs=1e-5)
    (own,) = head.respond([request(pictures[0], classes=LABEL_SETS["fer2013"], label_set="fer2013")])
    assert own.scores != pytest.approx(seven.scores, abs=1e-5), "the checkpoint has an output for FER2013 itself"
    (text,) = head.respond([request(pictures[0], "reason", classes=("anger", "fear"), label_set="two")])
    assert read_answer(text.text).emotion in ("anger", "fear")
    assert "restricted to the task's classes" in head.info.note
    with pytest.raises(ResponderError, match="has none of pride"):
        head.respond([request(pictures[0], classes=("pride",), label_set="new")])


def test_mixed_kinds_keep_their_places(head, pictures):
    requests = [request(picture, kind) for picture in pictures[:2] for kind in KINDS]
    answers = head.respond(requests)
    assert len(answers) == len(requests)
    for asked, answer in zip(requests, answers, strict=True):
        (alone,) = head.respond([asked])
        assert answer.emotion == alone.emotion
        assert (answer.text is None) == (asked.kind in ("emotion", "aus"))
    assert head.respond([]) == []


def test_free_answers_are_the_language_models(head, pictures):
    free = again(head, "free", Options(max_new_tokens=24))
    encoded = head.engine.encode([resized(picture, head.engine.info.face_size) for picture in pictures])
    listed = head.engine.generate(encoded, [question("aus")] * 3, 24)
    assert [answer.text for answer in free.respond([request(each, "aus") for each in pictures])] == listed
    logs = head.engine.score_labels(
        encoded, [question("emotion", EMOTIONS)] * 3, [f"{name.capitalize()}." for name in EMOTIONS]
    )
    for answer, row in zip(free.respond([request(each) for each in pictures]), logs, strict=True):
        assert answer.how == "log-likelihood"
        assert answer.emotion == EMOTIONS[int(row.argmax())]
        shares = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        assert list(answer.scores.values()) == pytest.approx(shares.tolist(), abs=1e-4)
    generated = again(head, "free", Options(label_scoring=False)).respond([request(each) for each in pictures])
    said = head.engine.generate(encoded, [question("emotion", EMOTIONS)] * 3, 160)
    assert [(answer.how, answer.text, answer.emotion) for answer in generated] == [
        ("generation", text, None) for text in said
    ]


def test_evidence_puts_its_own_answers_into_the_conversation(head, pictures):
    evidence = again(head, "evidence", Options(max_new_tokens=40))
    engine, classes = head.engine, EMOTIONS
    encoded = engine.encode([resized(pictures[0], engine.info.face_size)])
    turns = question("aus")
    turns += [{"role": "assistant", "content": engine.generate(encoded, [turns], 40)[0]}]
    turns += question("emotion", classes)
    labels = [f"{name.capitalize()}." for name in classes]
    winner = labels[int(engine.score_labels(encoded, [turns], labels)[0].argmax())]
    (answer,) = evidence.respond([request(pictures[0])])
    assert f"{answer.emotion.capitalize()}." == winner
    turns += [{"role": "assistant", "content": winner}, *question("grounds")]
    turns += [{"role": "assistant", "content": engine.generate(encoded, [turns], 40)[0]}, *question("reason")]
    (words,) = evidence.respond([request(pictures[0], "reason")])
    assert words.text == engine.generate(encoded, [turns], 40)[0]
    (units,) = evidence.respond([request(pictures[0], "aus")])
    assert units.text == turns[1]["content"]


def resized(picture, size):
    from feallm.faces import align_face, whole_picture

    return align_face(picture, whole_picture(picture), size)


def test_faces_are_found_where_pictures_are_no_crops(head):
    photo, blank = data.astronaut(), np.full((200, 200, 3), 128, np.uint8)
    found, none, broken = head.respond(
        [
            request(photo, is_crop=False),
            request(blank, is_crop=False),
            request(np.zeros((0, 10, 3), np.uint8), is_crop=False),
        ]
    )
    reading = Analyzer().analyze(photo, explain=False)[0]
    assert found.emotion == reading.emotion
    assert found.scores == pytest.approx(reading.emotion_scores, abs=1e-5)
    assert (none.status, none.emotion, none.scores) == ("no_face", None, None)
    assert broken.status == "unreadable"
    assert "positive width and height" in broken.error


def test_what_is_known_of_the_checkpoint_is_told(head, tmp_path):
    info = head.info
    assert (info.name, info.model, info.image_size) == ("feallm-head", "feallm-tiny", "96")
    assert info.kinds == set(KINDS)
    assert info.trained_on == ("fer2013:train",)
    assert info.decoding["reason"]["max_new_tokens"] == 160
    from feallm.bench.responders.feallm import trained_on_of

    assert trained_on_of(str(tmp_path)) is None
    (tmp_path / "recipe.yaml").write_text("data:\n  train:\n  - {source: rafdb, path: x}\n")
    assert trained_on_of(str(tmp_path)) == ("rafdb:train",)
    (tmp_path / "recipe.yaml").write_text("just: words")
    assert trained_on_of(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("feallm-heda", r"unknown model 'feallm-heda', did you mean 'feallm-head'\? the names are feallm, .*endpoint"),
        ("feallm:/no/such/checkpoint", "no checkpoint at /no/such/checkpoint"),
        ("majority", "give its folder with --data"),
        ("prior:rafau", "rafau has no training split"),
        ("majority:nosuch", "unknown source 'nosuch'"),
        ("canned", "canned needs its answers"),
        ("canned:/no/such.jsonl", "no canned answers at"),
        ("table", "table needs its file"),
        ("table:/no/such.csv", "no table of predictions"),
    ],
)
def test_models_that_cannot_be_opened_say_why(spec, message):
    with pytest.raises(ResponderError, match=message):
        open_responder(spec, Options())


def test_a_wrong_detector_or_device_is_told():
    for options in (Options(detector="magic"), Options(device="abacus")):
        with pytest.raises(ResponderError, match=r"magic|abacus"):
            open_responder("feallm-head", options)


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys; from feallm.bench.responders import open_responder, Options;"
        "import feallm.bench.responders.baselines, feallm.bench.responders.table, feallm.bench.responders.tools,"
        "feallm.bench.responders.feallm, feallm.bench.responders.prototypes;"
        "open_responder('canned:Happiness.', Options());"
        "open_responder('feallm-free', Options());"  # FEABench asks the packaged checkpoint without torch
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


GREY = np.full((48, 48, 3), 90, np.uint8)


@pytest.fixture
def fer2013(tmp_path):
    """Twelve training pictures: seven happy (code 3), four angry (0), one fearful (2); four have action units."""
    pixels = " ".join(["90"] * 48 * 48)
    lines = [f"{code},{pixels},{usage}" for code, usage in zip([3] * 7 + [0] * 4 + [2], ["Training"] * 12, strict=True)]
    lines += [f"4,{pixels},PublicTest"] * 30
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    return tmp_path


def add_codes(folder):
    names = ["id", "pass", "codable", "hidden", *CODED_AUS]
    seen = [{"AU12": 5, "AU25": 3}, {"AU12": 3, "AU25": 1}, {"AU12": 1}, {"AU04": 3}]
    rows = [
        [f"fer{number:07d}", 1, 1, "", *[units.get(unit, 0) for unit in CODED_AUS]] for number, units in enumerate(seen)
    ]
    text = "\n".join(",".join(map(str, row)) for row in [names, *rows])
    (folder / "fea_au_train.csv").write_text(text + "\n")


def test_majority_answers_for_the_training_split(fer2013):
    add_codes(fer2013)
    majority = open_responder("majority", Options(data=str(fer2013)))
    assert majority.info.kinds == set(KINDS)
    assert majority.info.trained_on == ("fer2013:train",)
    asked = [request(GREY, kind, sample=kind, classes=SEVEN, label_set="fer2013") for kind in KINDS]
    emotion, units, expression, movements, reason = majority.respond(asked)
    assert emotion.emotion == "happiness", "sadness leads the validation split, which it must not look at"
    assert emotion.scores["anger"] == pytest.approx(4 / 12)
    assert sum(emotion.scores.values()) == pytest.approx(1)
    assert units.present == ("AU12",), "AU25 is shown by half of the faces, which is not more than half"
    assert (units.presence["AU25"], units.presence["AU04"]) == (0.5, 0.25)
    assert units.intensity["AU12"] == pytest.approx(9 / 4)
    assert read_answer(expression.text).emotion == "happiness"
    assert read_answer(movements.text).aus == ("AU12",)
    assert (read_answer(reason.text).emotion, read_answer(reason.text).aus) == ("happiness", ("AU12",))
    (angry,) = majority.respond([request(GREY, classes=("anger", "fear"), label_set="two")])
    assert (angry.emotion, angry.scores) == ("anger", pytest.approx({"anger": 0.8, "fear": 0.2}))
    with pytest.raises(ResponderError, match="no training face of fer2013 is labelled with any of contempt"):
        majority.respond([request(GREY, classes=("contempt",), label_set="one")])
    assert "model-coded" in PROVENANCE


def test_majority_without_action_units_says_so(fer2013):
    majority = open_responder("majority:fer2013", Options(data=str(fer2013)))
    assert majority.info.kinds == {"emotion", "describe_emotion", "reason"}
    assert "fea_au_train.csv" in majority.info.note
    with pytest.raises(ResponderError, match="needs the training split of rafdb"):
        open_responder("majority:rafdb", Options(data=str(fer2013)))


def test_prior_draws_from_the_training_split(fer2013):
    add_codes(fer2013)
    prior = open_responder("prior", Options(data=str(fer2013)))
    asked = [request(GREY, sample=f"s{number}", classes=SEVEN, label_set="fer2013") for number in range(600)]
    answers = prior.respond(asked)
    assert answers[::-1] == prior.respond(asked[::-1]), "the sample is the seed, whatever the order"
    assert answers != open_responder("prior", Options(data=str(fer2013), seed=1)).respond(asked)
    share = sum(answer.emotion == "happiness" for answer in answers) / 600
    assert abs(share - 7 / 12) < 0.07
    assert {answer.emotion for answer in answers} == {"happiness", "anger", "fear"}
    smiles = sum("AU12" in answer.present for answer in answers) / 600
    assert abs(smiles - 0.75) < 0.07


def test_prototypes_use_the_units_alone(head, pictures):
    prototypes = open_responder("prototypes", Options())
    asked = [request(picture, kind) for picture in pictures for kind in KINDS]
    numbers = head.respond([request(picture) for picture in pictures])
    answers = prototypes.respond(asked)
    for place, read in enumerate(numbers):
        emotion, units, expression, movements, reason = answers[5 * place : 5 * place + 5]
        assert units.present == read.present
        fits = {name: prototype_score(name, read.present) for name in EMOTIONS}
        assert fits[emotion.emotion] == max(fits.values())
        assert emotion.scores is None
        assert read_answer(expression.text).emotion == emotion.emotion
        assert read_answer(movements.text).aus == tuple(sorted(read.present))
        assert read_answer(reason.text).emotion == emotion.emotion
    (none,) = prototypes.respond([request(np.full((90, 90, 3), 7, np.uint8), is_crop=False)])
    assert none.status == "no_face"


def test_canned_answers(tmp_path):
    constant = open_responder("canned:The face is happy: it smiles.", Options())
    assert constant.respond([request(GREY)])[0].text == "The face is happy: it smiles."
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"sample": "a:1", "text": "Anger."}) + "\n\n")
    known, unknown = open_responder(f"canned:{path}", Options()).respond(
        [request(GREY, sample="a:1"), request(GREY, sample="b")]
    )
    assert (known.status, known.text) == ("ok", "Anger.")
    assert (unknown.status, unknown.error) == ("unreadable", "no canned answer to b")
    path.write_text('{"sample": "a", "answer": "Anger."}\n')
    with pytest.raises(ResponderError, match="line 1: expected"):
        open_responder(f"canned:{path}", Options())
    path.write_text('{"sample": "a", "text": "x"}\n' * 2)
    with pytest.raises(ResponderError, match="line 2: a is answered twice"):
        open_responder(f"canned:{path}", Options())


def test_a_table_answers_for_the_pictures_it_knows(tmp_path):
    path = tmp_path / "fex.csv"
    names = "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,AU01,AU12,"
    names += "Neutral,Happy,Sad,Surprise,Fear,Disgust,Anger,Contempt,input,frame"
    face = "1,2,30,40,0.9,0.2,0.8,0.1,0.2,0.1,0,0,0,0.1,0.5,"
    small = "1,2,3,4,0.9,0.9,0.1,0.9,0.1,0,0,0,0,0,0,"
    nobody = ",,,,0,,,,,,,,,,,"
    rows = [f"{face}train/a.png,0", f"{small}train/a.png,0", f"{nobody}train/b.png,1"]
    rows += [f"{face}one/same.png,2", f"{face}two/same.png,3", f"{face}clip.mp4,0", f"{small}clip.mp4,7"]
    path.write_text("\n".join([names, *rows]) + "\n")
    table = open_responder(f"table:{path}", Options(form="pyfeat"))
    assert table.info.kinds == {"emotion", "aus"}
    assert table.info.model == "pyfeat table fex.csv"

    def look(*names, frame=None, kind="emotion"):
        return table.respond([request(GREY, kind, classes=SEVEN, label_set="rafdb", names=names, frame=frame)])[0]

    seen = look("x17", "/data/raf/train/a.png")
    assert (seen.how, seen.emotion) == ("table", "happiness"), (
        "contempt is no class of the task; the larger face counts"
    )
    assert seen.scores == pytest.approx({name: seen.scores[name] for name in SEVEN})
    assert seen.scores["happiness"] == pytest.approx(0.4)
    assert (seen.present, seen.presence["AU01"]) == (("AU12",), 0.2)
    assert look("b").status == "no_face"
    assert look("/data/two/same.png", "same.png").status == "ok"
    shared = look("same.png")
    assert (shared.status, shared.error) == (
        "unreadable",
        "not in the table: same.png is the name of several pictures there",
    )
    missing = look("c", "/data/c.png")
    assert (missing.status, missing.error) == ("unreadable", "not in the table: c, /data/c.png")
    assert look("clip.mp4", frame=7).scores["neutral"] == pytest.approx(0.9)
    assert "it has no frame 3" in look("clip.mp4", frame=3).error
    assert "it has 2 frames" in look("clip.mp4").error


def test_a_label_outside_the_classes_is_not_hidden(tmp_path):
    path = tmp_path / "libre.csv"
    path.write_text("input,facial_expression,au_1,au_12_intensity\n1.png,Contempt,1,3.2\n")
    (answer,) = open_responder(f"table:{path}", Options()).respond([request(GREY, classes=SEVEN, names=("1.png",))])
    assert (answer.emotion, answer.scores, answer.present) == ("contempt", None, ("AU01", "AU12"))


def test_the_tools_own_label_stands_where_it_is_a_class(tmp_path):
    """Columns that were left out cannot make another class of it."""
    path = tmp_path / "deep.csv"
    path.write_text("input,dominant_emotion,emotion.angry,emotion.neutral\n1.png,sad,20,30\n")
    (answer,) = open_responder(f"table:{path}", Options()).respond([request(GREY, classes=SEVEN, names=("1.png",))])
    assert (answer.emotion, answer.scores["sadness"]) == ("sadness", 0)


def test_documented_results_of_the_tools_are_read():
    shares = {"angry": 0.5, "disgust": 0, "fear": 1.5, "happy": 95.0, "sad": 1, "surprise": 0, "neutral": 2}
    result = {"emotion": shares, "dominant_emotion": "happy", "face_confidence": 0.92}
    result["region"] = {"x": 10, "y": 20, "w": 30, "h": 40, "left_eye": (15, 30), "right_eye": None}
    (row,) = deepface_rows([result])
    assert (row.emotion, row.box, row.confidence) == ("happiness", (10, 20, 30, 40), 0.92)
    assert row.scores["happiness"] == pytest.approx(0.95)
    record = {"FaceRectX": 5.0, "FaceRectY": 6.0, "FaceRectWidth": 7.0, "FaceRectHeight": 8.0, "FaceScore": 0.8}
    record |= {"AU06": 0.7, "happiness": 0.9, "neutral": 0.1, "input": "a.png", "frame": 0}
    found, none = pyfeat_rows([record, {**record, "FaceRectX": float("nan")}])
    assert (found.emotion, found.present, found.picture) == ("happiness", {"AU06": True}, "a.png")
    assert none.status == "no_face"


@pytest.mark.parametrize(("name", "package"), [("deepface", "deepface"), ("pyfeat", "py-feat")])
def test_a_tool_that_is_not_installed_says_how_to_get_it(name, package):
    if find_spec("feat" if name == "pyfeat" else name) is not None:
        pytest.skip(f"{package} is installed here")
    with pytest.raises(ResponderError, match=f"pip install {package}"):
        open_responder(name, Options())


def test_the_registry_names_every_model():
    assert {"feallm", "feallm-head", "feallm-free", "feallm-evidence", "hf", "endpoint"} <= set(RESPONDERS)
