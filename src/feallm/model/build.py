"""Build a model and its processor from a recipe's parts: towers, tokenizer, and the paper's modules between them."""

from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import CLIPImageProcessorPil, PreTrainedTokenizerFast

from feallm.model.configuration import FeallmConfig
from feallm.model.modeling import FeallmForConditionalGeneration
from feallm.model.processing import CLUE_TOKEN, IMAGE_TOKEN, READING_TOKEN, FeallmProcessor

PAD, END, USER, ASSISTANT = "<pad>", "<end>", "<user>", "<assistant>"
PLACEHOLDERS = (IMAGE_TOKEN, CLUE_TOKEN, READING_TOKEN)
SPECIAL_TOKENS = (PAD, END, USER, ASSISTANT, *PLACEHOLDERS)
CHAT_TEMPLATE = (
    "{% for turn in messages %}"
    "{% if turn['role'] == 'user' %}<user>{{ turn['content'] }}<end>"
    "{% else %}<assistant>{% generation %}{{ turn['content'] }}<end>{% endgeneration %}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of our own words, with the chat template and the placeholders."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        extra_special_tokens=[USER, ASSISTANT, *PLACEHOLDERS],
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def add_placeholders(tokenizer: Any) -> int:
    """Give a foreign tokenizer the placeholders (and padding, if it has none); returns how many were added."""
    added = tokenizer.add_special_tokens(
        {"extra_special_tokens": list(PLACEHOLDERS)}, replace_extra_special_tokens=False
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return int(added)


def image_processor(image_size: int) -> CLIPImageProcessorPil:
    """Resize to `image_size` squared, scale to 0..1, normalise. For a tower of one's own."""
    return CLIPImageProcessorPil(
        size={"height": image_size, "width": image_size},
        do_center_crop=False,
        image_mean=[0.5] * 3,
        image_std=[0.25] * 3,
    )


def build_processor(
    model: FeallmForConditionalGeneration, tokenizer: Any, images: Any = None, *, grayscale: bool = False
) -> FeallmProcessor:
    """The processor that fits `model`; its counts of placeholders are the model's own."""
    return FeallmProcessor(
        image_processor=images if images is not None else image_processor(model.config.image_size),
        tokenizer=tokenizer,
        num_visual_tokens=model.model.num_visual_tokens,
        use_local_token=model.model.has_local_token,
        num_reading_tokens=model.model.num_reading_tokens,
        grayscale=grayscale,
    )


def build(config: FeallmConfig, tokenizer: Any, *, grayscale: bool = False) -> tuple[Any, FeallmProcessor]:
    """A model with fresh weights for `config` and its processor; the config takes the tokenizer's ids."""
    if any(tokenizer.convert_tokens_to_ids(token) in (None, tokenizer.unk_token_id) for token in PLACEHOLDERS):
        add_placeholders(tokenizer)
    config.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
    config.clue_token_id = tokenizer.convert_tokens_to_ids(CLUE_TOKEN)
    config.reading_token_id = tokenizer.convert_tokens_to_ids(READING_TOKEN)
    config.text_config.vocab_size = max(config.text_config.vocab_size, len(tokenizer))
    config.text_config.pad_token_id = tokenizer.pad_token_id
    config.text_config.eos_token_id = tokenizer.eos_token_id
    model = FeallmForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model, build_processor(model, tokenizer, grayscale=grayscale)
