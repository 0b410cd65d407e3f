"""Low-rank adapters on the LLM (the paper: LLM frozen, LoRA trained), by PEFT.

`add_lora` puts adapters into the language model in place, `merge_lora` folds them into its weights, so that a saved
checkpoint needs no PEFT to be read.
"""

from typing import Any

from feallm.model.modeling import FeallmForConditionalGeneration


def add_lora(
    model: FeallmForConditionalGeneration,
    *,
    rank: int,
    alpha: int,
    targets: tuple[str, ...],
    dropout: float = 0.0,
) -> int:
    """Adapters of `rank` on the linear layers of the LLM named in `targets`; all else of the LLM is frozen.

    Returns how many layers got one. Raises ValueError where none has such a name, ImportError without PEFT
    (`pip install 'feallm[train]'`).
    """
    from peft import LoraConfig, inject_adapter_in_model

    model.language_model.requires_grad_(False)
    settings = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(targets))
    inject_adapter_in_model(settings, model.language_model)
    return len(_adapted(model))


def merge_lora(model: FeallmForConditionalGeneration) -> int:
    """Fold every adapter into the layer it stands on; returns how many there were."""
    adapted = _adapted(model)
    for name, layer in adapted.items():
        layer.merge()
        parent, _, child = name.rpartition(".")
        setattr(model.language_model.get_submodule(parent), child, layer.get_base_layer())
    return len(adapted)


def _adapted(model: FeallmForConditionalGeneration) -> dict[str, Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return {name: layer for name, layer in model.language_model.named_modules() if isinstance(layer, BaseTunerLayer)}
