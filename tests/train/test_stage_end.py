"""How a stage with adapters ends, of kind `reinforce` as any other: what it leaves, and what it puts back."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

import feallm.train.stage as stages
from feallm.facs.action_units import CODED_AUS
from feallm.train.adapters import merge
from feallm.train.bank import fill
from feallm.train.recipe import ATTENTION_AND_MLP

from ..model.conftest import tiny
from .test_reinforce import faces, recipe, stage

pytest.importorskip("trl")
LORA = {"rank": 2, "alpha": 4, "dropout": 0, "targets": ATTENTION_AND_MLP, "save": "both"}


def ended(folder, **lora):
    model, processor = tiny(head={"reading_tokens": 2})
    model.save_pretrained(folder / "before")
    processor.save_pretrained(folder / "before")
    bank = fill(faces(), 32, False, ["ferplus"], CODED_AUS)
    settings = stage(trainable=["reading"], lora=LORA | lora, max_steps=1)
    return model, stages.run_stage(recipe(), settings, folder / "stage", model, processor, bank, None)


def test_a_reinforce_stage_leaves_an_adapter_and_undoes_four_bits(tmp_path, monkeypatch):
    undone = []

    def undo(model, kept):
        undone.append((kept, any("lora_" in name for name in model.state_dict())))

    monkeypatch.setattr(stages, "to_four_bit", lambda model, targets: {"of": targets})
    monkeypatch.setattr(stages, "from_four_bit", undo)
    model, after = ended(tmp_path, four_bit=True)
    assert after is model
    assert undone == [({"of": ATTENTION_AND_MLP}, True)], "before the adapters are merged"
    assert not any("lora_" in name for name in model.state_dict())
    merged = merge(tmp_path / "before", tmp_path / "stage/adapter", tmp_path / "merged")
    for name, value in load_file(merged / "model.safetensors").items():
        assert torch.allclose(value, model.state_dict()[name], atol=1e-6), name


def test_a_reinforce_stage_gathers_weights_that_were_spread(tmp_path, monkeypatch):
    def run_spread(recipe, stage, folder, model, *_):
        def gather(path):
            Path(path).mkdir(parents=True)
            save_file({name: value + 1 for name, value in model.state_dict().items()}, Path(path) / "model.safetensors")

        return SimpleNamespace(is_fsdp_enabled=True, is_deepspeed_enabled=False, save_model=gather)

    monkeypatch.setattr(stages, "run_reinforce", run_spread)
    monkeypatch.setattr(stages, "merge_lora", lambda model: None)
    model, after = ended(tmp_path)
    assert after is not model
    own = model.state_dict()
    for name, value in after.named_parameters():
        assert torch.equal(value, own[name] + 1), name
