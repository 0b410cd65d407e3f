"""Training from a store that `feallm data build` made: what is learned from, in which order, and what is refused."""

import json
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader
from transformers import TrainerCallback

from feallm.data.rows import as_face, as_record
from feallm.data.store import open_store
from feallm.settings import SettingsError, load_recipe
from feallm.train import stage as stages
from feallm.train.bank import held_back_bank, labelled_faces, load_banks
from feallm.train.check import check, check_claims
from feallm.train.recipe import TrainRecipe
from feallm.train.run import train
from feallm.train.stores import keeps_back, pinned
from feallm.train.stream import Conversations, shuffled, side_by_side
from tests.data.stores import FILES, SOURCE, draw_faces, made

from .test_distributed import losses, start
from .test_distributed import weights as stage_weights
from .test_train_run import ALL, ALONE, RECIPE, KilledError

SIZES = {"side": 48, "grayscale": True, "label_sets": ["ferplus"], "units": ["AU04", "AU12"]}
STAGE = (
    "stages=[{name: only, kind: conversations, trainable: [projector, head], epochs: 2, batch_size: 24, "
    "device_batch: 12, learning_rate: 0.002}]"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("faces") / "data")


@pytest.fixture(scope="module")
def store(data, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEALLM_DATA", str(data))
        patch.setattr("feallm.data.card.can_plot", lambda: False)
        families = {"emotion": 2.0, "aus": 1.0, "reason": 1.0}
        return made(tmp_path_factory.mktemp("store") / "store", records_per_face=3, shard_size=17, families=families)


@pytest.fixture(autouse=True)
def _data_root(data, monkeypatch):
    monkeypatch.setenv("FEALLM_DATA", str(data))


def of(folder, *settings, entry=""):
    train_ = f"data.train=[{{store: {folder}{entry}}}]"
    return load_recipe(TrainRecipe, RECIPE, [*ALL, *ALONE, train_, STAGE, "data.held_back=0.2", *settings])


def order(conversations, epoch=0):
    conversations.set_epoch(epoch)
    return [conversations[number] for number in range(len(conversations))]


def rows_of(batches):
    return Counter((one.shown.id, one.turns) for batch in batches for one in batch)


def test_an_epoch_holds_every_record_once_but_those_held_back(store):
    recipe = of(store.path, "data.shuffle_buffer=20")
    conversations = Conversations(recipe, recipe.stages[0], 5)
    kept = keeps_back(recipe.data)
    wanted = Counter((row["face"], as_record(row).turns) for row in store.rows() if not kept(row))
    first, again, other = order(conversations), order(conversations), order(conversations, 1)
    assert first == again
    assert first != other
    assert len(first) == wanted.total() // 5
    assert all(len(batch) == 5 for batch in first)
    for batches in (first, other):
        assert rows_of(batches) <= wanted
    assert 0 < sum(map(kept, store.rows())) < len(store) / 2
    assert {one.seed for batch in first for one in batch}.isdisjoint(one.seed for batch in other for one in batch)
    longest = [max(sum(len(t.question) + len(t.answer) for t in one.turns) for one in batch) for batch in first]
    assert longest != sorted(longest), "batches of like length come in random order"


def test_going_forward_gives_what_reading_all_gives(store):
    recipe = of(store.path)
    conversations = Conversations(recipe, recipe.stages[0], 4)
    whole = order(conversations)
    conversations.set_epoch(0)
    assert [conversations[number] for number in (3, 4, 9)] == [whole[3], whole[4], whole[9]]
    assert conversations[1] == whole[1]
    read = DataLoader(conversations, batch_size=1, collate_fn=lambda batches: batches[0], num_workers=2)
    seeds = [[one.seed for one in batch] for batch in read]
    assert seeds == [[one.seed for one in batch] for batch in whole], "workers read what one process reads"


def test_weights_of_entries_sources_and_families_are_kept(store):
    plain, twice = of(store.path), of(store.path, entry=", weight: 2")
    once = Conversations(plain, plain.stages[0], 1)
    assert Conversations(twice, twice.stages[0], 1).records == 2 * once.records
    shares = {"emotion": 1.0, "aus": 3.0}
    told = plain.stages[0].model_copy(update={"families": shares})
    mixed = Conversations(plain, told, 1)
    found = Counter(batch[0].family for batch in order(mixed))
    assert set(found) == set(shares)
    assert found["aus"] == pytest.approx(3 * found["emotion"], rel=0.25)
    assert mixed.records == pytest.approx(once.records, rel=0.15)


def test_faces_held_back_are_the_same_with_a_store_as_with_its_source(store):
    """A store beside its source must not teach what is held back of the source."""
    alone = of(store.path)
    beside = of(store.path, f"data.train=[{json.dumps(SOURCE)}, {{store: {store.path}}}]", "data.held_back=0.3")
    _, held = load_banks(beside.data, **SIZES)
    told = order(Conversations(beside, beside.stages[0], 1))
    assert held is not None
    assert {face.id for face in held.faces}.isdisjoint(batch[0].shown.id for batch in told)
    kept = held_back_bank(alone.data, **SIZES)
    assert kept is not None
    told = order(Conversations(alone, alone.stages[0], 1))
    assert {face.id.rpartition("/")[2] for face in kept.faces}.isdisjoint(batch[0].shown.id for batch in told)


def test_faces_come_back_from_rows_with_labels_and_pixels(data, store):
    (source,) = of("x", f"data.train=[{json.dumps(SOURCE)}]").data.sources
    whole = {face.id: face for face in labelled_faces(source)}
    row = next(store.rows())
    face = as_face(row, whole[row["face"]].image)
    assert (face.labels, face.action_units) == (whole[face.id].labels, whole[face.id].action_units)
    assert max(face.emotions["ferplus"]) == 1.0
    told = Conversations(of(store.path), of(store.path).stages[0], 1)[0][0].shown
    assert (told.picture() == whole[told.id].picture()).all()


def test_mixing_loses_nothing_and_is_bounded():
    from random import Random

    drawn = []

    def reader(number):
        drawn.append(number)
        yield from ((number, item) for item in range(5))

    mixed = side_by_side((reader(number) for number in range(30)), Random(0))
    next(mixed)
    assert len(drawn) <= 8
    assert len(list(mixed)) == 149
    assert sorted(shuffled(iter(range(100)), 10, Random(1))) == list(range(100))
    early = list(shuffled(iter(range(100)), 10, Random(1)))[:5]
    assert max(early) < 15, "no more than the buffer is looked ahead"


def test_a_run_from_a_store_goes_on_to_the_same_weights_and_says_what_it_learned_from(store, tmp_path, monkeypatch):
    """Stopped in the second epoch, where a step takes two batches."""
    large = ["stages.0.batch_size=36", "stages.0.device_batch=18"]
    recipe = of(store.path, f"output={tmp_path / 'whole'}", "save_steps=2", *large)
    whole = train(recipe)
    assert len(losses(tmp_path / "whole")) > 4, "it is stopped in the second epoch"

    class Stop(TrainerCallback):
        def on_save(self, args, state, control, **_):
            if state.epoch > 1:
                raise KilledError

    original = stages.Trainer
    monkeypatch.setattr(
        stages, "Trainer", lambda *a, callbacks=(), **k: original(*a, callbacks=[*callbacks, Stop()], **k)
    )
    cut = recipe.model_copy(update={"output": str(tmp_path / "cut")})
    with pytest.raises(KilledError):
        train(cut)
    monkeypatch.setattr(stages, "Trainer", original)
    again = train(cut)
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    known = load_file(again / "model.safetensors")
    for name, value in load_file(whole / "model.safetensors").items():
        assert torch.equal(value, known[name]), name
    found = json.loads((whole / "data.json").read_text())
    (told,) = found["stores"]
    assert told["sha256"] == pinned(recipe).data.stores[0].sha256
    assert told["sha256"] in (whole / "README.md").read_text()
    assert told["sha256"] in (whole / "recipe.yaml").read_text()
    assert [(one["source"], one["split"]) for one in found["sources"]] == [("fer2013", "train")]
    assert found["learned"] + found["held_back"] == store.manifest["faces"]
    begun = recipe.model_copy(update={"init_from": str(whole), "zero_shot_claims": ("rafdb",)})
    check_claims(begun)
    listed = {"sources": [{"source": "rafau", "path": ".", "split": "all"}]}
    (whole / "data.json").write_text(json.dumps(listed))
    with pytest.raises(SettingsError, match=r"training data of .*holds rafau"):
        check_claims(begun)


def changed(store, tmp_path, **values):
    copy = Path(shutil.copytree(store.path, tmp_path / "copy"))
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, **values}))
    return copy


@pytest.mark.parametrize(
    ("values", "entry", "message"),
    [
        ({"row_layout": 9}, "", r"built by FEALLM .* layout 9; .* build the store anew"),
        ({"name": "other"}, ", sha256: abc", "not the one that this recipe was made for"),
        ({}, ", split: test", "has no split 'test' to learn from: its splits are train"),
        ({}, ", sources: {rafdb: 2}", "holds no rafdb: its sources are fer2013"),
        ({"recipe": {"exclude_flags": ["copy"]}}, "", "flagged near_copy_in_test.*exclude_flags="),
        ({"emotions": {"fer2013": {"anger": 1}}}, "", "label set 'ferplus'.*model.head.label_sets"),
        ({"families": {"aus": 9}}, "", "stage 'only'.*families names emotion, which no store"),
    ],
)
def test_stores_that_cannot_be_learned_from_are_refused_in_a_sentence(store, tmp_path, values, entry, message):
    folder = changed(store, tmp_path, **values)
    with pytest.raises(SettingsError, match=message) as refused:
        check(of(folder, "stages.0.families={emotion: 1}", entry=entry))
    assert "\n" not in str(refused.value)


def test_missing_folders_pictures_and_shards_are_named(store, data, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match=r"no store in .*nowhere: expected a folder with manifest.json"):
        check(of(tmp_path / "nowhere"))
    copy = changed(store, tmp_path)
    with (copy / "records-00000.jsonl").open("a") as stream:
        stream.write("\n")
    with pytest.raises(SettingsError, match=r"records-00000.jsonl is damaged: copy it again"):
        train(of(copy, f"output={tmp_path / 'run'}"))
    assert not (tmp_path / "run").exists(), "refused before anything was written"
    monkeypatch.setenv("FEALLM_DATA", str(tmp_path))
    with pytest.raises(SettingsError, match=r"names pictures but holds none.*set FEALLM_DATA .*own copy"):
        check(of(store.path))


def test_claims_see_the_sources_of_a_store(store, tmp_path):
    sources = [{**store.manifest["sources"][0], "source": "rafau"}]
    recipe = of(changed(store, tmp_path, sources=sources), "zero_shot_claims=[rafdb]")
    with pytest.raises(SettingsError, match=r"zero_shot_claims names rafdb, but the store in .* holds rafau"):
        check_claims(recipe)


def test_pictures_in_files_are_learned_from_as_well(tmp_path, data, monkeypatch):
    """Other splits are kept out: here those of the CSV."""
    monkeypatch.setattr("feallm.data.card.can_plot", lambda: False)
    made(tmp_path / "files", sources=[SOURCE, FILES], families={"emotion": 1.0}, format="parquet")
    recipe = of(tmp_path / "files", "data.held_back=0", entry=", split: test")
    told = [one.shown for batch in order(Conversations(recipe, recipe.stages[0], 1)) for one in batch]
    assert {face.image for face in told} <= {data / f"photos/test/{name}/one.png" for name in ("angry", "happy")}
    assert told
    assert len(list(open_store(tmp_path / "files").rows())) > len(told)


def test_a_mistake_in_an_entry_says_where(store):
    with pytest.raises(SettingsError, match=r"data\.train\.0\.\(store\)\.wieght: unknown key, did you mean 'weight'"):
        of(store.path, entry=", wieght: 2")
    unused = of(
        store.path,
        f"data.train=[{json.dumps(SOURCE)}, {{store: {store.path}}}]",
        "stages.0.views=1",
        "stages.0.trainable=[projector]",
    )
    with pytest.raises(SettingsError, match="stage of kind 'conversations' without views"):
        check(unused)


@pytest.mark.slow
def test_a_killed_run_and_two_processes_learn_what_one_learns(store, data, tmp_path):
    settings = [f"data.train=[{{store: {store.path}}}]", STAGE, "data.held_back=0.2", "save_steps=2", "--as-shipped"]
    still = ["model.clues.dropout=0", "model.head.dropout=0", "model.head.intervention_weight=0"]
    settings += still
    whole = start(tmp_path / "whole", *settings, FEALLM_DATA=str(data))
    assert whole.returncode == 0, whole.stderr[-2000:]
    killed = start(tmp_path / "cut", *settings, "--die-at", "5", FEALLM_DATA=str(data))
    assert killed.returncode == -signal.SIGKILL
    again = start(tmp_path / "cut", *settings, FEALLM_DATA=str(data))
    assert again.returncode == 0, again.stderr[-2000:]
    assert losses(tmp_path / "whole") == losses(tmp_path / "cut")
    after = stage_weights(tmp_path / "cut")
    for name, value in stage_weights(tmp_path / "whole").items():
        assert torch.equal(value, after[name]), name
    two = start(tmp_path / "two", *settings, processes=2, FEALLM_DATA=str(data))
    assert two.returncode == 0, two.stderr[-3000:]
    together = losses(tmp_path / "two")
    for step, (loss, _) in losses(tmp_path / "whole").items():
        assert together[step][0] == pytest.approx(loss, abs=1e-4), step
