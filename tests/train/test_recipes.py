"""Every recipe that is shipped can be read, and its model and batches can be built; no weights are needed."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoTokenizer, CLIPConfig, CLIPImageProcessorPil, CLIPModel, Qwen2Config, Qwen2ForCausalLM

from feallm.data.records import Claims, Record, Turn
from feallm.data.sources import SOURCES
from feallm.model.build import train_tokenizer
from feallm.model.lora import add_lora, merge_lora
from feallm.settings import SettingsError, load_recipe
from feallm.train.adapters import rebuilt
from feallm.train.bank import fill
from feallm.train.check import meta_model
from feallm.train.collate import IGNORED, ConversationCollator
from feallm.train.machine import spread
from feallm.train.memory import GIB, count_parts, estimate
from feallm.train.pretrained import fresh_model, trained_tokenizer
from feallm.train.recipe import MachineRecipe, ModelRecipe, StageRecipe, TrainRecipe
from feallm.train.rewards import REWARDS

from .test_train_run import drawn_faces

CONFIGS = Path(__file__).parent.parent.parent / "configs"
RECIPES = sorted((CONFIGS / "train").glob("*.yaml"))
REAL = [path for path in RECIPES if "vision_from" in path.read_text()]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_can_be_read_and_its_stages_be_set_up(path):
    asked = ["model.head.reading_tokens=4"] if path.stem == "ablation" else []  # its variants switch parts on and off
    recipe = load_recipe(TrainRecipe, path, asked)
    for stage in recipe.stages:
        model = meta_model(recipe, stage)
        assert all(parameter.is_meta for parameter in model.parameters())
        assert sum(part.trainable for part in count_parts(model)) > 0, stage.name
        size, times = spread(stage, 1)
        assert size * times == stage.batch_size


def test_there_are_recipes_of_real_size():
    assert {"small", "feallm-7b", "feallm-qwen"} <= {path.stem for path in REAL}


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_encoder_and_llm_stay_frozen_and_the_llm_gets_adapters(path):
    recipe = load_recipe(TrainRecipe, path)
    align, instruct = (next(stage for stage in recipe.stages if stage.name == name) for name in ("align", "instruct"))
    for stage in (align, instruct):
        parts = {part.name: part for part in count_parts(meta_model(recipe, stage))}
        assert parts["encoder"].trainable == parts["language_model"].trainable == 0
        assert all(parts[name].trainable == parts[name].parameters for name in ("clues", "projector", "head"))
        assert ("LoRA" in parts) == (stage is instruct)
    assert parts["LoRA"].trainable == parts["LoRA"].parameters > 0


def test_parameters_of_the_papers_class_by_part():
    recipe = load_recipe(TrainRecipe, CONFIGS / "train/feallm-7b.yaml")
    instruct = next(stage for stage in recipe.stages if stage.name == "instruct")
    model = meta_model(recipe, instruct)
    parts = {part.name: part.parameters for part in count_parts(model)}
    vit_layer = 4 * (1024**2 + 1024) + 2 * 1024 * 4096 + 4096 + 1024 + 4 * 1024
    assert parts["encoder"] == 23 * vit_layer + 1024 * 14 * 14 * 3 + 577 * 1024 + 1024 + 4 * 1024
    llama_layer = 4 * 4096**2 + 3 * 4096 * 11008 + 2 * 4096
    assert parts["language_model"] == 32 * llama_layer + 2 * 32000 * 4096 + 4096  # Vicuna-7B: 6,738,415,616
    assert parts["LoRA"] == 32 * 128 * (4 * 2 * 4096 + 3 * (4096 + 11008))
    assert model.model.num_visual_tokens == 576
    needs = estimate(recipe, instruct, model, half=True)
    assert 13 * GIB < needs.weights < 16 * GIB
    assert needs.total < 80 * GIB
    full = recipe.model_copy(update={"machine": recipe.machine.model_copy(update={"gradient_checkpointing": False})})
    assert estimate(full, instruct, model, half=True).activations > 3 * needs.activations


@pytest.mark.parametrize(
    ("batch", "device_batch", "devices", "expected"),
    [(64, None, 1, (64, 1)), (64, None, 2, (32, 1)), (64, 8, 2, (8, 4)), (64, 8, 8, (8, 1))],
)
def test_a_batch_is_the_same_on_any_number_of_devices(batch, device_batch, devices, expected):
    stage = StageRecipe(
        name="s", kind="text", trainable=["language_model"], epochs=1, learning_rate=1, batch_size=batch,
        device_batch=device_batch,
    )  # fmt: skip
    assert spread(stage, devices) == expected


def test_a_batch_that_cannot_be_shared_out_is_refused():
    stage = StageRecipe(name="s", kind="text", trainable=[], epochs=1, learning_rate=1, batch_size=64, device_batch=24)
    with pytest.raises(SettingsError, match="batch of 64 cannot be shared out evenly over 2 processes with 24"):
        spread(stage, 2)


VIT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
}
NARROW = {
    "clues": {"crop_size": 16, "conv_channels": [4, 8], "hidden_size": 16},
    "projector": {"hidden_size": 24},
    "head": {"hidden_size": 16},
}


@pytest.fixture
def saved(tmp_path):
    """A tiny CLIP with both of its halves and a tiny LLM with its tokenizer, as they stand on a hub."""
    torch.manual_seed(0)
    text = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
    clip = CLIPModel(CLIPConfig(text_config={**text, "vocab_size": 50}, vision_config=VIT))
    clip.save_pretrained(tmp_path / "clip")
    CLIPImageProcessorPil(image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]).save_pretrained(tmp_path / "clip")
    tokenizer = train_tokenizer(["Why? The face shows happiness."] * 9, 300)
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]}, False)
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.chat_template = None
    llm = Qwen2ForCausalLM(
        Qwen2Config(**text, num_key_value_heads=2, vocab_size=len(tokenizer), tie_word_embeddings=True)
    )
    llm.save_pretrained(tmp_path / "llm")
    tokenizer.save_pretrained(tmp_path / "llm")
    return tmp_path, clip, llm


def from_saved(folder, **changes):
    told = {
        "image_size": 32,
        "grayscale": False,
        "vision_from": str(folder / "clip"),
        "text_from": str(folder / "llm"),
        "chat_template": "chatml",
        **NARROW,
        **changes,
    }
    return ModelRecipe(**told)


def test_trained_towers_come_with_their_tokenizer_and_normalisation(saved):
    folder, clip, llm = saved
    recipe = from_saved(folder, vision={"model_type": "clip_vision_model", "num_hidden_layers": 3})
    tokenizer = trained_tokenizer(recipe)
    model, processor = fresh_model(recipe, tokenizer)
    theirs = {name.removeprefix("vision_model."): value for name, value in clip.vision_model.state_dict().items()}
    for name, value in model.model.encoder.tower.state_dict().items():
        assert torch.equal(value, theirs[name.removeprefix("vision_model.")]), name
    before = llm.state_dict()
    for name, value in model.language_model.state_dict().items():
        assert torch.equal(value[: len(before[name])], before[name]), name
    assert len(model.model.encoder.tower.state_dict()) < len(theirs), "the last layer was not asked for"
    assert processor.image_processor.image_mean == [0.1, 0.2, 0.3]
    assert processor.image_processor.size["height"] == 32
    for name, parameter in model.named_parameters():
        assert not parameter.is_meta, name
        assert torch.isfinite(parameter).all(), name
    assert model.config.text_config.vocab_size >= len(tokenizer)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_trained_towers_compute_attention_as_asked(saved, attention):
    recipe = from_saved(saved[0])
    model, _ = fresh_model(recipe, trained_tokenizer(recipe), MachineRecipe(attention=attention))
    assert model.language_model.config._attn_implementation == attention
    assert model.model.encoder.tower.config._attn_implementation == attention


@pytest.mark.parametrize("template", ["own", "vicuna", "chatml"])
def test_answers_are_told_from_questions_in_every_chat_template(saved, template):
    recipe = from_saved(saved[0], chat_template=template)
    tokenizer = trained_tokenizer(recipe)
    _, processor = fresh_model(recipe, tokenizer)
    turns = tuple(Turn(f"Question {n}?", f"Answer {n}.", Claims()) for n in range(2))
    batch = ConversationCollator(processor, lambda records: {})([[Record("f", "reason", turns)]])
    learned = tokenizer.decode(batch["labels"][batch["labels"] != IGNORED]).replace(" ", "")
    assert learned == "".join(f"Answer{n}.{tokenizer.eos_token}" for n in range(2))
    assert (batch["input_ids"] == tokenizer.convert_tokens_to_ids("<image>")).sum() == 16


def test_a_recipe_that_describes_other_weights_is_refused(saved):
    folder, *_ = saved
    recipe = from_saved(folder, text={"model_type": "qwen2", "hidden_size": 64})
    with pytest.raises(SettingsError, match=r"model\.text\.hidden_size is 64 in the recipe, 32 in"):
        fresh_model(recipe, AutoTokenizer.from_pretrained(folder / "llm"))


def test_a_frozen_llm_can_be_kept_in_bfloat16(saved, monkeypatch):
    import feallm.train.machine as machine

    folder, *_ = saved
    monkeypatch.setattr(machine, "fast_bf16", lambda: True)
    recipe = load_recipe(TrainRecipe, CONFIGS / "train/small.yaml")
    recipe = recipe.model_copy(update={"model": from_saved(folder)})
    model, _ = fresh_model(recipe.model, trained_tokenizer(recipe.model), recipe.machine)
    model.set_trainable("projector", "clues")
    machine.settle_precision(model, recipe)
    assert {value.dtype for value in model.language_model.parameters()} == {torch.bfloat16}
    assert {value.dtype for value in model.model.parameters()} == {torch.float32}
    pixels = torch.randn(2, 3, 32, 32)
    ids = torch.full((2, 20), model.config.image_token_id)
    ids[:, 16], ids[:, 17:] = model.config.clue_token_id, 40
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.train()(input_ids=ids, pixel_values=pixels, labels=ids).loss
    loss.backward()
    assert all(value.grad is not None for value in model.model.projector.mlp.parameters())


def short(kind, trainable, **changes):
    given = {"name": kind, "kind": kind, "trainable": trainable, "epochs": 1, "batch_size": 4, "max_steps": 1}
    return StageRecipe(**given | {"learning_rate": 1e-3} | changes)


ASKING = {"faces": 4, "max_completion_length": 3}
LORA = {"rank": 2, "alpha": 4}
SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")


def test_every_kind_of_stage_runs_with_its_frozen_llm_in_bfloat16(saved, monkeypatch):
    """The stages of the full-size recipes and those that read faces first; a run that goes on ends as the same."""
    import feallm.train.machine as machine
    from feallm.train.run import train

    folder, clip, llm = saved
    monkeypatch.setattr(machine, "fast_bf16", lambda: True)
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))
    data, seeing = "data.train=[{source: fer2013, path: .}]", ["clues", "projector", "head", "reading"]
    changes = [data, "data.held_back=0.3", "machine.workers=0", "model.source_size=32", "zero_shot_claims=[]"]
    recipe = load_recipe(TrainRecipe, CONFIGS / "train/small.yaml", [*changes, f"output={folder / 'run'}"])
    stages = [
        short("faces", ["clues"]),
        short("conversations", seeing, name="align"),
        short("conversations", seeing, name="instruct", lora=LORA),
        short("conversations", ["language_model"], name="views", views=1),
        short(
            "conversations", ["reading"], name="own", lora=LORA,
            self_training={**ASKING, "answers": 1, "thresholds": dict.fromkeys(REWARDS, 0.0)},
        ),
        short("reinforce", ["projector", "reading"], lora=LORA, reinforce={**ASKING, "group": 2, "beta": 0.1}),
    ]  # fmt: skip
    sizes = {"vision": clip.config.vision_config, "text": llm.config}
    told = {part: {name: getattr(config, name) for name in ("model_type", *SIZES)} for part, config in sizes.items()}
    told["text"] |= {"vocab_size": llm.config.vocab_size, "num_key_value_heads": 2, "tie_word_embeddings": True}
    told["vision"] |= {"image_size": 32, "patch_size": 8}
    model = from_saved(folder, head={"hidden_size": 16, "reading_tokens": 2}, **told)
    recipe = recipe.model_copy(update={"model": model, "stages": stages})
    final, last = train(recipe), folder / "run/6-reinforce"
    whole = load_file(last / "model/model.safetensors")
    assert {value.dtype for name, value in whole.items() if name.startswith("model.")} == {torch.float32}
    assert {value.dtype for name, value in whole.items() if "q_proj.weight" in name} == {torch.float32, torch.bfloat16}
    shutil.rmtree(last)
    assert train(recipe) == final
    for name, value in load_file(last / "model/model.safetensors").items():
        assert torch.equal(value, whole[name]), name


@pytest.mark.parametrize("before", [{"views": 1}, {"self_training": ASKING}, {"kind": "reinforce"}])
def test_faces_are_seen_on_the_device_of_the_trainer(saved, monkeypatch, before):
    import feallm.train.stage as stages

    class SeenError(Exception):
        pass

    def look(model, *_):
        raise SeenError(str(model.device))

    folder, *_ = saved
    model, processor = fresh_model(from_saved(folder), trained_tokenizer(from_saved(folder)))
    bank = fill(drawn_faces(".", "train"), 32, True, ["ferplus"], ["AU04"])
    monkeypatch.setattr(stages, "processes", lambda: SimpleNamespace(device=torch.device("meta"), num_processes=1))
    monkeypatch.setattr(stages, "calibrated", look)
    stage = short(**{"kind": "conversations", "trainable": ["projector"], "batch_size": 8} | before)
    recipe = load_recipe(TrainRecipe, CONFIGS / "train/small.yaml")
    with pytest.raises(SeenError, match="meta"):
        stages.run_stage(recipe, stage, folder, model, processor, bank, bank)


def test_a_model_gathered_from_several_devices_is_the_same_with_its_adapters(saved):
    folder, *_ = saved
    recipe = from_saved(folder)
    model, _ = fresh_model(recipe, trained_tokenizer(recipe))
    stage = StageRecipe(
        name="s", kind="conversations", trainable=["projector"], epochs=1, learning_rate=1,
        lora={"rank": 2, "alpha": 4, "targets": ["q_proj", "down_proj"]},
    )  # fmt: skip
    model.set_trainable("projector")
    assert add_lora(model, rank=2, alpha=4, targets=stage.lora.targets) == 2
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_" in name:
                value.normal_()
    again = rebuilt(model, stage, model.state_dict())
    assert merge_lora(model) == merge_lora(again) == 2
    assert model.state_dict().keys() == again.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_accelerates_files_can_be_read():
    from accelerate.commands.config.config_args import load_config_from_file

    kinds = {}
    for path in sorted((CONFIGS / "accelerate").glob("*.yaml")):
        kinds[path.stem] = str(load_config_from_file(str(path)).distributed_type).rpartition(".")[2]
        assert yaml.safe_load(path.read_text())["mixed_precision"] == "bf16"
    assert kinds == {"ddp": "MULTI_GPU", "fsdp2": "FSDP", "deepspeed_zero3": "DEEPSPEED"}
