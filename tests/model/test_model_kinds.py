"""Any tower with any LLM: builds, saves, reloads bit-equal, generates as the full forward pass says."""

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from feallm.model import FeallmConfig, FeallmForConditionalGeneration, FeallmProcessor

PROMPTS = [
    "<user>Why?<end><assistant>",
    "<user>Which facial action units are visible here?<end><assistant>AU6",
]


def inputs_for(processor, seed=0):
    rng = np.random.default_rng(seed)
    faces = [rng.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in PROMPTS]
    return processor(images=faces, text=PROMPTS)


def test_save_and_reload_are_bit_equal(built, tmp_path):
    model, processor = built
    inputs = inputs_for(processor)
    before = model(**inputs)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path).eval()
    assert isinstance(again, FeallmForConditionalGeneration)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), FeallmConfig)
    loaded = AutoProcessor.from_pretrained(tmp_path)
    assert isinstance(loaded, FeallmProcessor)
    assert loaded.placeholders == processor.placeholders
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    after = again(**inputs_for(loaded))
    # weights are equal bit for bit; memory-mapped ones lie differently and may pick another convolution kernel
    assert torch.allclose(before.logits, after.logits, atol=1e-5)
    assert torch.allclose(before.au_logits, after.au_logits, atol=1e-5)
    for label_set, value in before.emotion_logits.items():
        assert torch.allclose(value, after.emotion_logits[label_set], atol=1e-5), label_set


def greedy_without_cache(model, inputs, steps):
    """The reference: the whole sequence anew for every token."""
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    for _ in range(steps):
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = model(
            input_ids=ids, attention_mask=mask, position_ids=positions, pixel_values=inputs["pixel_values"]
        ).logits
        ids = torch.cat([ids, logits[:, -1].argmax(-1, keepdim=True)], 1)
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
    return ids[:, inputs["input_ids"].shape[1] :]


def test_generation_batched_left_padded_and_cached_equals_the_full_pass(built):
    model, processor = built
    model.generation_config.eos_token_id = None
    inputs = inputs_for(processor)
    assert inputs["attention_mask"].min() == 0, "the prompts must differ in length for this test to mean anything"
    with torch.no_grad():
        tokens = model.generate(**inputs, max_new_tokens=8, do_sample=False)[:, inputs["input_ids"].shape[1] :]
        assert torch.equal(tokens, greedy_without_cache(model, inputs, 8))
        for row in range(2):
            kept = inputs["attention_mask"][row].bool()
            alone = model.generate(
                input_ids=inputs["input_ids"][row, kept][None],
                attention_mask=torch.ones(1, int(kept.sum()), dtype=torch.long),
                pixel_values=inputs["pixel_values"][row : row + 1],
                max_new_tokens=8,
                do_sample=False,
            )
            assert torch.equal(alone[0, int(kept.sum()) :], tokens[row])


def test_the_text_sees_the_face(built):
    model, processor = built
    one, two = inputs_for(processor, 0), inputs_for(processor, 1)
    with torch.no_grad():
        assert not torch.allclose(model(**one).logits, model(**two).logits, atol=1e-4)


def test_wrong_placeholder_count_raises(built):
    model, processor = built
    inputs = inputs_for(processor)
    inputs["input_ids"][inputs["input_ids"] == processor.image_token_id] = 0
    with pytest.raises(ValueError, match="placeholders"):
        model(**inputs)


def test_placeholders_without_a_face_raise(built):
    model, processor = built
    with pytest.raises(ValueError, match="no face was given"):
        model(input_ids=inputs_for(processor)["input_ids"])


def test_wrong_face_size_raises(built):
    model, _ = built
    with pytest.raises(ValueError, match="pixel_values must be"):
        model(pixel_values=torch.zeros(1, 3, 16, 16))
