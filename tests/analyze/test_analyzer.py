"""`Analyzer` over a checkpoint of random weights: its surface, its statuses, its batches, its errors."""

import dataclasses
import inspect
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.errors import CheckpointError
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.emotions import EMOTIONS, LABEL_SETS


@pytest.fixture(scope="module")
def analyzer(random_checkpoint):
    return Analyzer(random_checkpoint, batch_size=4)


def test_the_surface_is_as_documented():
    parameters = inspect.signature(Analyzer).parameters
    assert list(parameters)[:5] == ["model", "device", "detector", "batch_size", "label_set"]
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in list(parameters)[1:])
    fields = [field.name for field in dataclasses.fields(FaceReading)]
    wanted = ["input", "frame", "timestamp", "face_id", "status", "box", "score", "quality", "emotion"]
    wanted += ["emotion_scores", "action_units", "explanation", "consistency", "raw_text", "model"]
    assert fields[: len(wanted)] == wanted
    with pytest.raises(TypeError, match="unexpected keyword"):
        Analyzer(colour="red")


def test_unknown_arguments_of_analyze_raise(analyzer, astronaut):
    with pytest.raises(TypeError, match="unexpected keyword"):
        analyzer.analyze(astronaut, actions=["emotion"])
    with pytest.raises(TypeError):
        analyzer.analyze(3)


def test_one_face_is_one_full_reading(analyzer, astronaut):
    (reading,) = analyzer.analyze(astronaut)
    assert reading.status == "ok"
    assert reading.face_id == 0
    assert tuple(reading.emotion_scores) == EMOTIONS
    assert sum(reading.emotion_scores.values()) == pytest.approx(1.0, abs=1e-6)
    assert reading.emotion == max(reading.emotion_scores, key=reading.emotion_scores.get)
    assert set(reading.action_units) == set(CODED_AUS)
    for unit in reading.action_units.values():
        assert 0 <= unit.probability <= 1
        assert 0 <= unit.intensity <= 5
    x, y, width, height = reading.box
    assert 150 < x < 220
    assert 30 < y < 110
    assert 50 < width < 160
    assert 50 < height < 160
    answer = read_answer(reading.explanation)
    assert answer.emotion == reading.emotion
    assert set(answer.aus) <= set(reading.present_units)
    assert reading.consistency.agrees
    assert reading.raw_text is not None
    json.loads(reading.to_json())
    with pytest.raises(dataclasses.FrozenInstanceError):
        reading.emotion = "fear"


def test_numbers_are_the_same_without_words(analyzer, astronaut):
    (worded,), (bare,) = analyzer.analyze(astronaut), analyzer.analyze(astronaut, explain=False)
    assert bare.explanation is None
    assert bare.raw_text is None
    assert bare.emotion_scores == worded.emotion_scores
    assert bare.action_units == worded.action_units


def test_no_face_is_one_reading_and_never_a_guess(analyzer):
    (reading,) = analyzer.analyze(np.zeros((200, 300, 3), np.uint8))
    assert reading.status == "no_face"
    assert reading.emotion is None
    assert reading.emotion_scores == {}
    assert reading.action_units == {}
    assert reading.explanation is None
    assert reading.box is None


def test_several_faces_each_get_a_reading(analyzer, five_faces):
    readings = analyzer.analyze(five_faces, explain=False)
    assert [reading.face_id for reading in readings] == [0, 1, 2, 3, 4]
    assert len({reading.box for reading in readings}) == 5


def test_batches_across_pictures_change_nothing(random_checkpoint, five_faces, astronaut):
    sources = [
        astronaut,
        np.zeros((64, 64, 3), np.uint8),
        five_faces,
        b"no picture",
        astronaut[:300, 100:400],
    ]
    alone = [Analyzer(random_checkpoint, batch_size=1).analyze(source, explain=False) for source in sources]
    for size in (1, 3, 16):
        together = Analyzer(random_checkpoint, batch_size=size).analyze(sources, explain=False)
        assert [r.status for r in together] == [r.status for several in alone for r in several]
        for one, other in zip([r for several in alone for r in several], together, strict=True):
            assert one.box == other.box
            assert one.emotion_scores == pytest.approx(other.emotion_scores, abs=1e-4)


def test_explanations_in_a_batch_are_those_of_single_faces(random_checkpoint, five_faces):
    one = [r.raw_text for r in Analyzer(random_checkpoint, batch_size=1).analyze(five_faces)]
    assert [r.raw_text for r in Analyzer(random_checkpoint, batch_size=5).analyze(five_faces)] == one


def test_bad_pictures_do_not_stop_the_others(analyzer, astronaut, tmp_path):
    for number in range(20):
        Image.fromarray(astronaut).resize((128, 128)).save(tmp_path / f"{number:02d}.jpg")
    (tmp_path / "03.jpg").write_bytes(b"")
    (tmp_path / "07.jpg").write_text("this is no picture")
    whole = (tmp_path / "11.jpg").read_bytes()
    (tmp_path / "11.jpg").write_bytes(whole[: len(whole) // 2])
    seen = []
    readings = analyzer.analyze(tmp_path, explain=False, progress=lambda done, total: seen.append((done, total)))
    assert len(readings) == 20
    unreadable = [r for r in readings if r.status == "unreadable"]
    assert [r.input[-6:] for r in unreadable] == ["03.jpg", "07.jpg", "11.jpg"]
    assert all(r.error for r in unreadable)
    assert sum(r.status == "ok" for r in readings) == 17
    assert seen == [(n, 20) for n in range(1, 21)]


def test_words_that_cannot_be_made_to_agree_are_a_status(analyzer, astronaut, monkeypatch):
    import feallm.analyze.analyzer as module
    from feallm.analyze import Consistency

    monkeypatch.setattr(module, "agree", lambda text, *reading: (text, Consistency(False)))
    (reading,) = analyzer.analyze(astronaut)
    assert reading.status == "unparsed"
    assert reading.emotion is not None, "the numbers stand without the words"


def test_a_detector_that_fails_on_one_picture_does_not_stop_the_others(random_checkpoint, astronaut):
    from feallm.faces import Face

    class Stumbling:
        def detect(self, picture):
            if picture.shape[0] == 64:
                raise ValueError("no eyes to speak of")
            return [Face((10.0, 10.0, 100.0, 100.0), 1.0, None)]

    pictures = [astronaut, np.zeros((64, 64, 3), np.uint8), astronaut]
    readings = Analyzer(random_checkpoint, detector=Stumbling()).analyze(pictures, explain=False)
    assert [reading.status for reading in readings] == ["ok", "unreadable", "ok"]
    assert "no eyes to speak of" in readings[1].error


def test_a_checkpoint_without_the_head_is_refused(tmp_path):
    from tests.model.conftest import tiny

    model, processor = tiny(head={"enabled": False})
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no AU-aware head"):
        Analyzer(tmp_path)


def test_stream_gives_what_is_ready_before_the_end(random_checkpoint, astronaut):
    taken = []

    def pictures():
        for number in range(4):
            taken.append(number)
            yield astronaut

    stream = Analyzer(random_checkpoint, batch_size=2).stream(pictures(), explain=False)
    next(stream)
    assert taken == [0, 1], "two faces fill the batch; the rest has not been touched yet"
    assert len(list(stream)) == 3


def test_a_label_set_of_the_checkpoint_is_picked(random_checkpoint, astronaut):
    analyzer = Analyzer(random_checkpoint, label_set="fer2013")
    (reading,) = analyzer.analyze(astronaut)
    assert tuple(reading.emotion_scores) == LABEL_SETS["fer2013"]
    assert reading.label_set == "fer2013"
    with pytest.raises(ValueError, match="it has ferplus, fer2013"):
        Analyzer(random_checkpoint, label_set="rafdb")


def test_ready_crops_are_read_whole(random_checkpoint):
    crops = [np.random.default_rng(n).integers(0, 255, (48, 48, 3), dtype=np.uint8) for n in range(3)]
    readings = Analyzer(random_checkpoint, detector="none").analyze(crops, explain=False)
    assert [reading.box for reading in readings] == [(0.0, 0.0, 48.0, 48.0)] * 3


def test_a_tiny_face_is_flagged(analyzer, astronaut):
    import cv2

    canvas = np.full((300, 300, 3), 127, np.uint8)
    canvas[100:228, 100:228] = cv2.resize(astronaut, (128, 128), interpolation=cv2.INTER_AREA)
    (reading,) = analyzer.analyze(canvas, explain=False)
    assert "small" in reading.quality.flags


def test_a_face_too_small_for_anything_has_its_own_status(random_checkpoint):
    crop = np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    (reading,) = Analyzer(random_checkpoint, detector="none").analyze(crop, explain=False)
    assert reading.status == "low_quality"
    assert "small" in reading.quality.flags


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detector": "retina"}, "mtcnn"),
        ({"device": "tpu9"}, "auto, cpu or cuda"),
        ({"batch_size": 0}, "1 or more"),
    ],
)
def test_bad_options_are_named(random_checkpoint, options, message):
    with pytest.raises(ValueError, match=message):
        Analyzer(random_checkpoint, **options)


def test_missing_and_damaged_checkpoints_are_named(random_checkpoint, tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        Analyzer(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        Analyzer(tmp_path)
    for name, damage in (
        ("model.safetensors", lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
        ("model.safetensors", lambda path: path.unlink()),
        ("config.json", lambda path: path.write_text("{")),
        ("tokenizer.json", lambda path: path.write_text("{}")),
    ):
        folder = tmp_path / f"damaged-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(random_checkpoint, folder)
        damage(folder / name)
        with pytest.raises(CheckpointError, match="expected a folder"):
            Analyzer(folder)


def test_a_model_of_another_kind_is_refused(tmp_path):
    from transformers import LlamaConfig

    LlamaConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="not a FEALLM"):
        Analyzer(tmp_path)


def test_labels_are_scored_by_likelihood(analyzer, astronaut):
    from feallm.analyze.evidence import question
    from feallm.faces import align_face

    engine = analyzer.engine
    face = align_face(astronaut, analyzer.detector.detect(astronaut)[0], engine.info.face_size)
    encoded = engine.encode([face, face[:, ::-1].copy()])
    labels = [f"{name.capitalize()}." for name in EMOTIONS]
    scores = engine.score_labels(encoded, [question("emotion", EMOTIONS)] * 2, labels)
    assert scores.shape == (2, len(EMOTIONS))
    assert (scores < 0).all()
    single = engine.score_labels(engine.encode([face]), [question("emotion", EMOTIONS)], labels)
    assert np.allclose(single[0], scores[0], atol=1e-3)
