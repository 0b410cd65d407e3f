"""Frames out of videos and folders: the number that is asked for, in any order, whatever the codec and the padding."""

import cv2
import numpy as np
import pytest
from PIL import Image

from feallm.data.frames import frame_pictures, numbered_pictures, read_frame
from feallm.data.records import VideoFrame

BITS = 10


def draw(number):
    """A picture that says its number: one bright or dark square for each binary digit, and a red left edge."""
    picture = np.full((32, 16 * (BITS + 1), 3), 20, np.uint8)
    picture[:, :16] = (0, 0, 220)  # BGR, as OpenCV writes it
    for bit in range(BITS):
        if number >> bit & 1:
            picture[:, 16 * (bit + 1) : 16 * (bit + 2)] = 230
    return picture


def read_number(picture):
    return sum(1 << bit for bit in range(BITS) if picture[16, 16 * (bit + 1) + 8].mean() > 128)


def write_video(path, count, codec="MJPG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 20, (16 * (BITS + 1), 32))
    assert writer.isOpened()
    for number in range(count):
        writer.write(draw(number))
    writer.release()


@pytest.mark.parametrize(("codec", "suffix"), [("MJPG", ".avi"), ("XVID", ".avi"), ("mp4v", ".mp4")])
def test_the_frame_asked_for_comes_in_any_order(tmp_path, codec, suffix):
    path = tmp_path / f"video{suffix}"
    write_video(path, 700, codec)
    order = [0, 1, 2, 50, 49, 699, 0, 350, 351, 349, 698, 13, 320, 660, 5]
    assert [read_number(read_frame(path, number)) for number in order] == order
    shuffled = np.random.default_rng(0).permutation(700)[:40].tolist()
    assert [read_number(VideoFrame(path, number).read()) for number in shuffled] == shuffled


def test_frames_are_rgb(tmp_path):
    write_video(tmp_path / "video.avi", 3)
    picture = read_frame(tmp_path / "video.avi", 1)
    assert picture.shape == (32, 16 * (BITS + 1), 3)
    assert picture.dtype == np.uint8
    assert picture[16, 8, 0] > 150 > picture[16, 8, 2], "the red edge is red in RGB"


def test_videos_take_turns(tmp_path):
    paths = [tmp_path / f"{name}.avi" for name in "abcdefg"]
    for path in paths:
        write_video(path, 30)
    read = [read_number(read_frame(path, number)) for number in (20, 3, 4) for path in paths]
    assert read == [20] * 7 + [3] * 7 + [4] * 7, "more videos than are held open"


def test_what_cannot_be_read_says_so(tmp_path):
    path = tmp_path / "video.avi"
    write_video(path, 5)
    with pytest.raises(FileNotFoundError, match="no video at"):
        read_frame(tmp_path / "none.avi", 0)
    with pytest.raises(OSError, match=r"frame 5 \(from 0\) cannot be read; the video says that it has 5 frames"):
        read_frame(path, 5)
    with pytest.raises(OSError, match="no frame -1"):
        read_frame(path, -1)
    assert read_number(read_frame(path, 4)) == 4, "a failure leaves the video readable"
    (tmp_path / "text.avi").write_text("this is no video")
    with pytest.raises(OSError, match="OpenCV cannot open this video"):
        read_frame(tmp_path / "text.avi", 0)


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (("000.jpg", "001.jpg", "002.jpg"), {1: "000.jpg", 2: "001.jpg", 3: "002.jpg"}),
        (("0001.png", "0002.png", "0010.png"), {1: "0001.png", 2: "0002.png", 10: "0010.png"}),
        (("2.jpg", "10.jpg", "1.jpg"), {1: "1.jpg", 2: "2.jpg", 10: "10.jpg"}),
        (("LeftVideoSN001_comp_00007.jpg", "frame_8.JPG"), {7: "LeftVideoSN001_comp_00007.jpg", 8: "frame_8.JPG"}),
        (("001.jpg", "001.obj", "002.mtl", "cover.jpg"), {1: "001.jpg"}),
    ],
)
def test_folders_of_frames_count_from_what_they_begin_with(tmp_path, names, frames):
    for name in names:
        (tmp_path / name).touch()
    found = frame_pictures(tmp_path)
    assert {number: path.name for number, path in found.items()} == frames
    assert list(found) == sorted(found)


def test_a_folder_that_is_not_there_has_no_frames(tmp_path):
    assert frame_pictures(tmp_path / "none") == numbered_pictures(tmp_path / "none") == {}
    Image.new("L", (4, 4)).save(tmp_path / "000.png")
    assert list(numbered_pictures(tmp_path)) == [0], "numbers as they stand"
