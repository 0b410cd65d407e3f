"""Tiny vision-language models with random weights, in the folders that `save_pretrained` writes."""

import json

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    GotOcr2ImageProcessorPil,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    InternVLConfig,
    InternVLForConditionalGeneration,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

WORDS = [
    "USER: Which of these does the face show: neutral, happiness, sadness, surprise, fear, disgust or anger?",
    "ASSISTANT: The brows are drawn together and the lips pressed, which is a sign of anger.",
]
TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] | upper }}: "
    "{% for part in turn['content'] %}{% if part['type'] == 'image' %}IMAGE\n{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}</s>{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


def tokenizer(*special, **named):
    """Trained on two sentences; class words fall into several tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    names = ["<s>", "</s>", "<pad>", *special, *named.values()]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=names, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    core.train_from_iterator(WORDS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", pad_token="<pad>", padding_side="right",
        extra_special_tokens=named, additional_special_tokens=list(special),
    )  # fmt: skip


def loud(model):
    """Far from the small initial weights, so that every part matters to the output."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4.0)
    model.generation_config.eos_token_id = None
    return model.eval()


def template(image):
    return TEMPLATE.replace("IMAGE", image)


def save(folder, model, kind, words, pictures, chat, **settings):
    """As on the hub; written by parts, since no video processor can be made without torchvision."""
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    pictures.save_pretrained(folder)
    (folder / "processor_config.json").write_text(json.dumps({"processor_class": kind, **settings}))
    if chat is not None:
        (folder / "chat_template.jinja").write_text(chat)
    return folder


def llava(folder, chat=True):
    torch.manual_seed(0)
    words = tokenizer("<image>")
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=16
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=LlamaConfig(vocab_size=len(words), **TEXT),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    settings = {"patch_size": 16, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32)
    model, chat = loud(LlavaForConditionalGeneration(config)), template("<image>") if chat else None
    return save(folder, model, "LlavaProcessor", words, pictures, chat, **settings)


def qwen2_vl(folder):
    torch.manual_seed(0)
    words = tokenizer("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    text = {**TEXT, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}}
    ids = {
        f"{name}_token_id": words.convert_tokens_to_ids(f"<|{token}|>")
        for name, token in {
            "image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end",
        }.items()
    }  # fmt: skip
    config = Qwen2VLConfig(
        text_config={"vocab_size": len(words), **text},
        vision_config={
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 4,
            "mlp_ratio": 2,
            "patch_size": 14,
        },
        **ids,
    )
    pictures = Qwen2VLImageProcessorPil(min_pixels=28 * 28 * 4, max_pixels=28 * 28 * 16)
    chat = template("<|vision_start|><|image_pad|><|vision_end|>")
    return save(folder, loud(Qwen2VLForConditionalGeneration(config)), "Qwen2VLProcessor", words, pictures, chat)


def idefics3(folder):
    torch.manual_seed(0)
    words = tokenizer(*(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)),
        image_token="<image>", fake_image_token="<fake_token_around_image>", global_image_token="<global-img>",
        end_of_utterance_token="<end_of_utterance>")  # fmt: skip
    config = Idefics3Config(
        image_token_id=words.convert_tokens_to_ids("<image>"),
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
            "image_size": 32, "patch_size": 8,
        },
        text_config=LlamaConfig(vocab_size=len(words), pad_token_id=2, **TEXT),
        scale_factor=2,
        pad_token_id=2,
    )  # fmt: skip
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    return save(folder, loud(Idefics3ForConditionalGeneration(config)), "Idefics3Processor", words, pictures,
        template("<image>"), image_seq_len=4)  # fmt: skip


def internvl(folder):
    torch.manual_seed(0)
    words = tokenizer(
        start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>"
    )
    config = InternVLConfig(
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
            "image_size": [32, 32], "patch_size": [8, 8],
        },
        text_config=Qwen2Config(vocab_size=len(words), **TEXT),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )  # fmt: skip
    pictures = GotOcr2ImageProcessorPil(size={"height": 32, "width": 32}, crop_to_patches=True, max_patches=4)
    return save(folder, loud(InternVLForConditionalGeneration(config)), "InternVLProcessor", words, pictures,
        template("<IMG_CONTEXT>"), image_seq_length=4)  # fmt: skip


MODELS = {"llava": llava, "qwen2_vl": qwen2_vl, "idefics3": idefics3, "internvl": internvl}
