"""What is looked at before a recipe runs: the blocks of its model, where weights come from, and what can learn."""

from dataclasses import replace

import pytest

import feallm.train.pretrained as pretrained
from feallm.data.sources import SOURCES
from feallm.model.build import train_tokenizer
from feallm.settings import SettingsError, load_recipe
from feallm.train.check import check
from feallm.train.installed import need_training
from feallm.train.machine import check_enough
from feallm.train.pretrained import fresh_model
from feallm.train.recipe import StageRecipe, TrainRecipe
from feallm.train.run import train

from .test_train_run import RECIPE, drawn_faces
from .worker import ONE_STAGE, tiny_recipe

PACKAGED = RECIPE.parent.parent.parent / "src/feallm/checkpoints/tiny"
VIT = (
    "model.vision={model_type: clip_vision_model, hidden_size: 32, intermediate_size: 48, num_hidden_layers: 4, "
    "num_attention_heads: 4, image_size: 96, patch_size: 24}"
)


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            "model.vision.hidden_sizess=[8, 8]",
            r"model\.vision .*\n  hidden_sizess: unknown key, did you mean 'hidden_s",
        ),
        ("model.text.hiden_size=64", r"model\.text .*\n  hiden_size: unknown key, did you mean 'hidden_size'"),
        ("model.clues.crop_sizes=32", r"model\.clues .*\n  crop_sizes: unknown key, did you mean 'crop_size'"),
        ("model.projector.mlp_ration=3", r"model\.projector .*\n  mlp_ration: unknown key, did you mean 'mlp_ratio'"),
        ("model.head.reading_token=3", r"model\.head .*\n  reading_token: unknown key, did you mean 'reading_tokens'"),
        ("model.text.model_type=lama", "unknown 'lama', did you mean 'llama'"),
        ("model.projector.style=foo", r"style: Input should be 'multi_perspective' or 'mlp'"),
        ("model.clues.crop_size='32'", "crop_size: Input should be a valid integer"),
        ("model.head.action_units=[AU99]", "FACS has no AU99"),
        ("model.head.label_sets={ferplus: [anger, fear]}", r"label_sets\.ferplus must be \[neutral, happiness"),
        ("model.head.label_sets={ferpluss: []}", r"default_label_set|did you mean 'ferplus'"),
        ("model.text.hidden_size=33", r"model\.text .*hidden size \(33\) is not a multiple"),
        ("model.text.hidden_size=abc", r"model\.text .*expected int, got str"),
        ("model.text.num_attention_heads=0", r"model\.text cannot be used"),
        ("model.clues.hidden_size=-1", "the blocks of model make no network"),
        ("model.text.hidden_act=foo", "the blocks of model make no network"),
        ("stages.0.trainable=[]", "'only' learns nothing: name in trainable some of encoder, clues, head"),
        ("stages.0.trainable=[projector, clues.to_text]", "learns nothing"),
        ("stages.0.kind=text", "'only' learns nothing: name in trainable some of language_model"),
        ("machine.attention=flash_attention_2", "needs a GPU and `pip install flash-attn"),
        ("init_from={langage_model: run/final}", "unknown part 'langage_model': did you mean 'language_model'"),
        ("tokenizer_from=nowhere", "tokenizer_from: no folder at nowhere, and an id of the hub is written OWNER/NAME"),
        ("tokenizer_from=src", "no tokenizer in src"),
        ("model.text_from=nowhere", r"model\.text_from: no folder"),
        ("model.init_from_llava=./nowhere", r"model\.init_from_llava: no folder"),
        ("model.init_from_llava=src/feallm/checkpoints/tiny", "holds a feallm, not a llava"),
    ],
)
def test_a_recipe_that_asks_for_what_is_not_there_is_refused(tmp_path, drawn, monkeypatch, changes, told):
    monkeypatch.chdir(RECIPE.parent.parent.parent)
    monkeypatch.setattr(pretrained, "is_flash_attn_2_available", lambda: False)
    recipe = tiny_recipe(tmp_path / "run", [ONE_STAGE["faces"], changes])
    with pytest.raises(SettingsError, match=told):
        check(recipe)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("stages=[]", "stages: List should have at least 1 item"),
        ("stages.0.families={emotoin: 1}", "unknown family 'emotoin': did you mean 'emotion'"),
        ("stages.0.families={emotion: -1}", "the share of emotion is -1.0"),
        ("stages.0.families={emotion: 0}", "no family has a share above 0"),
        ("stages.0.self_training={families: {reason: 0}}", "no family has a share above 0"),
    ],
)
def test_shares_and_stages_are_looked_at_as_the_recipe_is_read(changes, told):
    stage = "stages=[{name: s, kind: conversations, trainable: [reading], epochs: 1, learning_rate: 0.1}]"
    with pytest.raises(SettingsError, match=told):
        load_recipe(TrainRecipe, RECIPE, [stage, changes])


def test_former_names_and_other_spellings_of_the_library_are_known(tmp_path, drawn):
    vision = "model.vision={model_type: swin, embed_dim: 8, depths: [1, 1], num_heads: [1, 1], image_size: 96, "
    vision += "hidden_act: gelu, out_features: [stage1, stage2]}"
    check(tiny_recipe(tmp_path / "run", [ONE_STAGE["faces"], vision, "model.text.rope_theta=5000.0"]))


def test_adapters_alone_are_something_to_learn(tmp_path, drawn):
    stage = ONE_STAGE["lora"].replace("[projector, head]", "[]")
    assert check(tiny_recipe(tmp_path / "run", [stage])).stages[0].memory.gradients > 0


def test_a_tracker_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("feallm.train.installed.find_spec", lambda name: None if name == "wandb" else object())
    need_training(tiny_recipe(tmp_path, []))
    with pytest.raises(SettingsError, match="wandb is not installed"):
        need_training(tiny_recipe(tmp_path, ["machine.report_to=[wandb]"]))


@pytest.mark.parametrize("attention", ["eager", "sdpa", "flash_attention_2"])
@pytest.mark.parametrize("vision", [[], [VIT]])
def test_tower_and_llm_compute_attention_as_asked(tmp_path, monkeypatch, attention, vision):
    recipe = tiny_recipe(tmp_path, [f"machine.attention={attention}", *vision])
    monkeypatch.setattr(pretrained, "is_flash_attn_2_available", lambda: True)
    tokenizer = train_tokenizer(["Why? The face shows happiness."] * 9, 300)
    if attention == "flash_attention_2":  # which a machine without it cannot build
        config = pretrained.described(recipe.model, attention=attention)
        tower, llm = config.vision_config, config.text_config
    else:
        model, _ = fresh_model(recipe.model, tokenizer, recipe.machine)
        tower, llm = model.model.encoder.tower.config, model.language_model.config
    assert llm._attn_implementation == attention
    assert tower._attn_implementation == attention or not vision


def test_a_stage_of_faces_needs_the_head(tmp_path, drawn):
    changes = ["model.head={enabled: false}", "stages.0.trainable=[encoder]"]
    with pytest.raises(SettingsError, match="'only' rests on the AU-aware head"):
        check(tiny_recipe(tmp_path, [ONE_STAGE["faces"], *changes]))


def test_a_part_of_which_nothing_fits_is_not_begun_from_nothing(tmp_path, drawn):
    changes = [f"init_from={{clues: {PACKAGED}}}", f"tokenizer_from={PACKAGED}"]
    with pytest.raises(SettingsError, match=r"no weight in .*tiny fits clues of the model"):
        train(tiny_recipe(tmp_path, [ONE_STAGE["faces"], *changes]))


def test_fewer_than_a_batch_to_learn_from_is_told_with_the_stage(tmp_path, drawn):
    told = {"name": "s", "trainable": ["language_model"], "epochs": 1, "learning_rate": 1, "batch_size": 8}
    check_enough(StageRecipe(kind="text", **told), 8, "conversations")
    check_enough(StageRecipe(kind="text", **told, device_batch=4), 4, "conversations")
    with pytest.raises(SettingsError, match="'s': 4 conversations to learn from, less than a batch of 8"):
        check_enough(StageRecipe(kind="text", **told), 4, "conversations")
    with pytest.raises(SettingsError, match="'s': 4 answers to learn from, less than a batch of 8"):
        check_enough(StageRecipe(kind="reinforce", **told, device_batch=4), 4, "answers")
    many = [ONE_STAGE["faces"], "stages.0.batch_size=400", "stages.0.device_batch=200", f"tokenizer_from={PACKAGED}"]
    with pytest.raises(SettingsError, match=r"'only': \d+ faces to learn from, less than a batch of 200"):
        train(tiny_recipe(tmp_path / "run", many))
