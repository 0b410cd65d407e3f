"""Recipes: every one in the repository parses, and mistakes are named."""

from pathlib import Path

import pytest

from feallm.settings import SettingsError, load_recipe
from feallm.train.recipe import TrainRecipe

ROOT = Path(__file__).parent.parent
TINY = ROOT / "configs/train/tiny.yaml"


@pytest.mark.parametrize("path", sorted((ROOT / "configs/train").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_parses(path):
    assert load_recipe(TrainRecipe, path).stages


def test_overrides_reach_nested_values():
    recipe = load_recipe(TrainRecipe, TINY, ["seed=3", "stages.0.epochs=0.5", "model.text.hidden_size=64"])
    assert (recipe.seed, recipe.stages[0].epochs, recipe.model.text["hidden_size"]) == (3, 0.5, 64)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sed=3", "did you mean 'seed'"),
        ("data.held_bakc=0.1", "did you mean 'held_back'"),
        ("stages.0.epochs=0", "greater than 0"),
        ("stages.9.epochs=1", "no such place"),
        ("seed", "expected key=value"),
        ("data.train.0.source=rafdb2", "unknown source"),
    ],
)
def test_mistakes_are_named(override, message):
    with pytest.raises(SettingsError, match=message):
        load_recipe(TrainRecipe, TINY, [override])


def test_a_missing_or_broken_file(tmp_path):
    with pytest.raises(SettingsError, match="no recipe at"):
        load_recipe(TrainRecipe, tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1, 2")
    with pytest.raises(SettingsError, match="not valid YAML"):
        load_recipe(TrainRecipe, broken)
