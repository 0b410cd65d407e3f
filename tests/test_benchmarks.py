"""What the benchmark scripts compute and keep, on made-up answers: no data, no checkpoint."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from feallm.data.sources.au_codes import CodingPass
from feallm.facs.emotions import LABEL_SETS

CLASSES = LABEL_SETS["ferplus"]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))


def test_classes_without_faces_are_no_misses():
    import accuracy
    import calibration

    truth = ["neutral", "happiness"] * 10
    row = accuracy.emotion_scores(truth, truth, CLASSES)
    assert (row["accuracy"], row["macro_f1"], row["uar"], row["uar_95"]) == (1, 1, 1, [1, 1])
    assert {name for name, value in row["recall"].items() if value is not None} == {"neutral", "happiness"}
    shares = np.array([[0.9 if name == label else 0.1 / 7 for name in CLASSES] for label in truth])
    sure = calibration.emotion_row(shares, truth, CLASSES)
    assert (sure["uar"], sure["uar_95"]) == (1, [1, 1])
    assert sure["ece"] == pytest.approx(0.1)
    assert [line["n"] for line in sure["reliability"]] == [20]


def test_an_unparsed_answer_is_wrong_and_counted():
    import accuracy

    truth = ["neutral", "neutral", "happiness", "anger"]
    row = accuracy.emotion_scores(truth, ["neutral", None, "happiness", "neutral"], CLASSES)
    assert (row["n"], row["unparsed"], row["accuracy"], row["uar"]) == (4, 1, 0.5, 0.5)
    counts = dict(zip(row["recall"], row["confusion"], strict=True))
    assert counts["neutral"][-1] == 1
    assert sum(map(sum, row["confusion"])) == 4
    assert len(row["confusion"][0]) == len(CLASSES) + 1


def test_units_are_held_against_each_pass():
    import common

    first, second = CodingPass(1, {"AU12": 3.0, "AU04": 0.0}), CodingPass(2, {"AU12": 0.0})
    codes, found = {"a": [first, second], "b": [second]}, {"a": {"AU12"}, "b": {"AU04"}}
    row = common.unit_scores(codes, found)
    assert (row["n"], row["passes"]) == (2, 2)
    assert row["f1"]["AU12"] == pytest.approx((1 + 0) / 2)  # pass 1: one hit; pass 2, where both were coded: none
    assert row["f1"]["AU04"] == 0  # judged in pass 1 alone: absent, and not named
    assert row["f1"]["AU01"] is None
    assert common.unit_counts(codes, found, ["AU12"]).tolist() == [[1, 0], [0, 1], [0, 0]]


def test_ablations_go_on_with_rows_that_began_alike(tmp_path, monkeypatch, capsys):
    import ablations

    for name in ("here", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(name.encode())
    out, trained = tmp_path / "rows.jsonl", []

    def run(name, seed, options):
        trained.append(name)
        return {"variant": name, "seed": seed, **ablations.setting(options), "ferplus": 0, "fer2013": 0, "au_f1": 0}

    monkeypatch.setattr(ablations, "run", run)
    monkeypatch.setenv("FEALLM_DATA", str(tmp_path))
    begun = ["--encoder", str(tmp_path / "here"), "--words", str(tmp_path / "here")]
    asked = {
        (): len(ablations.VARIANTS),
        ("--runs", "1"): 0,
        ("--words", str(tmp_path / "elsewhere")): len(ablations.VARIANTS),
        ("--faces", "100"): len(ablations.VARIANTS),
        ("--limit", "10"): len(ablations.VARIANTS),
    }
    for more, count in asked.items():
        trained.clear()
        argv = ["ablations.py", "--data", str(tmp_path), "--runs", "1", "--out", str(out), *begun, *more]
        monkeypatch.setattr(sys, "argv", argv)
        ablations.main()
        assert len(trained) == count, more
        assert capsys.readouterr().out.rstrip().endswith("| 1 |")
    row = json.loads(out.read_text().splitlines()[0])
    assert len(row["encoder"]) == 12
    assert row["faces"] == 8000
    monkeypatch.setattr(sys, "argv", ["ablations.py", "--data", str(tmp_path), "--words", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"holds no \.safetensors file"):
        ablations.main()


SMALLEST = [
    "model.image_size=56",
    *[f"model.vision.{key}" for key in ("hidden_size=32", "intermediate_size=48", "num_hidden_layers=4")],
    *[f"model.vision.{key}" for key in ("num_attention_heads=4", "image_size=56")],
    *[f"model.text.{key}" for key in ("hidden_size=32", "intermediate_size=48", "num_hidden_layers=2")],
    *[f"model.text.{key}" for key in ("num_attention_heads=4", "num_key_value_heads=4", "vocab_size=2048")],
    *[f"model.clues.{key}" for key in ("hidden_size=16", "conv_channels=[4, 8]", "crop_size=16")],
    *[f"model.projector.{key}" for key in ("hidden_size=16", "num_attention_heads=4")],
    "model.head.hidden_size=16",
]


def test_steps_of_all_stages_and_answers_are_measured_of_both_models(monkeypatch, capsys):
    import full_size

    from feallm.settings import load_recipe
    from feallm.train.recipe import TrainRecipe

    monkeypatch.setattr(full_size, "peaks", lambda *_: {"FEALLM": 1.0, "LLaVA": 1.0})  # each starts a process
    whole = load_recipe(TrainRecipe, full_size.CONFIGS / "feallm-7b.yaml", SMALLEST)
    recipe = full_size.stages_of(whole, full_size.STAGES, 4)
    rows = {}
    for number in range(len(recipe.stages)):
        rows |= full_size.measure_stage(recipe, number, 2, 1, 1e9)
    assert list(rows) == [*full_size.STAGES, "generation"]
    for name, row in rows.items():
        assert set(row["seconds"]) == set(row["tokens_per_s"]) == {"FEALLM", "LLaVA"}, name
        assert all(value > 0 for value in row["tokens_per_s"].values())
        assert ("mfu" in row) == (name in ("align", "instruct"))
    assert rows["instruct"]["mfu"]["FEALLM"] > 0
    assert capsys.readouterr().out.count("times as long as LLaVA") == 4
