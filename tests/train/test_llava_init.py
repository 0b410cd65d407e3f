"""A LLaVA checkpoint's weights arrive where they belong."""

import pytest
import torch
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
)

from feallm.model.build import train_tokenizer
from feallm.settings import SettingsError
from feallm.train.pretrained import fresh_model, trained_tokenizer
from feallm.train.recipe import ModelRecipe

VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
TEXT = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 310}


@pytest.fixture
def llava(tmp_path):
    torch.manual_seed(0)
    tokenizer = train_tokenizer(["Why? The face shows happiness."] * 9, 300)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION),
        text_config=LlamaConfig(**TEXT),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )
    model = LlavaForConditionalGeneration(config).eval()
    with torch.no_grad():  # far from the small initial weights, so that every part matters to the output
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3.0)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    CLIPImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    return tmp_path, model


def recipe(folder, **changes):
    told = {
        "image_size": 32,
        "grayscale": False,
        "vision": {"model_type": "clip_vision_model", **VISION, "num_hidden_layers": 3},
        "text": {"model_type": "llama", **TEXT},
        "init_from_llava": str(folder),
        "clues": {"enabled": False},
        "projector": {"style": "mlp"},
        "head": {"hidden_size": 16},
        **changes,
    }
    return ModelRecipe(**told)


def test_the_mlp_style_is_llava_exactly(llava):
    folder, theirs = llava
    asked = recipe(folder)
    model, _ = fresh_model(asked, trained_tokenizer(asked))
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    ids = torch.randint(10, 290, (2, 22), generator=torch.Generator().manual_seed(2))
    ids[:, :16] = theirs.config.image_token_index
    with torch.no_grad():
        expected = theirs(input_ids=ids, pixel_values=pixels).logits
        found = model.eval()(input_ids=ids, pixel_values=pixels).logits[..., : expected.shape[-1]]
    assert torch.allclose(found, expected, atol=1e-4)
    assert expected.std() > 0.1


def test_the_multi_perspective_projector_takes_both_layers_into_its_mlp_where_they_fit(llava):
    folder, theirs = llava
    clues = {"crop_size": 16, "conv_channels": [4], "hidden_size": 16}
    fitting = recipe(folder, clues=clues, projector={"hidden_size": 32, "mlp_ratio": 2.0})
    model, _ = fresh_model(fitting, trained_tokenizer(fitting))
    projector = theirs.model.multi_modal_projector
    assert torch.equal(model.model.projector.mlp[1].weight, projector.linear_1.weight)
    assert torch.equal(model.model.projector.mlp[4].weight, projector.linear_2.weight)
    assert torch.equal(model.model.projector.mlp[4].bias, projector.linear_2.bias)
    narrower = recipe(folder, clues=clues, projector={"hidden_size": 16, "mlp_ratio": 4.0})
    model, _ = fresh_model(narrower, trained_tokenizer(narrower))
    assert torch.equal(model.model.projector.mlp[4].weight, projector.linear_2.weight)
    assert model.model.projector.mlp[1].weight.shape != projector.linear_1.weight.shape
    assert all(torch.isfinite(value).all() for value in model.parameters())


def test_a_checkpoint_of_another_shape_is_refused(llava):
    folder, _ = llava
    wide = recipe(folder, text={"model_type": "llama", **TEXT, "intermediate_size": 128})
    with pytest.raises(SettingsError, match="do not come from"):
        fresh_model(wide, trained_tokenizer(wide))
