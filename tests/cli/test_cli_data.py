"""`feallm data build | stats | export | view`, as a user meets them."""

import json
from pathlib import Path

import pytest
import yaml

from tests.data.stores import FILES, SOURCE, draw_faces


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("FEALLM_DATA", str(draw_faces(tmp_path / "data", 20)))
    path = tmp_path / "recipe.yaml"
    values = {"name": "drawn", "output": str(tmp_path / "store"), "workers": 1, "sources": [FILES, SOURCE]}
    path.write_text(yaml.safe_dump(values))
    return path


def test_from_a_recipe_to_a_store_and_what_is_made_of_it(feallm_command, recipe, tmp_path):
    store = tmp_path / "store"
    result = feallm_command("data", "build", recipe, "records_per_face=2")
    assert (result.exit_code, result.stdout) == (0, f"{store}\n")
    assert "44 records about 22 faces" in result.stderr

    again = feallm_command("data", "build", recipe, "records_per_face=3")
    assert again.exit_code == 2
    assert "records_per_face: 2.0 -> 3.0" in again.stderr

    result = feallm_command("data", "stats", store)
    assert result.exit_code == 0
    assert "emotion (ferplus)" in result.stdout
    assert "AU12 lip corner puller" in result.stdout

    result = feallm_command("data", "export", store, "--to", "llava", "-o", tmp_path / "llava")
    assert result.exit_code == 0
    assert "40 records name pictures inside a table" in result.stderr
    assert len(json.loads((tmp_path / "llava" / "train.json").read_text())) == 40

    result = feallm_command("data", "view", store, "--n", "6", "-o", tmp_path / "view.html")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'view.html'}\n")
    assert (tmp_path / "view.html").read_text().count("<article") == 6


def test_a_store_built_elsewhere_is_what_training_is_told_to_learn_from(feallm_command, recipe, tmp_path):
    store = tmp_path / "other" / "store"
    result = feallm_command("data", "build", recipe, "-o", store)
    assert (result.exit_code, result.stdout) == (0, f"{store}\n")
    assert not (tmp_path / "store").exists()
    learns = ["init_from=null", "stages.0.teacher=null", "--check"]
    training = Path(__file__).parent.parent.parent / "configs/train/tiny.yaml"
    result = feallm_command("train", training, f"data.train=[{{store: {store}}}]", *learns)
    assert result.exit_code == 0, result.stderr
    assert "Parameters" in result.stdout
    result = feallm_command("train", training, f"data.train=[{{store: {store}, split: val}}]", *learns)
    assert result.exit_code == 2
    assert "has no split 'val' to learn from: its splits are test, train" in result.stderr


def test_moved_pictures_are_told(feallm_command, recipe, tmp_path, monkeypatch):
    store = tmp_path / "store"
    assert feallm_command("data", "build", recipe).exit_code == 0
    data = (tmp_path / "data").rename(tmp_path / "elsewhere")
    result = feallm_command("data", "export", store, "--to", "llava", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert f"looked for in {tmp_path / 'data' / 'photos'}" in result.stderr
    result = feallm_command("data", "view", store, "-o", tmp_path / "view.html")
    assert "22 pictures were not found under" in result.stderr
    assert feallm_command("data", "export", store, "--to", "hf", "-o", tmp_path / "hf", "--root", data).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["build", "none.yaml"], "no recipe at none.yaml"),
        (["build", "{recipe}", "families={reasn: 1}"], "did you mean 'reason'"),
        (["build", "{recipe}", "sources.0.source=fer"], "unknown source 'fer'"),
        (["build", "{recipe}", "sources.1.path=nowhere"], "no FER2013 train data in"),
        (["build", "{recipe}", "--engine", "spark"], "'local' or 'ray'"),
        (["stats", "nowhere"], "no store in nowhere"),
        (["view", "nowhere"], "no store in nowhere"),
        (["export", "nowhere", "--to", "llava", "-o", "x"], "no store in nowhere"),
    ],
)
def test_a_mistake_ends_with_two_and_a_line_that_helps(feallm_command, recipe, tmp_path, monkeypatch, arguments, named):
    monkeypatch.chdir(tmp_path)
    result = feallm_command("data", *(str(recipe) if part == "{recipe}" else part for part in arguments))
    assert result.exit_code == 2
    assert named in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
