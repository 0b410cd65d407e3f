"""RAF-DB, basic and compound, in each layout it is found in, written here in miniature."""

import pytest
from PIL import Image

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources import rafdb
from feallm.facs.emotions import LABEL_SETS

BASIC = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
COMPOUND = [  # happily surprised, happily disgusted, sadly fearful … disgustedly surprised
    "happiness surprise", "happiness disgust", "sadness fear", "sadness anger", "sadness surprise", "sadness disgust",
    "fear anger", "fear surprise", "anger surprise", "anger disgust", "disgust surprise",
]  # fmt: skip


def write_official(folder, lines, kind="aligned", newline="\n", bom=""):
    """`EmoLabel/list_patition_label.txt`, and a picture for each line that names one, red as its line number."""
    (folder / "EmoLabel").mkdir(parents=True)
    text = bom + newline.join(lines) + newline
    (folder / "EmoLabel" / "list_patition_label.txt").write_bytes(text.encode("utf-8"))
    pictures = folder / "Image" / kind
    pictures.mkdir(parents=True)
    for number, line in enumerate(lines):
        stem = line.split()[0].removesuffix(".jpg")
        name = f"{stem}_aligned.jpg" if kind == "aligned" else f"{stem}.jpg"
        Image.new("RGB", (100, 100), (number * 20, 0, 0)).save(pictures / name)


def faces(path, split, scan=rafdb.scan):
    found = list(scan(path, split))
    assert all(isinstance(item, LabelledFace) for item in found), found
    return found


def test_aligned_pictures_with_labels_in_the_order_of_the_list(tmp_path):
    write_official(tmp_path, ["train_00002.jpg 4", "test_0001.jpg 7", "train_00001.jpg 5"])
    train = faces(tmp_path, "train")
    assert [face.id for face in train] == ["train_00002", "train_00001"]
    assert [face.labels for face in train] == [{"rafdb": "happiness"}, {"rafdb": "sadness"}]
    assert train[0].emotions == {"rafdb": one_hot("happiness", LABEL_SETS["rafdb"])}
    assert (train[0].source, train[0].split, train[0].compound) == ("rafdb", "train", None)
    assert train[1].image == tmp_path / "Image" / "aligned" / "train_00001_aligned.jpg"
    assert abs(int(train[1].picture()[50, 50, 0]) - 40) < 6
    assert [face.labels["rafdb"] for face in faces(tmp_path, "test")] == ["neutral"]
    assert rafdb.layout(tmp_path) == "aligned"


def test_original_pictures_and_the_folder_above(tmp_path):
    write_official(tmp_path / "basic", ["train_00001.jpg 5"], kind="original")
    (face,) = faces(tmp_path, "train")
    assert face.image == tmp_path / "basic" / "Image" / "original" / "train_00001.jpg"
    assert face.picture().shape == (100, 100, 3)
    assert rafdb.layout(tmp_path) == "original"


def test_aligned_pictures_go_before_original_ones_and_an_inner_folder_is_seen_through(tmp_path):
    write_official(tmp_path, ["train_00001.jpg 5"])
    (tmp_path / "Image" / "original").mkdir()
    inner = tmp_path / "Image" / "aligned" / "aligned"
    inner.mkdir()
    (tmp_path / "Image" / "aligned" / "train_00001_aligned.jpg").rename(inner / "train_00001_aligned.jpg")
    (face,) = faces(tmp_path, "train")
    assert face.picture().shape == (100, 100, 3)
    assert rafdb.layout(tmp_path) == "aligned"


def test_a_missing_picture_is_left_to_the_doctor(tmp_path):
    write_official(tmp_path, ["train_00001.jpg 5", "train_00002.jpg 5"])
    (tmp_path / "Image" / "aligned" / "train_00001_aligned.jpg").unlink()
    assert len(faces(tmp_path, "train")) == 2


@pytest.mark.parametrize(("bom", "newline"), [("", "\n"), ("\ufeff", "\r\n"), ("", "\r")])
def test_byte_order_mark_line_ends_blanks_and_floats(tmp_path, bom, newline):
    write_official(tmp_path, ["train_00001.jpg 5.0 ", "train_00002.jpg   1"], bom=bom, newline=newline)
    assert [face.labels["rafdb"] for face in faces(tmp_path, "train")] == ["sadness", "surprise"]


@pytest.mark.parametrize("code", range(1, 8))
def test_every_basic_code_has_its_name(tmp_path, code):
    write_official(tmp_path, [f"test_0001.jpg {code}"])
    (face,) = faces(tmp_path, "test")
    assert face.labels == {"rafdb": BASIC[code - 1]}


@pytest.mark.parametrize("code", range(1, 12))
def test_every_compound_code_has_its_two_emotions(tmp_path, code):
    write_official(tmp_path, [f"test_0001.jpg {code}"])
    (face,) = faces(tmp_path, "test", rafdb.scan_compound)
    first, second = COMPOUND[code - 1].split()
    assert face.compound == (first, second)
    assert (face.labels, face.id, face.source) == ({}, "compound_test_0001", "rafdb_compound")
    shares = dict(zip(LABEL_SETS["rafdb"], face.emotions["rafdb"], strict=True))
    assert {name: share for name, share in shares.items() if share} == {first: 0.5, second: 0.5}


@pytest.mark.parametrize(("scan", "codes"), [(rafdb.scan, ("0", "8", "x")), (rafdb.scan_compound, ("0", "12", "2.5"))])
def test_codes_out_of_range_are_problems_with_their_line(tmp_path, scan, codes):
    write_official(tmp_path, ["train_00001.jpg 5", *(f"train_0000{n + 2}.jpg {code}" for n, code in enumerate(codes))])
    face, *problems = scan(tmp_path, "train")
    assert isinstance(face, LabelledFace)
    assert all(isinstance(problem, Problem) for problem in problems)
    for number, (code, problem) in enumerate(zip(codes, problems, strict=True), start=2):
        assert problem.where.endswith(f"list_patition_label.txt, line {number}")
        assert repr(code) in problem.what
    assert len(list(scan(tmp_path, "test"))) == 0, "the test split has no such rows"


@pytest.mark.parametrize("line", ["train_00001.jpg", "val_0001.jpg 3", "train_00001.jpg 3 4"])
def test_lines_of_another_form_are_problems(tmp_path, line):
    write_official(tmp_path, ["test_0001.jpg 3", line])
    found = list(rafdb.scan(tmp_path, "train"))
    assert [repr(line) in problem.what for problem in found if isinstance(problem, Problem)] == [True]


def test_the_basic_set_is_not_taken_for_the_compound_one_nor_the_other_way(tmp_path):
    write_official(tmp_path / "a", [f"train_{n:05d}.jpg {n}" for n in range(1, 8)])
    write_official(tmp_path / "b", [f"train_{n:05d}.jpg {n}" for n in range(1, 12)])
    assert (rafdb.layout(tmp_path / "a"), rafdb.layout_compound(tmp_path / "a")) == ("aligned", None)
    assert (rafdb.layout(tmp_path / "b"), rafdb.layout_compound(tmp_path / "b")) == (None, "aligned")
    with pytest.raises(FileNotFoundError, match="folder of the one that is meant"):
        list(rafdb.scan(tmp_path / "b", "train"))
    with pytest.raises(FileNotFoundError, match="folder of the one that is meant"):
        list(rafdb.scan_compound(tmp_path / "a", "train"))


def write_folders(root, rows):
    for split, code, name in rows:
        folder = root / split / str(code)
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 100), (code * 20, 0, 0)).save(folder / name)
    for code in range(1, 8):
        (root / "train" / str(code)).mkdir(parents=True, exist_ok=True)


ROWS = [
    ("train", 5, "train_00002_aligned.jpg"),
    ("train", 4, "train_00001_aligned.jpg"),
    ("test", 1, "test_0001_aligned.jpg"),
]


def test_folders_alone(tmp_path):
    write_folders(tmp_path / "DATASET", ROWS)
    (tmp_path / "DATASET" / "train" / "4" / "notes.txt").write_text("no picture")
    train = faces(tmp_path, "train")
    assert [(face.id, face.labels["rafdb"]) for face in train] == [
        ("train_00001", "happiness"),
        ("train_00002", "sadness"),
    ]
    assert rafdb.layout(tmp_path) == "folders"
    assert rafdb.layout(tmp_path / "DATASET") == "folders"
    assert rafdb.layout_compound(tmp_path) is None


def test_folders_with_their_table_follow_its_order(tmp_path):
    write_folders(tmp_path / "DATASET", ROWS)
    lines = ["image,label", "train_00002_aligned.jpg,5", " train_00001_aligned.jpg , 4.0", "train_00003_aligned.jpg,8"]
    (tmp_path / "train_labels.csv").write_bytes(("\ufeff" + "\r\n".join(lines)).encode())
    first, second, problem = rafdb.scan(tmp_path, "train")
    assert [face.id for face in (first, second)] == ["train_00002", "train_00001"]
    assert abs(int(second.picture()[50, 50, 0]) - 80) < 6
    assert problem.where.endswith("train_labels.csv, line 4")
    assert [face.labels["rafdb"] for face in faces(tmp_path, "test")] == ["surprise"]


def test_folders_without_the_split_say_so(tmp_path):
    write_folders(tmp_path / "DATASET", ROWS[:2])
    with pytest.raises(FileNotFoundError, match="no test pictures: expected folders 1 to 7"):
        list(rafdb.scan(tmp_path, "test"))


@pytest.mark.parametrize("scan", [rafdb.scan, rafdb.scan_compound])
def test_a_wrong_folder_and_a_wrong_split_say_what_was_expected(tmp_path, scan):
    with pytest.raises(FileNotFoundError, match=r"expected EmoLabel/list_patition_label\.txt"):
        list(scan(tmp_path, "train"))
    with pytest.raises(ValueError, match="splits train, test, not 'val'"):
        list(scan(tmp_path, "val"))


def test_a_list_without_pictures_is_no_layout(tmp_path):
    write_official(tmp_path, ["train_00001.jpg 5"])
    (tmp_path / "Image" / "aligned").rename(tmp_path / "Image" / "cropped")
    assert rafdb.layout(tmp_path) is None
    with pytest.raises(FileNotFoundError, match="Image/aligned or Image/original"):
        list(rafdb.scan(tmp_path, "train"))


def test_published_counts():
    assert dict(rafdb.SOURCE.counts) == {"train": 12271, "test": 3068}
    assert dict(rafdb.COMPOUND_SOURCE.counts) == {"train": 3162, "test": 792}
    assert rafdb.COMPOUND_SOURCE.unconfirmed
