"""Weights of a LLaVA checkpoint (`LlavaForConditionalGeneration`), under the names of our model's parts."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, LlavaForConditionalGeneration

from feallm.model import FeallmForConditionalGeneration
from feallm.model.projector import MlpProjector
from feallm.settings import SettingsError


def llava_weights(source: str, model: FeallmForConditionalGeneration, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tower, the LLM and what fits of the two-layer projector of a LLaVA checkpoint (folder or hub id).

    The tower may have fewer layers than LLaVA's: LLaVA-1.5 reads the last layer but one, so that a tower without its
    last layer gives F_L as LLaVA sees it. The style "mlp" is LLaVA's projector and takes both of its layers. The MLP of
    the Multi-perspective Projector takes the first layer where its width is the tower's, the second where
    `mlp_ratio * hidden_size` is the LLM's width; what stands before that MLP starts from nothing.

    Raises:
        SettingsError: LLM or tower are of another shape, or it is another kind of checkpoint.
        OSError: nothing there, or the hub cannot be reached.
    """
    need_llava(source)
    llava = LlavaForConditionalGeneration.from_pretrained(source, dtype=dtype)
    rows = model.config.text_config.vocab_size
    if llava.get_input_embeddings().weight.shape[0] < rows:
        llava.resize_token_embeddings(rows, mean_resizing=False)
    told = {
        "language_model.model.": llava.model.language_model,
        "language_model.lm_head.": llava.lm_head,
        "model.encoder.tower.": llava.model.vision_tower,
    }
    found = {front + name: value for front, part in told.items() for name, value in part.state_dict().items()}
    own = model.state_dict()
    for name in ("language_model.model.embed_tokens.weight", "language_model.lm_head.weight"):
        found[name] = found[name][:rows]
    taken = {name: value for name, value in found.items() if name in own}
    bad = [name for name, value in taken.items() if value.shape != own[name].shape]
    bad += [name for name in own if name.startswith(tuple(told)) and name not in taken]
    if bad:
        raise SettingsError(
            f"{len(bad)} weights of tower or LLM do not come from {source}, such as {bad[0]}: "
            "give model.vision and model.text the sizes of that checkpoint's vision_config and text_config"
        )
    return taken | projector_weights(llava.model.multi_modal_projector, model.model.projector)


def need_llava(source: str) -> None:
    """Raises SettingsError where a checkpoint is of another model, OSError where it is not there."""
    found = AutoConfig.from_pretrained(source).model_type
    if found != "llava":
        raise SettingsError(
            f"model.init_from_llava: {source} holds a {found}, not a llava (LlavaForConditionalGeneration)"
        )


def projector_weights(theirs: Any, ours: nn.Module) -> dict[str, Tensor]:
    """What of LLaVA's `linear_1`, GELU, `linear_2` fits the projector, under its names in our model."""
    places = {"linear_1": "layers.0", "linear_2": "layers.2"}
    if not isinstance(ours, MlpProjector):
        places = {"linear_1": "mlp.1", "linear_2": "mlp.4"}
    weights: dict[str, Tensor] = {}
    for name, place in places.items():
        layer, target = getattr(theirs, name), ours.get_submodule(place)
        if layer.weight.shape == target.weight.shape:
            weights |= {f"model.projector.{place}.{key}": value for key, value in layer.state_dict().items()}
    return weights
