"""A store survives kill -9 and a disk that refuses, is refused for another recipe, and says what it holds."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import yaml

from feallm.data.store import open_store
from feallm.settings import SettingsError
from feallm.tables import OutputError
from tests.data.stores import FILES, SOURCE, draw_faces, made, shards

MANY = {"records_per_face": 60, "shard_size": 60, "balance": 0.5, "families": {"reason": 3.0, "area": 1.0, "unit": 1.0}}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("faces") / "data")


@pytest.fixture(autouse=True)
def _data_root(data, monkeypatch):
    monkeypatch.setenv("FEALLM_DATA", str(data))


def started(folder, output, **options):
    """The command as its own process, on the recipe of MANY with two workers."""
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": "drawn", "output": str(output), "sources": [SOURCE], "workers": 2, **MANY}))
    command = [sys.executable, "-m", "feallm", "data", "build", str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finished_shards(output):
    progress = output / "progress.json"
    return json.loads(progress.read_text())["shards"] if progress.is_file() else []


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


def test_a_killed_build_goes_on_to_the_same_bytes(tmp_path):
    whole = made(tmp_path / "whole", **MANY)
    output = tmp_path / "killed"
    process = started(tmp_path, output)
    while len(finished_shards(output)) < 3 and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = finished_shards(output)
    assert 3 <= len(before) < len(whole.manifest["shards"]), "killed in the middle"
    assert not (output / "manifest.json").exists()
    with pytest.raises(SettingsError, match="is not finished: run its `feallm data build` again"):
        open_store(output)

    kept = {one["file"]: (output / one["file"]).stat().st_mtime_ns for one in before}
    process = started(tmp_path, output, preexec_fn=small_files)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 2
    assert "cannot write" in message
    assert "File too large; finished shards are kept" in message
    assert "Traceback" not in message

    process = started(tmp_path, output)
    assert process.wait(timeout=60) == 0, process.communicate()
    assert shards(output) == shards(whole.path)
    assert {name: (output / name).stat().st_mtime_ns for name in kept} == kept, "what was finished is not made again"
    assert not list(output.glob("*.part"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*file/store: Not a directory"):
        made(tmp_path / "file" / "store")


def test_another_recipe_on_the_same_output_is_refused_with_what_differs(tmp_path):
    store = made(tmp_path / "out")
    before = shards(store.path)
    with pytest.raises(SettingsError) as refused:
        made(tmp_path / "out", seed=3, sources=[{**SOURCE, "au_codes": None}])
    assert "seed: 0 -> 3" in str(refused.value)
    assert "sources.0.au_codes: codes.csv -> None" in str(refused.value)
    assert "choose another output" in str(refused.value)
    again = made(tmp_path / "out", workers=2)
    assert (len(again), shards(store.path)) == (len(store), before), "the number of processes is no difference"


def test_foreign_records_are_not_overwritten(tmp_path):
    (tmp_path / "records-00000.jsonl").write_text("{}")
    with pytest.raises(SettingsError, match="of no build that is known"):
        made(tmp_path)


def test_parquet_holds_the_same_rows(tmp_path):
    pytest.importorskip("pyarrow")
    lines = made(tmp_path / "jsonl", sources=[FILES, SOURCE])
    table = made(tmp_path / "parquet", sources=[FILES, SOURCE], format="parquet")
    assert [path.name for path in sorted(table.path.glob("*.parquet"))] == [
        "records-00000.parquet",
        "records-00001.parquet",
    ]
    assert list(table.rows()) == list(lines.rows())


def test_the_manifest_says_what_is_in_it_and_whose_it_is(tmp_path):
    store = made(tmp_path / "out", sources=[FILES, SOURCE])
    manifest = store.manifest
    for shard in manifest["shards"]:
        held = (store.path / shard["file"]).read_bytes()
        assert hashlib.sha256(held).hexdigest() == shard["sha256"]
        assert held.count(b"\n") == shard["records"]
    rows = list(store.rows())
    assert manifest["records"] == len(rows) == 42
    assert manifest["faces"] == 42
    assert sum(manifest["families"].values()) == 42
    assert manifest["emotions"]["fer2013"] == {"neutral": 12, "happiness": 13, "disgust": 4, "anger": 13}
    assert manifest["action_units"]["AU12"] == {"shown": 12, "coded": 40}
    assert manifest["action_units"]["AU25"] == {"shown": 0, "coded": 40}
    photos, table = manifest["sources"]
    assert (photos["records"], table["records"]) == (2, 40)
    assert "action_units: model-coded" in table["provenance"]
    assert "MIT" in table["licence"]
    assert manifest["recipe"]["seed"] == 0
    assert "output" not in manifest["recipe"], "a store can be moved"


def test_the_card_names_licences_and_shows_plots(tmp_path):
    pytest.importorskip("matplotlib")
    store = made(tmp_path / "out")
    card = (store.path / "README.md").read_text()
    assert "Challenge data without a licence text" in card
    assert "AU12 lip corner puller" in card
    for name in ("emotions", "action_units", "co_occurrence", "lengths"):
        assert f"plots/{name}.png" in card
        assert (store.path / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_card_says_how_to_get_plots(tmp_path, monkeypatch):
    monkeypatch.setattr("feallm.data.card.can_plot", lambda: False)
    store = made(tmp_path / "out")
    assert "pip install 'feallm[data]'" in (store.path / "README.md").read_text()
    assert not (store.path / "plots").exists()


def test_a_store_that_lost_something_says_so(tmp_path):
    with pytest.raises(SettingsError, match="no store in"):
        open_store(tmp_path)
    store = made(tmp_path / "out")
    with pytest.raises(SettingsError, match="no folder at"):
        open_store(store.path, tmp_path / "nowhere")
    assert store.damaged() == []
    first = store.path / "records-00000.jsonl"
    first.write_bytes(first.read_bytes()[:-20] + b"\n")
    assert store.damaged() == ["records-00000.jsonl"]
    with pytest.raises(SettingsError, match=r"records-00000\.jsonl, line 25 is damaged"):
        list(store.rows())
    os.unlink(first)
    with pytest.raises(SettingsError, match=r"lacks records-00000\.jsonl"):
        open_store(store.path)


def test_pictures_are_found_where_the_data_lie_now(tmp_path, data, monkeypatch):
    store = made(tmp_path / "out", sources=[FILES, SOURCE])
    monkeypatch.setenv("FEALLM_DATA", str(tmp_path))
    moved = open_store(store.path)
    rows = list(moved.rows())
    assert [pixels for _, pixels in moved.pictures.read(rows)] == [None] * 42
    back = open_store(store.path, data)
    shapes = [pixels.shape for _, pixels in back.pictures.read(rows)]
    assert (shapes.count((50, 60, 3)), shapes.count((48, 48, 3))) == (2, 40)
    inner = open_store(store.path, data / "photos")
    assert inner.pictures.find(rows[0]) == data / "photos" / "test" / "angry" / "one.png"
