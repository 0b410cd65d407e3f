"""What a stage needs of a device's memory, estimated from the architecture alone, against what the device has.

Rough by nature: weights, gradients and Adam's two moments are counted, activations by the usual rule for transformers
(34 bytes for each token and unit of width of a layer, in 16 bits with fused attention: Korthikanti et al. 2022), and a
tenth is added for what fragments.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from transformers import PretrainedConfig

from feallm.model import FeallmForConditionalGeneration
from feallm.model.modeling import PARTS
from feallm.train.machine import fast_bf16, sharers, spread
from feallm.train.recipe import StageRecipe, TrainRecipe

GIB = 2**30
ANSWER_TOKENS = 256
"""Tokens of a conversation beside those of the face."""
ACTIVATION_BYTES = 34
SPARE = 1.1


@dataclass(frozen=True)
class Memory:
    """Bytes on one device of one stage."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def least(self) -> int:
        """What is there in every step, whatever the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        return int(SPARE * (self.least + self.activations))


@dataclass(frozen=True)
class PartCount:
    """Parameters of one part, and how many of them a stage trains."""

    name: str
    parameters: int
    trainable: int


def count_parts(model: FeallmForConditionalGeneration) -> list[PartCount]:
    """Parameters by part (`model.modeling.PARTS`), adapters on the LLM as a part of their own; on any device."""
    rows = []
    for name in PARTS:
        root = model.language_model if name == "language_model" else getattr(model.model, name)
        if root is None:
            continue
        found = dict(root.named_parameters())
        lora = {key: value for key, value in found.items() if "lora_" in key}
        own = [value for key, value in found.items() if key not in lora]
        rows.append(_counted(name, own))
        if lora:
            rows.append(_counted("LoRA", list(lora.values())))
    return rows


def _counted(name: str, parameters: list[torch.nn.Parameter]) -> PartCount:
    learning = sum(value.numel() for value in parameters if value.requires_grad)
    return PartCount(name, sum(value.numel() for value in parameters), learning)


def estimate(
    recipe: TrainRecipe, stage: StageRecipe, model: FeallmForConditionalGeneration, *, devices: int = 1, half: bool
) -> Memory:
    """One stage with its trainable parts set on `model` (on any device); `half`: in bfloat16 where asked for."""
    parts = count_parts(model)
    trained = sum(part.trainable for part in parts)
    frozen = sum(part.parameters for part in parts) - trained
    llm = sum(part.parameters - part.trainable for part in parts if part.name == "language_model")
    weights = 4 * (trained + frozen - llm)
    if stage.lora is not None and stage.lora.four_bit:
        weights += llm * 9 // 16
    else:
        weights += llm * (2 if half and recipe.machine.frozen_bf16 else 4)
    size, _ = spread(stage, devices)
    moments = 1 if stage.optimizer == "sgd" else 2
    width = 2 if half else 4
    activations = sum(_activations(recipe, stage, model, size).values()) * width // 2
    each = sharers(devices)
    return Memory(weights // each, 4 * trained // each, 4 * moments * trained // each, activations)


def _activations(
    recipe: TrainRecipe, stage: StageRecipe, model: FeallmForConditionalGeneration, size: int
) -> Mapping[str, int]:
    """Bytes by part, in 16 bits: what is frozen below all that learns keeps nothing for the way back."""
    seen = 0 if stage.kind == "text" else model.model.num_visual_tokens
    checkpointed = recipe.machine.gradient_checkpointing
    parts: dict[str, int] = {}
    if stage.kind != "text":
        learns = any(parameter.requires_grad for parameter in model.model.encoder.parameters())
        parts["encoder"] = _layers(model.config.vision_config, size * seen, kept=learns and not checkpointed)
        width = int(model.config.projector_config.hidden_size)
        parts["projector"] = 6 * ACTIVATION_BYTES * size * seen * width
    if stage.kind != "faces":
        text, tokens = model.config.text_config, size * (seen + ANSWER_TOKENS)
        parts["language_model"] = _layers(text, tokens, kept=not checkpointed)
        parts["logits"] = 10 * tokens * int(text.vocab_size)  # in 16 bits, in 32 for the loss, and the gradient
    return parts


def _layers(config: PretrainedConfig, tokens: int, *, kept: bool) -> int:
    """All layers' activations where they are kept, else their inputs and one layer's own."""
    depth = int(getattr(config, "num_hidden_layers", 0) or len(getattr(config, "depths", ())) or 1)
    width = int(getattr(config, "hidden_size", 0) or max(getattr(config, "hidden_sizes", (256,))))
    one = ACTIVATION_BYTES * tokens * width
    return depth * one if kept else 2 * depth * tokens * width + one


def device_memory() -> tuple[str, int]:
    """The device a run would use and its memory in bytes."""
    if torch.cuda.is_available():
        settings = torch.cuda.get_device_properties(torch.cuda.current_device())
        return settings.name, int(settings.total_memory)
    return "CPU", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def will_be_half(recipe: TrainRecipe) -> bool:
    """Whether a run here would compute in bfloat16."""
    return recipe.bf16 and fast_bf16()
