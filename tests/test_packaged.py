"""FEALLM-tiny as it is shipped: what it says of a real photograph, its size, its card, and its accuracy where the
validation data are at hand (`FEALLM_DATA`, or `../shared/data` beside the repository)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from skimage import data as photographs

from feallm import Analyzer
from feallm.facs.answers import read_answer

ROOT = Path(__file__).parent.parent
CHECKPOINT = ROOT / "src/feallm/checkpoints/tiny"
DATA = Path(os.environ.get("FEALLM_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "ferplus_val.parquet").is_file(), reason="needs ferplus_val.parquet in FEALLM_DATA"
)


@pytest.fixture(scope="module")
def analyzer():
    return Analyzer()


def test_a_smile_is_read_as_happiness_with_its_units(analyzer):
    (reading,) = analyzer.analyze(photographs.astronaut())
    assert reading.status == "ok"
    assert reading.emotion == "happiness"
    assert reading.emotion_scores["happiness"] > 0.8
    assert reading.action_units["AU12"].present
    assert reading.action_units["AU12"].probability > 0.8
    assert not reading.action_units["AU15"].present
    answer = read_answer(reading.explanation)
    assert answer.emotion == "happiness"
    assert "AU12" in answer.aus
    assert set(answer.aus) <= set(reading.present_units)
    assert reading.model == "feallm-tiny"


def test_a_picture_without_a_face_is_not_guessed_at(analyzer):
    (reading,) = analyzer.analyze(photographs.coffee())
    assert (reading.status, reading.emotion) == ("no_face", None)


def test_the_package_stays_small_and_is_described():
    size = sum(path.stat().st_size for path in CHECKPOINT.rglob("*"))
    assert size < 30e6
    card = (CHECKPOINT / "README.md").read_text(encoding="utf-8")
    for word in ("license: apache-2.0", "model-coded", "Intended use", "Limits", "benchmarks/accuracy.py"):
        assert word.lower() in card.lower()
    head = json.loads((CHECKPOINT / "config.json").read_text())["head_config"]
    assert set(head["temperatures"]) == {"ferplus", "fer2013"}


def test_reading_needs_no_network_and_no_download(tmp_path):
    import subprocess
    import sys

    script = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('a connection was tried')\n"
        "socket.socket.connect = refuse\nsocket.create_connection = refuse\nsocket.getaddrinfo = refuse\n"
        "from skimage import data\nfrom feallm import Analyzer\n"
        "print(Analyzer().analyze(data.astronaut())[0].emotion)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "happiness"


@needs_data
def test_validation_accuracy_and_agreement_hold(tmp_path):
    """The documented floors on 800 validation faces, with room for the sample; the benchmark scores all of them."""
    import sys

    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import accuracy
    finally:
        sys.path.pop(0)
    from feallm.data.sources import load
    from feallm.data.sources.au_codes import read_codes

    faces = [face for face in load("fer2013", DATA, "val") if not face.flags]
    sample = [face for face in faces if set(face.labels) == {"fer2013", "ferplus"}][:800]
    for label_set, floor in (("fer2013", 0.63), ("ferplus", 0.80)):
        analyzer = Analyzer(detector="none", batch_size=64, label_set=label_set)
        readings = analyzer.analyze([face.picture() for face in sample], explain=False)
        truth = [face.labels[label_set] for face in sample]
        scores = accuracy.emotion_scores(truth, [reading.emotion for reading in readings], analyzer.classes)
        assert scores["accuracy"] >= floor, scores
    codes = read_codes(DATA / "fea_au_val.csv")
    coded = [face for face in load("fer2013", DATA, "val") if face.id in codes]
    analyzer = Analyzer(detector="none", batch_size=64)
    readings = analyzer.analyze([face.picture() for face in coded], explain=False)
    found = {face.id: set(reading.present_units) for face, reading in zip(coded, readings, strict=True)}
    assert accuracy.unit_scores({face.id: codes[face.id] for face in coded}, found)["mean_f1"] >= 0.78
    worded = accuracy.words_scores(analyzer.analyze([face.picture() for face in coded[:40]]))
    assert worded["claims_against_the_reading"] == 0
    assert worded["without_their_label"] == 0
    assert worded["repaired"] <= 30, "faces with many units; of all faces three in four are sound as they are written"
    said = accuracy.free_readings(analyzer, [face.picture() for face in coded[:120]])
    agreeing = [free.emotion == reading.emotion for free, reading in zip(said, readings[:120], strict=True)]
    assert np.mean(agreeing) >= 0.9, "what the language model says unaided is what the head says"
