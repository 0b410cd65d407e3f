import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.faces import (
    CLUE_CROPS,
    TEMPLATE,
    Face,
    align_face,
    align_matrix,
    crop_to_picture,
    whole_picture,
)
from feallm.faces.align import similarity


def turned(angle: float, scale: float, x: float, y: float) -> Face:
    """A face whose points are the template, turned by `angle` degrees, `scale` pixels large, at (x, y)."""
    radians = np.radians(angle)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    points = TEMPLATE @ turn.T * scale + (x, y)
    return Face((x, y, scale, scale), 1.0, points.astype(np.float32))


faces = st.builds(turned, st.floats(-180, 180), st.floats(10, 2000), st.floats(-500, 500), st.floats(-500, 500))


def test_a_similarity_by_hand() -> None:
    """A quarter turn (x, y) -> (-y, x), twice the size, moved by (10, 20)."""
    source = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    target = np.array([(10.0, 20.0), (10.0, 22.0), (8.0, 20.0)])
    assert similarity(source, target) == pytest.approx(np.array([[0, -2, 10], [2, 0, 20]]), abs=1e-12)


def test_a_similarity_is_the_least_squares_one(rng_points: tuple[np.ndarray, np.ndarray]) -> None:
    source, target = rng_points
    best = similarity(source, target)

    def error(matrix: np.ndarray) -> float:
        return float(((source @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum())

    for change in (
        [[1, 0, 0], [0, 1, 0]],
        [[0, -1, 0], [1, 0, 0]],
        [[0, 0, 1], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 1]],
    ):
        for step in (1e-3, -1e-3):
            assert error(best + step * np.array(change)) > error(best)


@pytest.fixture
def rng_points() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(5, 2)), rng.normal(size=(5, 2))


@given(faces, st.integers(8, 512))
def test_points_come_to_the_template(face: Face, size: int) -> None:
    matrix = align_matrix(face, size)
    assert face.points is not None
    assert face.points @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE * size, abs=size * 2e-3)


@given(faces, st.sampled_from(CLUE_CROPS), st.floats(-0.2, 0.5))
def test_regions_go_to_the_picture_and_back(face: Face, crop: object, margin: float) -> None:
    left, top, right, bottom = region = (crop.left, crop.top, crop.right, crop.bottom)  # type: ignore[attr-defined]
    corners = crop_to_picture(region, face, margin=margin)
    matrix = align_matrix(face, 1, margin=margin)
    back = corners @ matrix[:, :2].T + matrix[:, 2]
    assert back == pytest.approx(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), abs=1e-6)


def test_the_template_is_symmetric_so_mirrored_faces_get_mirrored_crops() -> None:
    mirrored = (np.array([1, 0]) - TEMPLATE) * (1, -1)
    assert mirrored[[1, 0, 2, 4, 3]] == pytest.approx(TEMPLATE, abs=1e-6)


def test_margin_shows_more_around_the_same_centre() -> None:
    face = turned(0, 100, 20, 30)
    assert crop_to_picture((0, 0, 1, 1), face)[[0, 2]] == pytest.approx(np.array([(20, 30), (120, 130)]), abs=1e-3)
    wide = crop_to_picture((0, 0, 1, 1), face, margin=0.25)
    assert wide[[0, 2]] == pytest.approx(np.array([(-5, 5), (145, 155)]), abs=1e-3)


def test_without_points_the_box_is_squared_by_its_longer_side() -> None:
    corners = crop_to_picture((0, 0, 1, 1), Face((10, 20, 30, 50), 1.0))
    assert corners[[0, 2]] == pytest.approx(np.array([(0, 20), (50, 70)]))


def test_a_whole_picture_of_the_right_size_is_returned_as_it_is() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    assert np.array_equal(align_face(picture, whole_picture(picture), 48), picture)


@pytest.mark.parametrize(("side", "flag"), [(144, cv2.INTER_AREA), (24, cv2.INTER_CUBIC)])
def test_a_whole_picture_is_only_resized(side: int, flag: int) -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8), (0, 0), 2)
    expected = cv2.resize(picture, (48, 48), interpolation=flag)
    got = align_face(picture, whole_picture(picture), 48)
    assert np.abs(got.astype(int) - expected).max() <= 3


def test_a_whole_picture_that_is_not_square_keeps_its_proportions() -> None:
    """40 wide and 20 high: ten rows above and below repeat the edge."""
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:10] = 200
    crop = align_face(picture, whole_picture(picture), 40)
    assert crop.shape == (40, 40, 3)
    assert (crop[:20] == 200).all()
    assert (crop[20:] == 0).all()


def test_a_point_of_light_lands_where_the_matrix_says() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    face = turned(30, 120, 130, 60)
    place = crop_to_picture((0.25, 0.625, 1, 1), face)[0]
    cv2.circle(picture, tuple(int(v) for v in place), 2, (255, 255, 255), -1)
    crop = align_face(picture, face, 80)[:, :, 0].astype(float)
    rows, columns = np.mgrid[:80, :80] + 0.5
    centre = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
    assert centre == pytest.approx(np.array([0.25, 0.625]) * 80, abs=0.5)


def test_large_faces_do_not_alias() -> None:
    """One-pixel stripes of black and white, reduced eight times and turned, are grey, not a pattern."""
    picture = np.zeros((900, 900, 3), np.uint8)
    picture[:, ::2] = 255
    crop = align_face(picture, turned(10, 768, 120, 40), 96)
    assert crop.std() < 8
    assert crop.mean() == pytest.approx(127.5, abs=2)


def test_the_astronaut_stands_upright_whatever_way_she_is_turned(astronaut: np.ndarray, face: Face) -> None:
    upright = align_face(astronaut, face, 96).astype(float)
    height, width = astronaut.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 40, 1.0)
    picture = cv2.warpAffine(astronaut, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    assert face.points is not None
    moved = (face.points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    crop = align_face(picture, Face(face.box, 1.0, moved), 96).astype(float)
    assert np.abs(crop - upright).mean() < 6


def test_pictures_wider_than_opencv_warps() -> None:
    picture = np.zeros((40, 40_000, 3), np.uint8)
    picture[:, 39_000:] = 255
    crop = align_face(picture, Face((39_000.0 - 20, 0, 40, 40), 1.0), 40)
    assert (crop[:, :20] == 0).all()
    assert (crop[:, 20:] == 255).all()


def test_faces_outside_the_picture_repeat_its_edge() -> None:
    picture = np.full((10, 10, 3), 90, np.uint8)
    assert (align_face(picture, Face((-500, -500, 50, 50), 1.0), 16) == 90).all()


def test_grey_pictures_become_three_equal_channels() -> None:
    crop = align_face(np.arange(100, dtype=np.uint8).reshape(10, 10), Face((0, 0, 10, 10), 1.0), 10)
    assert crop.shape == (10, 10, 3)
    assert np.array_equal(crop[:, :, 0], crop[:, :, 2])
    assert crop[3, 4, 1] == 34


def test_what_cannot_be_aligned_says_so() -> None:
    same = Face((0, 0, 10, 10), 1.0, np.full((5, 2), 3, np.float32))
    with pytest.raises(ValueError, match="all lie in one place"):
        align_matrix(same, 10)
    with pytest.raises(ValueError, match="at least 1 pixel"):
        align_matrix(Face((0, 0, 10, 10), 1.0), 0)
    with pytest.raises(ValueError, match="margin"):
        align_matrix(Face((0, 0, 10, 10), 1.0), 10, margin=-0.5)
    with pytest.raises(ValueError, match="uint8"):
        align_face(np.zeros((10, 10, 3)), Face((0, 0, 10, 10), 1.0), 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(0, 10, 3\)"):
        align_face(np.zeros((0, 10, 3), np.uint8), Face((0, 0, 10, 10), 1.0), 10)
