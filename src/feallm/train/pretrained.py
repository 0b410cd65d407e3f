"""What a recipe's model begins with: the configs of its parts, trained weights of tower and LLM, their tokenizer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import (
    MODEL_MAPPING,
    AutoBackbone,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    CLIPImageProcessorPil,
    PretrainedConfig,
)
from transformers.backbone_utils import BackboneConfigMixin
from transformers.utils import is_flash_attn_2_available, logging

from feallm.model import FeallmConfig, FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.build import ASSISTANT, CHAT_TEMPLATE, END, USER, add_placeholders, build, image_processor
from feallm.settings import SettingsError
from feallm.train.blocks import CHOICES, config_of
from feallm.train.llava_init import llava_weights
from feallm.train.recipe import MachineRecipe, ModelRecipe

SYSTEM = "A chat about the expression of the face in the picture."
CHAT_TEMPLATES = {
    "own": CHAT_TEMPLATE,
    "vicuna": (
        "{{ bos_token }}" + SYSTEM + "{% for turn in messages %}"
        "{% if turn['role'] == 'user' %} USER: {{ turn['content'] }}"
        "{% else %} ASSISTANT: {% generation %}{{ turn['content'] }}{{ eos_token }}{% endgeneration %}{% endif %}"
        "{% endfor %}"
        "{% if add_generation_prompt %} ASSISTANT: {% endif %}"
    ),
    "chatml": (
        "<|im_start|>system\n" + SYSTEM + "<|im_end|>\n{% for turn in messages %}"
        "<|im_start|>{{ turn['role'] }}\n"
        "{% if turn['role'] == 'user' %}{{ turn['content'] }}<|im_end|>\n"
        "{% else %}{% generation %}{{ turn['content'] }}<|im_end|>{% endgeneration %}\n{% endif %}"
        "{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
}
"""The forms of conversations that LLMs were tuned on, with the answers marked for the loss (`{% generation %}`)."""


def described(recipe: ModelRecipe, vocab_size: int | None = None, attention: str | None = None) -> FeallmConfig:
    """The config of the model that a recipe describes, from the recipe alone; weights are not looked for.

    Raises SettingsError where the recipe leaves the architecture of a part to its weights, or asks for what is not
    there (`config_of`, `attend`).
    """
    told = {}
    for part in ("vision", "text"):
        values = dict(getattr(recipe, part))
        if "model_type" not in values:
            raise SettingsError(
                f"model.{part} does not say its architecture: repeat model_type and sizes of {part}_from there"
            )
        told[part] = values
    if vocab_size is not None:
        told["text"].setdefault("vocab_size", vocab_size)
    return _whole(recipe, config_of("vision", told["vision"]), config_of("text", told["text"]), attention)


def _whole(
    recipe: ModelRecipe, vision: PretrainedConfig, text: PretrainedConfig, attention: str | None
) -> FeallmConfig:
    config = FeallmConfig(
        vision_config=vision,
        text_config=text,
        clue_config=config_of("clues", recipe.clues),
        projector_config=config_of("projector", recipe.projector),
        head_config=config_of("head", recipe.head),
        image_size=recipe.image_size,
    )
    if attention is not None:
        attend(config, attention)
    return config


def attend(config: FeallmConfig, attention: str) -> None:
    """Have the LLM, and the tower where it knows how to, compute attention so (`MachineRecipe.attention`).

    Raises SettingsError where it is not installed.
    """
    if attention == "flash_attention_2" and not is_flash_attn_2_available():
        raise SettingsError(
            "machine.attention: flash_attention_2 needs a GPU and `pip install flash-attn --no-build-isolation`; "
            "sdpa runs everywhere"
        )
    config.text_config._attn_implementation = attention
    tower = MODEL_MAPPING[type(config.vision_config)]
    knows = {"eager": True, "sdpa": tower._supports_sdpa, "flash_attention_2": tower._supports_flash_attn}
    if knows[attention]:
        config.vision_config._attn_implementation = attention


def part_config(recipe: ModelRecipe, part: str, vocab_size: int) -> PretrainedConfig:
    """The config of "vision" or "text": of the weights it comes from, or as the recipe describes it.

    Raises SettingsError where recipe and weights disagree; fewer layers than there are may be asked for.
    """
    told, source = dict(getattr(recipe, part)), getattr(recipe, f"{part}_from")
    kind = told.pop("model_type", None)
    if source is None:
        sizes = {"vocab_size": vocab_size} if part == "text" else {}
        return config_of(part, sizes | told | {"model_type": kind})
    config = AutoConfig.from_pretrained(source)
    inner = getattr(config, f"{part}_config", None)
    config = config if inner is None else inner
    told |= {} if kind is None else {"model_type": kind}
    for name, value in told.items():
        there = getattr(config, name, None)
        fewer = name == "num_hidden_layers" and there is not None and value < there
        if there != value and not fewer and name not in CHOICES:
            raise SettingsError(
                f"model.{part}.{name} is {value!r} in the recipe, {there!r} in {source}: correct the one"
            )
        if name != "model_type":
            setattr(config, name, value)
    return config


def trained_tokenizer(recipe: ModelRecipe) -> Any:
    """The tokenizer that comes with the LLM, writing turns in the recipe's chat template, with our placeholders.

    Raises SettingsError where the template needs a token that the tokenizer does not know.
    """
    source = recipe.text_from or recipe.init_from_llava
    tokenizer = AutoTokenizer.from_pretrained(source)
    if recipe.chat_template == "own":
        tokenizer.add_special_tokens({"extra_special_tokens": [USER, ASSISTANT, END]}, False)
        tokenizer.eos_token = END
    elif recipe.chat_template == "chatml" and tokenizer.convert_tokens_to_ids("<|im_end|>") in (
        None,
        tokenizer.unk_token_id,
    ):
        raise SettingsError(f"the tokenizer of {source} has no '<|im_end|>': take model.chat_template vicuna or own")
    tokenizer.chat_template = CHAT_TEMPLATES[recipe.chat_template]
    add_placeholders(tokenizer)
    return tokenizer


def fresh_model(
    recipe: ModelRecipe, tokenizer: Any, machine: MachineRecipe | None = None
) -> tuple[FeallmForConditionalGeneration, FeallmProcessor]:
    """The recipe's model, with fresh weights where it does not name trained ones, and its processor.

    Raises:
        SettingsError: the recipe and the weights disagree.
        OSError: the weights are not there, or the hub cannot be reached.
    """
    machine = machine or MachineRecipe()
    vision, text = (part_config(recipe, part, len(tokenizer)) for part in ("vision", "text"))
    if not (recipe.vision_from or recipe.text_from or recipe.init_from_llava):
        return build(_whole(recipe, vision, text, machine.attention), tokenizer, grayscale=recipe.grayscale)
    dtype = torch.bfloat16 if machine.frozen_bf16 else torch.float32
    weights: dict[str, Tensor] = {}
    if recipe.vision_from is not None:
        kind = AutoBackbone if isinstance(vision, BackboneConfigMixin) else AutoModel
        tower = _loaded(kind, recipe.vision_from, vision, dtype)
        weights |= {f"model.encoder.tower.{name}": value for name, value in tower.state_dict().items()}
    if recipe.text_from is not None:
        llm = _loaded(AutoModelForCausalLM, recipe.text_from, text, dtype)
        text.vocab_size = widen(llm, len(tokenizer))
        weights |= {f"language_model.{name}": value for name, value in llm.state_dict().items()}
    with torch.device("meta"):  # nothing is initialised only to be overwritten
        model, processor = build(_whole(recipe, vision, text, machine.attention), tokenizer, grayscale=recipe.grayscale)
    if recipe.init_from_llava is not None:
        weights |= llava_weights(recipe.init_from_llava, model, dtype)
    generation = model.generation_config
    with _quiet():  # it would list every weight of the parts that begin anew
        model = FeallmForConditionalGeneration.from_pretrained(
            None, config=model.config, state_dict=weights, dtype=dtype
        )
    model.generation_config = generation
    model.model.float()  # an LLM alone is worth halving
    if recipe.vision_from is not None or recipe.init_from_llava is not None:
        source = recipe.vision_from or recipe.init_from_llava
        processor.image_processor = trained_normalisation(str(source), recipe.image_size)
    return model, processor


def _loaded(kind: Any, source: str, config: PretrainedConfig, dtype: torch.dtype) -> Any:
    """A part with its trained weights. Raises SettingsError where some of them are not in `source`."""
    with _quiet():  # the other half of a CLIP is not missed
        part, told = kind.from_pretrained(source, config=config, dtype=dtype, output_loading_info=True)
    if told["missing_keys"]:
        raise SettingsError(
            f"{source} lacks {len(told['missing_keys'])} weights of a {config.model_type}, such as "
            f"{sorted(told['missing_keys'])[0]}: it is a checkpoint of something else"
        )
    return part


@contextmanager
def _quiet() -> Iterator[None]:
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def widen(llm: Any, vocab_size: int) -> int:
    """Give an LLM rows for the tokens that were added; returns how many rows it has."""
    rows = int(llm.get_input_embeddings().weight.shape[0])
    if rows < vocab_size:
        llm.resize_token_embeddings(vocab_size, mean_resizing=False)
    return max(rows, vocab_size)


def trained_normalisation(source: str, image_size: int) -> CLIPImageProcessorPil:
    """The mean and standard deviation that a tower was trained with, at the recipe's size."""
    told, _ = CLIPImageProcessorPil.get_image_processor_dict(source)
    processor = image_processor(image_size)
    processor.image_mean, processor.image_std = list(told["image_mean"]), list(told["image_std"])
    return processor
