"""BP4D in its true layout, in miniature; the frozen folds."""

import shutil

import pytest
from PIL import Image

from feallm.data.records import Problem
from feallm.data.sources import SOURCES, folds, load

NUMBERS = (1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 23, 24, 30)
PRESENT = {"F001_T1": {23: (6, 12), 24: (), 25: (1, 4)}, "M011_T2": {101: (17,)}, "F007_T8": {7: (12,)}}


def write_codes(root, name, frames, unknown=(), newline="\n", bom=False):
    lines = [",".join(["0", *map(str, NUMBERS)])]
    for frame, present in frames.items():
        codes = [9 if number in (3, *unknown) else int(number in present) for number in NUMBERS]
        lines.append(",".join(map(str, (frame, *codes))))
    path = root / "AUCoding" / "AU_OCC" / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((("\ufeff" if bom else "") + newline.join(lines) + newline).encode())
    return path


def write_picture(root, name, number, digits=4):
    folder = root / "Sequences(2D+3D)" / name.replace("_", "/")
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(folder / f"{number:0{digits}d}.jpg", quality=100)


@pytest.fixture
def bp4d(tmp_path):
    for (name, frames), digits in zip(PRESENT.items(), (4, 3, 2), strict=True):
        write_codes(tmp_path, name, frames)
        for frame in frames:
            write_picture(tmp_path, name, frame, digits)
    return tmp_path


def test_codes_and_pictures(bp4d):
    faces = list(load("bp4d", bp4d, "all"))
    assert [face.id for face in faces] == [
        "F001/T1/0023",
        "F001/T1/0024",
        "F001/T1/0025",
        "F007/T8/0007",
        "M011/T2/0101",
    ]
    smile, nothing, brows, *_, last = faces
    assert {unit for unit, strength in smile.action_units.items() if strength} == {"AU06", "AU12"}
    assert (smile.subject, smile.source, smile.split, smile.graded) == ("F001", "bp4d", "all", False)
    assert set(smile.action_units) >= set(SOURCES["bp4d"].action_units)
    assert smile.action_units["AU05"] == 0.0, "units beyond the twelve are kept"
    assert "AU03" not in smile.action_units
    assert "AU30" not in smile.action_units, "not in our table"
    assert set(nothing.action_units.values()) == {0.0}
    assert brows.action_units["AU04"] == 1.0
    assert [face.image.name for face in (smile, faces[3], last)] == ["0023.jpg", "07.jpg", "101.jpg"]
    assert abs(int(brows.picture()[4, 4, 0]) - 25) < 8


def test_unknown_is_absent_and_a_frame_without_knowledge_is_left_out(bp4d):
    write_codes(bp4d, "F001_T1", {23: (6,), 24: (6,)}, unknown=(12, 24))
    faces = list(load("bp4d", bp4d, "fold3_test"))
    assert [("AU12" in face.action_units, face.action_units["AU06"]) for face in faces] == [(False, 1.0)] * 2
    write_codes(bp4d, "F001_T1", {23: (6,), 24: ()}, unknown=NUMBERS)
    assert list(load("bp4d", bp4d, "fold3_test")) == []


def test_byte_order_mark_and_windows_newlines(bp4d):
    write_codes(bp4d, "F001_T1", PRESENT["F001_T1"], newline="\r\n", bom=True)
    assert len(list(load("bp4d", bp4d, "all"))) == 5


def test_a_folder_with_a_picture_0_counts_from_0(bp4d):
    for number in range(25):
        write_picture(bp4d, "F001_T1", number)
    faces = list(load("bp4d", bp4d, "fold3_test"))
    assert [(face.id, face.image.name) for face in faces] == [
        ("F001/T1/0023", "0022.jpg"),
        ("F001/T1/0024", "0023.jpg"),
        ("F001/T1/0025", "0024.jpg"),
    ]


def test_intensities_grade_what_is_present(bp4d):
    folder = bp4d / "AUCoding" / "AU_INT"
    for unit, rows in (("AU06", "23,4\n24,0\n25,0\n"), ("AU12", "23,2\n24,3\n25,9\n")):
        (folder / unit).mkdir(parents=True)
        (folder / unit / f"F001_T1_{unit}.csv").write_text(rows)
    smile, nothing, brows, other, _ = load("bp4d", bp4d, "all")
    assert (smile.action_units["AU06"], smile.action_units["AU12"], smile.graded) == (4.0, 2.0, True)
    assert (nothing.action_units["AU12"], nothing.graded) == (0.0, True), "occurrence says that it is absent"
    assert (brows.action_units["AU04"], brows.graded) == (1.0, False), "AU4 has no intensity"
    assert other.graded is False
    assert SOURCES["bp4d"].layout(bp4d) == "AU occurrence and intensity"
    (folder / "AU06" / "F001_T1_AU06.csv").write_text("23,6\n")
    (problem,) = [item for item in SOURCES["bp4d"].scan(bp4d, "all") if isinstance(item, Problem)]
    assert "intensity '6', expected 0 to 5" in str(problem)


def test_folds_take_their_subjects(bp4d):
    ids = {split: {face.subject for face in load("bp4d", bp4d, split)} for split in folds.SPLITS}
    assert ids["fold1_test"] == {"F007"}
    assert ids["fold2_test"] == {"M011"}
    assert ids["fold3_test"] == {"F001"}
    assert ids["fold1_train"] == {"F001", "M011"}
    assert ids["all"] == {"F001", "M011", "F007"}


@pytest.mark.parametrize(
    ("parts", "people", "sizes"), [(folds.BP4D, 41, [14, 14, 13]), (folds.DISFA, 27, [9, 9, 9])], ids=["BP4D", "DISFA"]
)
def test_the_frozen_folds_are_disjoint_and_complete(parts, people, sizes):
    assert [len(part) for part in parts] == sizes
    listed = [subject for part in parts for subject in part]
    assert len(listed) == len(set(listed)) == people
    everyone = folds.subjects(parts, "all")
    assert everyone == set(listed)
    tests = [folds.subjects(parts, f"fold{fold}_test") for fold in (1, 2, 3)]
    assert tests == [frozenset(part) for part in reversed(parts)], "fold 1 tests part 3"
    for fold, test in enumerate(tests, start=1):
        train = folds.subjects(parts, f"fold{fold}_train")
        assert not train & test
        assert train | test == everyone
    assert frozenset.union(*tests) == everyone
    with pytest.raises(ValueError, match="the splits are all, fold1_train"):
        folds.subjects(parts, "fold4_test")


def test_the_subjects_are_those_of_the_release():
    women = {subject for subject in folds.subjects(folds.BP4D, "all") if subject[0] == "F"}
    assert women == {f"F{number:03d}" for number in range(1, 24)}
    assert folds.subjects(folds.BP4D, "all") - women == {f"M{number:03d}" for number in range(1, 19)}
    left_out = {"SN014", "SN015", "SN019", "SN020", "SN022"}
    assert folds.subjects(folds.DISFA, "all") == {f"SN{number:03d}" for number in range(1, 33)} - left_out


def test_what_is_wrong_is_reported_and_the_rest_read(bp4d):
    file = write_codes(bp4d, "F001_T1", PRESENT["F001_T1"])
    file.write_text(file.read_text().replace("24,0,", "24,2,") + "26,0,1\n")
    write_codes(bp4d, "F050_T1", {1: ()})
    (bp4d / "Sequences(2D+3D)" / "M011" / "T2" / "101.jpg").rename(
        bp4d / "Sequences(2D+3D)" / "M011" / "T2" / "102.jpg"
    )
    shutil.rmtree(bp4d / "Sequences(2D+3D)" / "F007")
    found = list(SOURCES["bp4d"].scan(bp4d, "all"))
    problems = [str(item) for item in found if isinstance(item, Problem)]
    assert [face.id for face in found if not isinstance(face, Problem)] == ["F001/T1/0023", "F001/T1/0025"]
    expected = (
        "AU01 is '2'",
        "expected a frame and 17 codes",
        "no pictures",
        "41 subjects",
        "1 coded frames have no pic",
    )
    assert len(problems) == len(expected)
    assert all(any(text in problem for problem in problems) for text in expected)
    with pytest.raises(ValueError, match="feallm data check bp4d"):
        list(load("bp4d", bp4d, "all"))


def test_a_table_without_the_units_is_reported_once(bp4d):
    (bp4d / "AUCoding" / "AU_OCC" / "F007_T8.csv").write_text("0,1,2\n7,0,1\n")
    (problem,) = SOURCES["bp4d"].scan(bp4d, "fold1_test")
    assert "expected a first row of AU numbers" in str(problem)


def test_codes_and_frames_may_be_written_as_decimals(bp4d):
    file = bp4d / "AUCoding" / "AU_OCC" / "F007_T8.csv"
    file.write_text("\n".join(",".join(f"{cell}.0" for cell in row.split(",")) for row in file.read_text().split()))
    (face,) = load("bp4d", bp4d, "fold1_test")
    assert (face.id, face.action_units["AU12"]) == ("F007/T8/0007", 1.0)


def test_the_wrong_folder_says_what_was_expected(bp4d, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(FileNotFoundError, match=r"AUCoding/AU_OCC/F001_T1\.csv"):
        SOURCES["bp4d"].scan(empty, "all")
    with pytest.raises(ValueError, match="not 'train'"):
        SOURCES["bp4d"].scan(bp4d, "train")
    assert SOURCES["bp4d"].layout(bp4d) == "AU occurrence"
    assert SOURCES["bp4d"].layout(empty) is None
    shutil.rmtree(bp4d / "Sequences(2D+3D)")
    with pytest.raises(FileNotFoundError, match=r"F001/T1/0023\.jpg"):
        SOURCES["bp4d"].scan(bp4d, "all")
