"""Faces and tokens a second and memory stand beside the loss, in TensorBoard and on the progress line."""

from types import SimpleNamespace

import pytest
from transformers import TrainingArguments

import feallm.train.pace as pace
import feallm.train.stage as stages
from feallm.facs.action_units import CODED_AUS
from feallm.train.bank import fill

from ..model.conftest import tiny
from .test_reinforce import faces, recipe, stage

OURS = {"faces_per_second", "tokens_per_second", "memory_gib"}


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(next((folder / "runs").rglob("events*")).parent.as_posix())
    events.Reload()
    return {tag: events.Scalars(tag)[-1].value for tag in events.Tags()["scalars"]}


@pytest.mark.parametrize(
    ("kind", "parts", "missing"),
    [
        ("faces", ["head"], {"tokens_per_second"}),
        ("text", ["language_model"], {"faces_per_second"}),
        ("conversations", ["projector"], set()),
        ("reinforce", ["projector"], set()),
    ],
)
def test_a_stage_logs_its_pace(tmp_path, capsys, kind, parts, missing):
    if kind == "reinforce":
        pytest.importorskip("trl")
    model, processor = tiny(head={"reading_tokens": 2})
    bank = fill(faces(), 32, False, ["ferplus"], CODED_AUS)
    changes = {} if kind == "reinforce" else {"reinforce": None}
    wanted = stage(kind=kind, trainable=parts, max_steps=2, batch_size=4, **changes)
    if kind == "text":
        wanted = wanted.model_copy(update={"records": 12})
    settings = recipe().model_copy(update={"logging_steps": 1})
    stages.run_stage(settings, wanted, tmp_path, model, processor, bank, None)
    found, told = scalars(tmp_path), capsys.readouterr().out
    for name in OURS - missing:
        assert found[f"train/{name}"] > 0, name
        assert name in told
    assert not {f"train/{name}" for name in missing} & set(found)
    ratio = found["train/train_samples_per_second"] / found["train/train_steps_per_second"]
    assert ratio == pytest.approx(4, rel=0.02), "a step has four faces or records (both are rounded)"


def test_the_pace_is_that_since_the_line_before(tmp_path, monkeypatch):
    now = iter([100.0, 102.0, 102.0, 107.0, 107.0])
    monkeypatch.setattr(pace.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(pace, "most_memory", lambda: pace.GIB // 2)
    watched = pace.Pace(stage(kind="conversations", reinforce=None, batch_size=8))
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, per_device_train_batch_size=1)
    told = []
    watched.on_train_begin(arguments, SimpleNamespace(global_step=10, num_input_tokens_seen=1000), None)
    for step, tokens in ((15, 1500), (20, 2500)):
        logs = {"loss": 1.0, "train_runtime": 9.0, "train_tokens_per_second": 9.0}
        watched.on_log(arguments, SimpleNamespace(global_step=step, num_input_tokens_seen=tokens), None, logs=logs)
        told.append(logs)
    assert told[0] == {"loss": 1.0, "faces_per_second": 20.0, "tokens_per_second": 250.0, "memory_gib": 0.5}
    assert told[1] == {"loss": 1.0, "faces_per_second": 8.0, "tokens_per_second": 200.0, "memory_gib": 0.5}
    logs = {"train_samples_per_second": 2.5}
    watched.on_log(arguments, SimpleNamespace(global_step=20, num_input_tokens_seen=2500), None, logs=logs)
    assert logs == {"train_samples_per_second": 20.0, "memory_gib": 0.5}
