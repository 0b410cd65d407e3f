"""DISFA in its true layout, in miniature: both cameras, videos and extracted frames."""

import shutil

import pytest
from PIL import Image

from feallm.data.records import Problem, VideoFrame
from feallm.data.sources import SOURCES, folds, load
from feallm.data.sources.disfa import NUMBERS, UNITS
from tests.data.test_frames import read_number, write_video

SUBJECTS = ("SN001", "SN013", "SN003")  # of part 1, 2, 3
FRAMES = 12


def intensity(subject, number, frame):
    return (int(subject[2:]) + number + frame) % 6


def write_codes(root, subject, newline="\n", start=""):
    folder = root / "ActionUnit_Labels" / subject
    folder.mkdir(parents=True)
    for number in NUMBERS:
        rows = [f"{frame},{intensity(subject, number, frame)}" for frame in range(1, FRAMES + 1)]
        (folder / f"{subject}_au{number}.txt").write_bytes((start + newline.join(rows) + newline).encode())


@pytest.fixture
def disfa(tmp_path):
    names = ("LeftVideoSN001_comp.avi", "leftVideoSN013_Comp.avi", "LeftVideoSN003_comp.avi")
    for subject, name in zip(SUBJECTS, names, strict=True):
        write_codes(tmp_path, subject)
        write_video(tmp_path / "Videos_LeftCamera" / name, FRAMES)
        write_video(tmp_path / "Video_RightCamera" / f"RightVideo{subject}_Comp.avi", FRAMES)
    return tmp_path


def test_every_row_is_a_frame_with_graded_units(disfa):
    faces = list(load("disfa", disfa, "all"))
    assert len(faces) == len(SUBJECTS) * FRAMES
    assert [faces[place].id for place in (0, 1, 12, 35)] == [
        "SN001/left/0001",
        "SN001/left/0002",
        "SN003/left/0001",
        "SN013/left/0012",
    ]
    for face in faces:
        subject, _, frame = face.id.split("/")
        wanted = {unit: intensity(subject, number, int(frame)) for unit, number in zip(UNITS, NUMBERS, strict=True)}
        assert dict(face.action_units) == wanted
        assert (face.subject, face.source, face.graded) == (subject, "disfa", True)
    assert SOURCES["disfa"].layout(disfa) == "videos"


def test_row_1_is_the_first_frame_of_the_video_in_any_order(disfa):
    faces = list(load("disfa", disfa, "all"))
    for place in (0, 11, 4, 13, 3, 35, 12):
        assert read_number(faces[place].picture()) == int(faces[place].id[-4:]) - 1
    right = list(load("disfa_right", disfa, "all"))
    assert isinstance(right[3].image, VideoFrame)
    assert right[3].image.path.name == "RightVideoSN001_Comp.avi"
    assert (right[3].id, right[3].source, read_number(right[3].picture())) == ("SN001/right/0004", "disfa_right", 3)
    assert right[3].action_units == faces[3].action_units


@pytest.mark.parametrize("first", [0, 1])
def test_a_folder_of_frames_stands_for_a_video(disfa, first):
    shutil.rmtree(disfa / "Videos_LeftCamera")
    for subject in SUBJECTS:
        folder = disfa / "frames_left" / subject
        folder.mkdir(parents=True)
        for number in range(FRAMES):
            Image.new("L", (8, 8), 10 * number).save(folder / f"{number + first}.png")
    faces = list(load("disfa", disfa, "all"))
    assert len(faces) == len(SUBJECTS) * FRAMES
    assert [int(face.picture()[0, 0, 0]) for face in faces[:FRAMES]] == [10 * number for number in range(FRAMES)]
    assert SOURCES["disfa"].layout(disfa) == "frames"
    (disfa / "frames_left" / "SN001" / f"{3 + first}.png").unlink()
    problem, *rest = SOURCES["disfa"].scan(disfa, "fold3_test")
    assert "1 coded frames have no picture, the first is 4" in str(problem)
    assert len(rest) == FRAMES - 1


def test_the_video_is_taken_where_frames_lie_beside_it(disfa):
    extracted = disfa / "Videos_LeftCamera" / "LeftVideoSN001_comp"
    extracted.mkdir()
    Image.new("L", (8, 8)).save(extracted / "LeftVideoSN001_comp_00001.jpg")
    face = next(load("disfa", disfa, "fold3_test"))
    assert isinstance(face.image, VideoFrame)


def test_folds_take_their_subjects(disfa):
    found = {split: {face.subject for face in load("disfa", disfa, split)} for split in folds.SPLITS}
    assert [found[f"fold{fold}_test"] for fold in (1, 2, 3)] == [{"SN003"}, {"SN013"}, {"SN001"}]
    assert found["fold1_train"] == {"SN001", "SN013"}
    assert found["all"] == set(SUBJECTS)


def test_published_counts_add_up():
    for name in ("disfa", "disfa_right"):
        counts = SOURCES[name].counts
        assert counts["all"] == 27 * 4845
        assert sum(counts[f"fold{fold}_test"] for fold in (1, 2, 3)) == counts["all"]
        assert all(counts[f"fold{fold}_test"] + counts[f"fold{fold}_train"] == counts["all"] for fold in (1, 2, 3))


def test_byte_order_mark_windows_newlines_and_decimals(disfa):
    shutil.rmtree(disfa / "ActionUnit_Labels" / "SN001")
    write_codes(disfa, "SN001", newline="\r\n", start="\ufeff")
    file = disfa / "ActionUnit_Labels" / "SN001" / "SN001_au12.txt"
    file.write_text("\r".join(f" {frame} , {frame % 6}.0 " for frame in range(1, FRAMES + 1)))
    faces = list(load("disfa", disfa, "fold3_test"))
    assert [face.action_units["AU12"] for face in faces] == [frame % 6 for frame in range(1, FRAMES + 1)]
    assert faces[0].action_units["AU01"] == intensity("SN001", 1, 1)


def test_what_is_wrong_is_reported_and_the_rest_read(disfa):
    codes = disfa / "ActionUnit_Labels"
    (codes / "SN001" / "SN001_au1.txt").write_text("1,0\n2,6\n3,-1\n4,1\n4,2\n0,1\nframe\n")
    (codes / "SN001" / "SN001_au20.txt").unlink()
    write_codes(disfa, "SN014")
    (disfa / "Videos_LeftCamera" / "LeftVideoSN003_comp.avi").unlink()
    found = list(SOURCES["disfa"].scan(disfa, "all"))
    problems = [str(item) for item in found if isinstance(item, Problem)]
    expected = (
        "intensity '6', expected 0 to 5",
        "intensity '-1'",
        "frame 4 a second time",
        "frames from 1, got '0,1'",
        "got 'frame'",
        "no SN001_au20.txt",
        "not one of DISFA's 27 subjects",
        "codes without a video of the left camera",
    )
    assert len(problems) == len(expected)
    assert all(any(text in problem for problem in problems) for text in expected)
    faces = {face.id: face for face in found if not isinstance(face, Problem)}
    assert len(faces) == 2 * FRAMES
    assert faces["SN001/left/0001"].action_units["AU01"] == 0.0
    assert "AU01" not in faces["SN001/left/0002"].action_units, "what cannot be read is unknown"
    assert "AU20" not in faces["SN001/left/0001"].action_units
    assert faces["SN001/left/0004"].action_units["AU01"] == 1.0
    with pytest.raises(ValueError, match="feallm data check disfa"):
        list(load("disfa", disfa, "all"))


def test_the_wrong_folder_says_what_was_expected(disfa, tmp_path_factory):
    empty = tmp_path_factory.mktemp("left")
    for name, camera in (("disfa", "Videos_LeftCamera"), ("disfa_right", "Video_RightCamera")):
        assert SOURCES[name].layout(empty) is None
        with pytest.raises(FileNotFoundError, match=r"ActionUnit_Labels/SN001/SN001_au1\.txt"):
            SOURCES[name].scan(empty, "all")
        shutil.rmtree(disfa / camera)
        with pytest.raises(FileNotFoundError, match=camera):
            SOURCES[name].scan(disfa, "all")
        assert SOURCES[name].layout(disfa) is None
    with pytest.raises(ValueError, match="not 'fold0_test'"):
        SOURCES["disfa"].scan(disfa, "fold0_test")
