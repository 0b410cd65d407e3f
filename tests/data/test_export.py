"""Each export is what its reader documents: LLaVA, LLaMA-Factory, Facial-R1, Hugging Face datasets."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feallm.data.export import EXPORTS, export
from feallm.data.store import open_store
from feallm.facs.emotions import EMOTIONS
from feallm.settings import SettingsError
from feallm.tables import OutputError
from tests.data.stores import FILES, SOURCE, draw_faces, made


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("faces") / "data")


@pytest.fixture(scope="module")
def built(data, tmp_path_factory):
    """A store of two pictures in files (split test) and forty in a table (split train)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEALLM_DATA", str(data))
        return made(tmp_path_factory.mktemp("store") / "out", sources=[FILES, SOURCE], records_per_face=2).path


@pytest.fixture
def store(built, data):
    return open_store(built, data)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_llava(store, tmp_path):
    done = export(store, "llava", tmp_path)
    assert [path.name for path in done.files] == ["test.json", "train.json"]
    samples = [one for path in done.files for one in json.loads(path.read_text())]
    assert len({one["id"] for one in samples}) == len(samples) == len(store)
    for one, row in zip(samples, store.rows(), strict=True):
        assert set(one) == {"id", "image", "conversations"}
        speakers = [said["from"] for said in one["conversations"]]
        assert speakers == ["human", "gpt"] * len(row["turns"])
        text = "".join(said["value"] for said in one["conversations"])
        assert text.count("<image>") == 1
        assert one["conversations"][0]["value"].startswith("<image>\n")
        assert one["conversations"][-1]["value"] == row["turns"][-1]["answer"]
    assert samples[0]["image"] == "photos/test/angry/one.png"
    assert samples[-1]["image"] == "fer2013:fer0000039"
    assert done.unresolved == 80
    assert "--write-images writes them out" in done.sentence()


def test_llamafactory(store, tmp_path):
    """By its converter: roles by the tags, user first, in pairs; as many images as marks; files under the folder."""
    export(store, "llamafactory", tmp_path, write_images=True)
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert set(info) == {"drawn_test", "drawn_train"}
    seen = 0
    for described in info.values():
        assert set(described) == {"file_name", "formatting", "columns", "tags"}
        assert described["formatting"] == "sharegpt"
        columns, tags = described["columns"], described["tags"]
        for example in json.loads((tmp_path / described["file_name"]).read_text()):
            messages, images = example[columns["messages"]], example[columns["images"]]
            roles = [message[tags["role_tag"]] for message in messages]
            assert roles == [tags["user_tag"], tags["assistant_tag"]] * (len(roles) // 2)
            marks = sum(message[tags["content_tag"]].count("<image>") for message in messages)
            assert marks == len(images) == 1
            assert (tmp_path / images[0]).is_file()
            seen += 1
    assert seen == len(store)


def test_facial_r1(store, tmp_path):
    done = export(store, "facial-r1", tmp_path)
    samples = [one for path in done.files for one in lines(path)]
    assert len(samples) == len(store)
    for one, row in zip(samples, store.rows(), strict=True):
        assert list(one) == ["id", "dataset", "image", "question", "AUs", "labels", "description", "meta_info"]
        assert [f"AU{int(unit[2:]):02d}" for unit in one["AUs"]] == row["labels"]["present"]
        assert all(unit[:3] != "AU0" for unit in one["AUs"])
        assert one["labels"][0] in EMOTIONS
        assert one["description"] == row["turns"][-1]["answer"]
        assert isinstance(one["meta_info"], dict)


def test_hugging_face_datasets_read_the_folder(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    export(store, "hf", tmp_path / "out", write_images=True)
    read = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in read.items()} == {"test": 4, "train": 80}
    assert read["test"].features == read["train"].features
    assert read["test"][0]["action_units"] == []
    assert {"unit": "AU12", "strength": 1.0} in read["train"][0]["action_units"]
    rows = [row for row in store.rows() if row["split"] == "train"]
    assert [one["messages"][-1]["content"] for one in read["train"]] == [row["turns"][-1]["answer"] for row in rows]
    folder = tmp_path / "out"
    seen = read["train"].select([0]).map(lambda row: {"image": f"{folder}/{row['image']}"})
    assert seen.cast_column("image", datasets.Image())[0]["image"].size == (48, 48)
    assert "MIT" in (folder / "README.md").read_text()


def test_pictures_out_of_tables_are_written_without_loss(store, tmp_path):
    done = export(store, "llava", tmp_path, write_images=True)
    assert done.images == 42
    assert len(list((tmp_path / "images").iterdir())) == 42
    assert done.unresolved == 0
    named = {one["id"]: one["image"] for path in done.files for one in json.loads(path.read_text())}
    for row, pixels in store.pictures.read(store.rows()):
        with Image.open(tmp_path / named[row["id"]]) as image:
            assert np.array_equal(np.asarray(image.convert("RGB")), pixels)


@pytest.mark.parametrize("write_images", [False, True])
def test_pictures_that_moved_are_named_with_where_they_were_looked_for(built, tmp_path, write_images):
    with pytest.raises(SettingsError) as refused:
        export(open_store(built, tmp_path), "llava", tmp_path / "out", write_images=write_images)
    message = str(refused.value)
    assert "test/angry/one.png" in message
    assert f"looked for in {tmp_path / 'photos'}, {tmp_path}" in message
    assert "--root" in message


def test_mistakes_are_named(store, tmp_path):
    with pytest.raises(SettingsError, match="unknown form 'lava': did you mean 'llava'"):
        export(store, "lava", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        export(store, "llava", tmp_path / "file")
    assert set(EXPORTS) == {"llava", "llamafactory", "facial-r1", "hf"}


def test_names_of_written_pictures_cannot_leave_the_folder_or_meet():
    from feallm.data.export import _name

    def row(image, face="f"):
        return {"source": "x", "split": "train", "face": face, "image": image}

    names = [_name(row(image)) for image in ("a/b.png", "a_b.png", "../a/b.png", "a b.jpg")]
    names += [_name(row(f"x:{face}", face)) for face in ("../../f", "a/b", "f")]
    names.append(_name(row("clip.mp4#frame=12")))
    assert len(set(names)) == len(names)
    for name in names:
        folder, file = name.split("/")
        assert folder == "images"
        assert Path(file).name == file
    assert names[-1].endswith(".png")
