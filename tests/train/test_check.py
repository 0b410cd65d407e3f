"""A recipe that cannot be kept is refused before anything loads; what a run leaves behind says what it did."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

import feallm.train.check as check_module
from feallm.data.sources import SOURCES
from feallm.settings import SettingsError
from feallm.train.adapters import merge
from feallm.train.bank import fill, load_banks, mixture
from feallm.train.card import card, write_card
from feallm.train.check import check, check_claims, tables
from feallm.train.data_recipe import DataRecipe, SourceRecipe
from feallm.train.publish import push
from feallm.train.recipe import AugmentRecipe
from feallm.train.run import train
from feallm.train.watch import head_scores

from .test_distributed import ROOT
from .test_train_run import drawn_faces
from .worker import ONE_STAGE, tiny_recipe


@pytest.fixture
def drawn(monkeypatch):
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))


def of(recipe, *sources):
    data = recipe.data.model_copy(update={"train": [SourceRecipe(source=name, path=".") for name in sources]})
    return recipe.model_copy(update={"data": data, "zero_shot_claims": ("rafdb", "affectnet", "bp4d", "disfa")})


@pytest.mark.parametrize("source", ["rafdb", "rafdb_compound", "rafau", "affectnet", "faba", "bp4d", "disfa_right"])
def test_a_zero_shot_claim_is_refused_where_its_pictures_are_learned_from(tmp_path, source):
    recipe = of(tiny_recipe(tmp_path, []), "fer2013", source)
    with pytest.raises(SettingsError, match=rf"zero_shot_claims names .*holds {source}.*drop the claim"):
        check_claims(recipe)
    check_claims(recipe.model_copy(update={"zero_shot_claims": ()}))
    check_claims(of(recipe, "fer2013", "emotionet"))


def test_a_claim_is_refused_for_what_a_checkpoint_learned_from(tmp_path):
    """RAF-AU two runs back, in the recipe saved with the weights."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, source, begun in ((first, "rafau", None), (second, "fer2013", {"encoder": str(first)})):
        folder.mkdir()
        saved = {"data": {"train": [{"source": source, "path": "."}]}, "init_from": begun}
        (folder / "recipe.yaml").write_text(json.dumps(saved))
    recipe = of(tiny_recipe(tmp_path, []), "fer2013").model_copy(update={"init_from": str(second)})
    with pytest.raises(SettingsError, match=r"training data of .*second holds rafau, whose pictures are RAF-DB"):
        check_claims(recipe)


def test_a_checkpoint_that_took_the_place_of_its_beginning_is_read_once(tmp_path):
    saved = {"data": {"train": [{"source": "fer2013", "path": "."}]}, "init_from": str(tmp_path)}
    (tmp_path / "recipe.yaml").write_text(json.dumps(saved))
    check_claims(of(tiny_recipe(tmp_path, []), "fer2013").model_copy(update={"init_from": str(tmp_path)}))


def test_a_claim_is_refused_for_what_the_teacher_of_a_checkpoint_learned_from(tmp_path):
    for name, source, stages in (("old", "disfa", []), ("new", "fer2013", [{"teacher": str(tmp_path / "old")}])):
        (tmp_path / name).mkdir()
        saved = {"data": {"train": [{"source": source, "path": "."}]}, "stages": stages}
        (tmp_path / name / "recipe.yaml").write_text(json.dumps(saved))
    recipe = of(tiny_recipe(tmp_path, []), "fer2013").model_copy(update={"init_from": str(tmp_path / "new")})
    with pytest.raises(SettingsError, match=r"training data of .*new holds disfa"):
        check_claims(recipe)


def test_missing_data_is_named_with_who_to_ask(tmp_path):
    recipe = of(tiny_recipe(tmp_path, []), "rafdb").model_copy(update={"zero_shot_claims": ()})
    with pytest.raises(FileNotFoundError, match=r"RAF-DB.*feallm data check rafdb"):
        check(recipe)


def test_a_model_that_cannot_fit_is_refused(tmp_path, drawn, monkeypatch):
    recipe = tiny_recipe(tmp_path, [ONE_STAGE["faces"]])
    found = check(recipe)
    assert [stage.name for stage in found.stages] == ["only"]
    assert all(stage.memory.total > stage.memory.least > 0 for stage in found.stages)
    assert [len(table.rows) for table in tables(found)] == [6, 1]
    monkeypatch.setattr(check_module, "device_memory", lambda: ("a small device", 10_000))
    with pytest.raises(SettingsError, match=r"stage 'only' cannot fit.*a small device has"):
        train(recipe)
    assert not (tmp_path / "recipe.yaml").exists(), "refused before anything was written"


def test_processes_that_share_out_the_weights_need_less_each(tmp_path, drawn, monkeypatch):
    recipe = tiny_recipe(tmp_path, [ONE_STAGE["faces"]])
    monkeypatch.setattr(check_module, "processes", lambda: SimpleNamespace(num_processes=2))
    whole = check(recipe).stages[0].memory.least
    monkeypatch.setattr(check_module, "device_memory", lambda: ("a device", whole - 1))
    with pytest.raises(SettingsError, match="cannot fit"):
        check(recipe)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert check(recipe).stages[0].memory.least == pytest.approx(whole / 2, abs=3)
    monkeypatch.delenv("ACCELERATE_USE_FSDP")
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")
    with pytest.raises(SettingsError, match="cannot fit"):
        check(recipe)
    monkeypatch.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3")
    check(recipe)


def test_what_was_not_measured_is_not_in_the_card(tmp_path):
    faces = [face for face in drawn_faces(".", "train") if face.labels["fer2013"] == "neutral"]
    bare = [replace(face, emotions={"ferplus": face.emotions["ferplus"]}, action_units={}) for face in faces]
    bare = [replace(face, labels={"ferplus": "neutral"}) for face in bare]
    bank = fill(bare, 8, True, ["ferplus", "fer2013"], ["AU04"])
    sure = torch.nn.functional.one_hot(torch.zeros(len(bare), dtype=torch.long), 8).float()
    outputs = {"au": torch.zeros(len(bare), 1), "emotions": {"ferplus": sure, "fer2013": sure[:, :7]}}
    scores = head_scores(outputs, bank)
    assert scores == {"accuracy_ferplus": 1.0, "uar_ferplus": 1.0}
    data = {"learned": 1, "held_back": len(bare), "sha256": "0" * 64, "sources": []}
    recipe = tiny_recipe(tmp_path, [])
    write_card(tmp_path, recipe, data, scores)
    assert "fer2013 |" not in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text()) == scores
    assert "Nothing: no labelled faces" in card(recipe, data, {})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_card(tmp_path, recipe, data, {"accuracy_ferplus": float("nan")})


def test_the_card_says_what_tower_and_llm_began_with(tmp_path):
    fresh = tiny_recipe(tmp_path, [])

    def began(init_from=None, **model):
        model = fresh.model.model_copy(update=model)
        recipe = fresh.model_copy(update={"model": model, "init_from": init_from})
        told = card(recipe, {"learned": 1, "held_back": 0, "sha256": "0" * 64, "sources": []}, {}).splitlines()
        return [line.partition(": ")[2] for line in told if line.startswith(("- Visual encoder", "- Language model"))]

    assert began() == ["a resnet trained from nothing", "a llama trained from nothing"]
    assert began(init_from_llava="llava") == ["llava", "llava"]
    assert began("old") == [f"a {kind}, begun with what fits of the weights in `old`" for kind in ("resnet", "llama")]
    parts = began({"encoder": "old"}, vision_from="clip")
    assert parts == ["clip, begun with what fits of the weights in `old`", "a llama trained from nothing"]


@pytest.mark.parametrize(
    ("absent", "arguments"),
    [("accelerate", ["train", "configs/train/tiny-tower.yaml"]), ("peft", ["merge", "a", "b", "-o", "c"])],
)
def test_a_training_extra_that_is_not_there_is_named(absent, arguments):
    hidden = (
        "import importlib.machinery as m, sys\n"
        "find = m.PathFinder.find_spec.__func__\n"
        "def other(cls, name, path=None, target=None):\n"
        f"    return None if name.split('.')[0] == '{absent}' else find(cls, name, path, target)\n"
        "m.PathFinder.find_spec = classmethod(other)\n"
        "from feallm.cli import app\n"
        "app(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", hidden, *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert f"training needs {absent}: pip install 'feallm[train]'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_four_bits_need_a_gpu(tmp_path, drawn):
    recipe = tiny_recipe(tmp_path, [ONE_STAGE["lora"], "stages.0.lora.four_bit=true"])
    with pytest.raises(SettingsError, match="four_bit needs a GPU"):
        check(recipe)


def test_sources_come_as_often_as_their_weights_say(drawn):
    twice = [SourceRecipe(source="fer2013", path=".", weight=weight) for weight in (2.0, 0.5)]
    bank, _ = load_banks(
        DataRecipe(train=twice, held_back=0.0), side=48, grayscale=True, label_sets=["ferplus"], units=["AU04"]
    )
    first = [face.id for face in bank.faces if face.id.startswith("0:")]
    second = [face.id for face in bank.faces if face.id.startswith("1:")]
    assert len(first) == 2 * len(set(first)) == 78
    assert 10 < len(second) == len(set(second)) < 29
    assert mixture([1.0, 1.0, 1.0]) == [0, 1, 2]


def test_pixels_decoded_on_demand_are_those_decoded_once(drawn):
    sizes = {"side": 24, "grayscale": False, "label_sets": ["ferplus"], "units": ["AU04"]}
    train = [SourceRecipe(source="fer2013", path=".")]
    once, held = load_banks(DataRecipe(train=train, held_back=0.3), **sizes)
    later, held_later = load_banks(DataRecipe(train=train, held_back=0.3, decode="on_demand"), **sizes)
    assert [face.id for face in once.faces] == [face.id for face in later.faces]
    rows = torch.tensor([3, 0, 3])
    assert torch.equal(once.pixels[rows], later.pixels[rows])
    assert torch.equal(once.subset([4, 1]).pixels, later.subset([4, 1]).pixels[:])
    assert (held is None) == (held_later is None)


def test_a_lora_run_leaves_an_adapter_that_merges_to_the_same_weights(tmp_path, drawn):
    """Stage `words` gives the base, stage `only` its adapter: merging it anew is what the run merged."""
    base = ONE_STAGE["lora"].replace(
        "stages=[",
        "stages=[{name: base, kind: text, trainable: [language_model], epochs: 1, batch_size: 8, max_steps: 2, "
        "learning_rate: 0.001, records: 40}, ",
    )
    recipe = tiny_recipe(tmp_path / "run", [base]).model_copy(update={"augment": AugmentRecipe(flip=0.0)})
    final = train(recipe)
    before, stage = tmp_path / "run/1-base/model", tmp_path / "run/2-only"
    merged = merge(before, stage / "adapter", tmp_path / "merged")
    again, whole = load_file(merged / "model.safetensors"), load_file(stage / "model/model.safetensors")
    moved = [
        name for name, value in load_file(before / "model.safetensors").items() if not torch.equal(value, again[name])
    ]
    assert any(name.startswith("language_model.") for name in moved)
    for name, value in whole.items():
        assert torch.allclose(value, again[name], atol=1e-6), name
    config = json.loads((merged / "config.json").read_text())
    assert config["head_config"]["temperatures"], "the calibration comes along"
    with pytest.raises(SettingsError, match="no adapter"):
        merge(before, tmp_path, tmp_path / "nowhere")
    card = (final / "README.md").read_text()
    data, metrics = (json.loads((final / name).read_text()) for name in ("data.json", "metrics.json"))
    assert data["sha256"][:16] in card
    assert f"{metrics['accuracy_ferplus']:.3f}" in card
    assert "LoRA" in card
    assert SOURCES["fer2013"].title in card


def test_a_push_that_fails_says_why_and_where_the_checkpoint_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    with pytest.raises(SettingsError, match=r"--push someone/model: the hub cannot be reached .*stays in"):
        push(Path(tmp_path), "someone/model", endpoint="http://127.0.0.1:9")
    with pytest.raises(SettingsError, match="give owner/name"):
        push(Path(tmp_path), "not a name!", endpoint="http://127.0.0.1:9")
