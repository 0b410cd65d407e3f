"""What a LoRA stage trained, in a folder of its own: PEFT's files for the LLM, and the parts trained beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoProcessor

from feallm.model import FeallmConfig, FeallmForConditionalGeneration
from feallm.model.lora import add_lora, merge_lora
from feallm.settings import SettingsError
from feallm.train.lineage import pass_on
from feallm.train.recipe import StageRecipe

CONFIG, ADAPTER, PARTS = "adapter_config.json", "adapter_model.safetensors", "parts.safetensors"
FRONT = "base_model.model."
"""What PEFT writes before the names of the model that an adapter is for."""


def save_adapter(model: FeallmForConditionalGeneration, stage: StageRecipe, folder: Path) -> None:
    """Write the adapters that stand on the LLM (PEFT's layout, for the LLM alone), and everything else that learned."""
    if stage.lora is None:
        raise ValueError(f"stage {stage.name!r} has no lora: there is no adapter to save")
    folder.mkdir(parents=True, exist_ok=True)
    lora = stage.lora
    settings = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets),
        task_type="CAUSAL_LM", inference_mode=True,
    )  # fmt: skip
    told = {name: list(value) if isinstance(value, set) else value for name, value in asdict(settings).items()}
    (folder / CONFIG).write_text(json.dumps(told, indent=2, default=str) + "\n")
    adapters = {
        FRONT + name.replace(".default.", "."): value.detach().contiguous().cpu()
        for name, value in model.language_model.named_parameters()
        if "lora_" in name
    }
    save_file(adapters, folder / ADAPTER, metadata={"format": "pt"})
    parts = {
        name: value.detach().contiguous().cpu()
        for name, value in model.named_parameters()
        if value.requires_grad and "lora_" not in name
    }
    save_file(parts, folder / PARTS, metadata={"format": "pt"})
    model.config.save_pretrained(folder)


def merge(checkpoint: Path, adapter: Path, output: Path) -> Path:
    """CHECKPOINT with the adapter folded into its LLM and the parts of ADAPTER in place; writes and returns `output`.

    What the run of the adapter tells of its data goes with it (`lineage.pass_on`).

    Raises SettingsError: no checkpoint, no adapter, or one that is for another model.
    """
    for folder, file in ((checkpoint, "config.json"), (adapter, CONFIG), (adapter, ADAPTER)):
        if not (folder / file).is_file():
            what = "adapter of a training stage (lora.save: both)" if folder == adapter else "checkpoint"
            raise SettingsError(f"no {what} in {folder}: {file} is missing")
    model = FeallmForConditionalGeneration.from_pretrained(checkpoint, dtype="auto")
    told = json.loads((adapter / CONFIG).read_text())
    rank, targets = int(told["r"]), tuple(told["target_modules"])
    add_lora(model, rank=rank, alpha=int(told["lora_alpha"]), targets=targets)
    found = {_ours(name): value for name, value in load_file(adapter / ADAPTER).items()}
    if (adapter / PARTS).is_file():
        found |= load_file(adapter / PARTS)
    own = model.state_dict()
    waiting = {name for name in own if "lora_" in name} - set(found)
    bad = [name for name, value in found.items() if name not in own or own[name].shape != value.shape]
    if bad or waiting:
        one = (bad or sorted(waiting))[0]
        raise SettingsError(
            f"{adapter} is not for {checkpoint}: {one} does not fit; give the checkpoint it was trained on"
        )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in found:
                parameter.data = found[name].to(torch.float32)
    merge_lora(model)
    model.config.head_config = FeallmConfig.from_pretrained(adapter).head_config
    dtype = next(iter(own.values())).dtype
    model.to(dtype).save_pretrained(output)
    AutoProcessor.from_pretrained(checkpoint).save_pretrained(output)
    pass_on(checkpoint, adapter, output)
    return output


def rebuilt(
    model: FeallmForConditionalGeneration, stage: StageRecipe, state: Mapping[str, Tensor]
) -> FeallmForConditionalGeneration:
    """A plain model like `model`, with its adapters in place, from the whole `state` gathered from all devices."""
    base = {name.replace(".base_layer.", "."): value for name, value in state.items() if "lora_" not in name}
    dtype = next(value.dtype for name, value in base.items() if name.startswith("language_model."))
    plain: FeallmForConditionalGeneration = FeallmForConditionalGeneration.from_pretrained(
        None, config=model.config, state_dict=base, dtype=dtype
    )
    plain.generation_config = model.generation_config
    plain.model.float()
    plain.set_trainable(*stage.trainable)
    if stage.lora is not None:
        lora = stage.lora
        add_lora(plain, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=lora.targets)
    with torch.no_grad():
        for name, parameter in plain.named_parameters():
            parameter.data = state[name].to(parameter.device)
    return plain


def _ours(name: str) -> str:
    """PEFT's name of a weight -> its name in our model with adapters in place."""
    inner = name.removeprefix(FRONT)
    for kind in ("lora_A", "lora_B"):
        inner = inner.replace(f".{kind}.weight", f".{kind}.default.weight")
    return f"language_model.{inner}"
