"""The data doctor on small copies of data sets, whole and spoilt; and its search for repeats on real pictures."""

import io
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from feallm.data.doctor import examine
from feallm.data.near import find_pairs, join_groups, thumbnail
from feallm.data.records import LabelledFace
from feallm.data.sources import SOURCES
from feallm.data.sources.source import Source

SHARED = Path(os.environ.get("FEALLM_DATA", Path(__file__).parents[3] / "shared" / "data"))


def shot(seed, side=96):
    """A picture that looks like no other: smooth noise, [side, side, 3]."""
    rng = np.random.default_rng(seed)
    grey = cv2.resize(rng.integers(0, 256, (7, 7)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def write_rafdb(folder, codes, *, newline="\n", start=""):
    """RAF-DB with pictures of their own: `codes[name]` like "train_00001" -> class code."""
    (folder / "EmoLabel").mkdir(parents=True, exist_ok=True)
    (folder / "Image/aligned").mkdir(parents=True, exist_ok=True)
    text = start + "".join(f"{name}.jpg {code}{newline}" for name, code in codes.items())
    (folder / "EmoLabel/list_patition_label.txt").write_bytes(text.encode())
    for number, name in enumerate(codes):
        put(folder, name, shot(number))


def put(folder, name, pixels):
    path = folder / f"Image/aligned/{name}_aligned.jpg"
    Image.fromarray(pixels).save(path, quality=92)
    return path


CODES = {**{f"train_{n:05d}": 1 + n % 7 for n in range(1, 9)}, **{f"test_{n:04d}": 4 for n in range(1, 5)}}


@pytest.fixture
def rafdb(tmp_path, monkeypatch):
    """A whole copy of a RAF-DB of 8 and 4 faces."""
    monkeypatch.setitem(SOURCES, "rafdb", replace(SOURCES["rafdb"], counts={"train": 8, "test": 4}))
    folder = tmp_path / "rafdb"
    write_rafdb(folder, CODES)
    return folder


def kinds(checkup):
    return {finding.kind: finding for finding in checkup.findings if finding.wrong}


def test_a_whole_copy_is_well(rafdb):
    found = examine("rafdb", rafdb)
    assert (found.ok, found.layout, found.findings) == (True, "aligned", ())
    assert (found.pictures, found.looked, found.groups) == (12, 12, ())
    train = found.splits["train"]
    assert (train.faces, train.published) == (8, 8)
    assert train.labels["rafdb"] == dict.fromkeys(train.labels["rafdb"], 1) | {"fear": 2}
    assert found.splits["test"].labels["rafdb"] == {"happiness": 4}
    assert list(examine("rafdb", rafdb, ["test"]).splits) == ["test"]


def test_half_a_download_is_told_from_a_folder_that_is_not_there(rafdb):
    for name in list(CODES)[:3]:
        (rafdb / f"Image/aligned/{name}_aligned.jpg").unlink()
    missing = kinds(examine("rafdb", rafdb))["missing"]
    assert missing.what == "3 of 12 pictures are missing"
    assert missing.cases[0].endswith("train_00001_aligned.jpg")
    assert f"{rafdb / 'Image/aligned'} lacks 3" in missing.fix
    assert "half-way" in missing.fix


def test_pictures_in_another_place_are_found(rafdb):
    (rafdb / "downloads").mkdir()
    (rafdb / "Image/aligned/test_0001_aligned.jpg").rename(rafdb / "downloads/test_0001_aligned.jpg")
    fix = kinds(examine("rafdb", rafdb))["missing"].fix
    assert f"lies in {rafdb / 'downloads'}, expected in {rafdb / 'Image/aligned'}" in fix


def test_pictures_saved_in_another_format_are_named(rafdb):
    for path in (rafdb / "Image/aligned").iterdir():
        path.rename(path.with_suffix(".png"))
    fix = kinds(examine("rafdb", rafdb))["missing"].fix
    assert fix.startswith("the list says train_00001_aligned.jpg, the folder has train_00001_aligned.png")


def test_a_missing_folder_of_pictures_is_named(tmp_path, monkeypatch):
    faces = [LabelledFace(str(n), tmp_path / "pictures/deep" / f"{n}.jpg", "mine", "all") for n in range(4)]
    mine(monkeypatch, all=faces)
    assert (
        f"the folder {tmp_path / 'pictures'} is not there (4 pictures)"
        in kinds(examine("mine", tmp_path))["missing"].fix
    )


def test_pictures_that_cannot_be_read(rafdb):
    cut, empty, text = (rafdb / f"Image/aligned/{name}_aligned.jpg" for name in list(CODES)[:3])
    cut.write_bytes(cut.read_bytes()[:-200])
    empty.write_bytes(b"")
    text.write_text("<html>log in first</html>")
    found = kinds(examine("rafdb", rafdb))["unreadable"]
    assert found.count == 3
    assert "ends before the picture does" in found.cases[0]
    assert "0 bytes" in found.cases[1]
    assert "web page" in found.cases[2]


def test_counts_and_codes(rafdb):
    listing = rafdb / "EmoLabel/list_patition_label.txt"
    listing.write_text(
        listing.read_text().replace("train_00002.jpg 3", "train_00002.jpg 9").replace("test_0004.jpg 4", "")
    )
    found = examine("rafdb", rafdb)
    counts = [finding for finding in found.findings if finding.kind == "count"]
    assert [finding.what for finding in counts] == [
        "train: 7 faces, published are 8: 1 too few",
        "test: 3 faces, published are 4: 1 too few",
    ]
    assert "that are no faces: 1" in counts[0].fix
    assert "cut short" in counts[1].fix
    label = kinds(found)["label"]
    assert (label.count, label.what) == (1, "code '9', expected 1 to 7")
    assert "line 2" in label.cases[0]


def test_marks_of_editors_are_notes(tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, "rafdb", replace(SOURCES["rafdb"], counts={}))
    write_rafdb(tmp_path, CODES, newline="\r\n", start="\ufeff")
    found = examine("rafdb", tmp_path)
    assert found.ok
    assert [finding.kind for finding in found.findings] == ["text", "text"]
    assert "byte-order mark" in found.findings[0].what
    assert "Windows line ends" in found.findings[1].what


def test_repeats_across_splits_are_wrong_and_within_one_are_not(rafdb):
    put(rafdb, "test_0001", shot(0)[:, ::-1])  # mirrored train_00001
    put(rafdb, "test_0002", shot(99))
    put(rafdb, "train_00003", shot(1))  # again train_00002
    found = examine("rafdb", rafdb)
    across, within = [finding for finding in found.findings if finding.kind == "repeat"]
    assert across.what == "1 of 4 pictures of test repeat one of train, 0 exactly"
    assert across.cases == ("test/test_0001 repeats train/train_00001",)
    assert (across.wrong, within.wrong) == (True, False)
    assert within.what == "train: 1 of 8 pictures repeat another one of it"
    assert found.groups == (("train/train_00001", "test/test_0001"), ("train/train_00002", "train/train_00003"))


def mine(monkeypatch, splits_by="picture", counts=None, **faces):
    """A source "mine" that lists the faces given for each split."""
    source = Source(
        "Mine", lambda path, split: iter(faces[split]), lambda path: "lists", tuple(faces), "", "", splits_by=splits_by
    )
    monkeypatch.setitem(SOURCES, "mine", replace(source, counts=counts or {}))


def face(name, split, seed, **more):
    return LabelledFace(name, shot(seed), "mine", split, **more)


def test_flagged_repeats_are_known(tmp_path, monkeypatch):
    copy, near = frozenset({"copy"}), frozenset({"near_copy_in_test"})
    train = [face("a", "train", 1), face("b", "train", 2, flags=near), face("c", "train", 3)]
    val = [face("d", "val", 1, flags=copy), face("e", "val", 2)]
    mine(monkeypatch, train=train, val=val)
    found = examine("mine", tmp_path)
    (known,) = found.findings
    assert found.ok
    assert known.what == (
        "2 of 2 pictures of val repeat one of train, 2 exactly; 2 of them are flagged as known repeats, 0 are not"
    )
    assert found.splits["val"].flags == {"copy": 1}
    mine(monkeypatch, train=train, val=[*val, face("f", "val", 3)])
    assert not examine("mine", tmp_path).ok


def test_people_in_two_splits(tmp_path, monkeypatch):
    train = [face("a", "fold1_train", 1, subject="S1"), face("b", "fold1_train", 2, subject="S2")]
    test = [face("c", "fold1_test", 3, subject="S2")]
    mine(monkeypatch, "subject", fold1_train=train, fold1_test=test, fold2_train=[*train, *test], all=[*train, *test])
    found = examine("mine", tmp_path)
    (leak,) = found.findings
    assert (leak.kind, leak.cases, leak.wrong) == ("subject", ("S2",), True)
    assert "fold1_train and in fold1_test" in leak.what
    assert found.pictures == 3, "a face of several splits is looked at once"
    assert found.splits["all"].subjects == 2


def test_the_frames_of_one_film_do_not_repeat_each_other(tmp_path, monkeypatch):
    film = [face(f"{n}", "all", 1, subject="S1") for n in range(3)]
    mine(monkeypatch, all=film)
    assert examine("mine", tmp_path).findings == ()
    mine(monkeypatch, all=[*film, face("x", "all", 1, subject="S2")])
    assert [len(group) for group in examine("mine", tmp_path).groups] == [2]


def test_faces_in_both_lists_or_twice_in_one(tmp_path, monkeypatch):
    train = [face("a", "train", 1), face("a", "train", 1)]
    mine(monkeypatch, train=train, test=[face("a", "test", 1)])
    found = kinds(examine("mine", tmp_path))
    assert found["twice"].cases == ("a",)
    assert found["repeat"].what == "1 face listed in train and in test"


def test_boxes_cut_the_face_out_before_anything_is_compared(tmp_path, monkeypatch):
    two = np.concatenate([shot(1), shot(2)], axis=1)
    faces = [
        LabelledFace("left", two, "mine", "train", box=(0, 0, 96, 96)),
        LabelledFace("right", two, "mine", "test", box=(96, 0, 96, 96)),
        LabelledFace("outside", two, "mine", "test", box=(500, 0, 96, 96)),
    ]
    mine(monkeypatch, train=faces[:1], test=faces[1:])
    found = examine("mine", tmp_path)
    assert found.groups == ()
    assert "outside the picture of 192 x 96" in kinds(found)["unreadable"].cases[0]


def test_base_rates_of_units_count_what_is_known(tmp_path, monkeypatch):
    faces = [
        face("a", "all", 1, action_units={"AU12": 3.0, "AU04": 0.0}),
        face("b", "all", 2, action_units={"AU12": 1.0}),
        face("c", "all", 3, action_units={"AU12": 1.0, "AU04": 1.0}, graded=False),
        face("d", "all", 4),
    ]
    mine(monkeypatch, all=faces)
    units = examine("mine", tmp_path).splits["all"].units
    assert (units["AU12"].known, units["AU12"].present, units["AU12"].graded, units["AU12"].clear) == (3, 3, 2, 1)
    assert (units["AU04"].known, units["AU04"].present) == (2, 1)


def test_a_list_that_breaks_off_is_told(tmp_path, monkeypatch):
    def scan(path, split):
        yield face("a", "train", 1)
        raise KeyError("pixels")

    monkeypatch.setitem(SOURCES, "mine", Source("Mine", scan, lambda path: "lists", ("train",), "", "", counts={}))
    label = kinds(examine("mine", tmp_path))["label"]
    assert "after 1 faces: no column 'pixels'" in label.what


def test_a_split_that_is_not_here_counts_where_it_is_published(rafdb, monkeypatch):
    real = SOURCES["rafdb"]

    def without_test(path, split):
        if split == "test":
            raise FileNotFoundError("expected test pictures")
        return real.scan(path, split)

    monkeypatch.setitem(SOURCES, "rafdb", replace(real, scan=without_test))
    assert kinds(examine("rafdb", rafdb))["count"].what == "test: not here, published with 4 faces"
    monkeypatch.setitem(SOURCES, "rafdb", replace(real, scan=without_test, counts={"train": 8}))
    assert examine("rafdb", rafdb).ok


def test_another_set_s_folder_is_recognised(rafdb):
    with pytest.raises(
        FileNotFoundError, match=r"looks like RAF-DB, basic emotions \(aligned\); try `feallm data check rafdb"
    ):
        examine("disfa", rafdb)
    with pytest.raises(FileNotFoundError, match=f"but {rafdb} does: give that folder"):
        examine("rafdb", rafdb.parent)
    with pytest.raises(FileNotFoundError, match="nothing at"):
        examine("rafdb", rafdb / "nowhere")
    with pytest.raises(ValueError, match="unknown source 'raf'"):
        examine("raf", rafdb)
    with pytest.raises(ValueError, match="splits train, test, not 'val'"):
        examine("rafdb", rafdb, ["val"])


def test_of_videos_a_few_frames_are_looked_at(tmp_path):
    videos = tmp_path / "Videos_LeftCamera"
    codes = tmp_path / "ActionUnit_Labels/SN001"
    videos.mkdir()
    codes.mkdir(parents=True)
    writer = cv2.VideoWriter(str(videos / "LeftVideoSN001_comp.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 20, (96, 96))
    for number in range(20):
        writer.write(shot(number))
    writer.release()
    for unit in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26):
        (codes / f"SN001_au{unit}.txt").write_text("".join(f"{n},{2 if unit == 12 else 0}\n" for n in range(1, 21)))
    found = examine("disfa", tmp_path, ["all"])
    assert (found.pictures, found.looked) == (20, 8)
    assert found.splits["all"].units["AU12"].clear == 20
    assert "missing" not in kinds(found)
    assert found.groups == ()


def changed():
    """One picture in the ways in which pictures come back: name -> pixels."""
    picture = shot(7, 48)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=40)
    marked = picture.copy()
    cv2.putText(marked, "stock", (4, 42), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    return {
        "same": picture,
        "mirrored": picture[:, ::-1],
        "darker": (picture * 0.6).astype(np.uint8),
        "larger": cv2.resize(picture, (150, 150), interpolation=cv2.INTER_CUBIC),
        "squeezed": np.asarray(Image.open(io.BytesIO(stream.getvalue()))),
        "shifted": np.roll(picture, 2, axis=1),
        "cropped": picture[2:-1, 1:-2],
        "marked": marked,
    }


@pytest.mark.parametrize("name", changed())
def test_a_picture_is_found_again(name):
    others = [shot(seed, 48) for seed in range(20, 60)]
    thumbnails = np.stack([thumbnail(np.ascontiguousarray(one)) for one in (*others, shot(7, 48), changed()[name])])
    assert {(one, other) for one, other, _ in find_pairs(thumbnails)} == {(40, 41)}


def test_blank_pictures_resemble_nothing():
    thumbnails = np.stack([np.full((32, 32), grey, np.uint8) for grey in (0, 0, 128, 255)])
    assert list(find_pairs(thumbnails)) == []
    assert list(find_pairs(np.empty((0, 32, 32), np.uint8))) == []


def test_the_search_tells_how_far_it_is_and_misses_no_block(monkeypatch):
    monkeypatch.setattr("feallm.data.near.ROWS", 4)
    monkeypatch.setattr("feallm.data.near.COLUMNS", 6)
    thumbnails = np.stack([thumbnail(shot(seed % 13, 48)) for seed in range(26)])
    shares = []
    assert {pair[:2] for pair in find_pairs(thumbnails, shares.append)} == {(n, n + 13) for n in range(13)}
    assert sum(shares) == pytest.approx(1)


def test_groups_are_joined_through_each_other():
    assert join_groups([(1, 2), (5, 6), (2, 9), (9, 1)]) == [[1, 2, 9], [5, 6]]


@pytest.mark.skipif(not (SHARED / "ferplus_val.parquet").is_file(), reason="needs FER2013")
def test_the_known_copies_of_fer2013_are_found_and_few_others():
    pq = pytest.importorskip("pyarrow.parquet")
    val = pq.read_table(SHARED / "ferplus_val.parquet", columns=["id", "image", "copy_of"]).to_pylist()[:2000]
    wanted = {row["copy_of"] for row in val} - {None, ""}
    train = pq.read_table(SHARED / "ferplus_train.parquet", columns=["id", "image"]).to_pylist()
    train = [row for number, row in enumerate(train) if row["id"] in wanted or number < 1000]

    def small(row):
        return thumbnail(np.asarray(Image.open(io.BytesIO(row["image"])).convert("RGB")))

    rows = [*train, *val]
    found = find_pairs(np.stack([small(row) for row in rows]))
    twins = {other - len(train) for one, other, _ in found if one < len(train) <= other}
    copies = {number for number, row in enumerate(val) if row["copy_of"]}
    assert len(copies) > 200
    assert len(copies & twins) / len(copies) > 0.97
    assert len(twins - copies) < 40, "repeats that the list does not know are few among so few training pictures"
