"""What is done to pictures, on drawn faces of several sizes."""

import pickle

import cv2
import numpy as np
import pytest

from feallm.bench import perturb
from feallm.bench.perturb import LEVELS, PERTURBATIONS
from feallm.faces.regions import AU_REGIONS, control_boxes

EVERY = [(name, level) for name in PERTURBATIONS for level in range(1, 6)]


def drawn(side=48):
    """A face of soft shapes on a grey ground, drawn large and reduced, so that every size shows the same."""
    canvas = np.full((960, 960, 3), (120, 110, 100), np.uint8)
    cv2.ellipse(canvas, (480, 480), (340, 430), 0, 0, 360, (200, 170, 150), -1)
    for x in (340, 620):
        cv2.ellipse(canvas, (x, 390), (70, 30), 0, 0, 360, (30, 30, 40), -1)
        cv2.line(canvas, (x - 90, 300), (x + 90, 280), (60, 40, 30), 24)
    cv2.ellipse(canvas, (480, 700), (170, 70), 0, 0, 180, (150, 40, 50), -1)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)


def error(picture, changed):
    """Root mean square of the change, in grey levels."""
    return float(np.sqrt(np.mean((picture.astype(float) - changed) ** 2)))


@pytest.mark.parametrize(("name", "level"), EVERY)
@pytest.mark.parametrize("shape", [(48, 48), (60, 48), (7, 9)])
def test_each_gives_a_picture_of_the_same_shape_and_leaves_its_input_alone(name, level, shape):
    picture = cv2.resize(drawn(96), shape[::-1])
    before = picture.copy()
    changed = PERTURBATIONS[name][level - 1](picture, "a")
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert (picture == before).all()
    assert not np.shares_memory(changed, picture)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_higher_levels_change_more(name):
    errors = [error(drawn(), function(drawn(), "a")) for function in PERTURBATIONS[name]]
    assert errors == sorted(errors)
    assert errors[0] > 0.3
    assert errors[-1] > 1.5 * errors[0]


@pytest.mark.parametrize(("name", "level"), EVERY)
def test_small_and_large_pictures_are_left_alike(name, level):
    function = PERTURBATIONS[name][level - 1]
    small, large = (function(drawn(side), "a") for side in (48, 480))
    reduced = cv2.resize(large, (48, 48), interpolation=cv2.INTER_AREA)
    assert error(small, reduced) < 7


def test_blur_is_a_share_of_the_side():
    step = np.zeros((100, 100, 3), np.uint8)
    step[:, 50:] = 200
    row = perturb.blur(step, "", 0.05)[50, :, 0].astype(float)
    slope = np.diff(row) / 200
    centre = np.sum(slope * np.arange(99))
    assert np.sqrt(np.sum(slope * (np.arange(99) - centre) ** 2)) == pytest.approx(5, abs=0.3)


def test_noise_has_the_stated_strength_and_hangs_on_the_key():
    grey = np.full((48, 48, 3), 128, np.uint8)
    one, again, other = (perturb.noise(grey, key, 16.0) for key in ("fer1:noise:2", "fer1:noise:2", "fer2:noise:2"))
    assert (one == again).all()
    assert (one != other).any()
    assert (one[..., 0] == one[..., 2]).all()
    assert np.std(one.astype(float)) == pytest.approx(16, rel=0.05)
    large = perturb.noise(np.full((480, 480, 3), 128, np.uint8), "fer1:noise:2", 16.0)
    assert (large[::10, ::10] == one).all()


def test_the_seed_never_changes():
    assert perturb.seed_of("fer0032144:noise:3") == 4048738053515406462


def test_rotation_turns_by_the_stated_angle_to_either_side():
    bar = np.zeros((101, 101, 3), np.uint8)
    bar[48:53, 20:81] = 255
    angles = set()
    for key in "abcdefgh":
        rows, columns = np.nonzero(perturb.rotation(bar, key, 30.0)[..., 0] > 128)
        angles.add(round(float(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))))
    assert all(abs(abs(angle) - 30) <= 2 for angle in angles)
    assert {angle > 0 for angle in angles} == {True, False}


def test_downscale_leaves_few_pixels_and_small_pictures_as_they_are():
    stripes = np.zeros((96, 96, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(perturb.downscale(stripes, "", 24.0).astype(int)) <= 2
    assert (perturb.downscale(drawn(8), "", 10.0) == drawn(8)).all()


def test_darkness_and_light():
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert (perturb.darkness(grey, "", 0.25) == 25).all()
    assert (perturb.darker(grey) == 70).all()
    assert (perturb.brighter(grey) == 146).all()
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert perturb.brighter(ends)[0, 1, 0] == 255
    assert perturb.darker(ends)[0, 0, 0] == 0


def test_mirrored_twice_is_the_picture():
    assert (perturb.mirrored(drawn())[:, 0] == drawn()[:, -1]).all()
    assert (perturb.mirrored(perturb.mirrored(drawn())) == drawn()).all()


@pytest.mark.parametrize("unit", AU_REGIONS)
def test_hidden_and_control_cover_as_much_in_different_places(unit):
    picture = drawn()
    mean = picture.mean(axis=(0, 1)).round()
    boxes, control = AU_REGIONS[unit], control_boxes(AU_REGIONS[unit])
    covered = [np.all(perturb.hide(picture, each) == mean, axis=2) for each in (boxes, control)]
    left, top, right, bottom = boxes[0]
    assert covered[0][round(top * 48) : round(bottom * 48), round(left * 48) : round(right * 48)].all()
    assert covered[0].sum() == pytest.approx(covered[1].sum(), rel=0.15)
    untouched = ~covered[0]
    assert (perturb.hide(picture, boxes)[untouched] == picture[untouched]).all()


def test_a_square_picture_is_its_own_crop_and_another_is_made_square():
    assert (perturb.face_crop(drawn()) == drawn()).all()
    assert perturb.face_crop(drawn()[:, 4:44]).shape == (48, 48, 3)


def test_the_table_is_complete_and_its_functions_can_be_sent_to_workers():
    assert LEVELS.keys() == PERTURBATIONS.keys()
    assert len(LEVELS) == 6
    for functions in PERTURBATIONS.values():
        assert len(functions) == 5
        for function in functions:
            assert (pickle.loads(pickle.dumps(function))(drawn(), "a") == function(drawn(), "a")).all()
