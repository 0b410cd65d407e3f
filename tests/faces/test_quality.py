import math
from typing import Any

import cv2
import numpy as np
import pytest

from feallm.faces import TEMPLATE, Face, Quality, align_face, assess, whole_picture

Picture = np.ndarray


def measured(picture: Picture, face: Face) -> Quality:
    return assess(picture, face, align_face(picture, face, 96))


def head(yaw: float, roll: float) -> Face:
    """Five points of a head seen from afar: eyes 100 apart, mouth 100 below, nose 50 before the eyes."""
    y, r = math.radians(yaw), math.radians(roll)
    solid = np.array([(-50, -40, 0), (50, -40, 0), (0, 10, 50), (-40, 60, 0), (40, 60, 0)], float)
    flat = np.column_stack([solid[:, 0] * math.cos(y) + solid[:, 2] * math.sin(y), solid[:, 1]])
    turn = np.array([[math.cos(r), -math.sin(r)], [math.sin(r), math.cos(r)]])
    return Face((100, 100, 200, 200), 1.0, (flat @ turn.T + 200).astype(np.float32))


@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (20, 0), (-35, 0), (15, 25), (-15, -120), (0, 179)])
def test_yaw_and_roll_of_a_known_head(yaw: float, roll: float) -> None:
    quality = measured(np.full((400, 400, 3), 128, np.uint8), head(yaw, roll))
    assert quality.yaw == pytest.approx(yaw, abs=0.1)
    assert quality.roll == pytest.approx(roll, abs=0.1)
    assert ("turned" in quality.flags) == (abs(yaw) > 30)


def test_without_points_the_pose_is_unknown() -> None:
    picture = np.full((50, 50, 3), 128, np.uint8)
    quality = measured(picture, whole_picture(picture))
    assert quality.yaw is None
    assert quality.roll is None
    assert "turned" not in quality.flags


def test_a_good_face_has_no_flags(astronaut: Picture, face: Face) -> None:
    quality = measured(astronaut, face)
    assert quality.flags == ()
    assert quality.usable
    assert quality.size == pytest.approx(face.box[2])
    assert abs(quality.yaw or 90) < 15


@pytest.mark.parametrize(
    ("flag", "change"),
    [
        ("blurred", lambda picture: cv2.GaussianBlur(picture, (0, 0), 4)),
        ("dark", lambda picture: (picture * 0.1).astype(np.uint8)),
        ("bright", lambda picture: (255 - (255 - picture.astype(float)) * 0.1).astype(np.uint8)),
        ("bright", lambda picture: np.where(picture > 150, 255, picture).astype(np.uint8)),
        ("dark", lambda picture: picture * (picture.min(axis=2, keepdims=True) > 110)),
    ],
)
def test_each_fault_raises_its_flag_alone(flag: str, change: Any, astronaut: Picture, face: Face) -> None:
    assert measured(change(astronaut), face).flags == (flag,)


def test_sharpness_does_not_depend_on_contrast(astronaut: Picture, face: Face) -> None:
    faint = (astronaut * 0.4 + 80).astype(np.uint8)
    assert measured(faint, face).sharpness == pytest.approx(measured(astronaut, face).sharpness, rel=0.15)


def test_a_flat_crop_is_blurred_not_an_error() -> None:
    picture = np.full((64, 64, 3), 100, np.uint8)
    quality = measured(picture, whole_picture(picture))
    assert quality.sharpness == 0
    assert quality.luminance == pytest.approx(100 / 255)
    assert quality.flags == ("blurred",)


@pytest.mark.parametrize(("side", "small", "usable"), [(15, True, False), (16, True, True), (32, False, True)])
def test_small_and_hopeless_faces(side: int, small: bool, usable: bool) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    quality = measured(picture, Face((50, 50, side + 9, side), 1.0))
    assert ("small" in quality.flags, quality.usable) == (small, usable)


def test_the_share_outside_the_picture_by_hand() -> None:
    picture = np.random.default_rng(0).integers(60, 200, (100, 100, 3), dtype=np.uint8)
    points = (TEMPLATE * 80 + (60, 10)).astype(np.float32)
    quality = measured(picture, Face((60, 10, 40, 80), 1.0, points))
    assert quality.outside == pytest.approx(0.5, abs=0.01)
    assert "cut_off" in quality.flags
    assert measured(picture, Face((10, 10, 80, 80), 1.0)).outside == pytest.approx(0, abs=1e-6)
    assert measured(picture, Face((200, 200, 40, 40), 1.0)).outside == 1


def test_the_colour_of_clipping() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:30] = 255
    quality = measured(picture, whole_picture(picture))
    aligned_exactly = assess(picture, whole_picture(picture), picture)
    assert aligned_exactly.white == pytest.approx(0.3)
    assert aligned_exactly.black == pytest.approx(0.7)
    assert {"dark", "bright"} <= set(quality.flags)
