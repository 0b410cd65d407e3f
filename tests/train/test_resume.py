"""A checkpoint that was cut short is passed over for the one before it, and the run ends as it would have."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Trainer

from feallm.data.sources import SOURCES
from feallm.train.average import FILE
from feallm.train.resume import last_checkpoint
from feallm.train.run import train

from .test_train_run import KilledError, drawn_faces
from .worker import ONE_STAGE, tiny_recipe, with_tokenizer


def saved(folder, step, state="{}"):
    path = folder / f"checkpoint-{step}"
    path.mkdir()
    (path / "model.safetensors").write_bytes(b"")
    if state is not None:
        (path / "trainer_state.json").write_text(state)
    return path


def test_the_highest_whole_checkpoint_is_gone_on_from(tmp_path, caplog):
    assert last_checkpoint(tmp_path) is None
    saved(tmp_path, 9)
    whole = saved(tmp_path, 10)
    (tmp_path / "checkpoint-of-mine").mkdir()
    assert last_checkpoint(tmp_path) == str(whole)
    assert not caplog.records


@pytest.mark.parametrize("state", [None, "", '{"epoch": 1.'])
def test_a_checkpoint_cut_short_is_passed_over_and_said_so(tmp_path, caplog, state):
    cut = saved(tmp_path, 4, state)
    assert last_checkpoint(tmp_path) is None, "from the start of the stage"
    before = saved(tmp_path, 2)
    assert last_checkpoint(tmp_path) == str(before)
    assert f"{cut} is passed over" in caplog.text


def test_a_run_ended_while_it_saves_goes_on_from_the_save_before(tmp_path, monkeypatch):
    """The Trainer's own folder of step 2, cut short after its weights; the mean of the weights goes with it."""
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))
    settings = [ONE_STAGE["faces"].replace("max_steps: 6", "max_steps: 3, average: 0.5"), "save_steps=1"]
    whole = train(with_tokenizer(tiny_recipe(tmp_path / "whole", settings))).parent
    save = Trainer._save_optimizer_and_scheduler

    def die(self, folder, *rest):
        if folder.endswith("checkpoint-2"):
            raise KilledError
        save(self, folder, *rest)

    recipe = with_tokenizer(tiny_recipe(tmp_path / "cut", settings))
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_save_optimizer_and_scheduler", die)
        with pytest.raises(KilledError):
            train(recipe)
    stage = Path(recipe.output) / "1-only"
    assert {path.name for path in stage.glob("checkpoint-*")} == {"checkpoint-1", "checkpoint-2"}
    assert (stage / "checkpoint-2" / FILE).is_file(), "the mean does not come after what makes a checkpoint whole"
    train(recipe)
    assert json.loads((stage / "checkpoint-3/trainer_state.json").read_text())["global_step"] == 3
    again = load_file(stage / "model/model.safetensors")
    for name, value in load_file(whole / "1-only/model/model.safetensors").items():
        assert torch.equal(value, again[name]), name
