"""EmotioNet's lists and downloaded pictures, written here in miniature."""

import pytest
from PIL import Image

from feallm.data.records import LabelledFace, Problem
from feallm.data.sources import emotionet
from feallm.facs.action_units import ACTION_UNITS

SERVER = "https://example.org/emotionet/Images"


def row(name, units=None, folder="N_1", rest="0"):
    """A row of 62 cells: URL, original URL, AU 1 to 60."""
    values = dict.fromkeys(range(1, 61), rest) | (units or {})
    return [f"{SERVER}/{folder}/{name}.jpg", f"http://example.org/{name}", *(values[n] for n in range(1, 61))]


def write_list(folder, rows, file="dataFile_1000.txt", newline="\n", bom="", mark="\t"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes((bom + newline.join(mark.join(cells) for cells in rows) + newline).encode())


def write_pictures(folder, *names, colour=40):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (32, 32), (colour, 0, 0)).save(folder / name)


def faces(path, split):
    found = list(emotionet.scan(path, split))
    assert all(isinstance(item, LabelledFace) for item in found), found
    return found


def test_rows_in_their_order_with_what_is_known(tmp_path):
    write_list(tmp_path, [row("N_1_00002", {6: "1", 12: "1", 4: "999"}), row("N_1_00001", {1: "1", 2: ""})])
    write_pictures(tmp_path / "pictures", "N_1_00001.jpg", "N_1_00002.jpg")
    smile, brow = faces(tmp_path, "val")
    assert [face.id for face in (smile, brow)] == ["N_1_00002", "N_1_00001"]
    assert {unit for unit, value in smile.action_units.items() if value} == {"AU06", "AU12"}
    assert set(smile.action_units) == set(emotionet.UNITS) - {"AU04"}
    assert "AU02" not in brow.action_units
    assert (smile.graded, smile.labels, smile.emotions) == (False, {}, {})
    assert smile.action_units["AU12"] == 1.0
    assert smile.picture().shape == (32, 32, 3)
    assert smile.provenance["action_units"] == "coders of the owners"
    assert emotionet.layout(tmp_path) == "lists"


@pytest.mark.parametrize("number", [unit.number for unit in ACTION_UNITS.values()])
def test_every_column_is_its_own_unit(tmp_path, number):
    write_list(tmp_path, [row("a", {number: "1"})])
    write_pictures(tmp_path, "a.jpg")
    (face,) = faces(tmp_path, "val")
    assert [unit for unit, value in face.action_units.items() if value] == [f"AU{number:02d}"]


def test_a_unit_beside_the_twelve_counts_only_in_lists_that_have_a_one_for_it(tmp_path):
    write_list(tmp_path, [row("a", {10: "1"}), row("b")])
    write_list(tmp_path, [row("c")], file="dataFile_1001.txt")
    write_pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    assert [face.action_units.get("AU10") for face in faces(tmp_path, "val")] == [1.0, 0.0, None]


def test_lists_below_a_thousand_are_the_algorithms(tmp_path):
    lists = tmp_path / "lists"
    write_list(lists, [row("a")], file="dataFile_0002.txt")
    write_list(lists, [row("b")], file="dataFile_0001.txt")
    write_list(lists, [row("c")], file="dataFile_1000.txt")
    write_pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    train = faces(tmp_path, "train")
    assert [face.id for face in train] == ["b", "a"]
    assert train[0].provenance["action_units"] == "an algorithm of the owners"
    assert [face.id for face in faces(tmp_path, "val")] == ["c"]


@pytest.mark.parametrize(("bom", "newline"), [("", "\n"), ("\ufeff", "\r\n")])
def test_byte_order_mark_line_ends_and_floats(tmp_path, bom, newline):
    write_list(tmp_path, [row("a", {1: "1.0", 2: "0.0", 4: "999.0", 5: " 1 "})], bom=bom, newline=newline)
    write_pictures(tmp_path, "a.jpg")
    (face,) = faces(tmp_path, "val")
    assert (face.action_units["AU01"], face.action_units["AU02"], face.action_units["AU05"]) == (1.0, 0.0, 1.0)
    assert "AU04" not in face.action_units


def test_a_table_with_names(tmp_path):
    names = ["URL", "orig URL", *(f"AU {number}" for number in range(1, 61))]
    write_list(tmp_path, [names, row("a", {25: "1"})], file="facs.csv", mark=",")
    write_pictures(tmp_path, "a.jpg")
    (face,) = faces(tmp_path, "val")
    assert [unit for unit, value in face.action_units.items() if value] == ["AU25"]
    (tmp_path / "facs.csv").rename(tmp_path / "dataFile_1000.txt")
    with pytest.raises(ValueError, match="expected a row of names with URL and AU 1 to 60"):
        list(emotionet.scan(tmp_path, "val"))


def test_pictures_are_found_by_name_and_then_by_folder(tmp_path):
    write_list(tmp_path, [row("A%20b"), row("two"), row("gone")])
    write_pictures(tmp_path / "x", "a B.PNG")
    write_pictures(tmp_path / "crops", "two.jpg", colour=0)
    write_pictures(tmp_path / "N_1", "two.jpg", colour=200)
    first, two = faces(tmp_path, "val")
    assert (first.id, first.image) == ("A b", tmp_path / "x" / "a B.PNG")
    assert two.picture()[3, 3, 0] > 150
    (tmp_path / "N_1").rename(tmp_path / "faces")
    _, problem = emotionet.scan(tmp_path, "val")
    assert isinstance(problem, Problem)
    assert "2 pictures could be two.jpg" in problem.what


def test_values_out_of_range_and_short_rows_are_problems_with_their_line(tmp_path):
    write_list(tmp_path, [row("a"), row("b", {6: "2", 9: "x"}), row("c")[:40], row("d")])
    write_pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    a, value, short, d = emotionet.scan(tmp_path, "val")
    assert (a.id, d.id) == ("a", "d")
    assert value.what == "AU06 '2', AU09 'x': expected 0, 1 or 999"
    assert value.where.endswith("dataFile_1000.txt, line 2")
    assert short.what.startswith("40 cells")


def test_a_folder_without_any_of_the_pictures_says_so(tmp_path):
    write_list(tmp_path, [row("a"), row("b")])
    (problem,) = emotionet.scan(tmp_path, "val")
    assert "none of the 2 rows" in problem.what
    assert "download" in problem.fix


def test_a_wrong_folder_and_a_wrong_split_say_what_was_expected(tmp_path):
    (tmp_path / "other.csv").write_text("image,AU01\na.jpg,1\n")
    assert emotionet.layout(tmp_path) is None
    with pytest.raises(FileNotFoundError, match=r"expected lists dataFile_0001\.txt"):
        list(emotionet.scan(tmp_path, "train"))
    with pytest.raises(ValueError, match="splits train, val, not 'test'"):
        list(emotionet.scan(tmp_path, "test"))
