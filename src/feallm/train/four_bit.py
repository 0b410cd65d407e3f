"""QLoRA: the frozen linear layers that adapters stand on, in 4 bits (NF4) while a stage trains; by bitsandbytes.

The layers' own weights wait in the computer's memory and come back at the end, so that adapters are merged into what
they were and not into its rounding.
"""

from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from feallm.model import FeallmForConditionalGeneration
from feallm.settings import SettingsError


def need_four_bit(stage: str) -> None:
    """Raises SettingsError where 4 bits cannot be had."""
    if not torch.cuda.is_available():
        raise SettingsError(f"stage {stage!r}: lora.four_bit needs a GPU, and there is none: leave it out")
    if find_spec("bitsandbytes") is None:
        raise SettingsError(f"stage {stage!r}: lora.four_bit needs bitsandbytes: pip install bitsandbytes")


def to_four_bit(model: FeallmForConditionalGeneration, targets: tuple[str, ...]) -> dict[str, nn.Linear]:
    """Put 4-bit layers in the place of the LLM's linear layers named in `targets`; returns those, by name."""
    import bitsandbytes as bnb

    llm = model.language_model
    layers = {
        name: layer
        for name, layer in llm.named_modules()
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in targets
    }
    for name, layer in layers.items():
        small = bnb.nn.Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            compute_dtype=torch.bfloat16,
            quant_type="nf4",
        )
        weight = layer.weight.detach().clone()  # quantised where it is moved to the GPU
        small.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", module=small)
        if layer.bias is not None:
            small.bias = nn.Parameter(layer.bias.detach().clone(), requires_grad=False)
        _put(llm, name, small)
    llm.is_loaded_in_4bit = True  # PEFT asks for it before it makes an adapter for such layers
    return layers


def from_four_bit(model: FeallmForConditionalGeneration, layers: dict[str, nn.Linear]) -> int:
    """Fold the adapters into the layers' own weights and put these back; returns how many there were."""
    llm = model.language_model
    for name, own in layers.items():
        adapted: Any = llm.get_submodule(name)
        with torch.no_grad():
            own.weight += adapted.get_delta_weight("default").to(own.weight)
        _put(llm, name, own)
    llm.is_loaded_in_4bit = False
    return len(layers)


def _put(llm: Any, name: str, layer: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(llm.get_submodule(parent), child, layer)
