"""The packaged checkpoint through ONNX Runtime says what it says through torch, and needs no torch for it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from feallm import Analyzer
from feallm.analyze import text_graph
from feallm.analyze.checkpoints import PACKAGED
from feallm.analyze.errors import CheckpointError
from feallm.analyze.evidence import question
from feallm.analyze.graph_files import GRAPHS, useful_threads
from feallm.analyze.onnx_engine import OnnxEngine
from feallm.analyze.opening import open_engine
from feallm.analyze.text_graph import shares
from feallm.analyze.torch_engine import TorchEngine
from feallm.export.check import draw_faces

DATA = Path(os.environ.get("FEALLM_DATA", PACKAGED.parents[4] / "shared" / "data"))


@pytest.fixture(scope="module")
def engines():
    return OnnxEngine(), TorchEngine(device="cpu")


@pytest.fixture(scope="module")
def faces(engines):
    """24 faces: drawn ones, and the face of a photograph in other light, shifted, and with noise."""
    from skimage import data

    size, random = engines[0].info.face_size, np.random.default_rng(1)
    found = draw_faces(12, size)
    for _ in range(12):
        top, left = 60 + random.integers(-8, 8), 170 + random.integers(-8, 8)
        crop = data.astronaut()[top : top + 112, left : left + 112].astype(float)
        rows = np.linspace(0, 111, size).round().astype(int)
        changed = crop[rows][:, rows] * random.uniform(0.5, 1.3) + random.normal(0, 20, (size, size, 3))
        found.append(changed.clip(0, 255).astype(np.uint8))
    return found


def far(ours, theirs):
    return float(np.abs(np.asarray(ours) - np.asarray(theirs)).max())


def read_alike(faces):
    ours, theirs = (Analyzer(engine=name, detector="none", device="cpu").analyze(faces) for name in ("onnx", "torch"))
    for one, other in zip(ours, theirs, strict=True):
        assert one.emotion == other.emotion
        assert one.present_units.keys() == other.present_units.keys()
        assert one.raw_text == other.raw_text
        assert one.explanation == other.explanation
        units = [(one.action_units[name], other.action_units[name]) for name in one.action_units]
        assert max(abs(a.probability - b.probability) for a, b in units) <= 1e-3
        assert max(abs(one.emotion_scores[n] - other.emotion_scores[n]) for n in one.emotion_scores) <= 1e-3
    return ours


def test_both_engines_read_and_say_the_same(faces):
    readings = read_alike(faces)
    assert len({reading.emotion for reading in readings}) > 2, "faces that all look alike prove little"
    assert len({reading.raw_text for reading in readings}) > 12


@pytest.mark.skipif(not (DATA / "ferplus_val.parquet").is_file(), reason="needs ferplus_val.parquet in FEALLM_DATA")
def test_both_engines_read_real_faces_the_same():
    from feallm.data.sources import load

    read_alike([face.picture() for face in load("fer2013", DATA, "val") if not face.flags][:200])


def test_pixels_numbers_and_interventions_are_those_of_torch(engines, faces):
    ours, theirs = engines
    assert ours.info.action_units == theirs.info.action_units
    assert list(ours.info.label_sets.items()) == list(theirs.info.label_sets.items())
    assert (ours.info.thresholds, ours.info.low_support) == (theirs.info.thresholds, theirs.info.low_support)
    one, other = ours.encode(faces), theirs.encode(faces)
    assert far(ours.scores(one).presence, theirs.scores(other).presence) < 1e-5
    assert far(ours.scores(one).intensity, theirs.scores(other).intensity) < 1e-4
    evidence = np.random.default_rng(0).choice([0, 1, np.nan], (24, 5, len(ours.info.action_units))).astype(np.float32)
    judged, expected = ours.judge(one, evidence), theirs.judge(other, evidence)
    assert list(judged) == list(expected)
    for name in judged:
        assert judged[name].shape == (24, 5, len(ours.info.label_sets[name]))
        assert far(judged[name], expected[name]) < 1e-5


def test_pixel_values_are_those_of_the_processor(engines, faces):
    from feallm.analyze.pixels import to_pixels

    ours, theirs = engines
    expected = theirs.processor.pixels(faces).numpy()
    assert np.array_equal(to_pixels(faces, ours._table, grayscale=True), expected)


def test_greedy_words_of_unequal_questions_and_labels_are_those_of_torch(engines, faces):
    classes = engines[0].info.label_sets["ferplus"]
    turns = [question("emotion", classes), question("aus"), question("aus")]
    said = [engine.generate(engine.encode(faces[:3]), turns, 40) for engine in engines]
    assert said[0] == said[1]
    logs = [engine.score_labels(engine.encode(faces[:3]), turns, classes) for engine in engines]
    assert logs[0].shape == (3, len(classes))
    assert far(*logs) < 1e-3


def test_a_face_gets_the_same_words_alone_and_among_others(engines, faces, monkeypatch):
    """Also where the batch is shared out to threads, and where answers outgrow the room in their cache many times."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    engine, seeds = OnnxEngine(), range(12)
    turns = [question("describe_aus" if seed % 2 else "emotion", engine.info.label_sets["ferplus"]) for seed in seeds]
    monkeypatch.setattr(text_graph, "ROOM", 5)
    together = engine.generate(engine.encode(faces[:12]), turns, 120, seeds=seeds)
    monkeypatch.undo()
    alone = [
        engine.generate(engine.encode([face]), [asked], 120, seeds=[seed])[0]
        for face, asked, seed in zip(faces[:12], turns, seeds, strict=True)
    ]
    assert together == alone
    assert max(len(engine._chat.ids(text)) for text in alone) > 15


def test_a_batch_is_shared_out_evenly_and_not_too_thin():
    assert [range(16)[part] for part in shares(16, 2)] == [range(8), range(8, 16)]
    assert [len(range(13)[part]) for part in shares(13, 3)] == [4, 4, 5]
    assert shares(7, 2) == [slice(0, 7)]
    assert shares(1, 8) == [slice(0, 1)]


def test_words_come_in_pieces_and_stop_where_they_must(engines, faces):
    engine, pieces = engines[0], []
    encoded = engine.encode(faces[:1])
    (whole,) = engine.generate(encoded, [question("aus")], 60, seeds=[7], on_text=pieces.append)
    assert "".join(pieces).strip() == whole
    assert len(pieces) > 2
    assert len(engine._chat.ids(engine.generate(encoded, [question("aus")], 5)[0])) <= 5
    with pytest.raises(ValueError, match="max_new_tokens must be 1 or more"):
        engine.generate(encoded, [question("aus")], 0)
    with pytest.raises(ValueError, match="placeholders"):
        engine.generate(encoded, [[{"role": "user", "content": "<image>?"}]], 5)
    with pytest.raises(ValueError, match=r"faces must be \[96, 96, 3\]"):
        engine.encode([np.zeros((48, 48, 3), np.uint8)])


def test_the_engine_is_chosen_by_the_checkpoint_and_the_device(random_checkpoint):
    assert Analyzer().metadata["engine"].startswith("onnxruntime ")
    assert Analyzer(device="cpu", engine="torch").metadata["engine"].startswith("torch ")
    assert open_engine(random_checkpoint).info.engine.startswith("torch ")
    with pytest.raises(ValueError, match="auto, onnx or torch"):
        open_engine(engine="tensorflow")
    with pytest.raises(ValueError, match="runs on the processor"):
        open_engine(device="cuda", engine="onnx")
    with pytest.raises(CheckpointError, match="feallm export"):
        open_engine(random_checkpoint, engine="onnx")


def test_without_torch_the_packaged_checkpoint_reads_and_others_say_what_is_missing(random_checkpoint, tmp_path):
    for name in ("torch", "transformers", "safetensors"):
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} must not be imported')")
    script = (
        "import sys\nfrom skimage import data\nfrom feallm import Analyzer\n"
        "print(Analyzer().analyze(data.astronaut())[0].explanation)\n"
        "import importlib.util as util\nfind = util.find_spec\n"
        "import feallm.analyze.opening as opening\n"
        "opening.find_spec = lambda name: None if name == 'torch' else find(name)\n"
        "try: Analyzer(sys.argv[1])\nexcept ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(random_checkpoint)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "happiness" in done.stdout
    assert "pip install 'feallm[torch]'" in done.stdout


@pytest.fixture
def copied(tmp_path):
    return Path(shutil.copytree(PACKAGED, tmp_path / "copy"))


def test_graphs_that_are_missing_damaged_or_of_another_config_are_refused(copied):
    config = json.loads((copied / "config.json").read_text())
    config["head_config"]["temperatures"]["ferplus"] = 5.0
    (copied / "config.json").write_text(json.dumps(config))
    calibrated = OnnxEngine(copied)
    assert calibrated.config.head_config.temperatures["ferplus"] == 5.0
    config["head_config"]["mirror"] = False
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="made for other weights"):
        Analyzer(copied)
    shutil.copy(PACKAGED / "config.json", copied)
    (copied / GRAPHS["text"]).write_bytes(b"not a graph")
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Analyzer(copied)
    (copied / GRAPHS["text"]).unlink()
    with pytest.raises(CheckpointError, match=r"has no text\.onnx"):
        Analyzer(copied)
    (copied / "model.safetensors").write_bytes(b"short")
    with pytest.raises(CheckpointError, match="damaged"):
        Analyzer(copied)


def test_threads_that_wait_leave_the_processor_to_others(engines):
    entry = "session.intra_op.allow_spinning"
    sessions = [each for each in vars(engines[0]).values() if isinstance(each, onnxruntime.InferenceSession)]
    assert [each.get_session_options().get_session_config_entry(entry) for each in sessions] == ["0"] * len(GRAPHS)


def test_threads_are_those_that_were_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert useful_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= useful_threads() <= (os.cpu_count() or 1)
