"""Tiny random models of three kinds, built from configs alone."""

import pytest
import torch
from transformers import CLIPVisionConfig, LlamaConfig, Qwen2Config, ResNetConfig, SiglipVisionConfig

from feallm.model import FeallmConfig
from feallm.model.build import build, train_tokenizer

TEXTS = ["AU6 (clear), AU12 (strong).", "The face shows happiness.", "Why does the face show this?"] * 5
VIT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
VISION = {
    "clip": lambda: CLIPVisionConfig(**VIT),
    "siglip": lambda: SiglipVisionConfig(**VIT),
    "resnet": lambda: ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24],
        depths=[1, 1, 1],
        layer_type="basic",
        out_features=["stage1", "stage2", "stage3"],
    ),
}
TEXT = {"llama": LlamaConfig, "qwen2": Qwen2Config}
KINDS = [("clip", "llama"), ("siglip", "qwen2"), ("resnet", "llama")]


def tiny(vision="resnet", text="llama", **parts):
    """A random model and its processor; `parts` override the clue, projector and head configs."""
    torch.manual_seed(0)
    tokenizer = train_tokenizer(TEXTS, 300)
    config = FeallmConfig(
        vision_config=VISION[vision](),
        text_config=TEXT[text](
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=len(tokenizer),
        ),
        clue_config={"crop_size": 16, "conv_channels": [4, 8], "hidden_size": 16, **parts.get("clues", {})},
        projector_config={"hidden_size": 24, **parts.get("projector", {})},
        head_config={"hidden_size": 16, **parts.get("head", {})},
        image_size=32,
    )
    model, processor = build(config, tokenizer)
    with torch.no_grad():  # far from the small initial weights, so that every part matters to the output
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3.0)
    return model.eval(), processor


@pytest.fixture(params=KINDS, ids="-".join)
def built(request):
    return tiny(*request.param)
