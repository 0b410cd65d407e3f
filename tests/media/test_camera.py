"""Cameras: OpenCV opens a file as it opens a camera, which lets a test stand in for one."""

import threading

import numpy as np
import pytest

from feallm.media.camera import camera
from tests.videos import write_clip


@pytest.fixture
def feed(tmp_path):
    left_is_red = np.zeros((48, 64, 3), np.uint8)
    left_is_red[:, :32] = (250, 10, 10)
    return str(write_clip(tmp_path / "feed.avi", [left_is_red] * 30, codec="mjpeg", pixel_format="yuvj444p"))


def test_no_such_camera(capfd):
    (picture,) = camera(97)
    assert "no camera answers at 97" in picture.error
    assert capfd.readouterr().err == ""
    with pytest.raises(ValueError, match="counted from 0"):
        camera(-1)


def test_pictures_come_with_rising_times_until_the_camera_goes_away(feed):
    *found, gone = camera(feed)
    assert found
    assert gone.pixels is None
    assert "no more pictures" in gone.error
    stamps = [picture.timestamp for picture in found]
    assert stamps == sorted(set(stamps))
    assert all(stamp >= 0 for stamp in stamps)
    numbers = [picture.frame for picture in found]
    assert numbers == sorted(set(numbers))
    assert max(numbers) == 29  # the newest is what is kept
    assert found[0].input == f"camera {feed}"
    assert found[0].pixels[24, 8, 0] > 200  # RGB, as the camera sees


def test_mirrored(feed):
    picture = next(camera(feed, mirrored=True))
    assert picture.pixels[24, 8, 0] < 60
    assert picture.pixels[24, 56, 0] > 200


def test_a_rate_passes_pictures_over(feed):
    *found, _ = camera(feed, fps=0.01)
    assert [picture.frame for picture in found] == [0]
    with pytest.raises(ValueError, match="above 0"):
        camera(feed, fps=0)


def test_the_camera_is_let_go_when_the_caller_stops(feed):
    before = threading.active_count()
    pictures = camera(feed)
    next(pictures)
    pictures.close()
    assert threading.active_count() == before
