"""What a checkpoint learned from is known wherever in its run it stands, and after a merge; or said to be unknown."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from feallm.data.sources import SOURCES
from feallm.settings import SettingsError
from feallm.train.adapters import merge
from feallm.train.check import check_claims
from feallm.train.lineage import learned_by, told_by
from feallm.train.recipe import StageRecipe
from feallm.train.run import train

from .test_train_run import drawn_faces
from .worker import ONE_STAGE, tiny_recipe, with_tokenizer

STAGES = [{"name": "one"}, {"name": "two", "teacher": None}, {"name": "three", "teacher": "nowhere"}]


def claiming(recipe, *claims, begun=None, teacher=None):
    stages = [StageRecipe(name="s", kind="faces", trainable=["head"], epochs=1, batch_size=8, learning_rate=0.1)]
    stages = [stage.model_copy(update={"teacher": teacher}) for stage in stages]
    return recipe.model_copy(
        update={"zero_shot_claims": claims or ("rafdb",), "init_from": begun and str(begun), "stages": stages}
    )


@pytest.fixture
def run(tmp_path):
    """The folders of a run on RAF-DB, without their weights."""
    folder = tmp_path / "run"
    inside = ("1-one/model", "1-one/checkpoint-3", "2-two/model", "2-two/adapter", "final", "tokenizer")
    for name in inside:
        (folder / name).mkdir(parents=True)
    recipe = {"data": {"train": [{"source": "rafdb", "path": "."}]}, "stages": STAGES}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder


@pytest.mark.parametrize("inside", ["1-one/model", "1-one/checkpoint-3", "2-two/model", "1-one", "final", "."])
def test_a_folder_inside_a_run_finds_the_runs_recipe(run, tmp_path, inside):
    recipe = tiny_recipe(tmp_path, [])
    for where in ({"begun": run / inside}, {"teacher": str(run / inside)}):
        with pytest.raises(SettingsError, match=r"but the training data of .* holds rafdb"):
            check_claims(claiming(recipe, **where))
        check_claims(claiming(recipe, "bp4d", **where))


def test_only_the_stages_before_a_checkpoint_count(run):
    assert [len(told_by(run / name).recipe["stages"]) for name in ("1-one/model", "2-two/model", "final")] == [1, 2, 3]
    assert learned_by(run / "2-two/model").unknown == []
    assert [Path(name).name for name in learned_by(run / "final").unknown] == ["nowhere"]


def test_a_recipe_above_that_is_not_the_runs_says_nothing(run):
    other = run / "mine/model"
    other.mkdir(parents=True)
    assert told_by(other) is None
    assert told_by(run / "tokenizer") is None
    (run / "recipe.yaml").write_text("a: [")
    assert told_by(run / "1-one/model") is None


def test_the_sources_of_stores_are_those_of_the_finished_run(run, tmp_path):
    recipe = {"data": {"train": [{"store": str(tmp_path / "gone")}]}, "stages": STAGES[:2]}
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert learned_by(run / "1-one/model").unknown == [str(tmp_path / "gone")]
    (run / "final/data.json").write_text(json.dumps({"sources": [{"source": "disfa", "split": "train"}]}))
    assert learned_by(run / "1-one/model").sources == [{"source": "disfa", "split": "train"}]


def test_a_checkpoint_of_which_nothing_is_known_is_named(tmp_path, caplog):
    (tmp_path / "alone").mkdir()
    recipe = tiny_recipe(tmp_path, [])
    check_claims(claiming(recipe, begun=tmp_path / "alone"))
    assert f"nothing is known of the training data of {tmp_path / 'alone'}" in caplog.text
    caplog.clear()
    check_claims(claiming(recipe, begun=tmp_path / "alone").model_copy(update={"zero_shot_claims": ()}))
    assert not caplog.records


def test_a_merged_checkpoint_says_what_its_run_learned_from(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(SOURCES, "fer2013", replace(SOURCES["fer2013"], scan=drawn_faces))
    base = "stages=[{name: base, kind: text, trainable: [language_model], epochs: 1, batch_size: 8, max_steps: 1, "
    stages = ONE_STAGE["lora"].replace("max_steps: 6", "max_steps: 1")
    stages = stages.replace("stages=[", base + "learning_rate: 0.001, records: 16}, ")
    run = train(with_tokenizer(tiny_recipe(tmp_path / "run", [stages]))).parent
    for name in ("recipe.yaml", "final/recipe.yaml", "final/data.json"):  # as if it had learned from RAF-DB
        (run / name).write_text((run / name).read_text().replace("fer2013", "rafdb", 1))
    merged = merge(run / "1-base/model", run / "2-only/adapter", tmp_path / "merged")
    recipe = tiny_recipe(tmp_path, [])
    for where in ({"begun": merged}, {"teacher": str(merged)}):
        with pytest.raises(SettingsError, match="holds rafdb"):
            check_claims(claiming(recipe, **where))
    assert json.loads((merged / "data.json").read_text()) == json.loads((run / "final/data.json").read_text())
    card = (merged / "README.md").read_text()
    assert SOURCES["rafdb"].title in card
    assert "merged of a checkpoint and an adapter" in card
    assert not (merged / "metrics.json").exists()
    alone = (run / "2-only/adapter").rename(tmp_path / "adapter")
    again = merge(run / "1-base/model", alone, tmp_path / "again")
    assert "does not say what it learned from" in caplog.text
    assert told_by(again) is None
