"""Exporting a random model: graphs without weights, which fit any weights of the same layout."""

import numpy as np
import pytest
import torch

from feallm.analyze.errors import CheckpointError
from feallm.analyze.graph_files import GRAPHS
from feallm.analyze.onnx_engine import OnnxEngine
from feallm.analyze.torch_engine import TorchEngine
from feallm.analyze.weight_files import fingerprint, stored_tensors
from feallm.export import export
from feallm.export.check import compare, draw_faces
from tests.model.conftest import tiny


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A float32 model with mirror, reading tokens and fewer key/value heads than queries; and what `export` told."""
    source, target = (tmp_path_factory.mktemp(name) for name in ("plain", "exported"))
    model, processor = tiny(head={"mirror": True, "reading_tokens": 2})
    model.save_pretrained(source)
    processor.save_pretrained(source)
    return source, target, export(source, target)


def test_the_graphs_say_what_the_model_says(exported):
    source, target, told = exported
    assert not list(source.glob("*.onnx"))
    assert {path.name for path in told.files} == set(GRAPHS.values()) == {p.name for p in target.glob("*.onnx")}
    assert told.differences.probability < 1e-4
    assert told.differences.word < 1e-4
    assert "no probability differs" in str(told)
    ours, theirs = OnnxEngine(target), TorchEngine(target, "cpu")
    faces = draw_faces(3, ours.info.face_size, seed=3)
    turns = [[{"role": "user", "content": "Why? " * (number + 1)}] for number in range(3)]
    said = [engine.generate(engine.encode(faces), turns, 20, seeds=[1, 2, 3]) for engine in (ours, theirs)]
    assert said[0] == said[1]


def test_graphs_hold_no_weights_and_fit_others_of_the_same_layout(exported):
    _, target, _ = exported
    weights = sum(each.length for each in stored_tensors(target).values())
    assert sum((target / file).stat().st_size for file in GRAPHS.values()) < weights
    before, mark = OnnxEngine(target), fingerprint(target)
    model, _ = tiny(head={"mirror": True, "reading_tokens": 2})
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter) * parameter.abs().mean())
    model.save_pretrained(target)
    assert fingerprint(target) == mark
    after, reference = OnnxEngine(target), TorchEngine(target, "cpu")
    found = compare(reference, after)
    assert max(found.probability, found.word) < 1e-4
    faces = draw_faces(2, after.info.face_size)
    seen = [engine.scores(engine.encode(faces)).presence for engine in (before, after)]
    assert np.abs(seen[0] - seen[1]).max() > 1e-3, "the new weights are read"


def test_places_of_tensors_are_those_of_the_file(exported):
    from safetensors.numpy import load_file

    source, _, _ = exported
    for name, array in load_file(source / "model.safetensors").items():
        place = stored_tensors(source)[name]
        with (source / place.file).open("rb") as stream:
            stream.seek(place.offset)
            assert stream.read(place.length) == array.tobytes()


def test_what_is_no_checkpoint_is_not_exported(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        export("owner/name")
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        export(tmp_path)
