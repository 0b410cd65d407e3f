"""The real recipe, made tiny: every stage runs, parts move or stay as declared, a killed run goes on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from feallm.data.records import LabelledFace, one_hot
from feallm.data.sources import SOURCES
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import LABEL_SETS
from feallm.settings import SettingsError, load_recipe
from feallm.train.bank import balanced_rows, fill
from feallm.train.data_recipe import DataRecipe
from feallm.train.recipe import TrainRecipe
from feallm.train.run import train
from feallm.train.stores import is_held_back

RECIPE = Path(__file__).parent.parent.parent / "configs/train/tiny.yaml"
SMALL = [
    "model.vision.hidden_sizes=[8, 8, 16, 16]",
    "model.vision.embedding_size=8",
    "model.vision.depths=[1, 1, 1, 1]",
    "model.text.hidden_size=32",
    "model.text.intermediate_size=48",
    "model.text.num_hidden_layers=1",
    "model.vocab_size=400",
    "model.clues.hidden_size=16",
    "model.clues.conv_channels=[4, 4]",
    "model.projector.hidden_size=16",
    "model.head.hidden_size=16",
    "data.held_back=0.3",
    "bf16=false",
    "logging_steps=1",
    "save_steps=2",
    *[f"stages.{n}.batch_size=8" for n in range(2)],
    *[f"stages.{n}.max_steps=3" for n in range(2)],
]
ALL = [
    *SMALL,
    *[f"stages.{n}.batch_size=8" for n in (2, 3)],
    *[f"stages.{n}.max_steps=3" for n in (2, 3)],
    "stages.1.records=40",
]
ALONE = ["init_from=null", "stages.0.teacher=null"]


def drawn_faces(_path, split):
    """Forty grey squares whose brightness says the emotion and whose upper half says AU4."""
    rng = np.random.default_rng(0)
    for number in range(40):
        emotion = LABEL_SETS["fer2013"][number % 7]
        picture = rng.integers(0, 60, (48, 48), dtype=np.uint8) + np.uint8(20 * (number % 7))
        units = {unit: float(3 * (number % 2)) if unit == "AU04" else 0.0 for unit in CODED_AUS}
        flags = frozenset({"near_copy_in_test"}) if number == 39 else frozenset()
        emotions = {name: one_hot(emotion, LABEL_SETS[name]) for name in ("fer2013", "ferplus")}
        labels = dict.fromkeys(emotions, emotion)
        yield LabelledFace(f"d{number}", picture, "drawn", split, emotions, labels, units, flags=flags)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))
    sources = "data.train=[{source: fer2013, path: .}]"
    return load_recipe(TrainRecipe, RECIPE, [*ALL, *ALONE, sources, f"output={tmp_path / 'run'}"])


def weights(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_every_stage_runs_and_moves_only_its_parts(recipe):
    final = train(recipe)
    output = Path(recipe.output)
    assert (output / "recipe.yaml").is_file()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in final.iterdir()}
    stages = [weights(output / f"{n}-{stage.name}" / "model") for n, stage in enumerate(recipe.stages, start=1)]
    prefixes = {
        "encoder": "model.encoder.",
        "clues": "model.clues.",
        "head": "model.head.",
        "projector": "model.projector.",
        "reading": "model.reading.",
        "language_model": "language_model.",
        "clues.to_projector": "model.clues.to_projector.",
        "clues.to_text": "model.clues.to_text.",
    }
    for before, after, stage in zip(stages, stages[1:], recipe.stages[1:], strict=False):
        moved = {name for name in after if not torch.equal(before[name], after[name])}
        declared = tuple(prefixes[part] for part in stage.trainable)
        assert moved, stage.name
        assert all(name.startswith(declared) for name in moved), stage.name
        for part in declared:
            assert any(name.startswith(part) for name in moved), f"{stage.name}: {part} did not learn"
    config = json.loads((final / "config.json").read_text())
    assert set(config["head_config"]["temperatures"]) == {"ferplus", "fer2013"}
    assert set(config["head_config"]["au_thresholds"]) == set(CODED_AUS)


class KilledError(Exception):
    """What stops a run in the middle of a stage."""


@pytest.mark.parametrize("stopped_in", ["encoder", "language"])
def test_a_run_stopped_inside_a_stage_ends_as_an_unstopped_one(recipe, monkeypatch, stopped_in):
    from transformers import TrainerCallback

    from feallm.train import stage as stages

    whole = weights(train(recipe.model_copy(update={"output": f"{recipe.output}-whole"})))
    steps = []

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **_):
            steps.append((Path(args.output_dir).name, state.global_step))

        def on_save(self, args, state, control, **_):
            if Path(args.output_dir).name.endswith(stopped_in):
                raise KilledError

    class Stopping(stages.Trainer):
        def __init__(self, *args, callbacks=(), **kwargs):
            super().__init__(*args, callbacks=[*callbacks, Stop()], **kwargs)

    original = stages.Trainer
    monkeypatch.setattr(stages, "Trainer", Stopping)
    with pytest.raises(KilledError):
        train(recipe)
    stage = next(name for name, _ in steps if name.endswith(stopped_in))
    assert steps[-1] == (stage, 2), "saved at step 2 of 3 and stopped there"
    done = len(steps)
    monkeypatch.setattr(Stop, "on_save", lambda *a, **k: None)
    again = weights(train(recipe))
    assert steps[done] == (stage, 3), "goes on after the saved step, and finished stages are not done twice"
    monkeypatch.setattr(stages, "Trainer", original)
    assert set(whole) == set(again)
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name


def test_a_run_of_another_recipe_is_not_resumed(recipe):
    Path(recipe.output).mkdir()
    import yaml

    changed = recipe.model_copy(update={"seed": 99}).model_dump(mode="json")
    (Path(recipe.output) / "recipe.yaml").write_text(yaml.safe_dump(changed))
    with pytest.raises(SettingsError, match="seed differ"):
        train(recipe)


def test_held_back_repeats_of_learned_faces_are_found():
    from feallm.train.bank import repeats

    rng = np.random.default_rng(0)
    faces = torch.from_numpy(rng.integers(0, 255, (6, 1, 48, 48), dtype=np.uint8))
    noisy = (faces[2].float() * 0.9 + 10).to(torch.uint8)
    mine = torch.stack([noisy, faces[4].flip(2), torch.from_numpy(rng.integers(0, 255, (1, 48, 48), dtype=np.uint8))])
    assert repeats(mine, faces).tolist() == [True, True, False]


def test_a_held_back_part_that_only_repeats_is_none(recipe, monkeypatch):
    import feallm.train.bank as bank

    monkeypatch.setattr(bank, "repeats", lambda mine, theirs: torch.ones(len(mine), dtype=torch.bool))
    sizes = {"side": 48, "grayscale": True, "label_sets": ["ferplus"], "units": list(CODED_AUS)}
    assert bank.load_banks(recipe.data, **sizes)[1] is None


def test_a_label_set_without_labels_is_refused(recipe, monkeypatch):
    from dataclasses import replace

    from feallm.train.bank import load_banks

    def without(path, split):
        return (replace(f, emotions={"fer2013": f.emotions["fer2013"]}) for f in drawn_faces(path, split))

    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=without))
    with pytest.raises(ValueError, match="label set 'ferplus'"):
        load_banks(recipe.data, side=48, grayscale=True, label_sets=["ferplus", "fer2013"], units=list(CODED_AUS))


def test_excluded_faces_are_not_trained_on(recipe):
    from feallm.train.bank import load_banks

    learn, held = load_banks(
        recipe.data, side=48, grayscale=True, label_sets=["ferplus", "fer2013"], units=list(CODED_AUS)
    )
    ids = {face.id for face in learn.faces} | {face.id for face in held.faces}
    assert "d39" not in ids
    assert len(ids) == 39
    assert not {face.id for face in learn.faces} & {face.id for face in held.faces}
    assert all(is_held_back(face.id, recipe.data.held_back) for face in held.faces)


def test_nothing_to_load_says_so():
    with pytest.raises(ValueError, match="no faces to load"):
        fill([], 48, True, ["ferplus"], CODED_AUS)


def test_the_whole_model_begins_with_the_towers_weights(tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))
    sources = "data.train=[{source: fer2013, path: .}]"
    tower_recipe = RECIPE.with_name("tiny-tower.yaml")
    narrow = [setting for setting in SMALL if not setting.startswith(("model.clues", "model.text"))]
    tower = train(load_recipe(TrainRecipe, tower_recipe, [*narrow, sources, f"output={tmp_path / 'tower'}"]))
    taught = [f"init_from={tower}", f"stages.0.teacher={tower}", "stages.0.learning_rate=1e-9"]
    recipe = load_recipe(TrainRecipe, RECIPE, [*ALL, *taught, sources, f"output={tmp_path / 'run'}"])
    recipe = recipe.model_copy(update={"stages": recipe.stages[:1]})
    final = weights(train(recipe))
    convolutions = [name for name in final if "encoder.tower" in name and name.endswith("convolution.weight")]
    assert len(convolutions) > 4
    for name in convolutions:
        assert torch.allclose(final[name], weights(tower)[name], atol=1e-3), f"{name} was not taken over"


def test_a_teacher_speaks_for_faces_without_labels(tmp_path, recipe):
    from feallm.train.teacher import taught

    recipe = recipe.model_copy(update={"stages": recipe.stages[:1]})
    final = train(recipe)
    faces = list(drawn_faces(".", "train"))[:6]
    bare = [LabelledFace(face.id, face.image, "drawn", "train") for face in faces[3:]]
    bank = fill([*faces[:3], *bare], 48, True, ["ferplus"], list(CODED_AUS))
    soft = taught(bank, str(final), 0.25, list(CODED_AUS))
    assert torch.isnan(bank.au_presence[3:]).all()
    assert not torch.isnan(soft.au_presence).any()
    assert torch.allclose(soft.emotion_targets["ferplus"].sum(dim=1), torch.ones(6), atol=1e-5)
    gap = (soft.au_presence[:3] - 0.75 * bank.au_presence[:3]) / 0.25
    assert ((gap >= -1e-5) & (gap <= 1 + 1e-5)).all(), "labels keep three quarters"
    with pytest.raises(ValueError, match="cannot read AU99"):
        taught(bank, str(final), 0.25, ["AU99"])


def test_rare_classes_and_coded_faces_come_more_often():
    def one(identity, emotion, coded):
        units = dict.fromkeys(CODED_AUS, 0.0) if coded else {}
        emotions = {"ferplus": one_hot(emotion, LABEL_SETS["ferplus"])}
        return LabelledFace(identity, np.zeros((4, 4), np.uint8), "x", "train", emotions, {"ferplus": emotion}, units)

    faces = [one(f"n{i}", "neutral", False) for i in range(40)] + [one(f"h{i}", "happiness", False) for i in range(20)]
    faces += [one("c", "contempt", False), one("coded", "neutral", True)]
    bank = fill(faces, 4, True, ["ferplus"], list(CODED_AUS))
    settings = {"train": [], "balance": 0.6, "coded_repeat": 2, "most_repeats": 5}
    rows = balanced_rows(bank, DataRecipe(**settings), "ferplus")
    assert rows.count(0) == 1
    assert rows.count(len(faces) - 1) == 2, "coded"
    assert rows.count(len(faces) - 2) == 5, "rare, and no more often than allowed"
    assert len(set(rows)) == len(faces)


def test_weights_can_be_taken_part_by_part(tmp_path, recipe):
    from feallm.train.pretrained import fresh_model
    from feallm.train.run import take_over

    only = recipe.model_copy(update={"stages": recipe.stages[:1]})
    source = train(only)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    torch.manual_seed(5)
    model, _ = fresh_model(recipe.model, tokenizer)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stored = weights(source)
    taken = take_over(model, source, "clues")
    assert taken == sum(name.startswith("model.clues.") for name in stored)
    for name, value in model.state_dict().items():
        expected = stored[name].float() if name.startswith("model.clues.") else before[name]
        assert torch.equal(value, expected), name
