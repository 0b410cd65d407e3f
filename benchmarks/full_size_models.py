"""The two models that `full_size.py` compares, and what is timed: a training step of each stage, an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlavaConfig, LlavaForConditionalGeneration

from feallm.model import FeallmConfig, FeallmForConditionalGeneration
from feallm.model.lora import add_lora
from feallm.train.pretrained import described
from feallm.train.recipe import StageRecipe, TrainRecipe

ANSWER = 96
"""Tokens of a question and its answer; the second half is the answer's."""
NEW_TOKENS = 32


@dataclass
class Contestant:
    """A model, what one step is given, and its optimiser."""

    name: str
    model: nn.Module
    batch: dict[str, Any]
    prompt: dict[str, Tensor]
    optimizer: torch.optim.Optimizer | None = None
    operations: float = 0.0
    """Of a step's forward and backward pass."""


def plain(config: FeallmConfig) -> LlavaForConditionalGeneration:
    """LLaVA with the same tower and LLM."""
    strategy = "default" if config.vision_config.model_type.startswith("clip") else "full"
    told = LlavaConfig(
        vision_config=config.vision_config,
        text_config=config.text_config,
        image_token_index=config.image_token_id,
        vision_feature_layer=-1,
        vision_feature_select_strategy=strategy,
    )
    return LlavaForConditionalGeneration(told)


def contestants(recipe: TrainRecipe, batch: int, device: str) -> list[Contestant]:
    """FEALLM and the plain model, with random batches of the same faces and answers."""
    config = described(recipe.model)
    config.text_config.pad_token_id = config.text_config.eos_token_id = None
    with torch.device(device):
        ours, theirs = FeallmForConditionalGeneration(config), plain(config)
    with torch.device("cpu" if device == "meta" else device):
        pixels = torch.randn(batch, 3, config.image_size, config.image_size)
        words = torch.randint(10, 1000, (batch, ANSWER))
    pixels, words = pixels.to(device), words.to(device)
    seen = ours.model.num_visual_tokens
    own = [config.image_token_id] * seen + [config.clue_token_id] * ours.model.has_local_token
    own += [config.reading_token_id] * ours.model.num_reading_tokens
    made = []
    for name, model, front in (("FEALLM", ours, own), ("LLaVA", theirs, [config.image_token_id] * seen)):
        ids = torch.cat([torch.tensor([front] * batch, device=words.device), words], 1)
        labels = torch.where(torch.arange(ids.shape[1], device=ids.device) < len(front) + ANSWER // 2, -100, ids)
        given = {"input_ids": ids, "pixel_values": pixels, "labels": labels, "attention_mask": torch.ones_like(ids)}
        prompt = {key: value[:1] for key, value in given.items() if key != "labels"}
        made.append(Contestant(name, model, given, prompt))
    if ours.model.head is not None:
        made[0].batch |= head_targets(config, batch, device)
    return made


def head_targets(config: FeallmConfig, batch: int, device: str) -> dict[str, Any]:
    """Random labels of faces for the AU-aware head's loss."""
    head = config.head_config
    sets = {name: torch.full((batch, len(classes)), 1 / len(classes)) for name, classes in head.label_sets.items()}
    units = torch.zeros(batch, len(head.action_units))
    return {
        "emotion_targets": {name: value.to(device) for name, value in sets.items()},
        "au_targets": units.to(device),
        "au_presence": units.to(device),
    }


def prepare(one: Contestant, stage: StageRecipe, *, half: bool, checkpointing: bool) -> None:
    """Freeze and unfreeze as the stage says (LLaVA: its projector), put adapters on, make the optimiser."""
    model: Any = one.model
    lora = stage.lora
    if isinstance(model, FeallmForConditionalGeneration):
        model.set_trainable(*stage.trainable)
        if lora is not None:
            add_lora(model, rank=lora.rank, alpha=lora.alpha, targets=lora.targets)
    else:
        model.requires_grad_(False)
        model.model.multi_modal_projector.requires_grad_(True)
        if lora is not None:
            settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets))
            inject_adapter_in_model(settings, model.model.language_model)
        model.model.vision_tower.requires_grad_(False)
    for name, parameter in model.named_parameters():
        if half:  # as `frozen_bf16`: what is frozen of the LLM
            frozen = not parameter.requires_grad and any(part in name for part in ("language_model", "lm_head"))
            parameter.data = parameter.data.to(torch.bfloat16 if frozen else torch.float32)
    model.train()
    one.operations = step_operations(one, half)
    if checkpointing:  # after the count: what is computed again is no work of the model
        model.gradient_checkpointing_enable({"use_reentrant": False})
    one.optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)


def step(one: Contestant, half: bool) -> None:
    device = one.batch["input_ids"].device.type
    with torch.autocast(device, torch.bfloat16, enabled=half):
        loss = one.model(**one.batch).loss
    loss.backward()
    if one.optimizer is not None:
        one.optimizer.step()
        one.optimizer.zero_grad(set_to_none=True)


@torch.inference_mode()
def answer(one: Contestant, half: bool) -> None:
    _generate(one, one.prompt, NEW_TOKENS, half)


def reinforce_step(one: Contestant, half: bool) -> None:
    """What a step of GRPO costs for a group of answers about a face: sample them, read them by the reference, learn.

    The words sampled are thrown away: the batch's own are as many. The tower runs in each part, in both models.
    """
    asked = {
        key: value[:, : -ANSWER // 2] for key, value in one.batch.items() if key in ("input_ids", "attention_mask")
    }
    with torch.no_grad():
        _generate(one, {**asked, "pixel_values": one.batch["pixel_values"]}, ANSWER // 2, half)
        with torch.autocast(one.batch["input_ids"].device.type, torch.bfloat16, enabled=half):
            one.model(**{key: value for key, value in one.batch.items() if key != "labels"})
    one.model.train()
    step(one, half)


def work_of(stage: StageRecipe) -> Callable[[Contestant, bool], None]:
    return reinforce_step if stage.kind == "reinforce" else step


def _generate(one: Contestant, prompt: dict[str, Tensor], tokens: int, half: bool) -> None:
    model: Any = one.model.eval()
    with torch.autocast(prompt["input_ids"].device.type, torch.bfloat16, enabled=half):
        made = model.generate(**prompt, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
    assert made.shape[1] >= tokens


def step_operations(one: Contestant, half: bool) -> float:
    """Floating-point operations of the forward and backward pass about the batch's faces, counted on the first."""
    first = Contestant(one.name, one.model, _row(one.batch), one.prompt)
    with FlopCounterMode(display=False) as counter:
        step(first, half)
    one.model.zero_grad(set_to_none=True)
    return float(counter.get_total_flops()) * len(one.batch["input_ids"])


def _row(batch: dict[str, Any]) -> dict[str, Any]:
    return {key: _row(value) if isinstance(value, dict) else value[:1] for key, value in batch.items()}
