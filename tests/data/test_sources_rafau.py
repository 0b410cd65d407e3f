"""RAF-AU in its true layout, in miniature."""

import pytest
from PIL import Image

from feallm.data.records import Problem
from feallm.data.sources import SOURCES, load
from feallm.data.sources.rafau import UNITS

LINES = ("0001.jpg 1+2+5+25+26", "0002.jpg L12+R12+L14+B25", "0003.jpg null ", "4.jpg 12+R12+T10+43+32")


def write(root, lines=LINES, newline="\n", start=""):
    (root / "RAFAU_label.txt").write_bytes((start + newline.join(lines) + newline).encode())
    (root / "aligned").mkdir(exist_ok=True)
    for number in range(1, 5):
        Image.new("RGB", (6, 6), (20 * number, 0, 0)).save(root / "aligned" / f"{number:04d}_aligned.jpg", quality=100)
    return root


def present(face):
    return {unit for unit, strength in face.action_units.items() if strength == 1.0}


def test_units_and_sides(tmp_path):
    faces = list(load("rafau", write(tmp_path), "all"))
    assert [face.id for face in faces] == ["0001", "0002", "0003", "0004"]
    assert [present(face) for face in faces] == [
        {"AU01", "AU02", "AU05", "AU25", "AU26"},
        {"AU12", "AU14", "AU25"},
        set(),
        {"AU12", "AU10", "AU43"},
    ]
    assert [face.sides for face in faces] == [{}, {"AU14": "L", "AU25": "B"}, {}, {"AU10": "T"}]
    assert all(set(face.action_units) - {"AU43"} == set(UNITS) for face in faces)
    assert set(faces[2].action_units.values()) == {0.0}, "null says that none is there"
    assert "AU43" not in faces[0].action_units, "a unit beyond the list is known only where it is named"
    assert not any(face.graded or face.labels or face.emotions for face in faces)
    assert abs(int(faces[3].picture()[2, 2, 0]) - 80) < 8, "4.jpg is 0004_aligned.jpg"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_byte_order_mark_and_newlines(tmp_path, newline):
    faces = list(load("rafau", write(tmp_path, newline=newline, start="\ufeff"), "all"))
    assert [face.id for face in faces] == ["0001", "0002", "0003", "0004"]
    assert present(faces[2]) == set()


def test_what_is_wrong_is_reported_and_the_rest_read(tmp_path):
    write(tmp_path, ("0001.jpg 1+X2", "0002.jpg", "", "0003.jpg 4+", "0004.jpg 12", "0004.jpg 12"))
    found = list(SOURCES["rafau"].scan(tmp_path, "all"))
    problems = [item for item in found if isinstance(item, Problem)]
    assert [problem.what.split(",")[0] for problem in problems] == [
        "action unit 'X2'",
        "no action units",
        "action unit ''",
        "picture 0004.jpg a second time",
    ]
    assert [problem.where.split(", ")[1] for problem in problems] == ["line 1", "line 2", "line 4", "line 6"]
    assert [face.id for face in found if not isinstance(face, Problem)] == ["0004"]


def test_the_archive_may_unpack_into_a_folder(tmp_path):
    inner = tmp_path / "RAF-AU"
    inner.mkdir()
    write(inner)
    (inner / "aligned").rename(inner / "pictures")
    (inner / "aligned").mkdir()
    (inner / "pictures").rename(inner / "aligned" / "aligned")
    for root in (tmp_path, inner):
        assert len(list(load("rafau", root, "all"))) == 4
        assert SOURCES["rafau"].layout(root) == "aligned"


def test_the_wrong_folder_says_what_was_expected(tmp_path):
    assert SOURCES["rafau"].layout(tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"expected RAFAU_label\.txt"):
        SOURCES["rafau"].scan(tmp_path, "all")
    (tmp_path / "RAFAU_label.txt").write_text("0001.jpg null\n")
    with pytest.raises(FileNotFoundError, match=r"expected aligned/0001_aligned\.jpg"):
        SOURCES["rafau"].scan(tmp_path, "all")
    with pytest.raises(ValueError, match="no published splits"):
        SOURCES["rafau"].scan(tmp_path, "train")


def test_shared_pictures_are_told():
    assert "RAF-DB" in SOURCES["rafau"].licence
