"""Each part of the paper's figure changes the output, and each can be switched off by config."""

import numpy as np
import pytest
import torch

from feallm.faces.crops import CLUE_CROPS
from feallm.facs.emotions import LABEL_SETS
from feallm.model.clues import take_crops
from feallm.model.heads import AUAwareHead, HeadOutput, head_loss
from feallm.model.lora import add_lora, merge_lora
from feallm.train.recipe import ATTENTION_AND_MLP

from .conftest import tiny

TEXT = "<user>Why?<end><assistant>"


def face(seed=0):
    return np.random.default_rng(seed).integers(0, 255, (32, 32, 3), dtype=np.uint8)


def logits(model, processor, features=None):
    inputs = processor(images=[face()], text=[TEXT])
    with torch.no_grad():
        seen = features or model.model.see(inputs["pixel_values"])
        return model.language_model(inputs_embeds=model.embed(inputs["input_ids"], seen)).logits[:, -1]


def test_token_order_is_visual_then_clue_then_text():
    model, processor = tiny()
    ids = processor(images=[face()], text=[TEXT])["input_ids"][0].tolist()
    visual = model.model.num_visual_tokens
    assert ids[:visual] == [processor.image_token_id] * visual
    assert ids[visual] == processor.clue_token_id
    assert processor.image_token_id not in ids[visual:]
    assert ids.count(processor.clue_token_id) == 1


@pytest.mark.parametrize("counts", [{"num_visual_tokens": 1}, {"num_visual_tokens": 1, "use_local_token": False}])
def test_a_text_with_its_placeholders_is_not_given_them_again(counts):
    _, processor = tiny()
    for name, value in counts.items():
        setattr(processor, name, value)
    once = processor.chat([[{"role": "user", "content": "Why?"}]])[0]
    assert processor.expand(once) == once
    assert processor.expand("<image>Why?") == processor.expand("Why?") == processor.placeholders + "Why?"


def test_the_taps_change_the_output():
    model, processor = tiny()
    seen = model.model.see(processor.pixels([face()]))
    before = logits(model, processor, seen)
    for index in range(len(seen.taps) - 1):
        seen.taps[index] = seen.taps[index] + torch.randn_like(seen.taps[index])
        after = logits(model, processor, seen)
        assert not torch.allclose(before, after, atol=1e-5), f"tap {index}"
        before = after


@pytest.mark.parametrize("crop", range(len(CLUE_CROPS)), ids=[crop.name for crop in CLUE_CROPS])
def test_each_single_crop_changes_the_head_and_the_text(crop):
    model, processor = tiny(head={"use_global": False})
    pixels = processor.pixels([face()])
    blocks = model.model.clues.conv_blocks
    plain = model.model.see(pixels)
    handle = blocks.register_forward_pre_hook(
        lambda _, args: (args[0].index_fill(1, torch.tensor([crop]), 0.0),)  # the crop is blacked out
    )
    hidden = model.model.see(pixels)
    handle.remove()
    assert not torch.allclose(logits(model, processor, plain), logits(model, processor, hidden), atol=1e-6)
    assert not torch.allclose(model.model.read(plain).au_logits, model.model.read(hidden).au_logits, atol=1e-6)


def test_the_single_clue_token_changes_the_output():
    model, processor = tiny()
    before = logits(model, processor)
    with torch.no_grad():
        model.model.clues.to_text.weight.add_(torch.randn_like(model.model.clues.to_text.weight))
    assert not torch.allclose(before, logits(model, processor), atol=1e-5)


def test_the_language_model_is_told_the_heads_numbers():
    model, processor = tiny(head={"reading_tokens": 3})
    ids = processor(images=[face()], text=[TEXT])["input_ids"][0].tolist()
    front = model.model.num_visual_tokens + 1
    assert ids[front : front + 3] == [processor.reading_token_id] * 3
    assert ids.count(processor.reading_token_id) == 3
    seen = model.model.see(processor.pixels([face()]))
    before = logits(model, processor, seen)
    with torch.no_grad():  # another verdict from the same picture
        for reads in model.model.head.direct_emotions.values():
            reads.bias.add_(torch.randn_like(reads.bias) * 1e6)
    assert not torch.allclose(before, logits(model, processor, seen), atol=1e-5)


def test_kept_numbers_stand_for_the_head():
    model, processor = tiny(head={"reading_tokens": 2})
    inputs = processor(images=[face()], text=[TEXT])
    seen = model.model.see(inputs["pixel_values"])
    kept = model.model.read(seen).numbers()
    assert torch.isfinite(kept).all()
    assert kept.abs().max() <= 2
    text = {"input_ids": inputs["input_ids"], "attention_mask": inputs["attention_mask"]}
    again = model(**text, taps=seen.taps, attended=seen.attended, numbers=kept)
    assert torch.allclose(model(**inputs).logits, again.logits, atol=1e-5)
    other = model(**text, taps=seen.taps, attended=seen.attended, numbers=kept.flip(1))
    assert not torch.allclose(again.logits, other.logits, atol=1e-4)


def test_the_language_loss_does_not_bend_the_heads_numbers():
    model, processor = tiny(head={"reading_tokens": 2, "use_global": False}, clues={"use_local_token": False})
    inputs = processor(images=[face()], text=[TEXT])
    model.set_trainable("head", "reading")
    model(**inputs, labels=inputs["input_ids"]).loss.backward()
    assert all(parameter.grad is None for parameter in model.model.head.parameters())
    assert all(parameter.grad is not None for parameter in model.model.reading.parameters())


def test_reading_tokens_need_the_head():
    with pytest.raises(ValueError, match="reading_tokens"):
        tiny(head={"enabled": False, "reading_tokens": 1})


@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        ({"clues": {"enabled": False}}, "clues"),
        ({"clues": {"use_local_token": False}}, "local token"),
        ({"projector": {"use_taps": False}}, "taps"),
        ({"head": {"enabled": False}}, "head"),
        ({"projector": {"style": "mlp"}, "clues": {"enabled": False}}, "llava style"),
        ({"projector": {"residual_first": True}}, "none"),
        ({"projector": {"tap_axis": "channels"}}, "none"),
        ({"projector": {"pool_taps": False}}, "none"),
    ],
)
def test_each_part_can_be_switched_off(parts, gone):
    model, processor = tiny(**parts)
    names = {name.split(".")[1] for name, _ in model.named_parameters() if name.startswith("model.")}
    inputs = processor(images=[face()], text=[TEXT])
    output = model(**inputs)
    assert output.logits.shape[:2] == inputs["input_ids"].shape
    has_clue = processor.clue_token_id in inputs["input_ids"]
    assert has_clue == (gone not in {"clues", "local token", "llava style"})
    assert ("clues" in names) == (gone not in {"clues", "llava style"})
    assert ("head" in names) == (gone != "head") == (output.au_logits is not None)
    assert any("fuse" in name for name, _ in model.named_parameters()) == (gone not in {"taps", "llava style"})


def test_crops_show_their_own_part_of_the_face():
    pixels = torch.zeros(1, 3, 32, 32)
    pixels[..., 16:, :16] = 1.0  # only the bottom left quarter is white
    means = take_crops(pixels, 8).mean(dim=(2, 3, 4))[0]
    expected = [
        (max(0.0, 1 - max(crop.top, 0.5)) - max(0.0, 1 - crop.bottom))
        * (min(crop.right, 0.5) - min(crop.left, 0.5))
        / ((crop.bottom - crop.top) * (crop.right - crop.left))
        for crop in CLUE_CROPS
    ]
    assert torch.allclose(means, torch.tensor(expected), atol=0.03)
    assert means[-1] == pytest.approx(1.0, abs=1e-3), "the sixteenth crop is the bottom left quadrant"
    assert means[0] == pytest.approx(0.0, abs=1e-3), "the first crop is the top half"


def test_unknown_labels_are_not_punished():
    output = HeadOutput(torch.randn(2, 3), torch.rand(2, 3) * 5, {"fer2013": torch.randn(2, 7)})
    unknown = torch.full((2, 3), float("nan"))
    loss, parts = head_loss(output, {"fer2013": torch.zeros(2, 7)}, unknown)
    assert loss == 0
    assert set(parts) == {"emotion_fer2013", "au", "intensity"}
    known = unknown.clone()
    known[0, 1] = 3.0
    expected = torch.nn.functional.softplus(-output.au_logits[0, 1])
    assert torch.isclose(head_loss(output, None, known)[1]["au"], expected)


def test_only_the_named_parts_are_trained():
    model, processor = tiny()
    model.set_trainable("projector", "clues.to_text")
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    inputs = processor(images=[face()], text=[TEXT + "AU6"])
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model(**inputs, labels=inputs["input_ids"]).loss.backward()
    optimizer.step()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith(("model.projector.", "model.clues.to_text.")) for name in moved), moved


def test_a_module_of_the_encoder_can_be_trained_alone():
    model, _ = tiny()
    model.set_trainable("encoder.tower.embedder")
    tower = model.model.encoder.tower
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    assert learning
    assert all(name.startswith("model.encoder.tower.embedder.") for name in learning)
    model.train()
    assert tower.embedder.training, "and not what is frozen around it, whose batch statistics would drift"
    assert not any(module.training for module in tower.encoder.modules())
    model.set_trainable("encoder")
    assert all(module.training for module in model.model.encoder.modules())
    model.set_trainable("head")
    assert not any(module.training for module in model.model.encoder.modules())


def test_lora_trains_on_a_frozen_llm_and_merges_without_a_trace():
    pytest.importorskip("peft")
    model, processor = tiny()
    names = set(model.state_dict())
    inputs = processor(images=[face()], text=[TEXT + "AU6"])
    model.set_trainable("projector")
    assert add_lora(model, rank=4, alpha=8, targets=ATTENTION_AND_MLP) == 2 * 7
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    for _ in range(2):  # an adapter's second matrix starts at zero, so its first one moves at the second step
        optimizer.zero_grad()
        model(**inputs, labels=inputs["input_ids"]).loss.backward()
        optimizer.step()
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert all("lora_" in name or name.startswith("model.projector.") for name in moved), moved
    assert sum("lora_A" in name for name in moved) == sum("lora_B" in name for name in moved) == 14
    with torch.no_grad():
        adapted = model(**inputs).logits
        assert merge_lora(model) == 14
        assert set(model.state_dict()) == names
        assert torch.allclose(model(**inputs).logits, adapted, atol=1e-4)


def test_peft_wraps_the_whole_model(tmp_path):
    peft = pytest.importorskip("peft")
    model, processor = tiny()
    inputs = processor(images=[face()], text=[TEXT])
    settings = peft.LoraConfig(r=4, target_modules=r".*language_model.*(q_proj|v_proj)", modules_to_save=["projector"])
    wrapped = peft.get_peft_model(model, settings).eval()
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.1)
        expected = wrapped(**inputs).logits
    wrapped.save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(tiny()[0], tmp_path).eval()
    with torch.no_grad():
        assert torch.allclose(again(**inputs).logits, expected, atol=1e-5)


def test_unknown_and_absent_parts_are_named():
    model, _ = tiny(clues={"enabled": False})
    with pytest.raises(KeyError, match="the parts are encoder"):
        model.set_trainable("ears")
    with pytest.raises(ValueError, match="switched off"):
        model.set_trainable("clues")


def test_an_intervention_changes_the_verdict_and_nothing_else():
    model, processor = tiny()
    features = model.model.see(processor.pixels([face(), face(1)]))
    as_read = model.model.read(features)
    nothing = torch.full_like(as_read.au_logits, float("nan"))
    same = model.model.read(features, nothing)
    assert torch.equal(same.emotion_logits["ferplus"], as_read.emotion_logits["ferplus"])
    changed = nothing.clone()
    changed[0, 3] = 1.0
    other = model.model.read(features, changed)
    assert torch.equal(other.au_logits, as_read.au_logits)
    weight = model.model.head.evidence["ferplus"].weight[:, 3]
    expected = weight * (1 - as_read.au_logits[0, 3].sigmoid())
    moved = other.emotion_logits["ferplus"] - as_read.emotion_logits["ferplus"]
    assert torch.allclose(moved[0], expected, atol=1e-5)
    assert torch.equal(moved[1], torch.zeros_like(moved[1]))


def test_a_face_and_its_mirror_image_are_read_alike():
    model, processor = tiny()
    pixels = processor.pixels([face()])
    one, other = (model.model.read(model.model.see(view, mirror=True)) for view in (pixels, pixels.flip(3)))
    assert torch.allclose(one.au_logits, other.au_logits, atol=1e-5)
    assert torch.allclose(one.emotion_logits["fer2013"], other.emotion_logits["fer2013"], atol=1e-5)
    plain = model.model.read(model.model.see(pixels))
    assert not torch.allclose(one.au_logits, plain.au_logits, atol=1e-3)


def test_the_evidence_learns_the_direction_of_facs():
    torch.manual_seed(0)
    head = AUAwareHead(
        clue_size=8,
        global_size=None,
        hidden_size=16,
        num_attention_heads=2,
        action_units=["AU04", "AU12", "AU15"],
        label_sets={"fer2013": LABEL_SETS["fer2013"]},
        dropout=0.0,
    )
    happy, sad = LABEL_SETS["fer2013"].index("happiness"), LABEL_SETS["fer2013"].index("sadness")
    target = {"fer2013": torch.eye(7)[[happy, sad] * 8]}
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    for _ in range(150):
        loss = head.intervention_loss(head(torch.randn(16, 16, 8), torch.empty(0)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weight = head.evidence["fer2013"].weight
    for emotion, unit in ((happy, 1), (sad, 2), (sad, 0)):
        assert weight[emotion, unit] - weight[:, unit].mean() > 0.15, "a prototype's unit speaks for its emotion"
