import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.faces import CLUE_CROPS, ClueCrop, crop_boxes


def test_the_paper_fixes_the_first_two_crops_and_the_last() -> None:
    boxes = crop_boxes(100, 200)
    assert boxes[0] == (0, 0, 100, 100)
    assert boxes[1] == (0, 0, 100, 150)
    assert boxes[15] == (0, 100, 50, 200)


def test_all_sixteen_on_eight_pixels_by_hand() -> None:
    assert crop_boxes(8, 8) == [
        (0, 0, 8, 4),
        (0, 0, 8, 6),
        (0, 4, 8, 8),
        (0, 2, 8, 8),
        (0, 0, 4, 8),
        (0, 0, 6, 8),
        (4, 0, 8, 8),
        (2, 0, 8, 8),
        (0, 0, 6, 6),
        (2, 0, 8, 6),
        (2, 2, 8, 8),
        (0, 2, 6, 8),
        (0, 0, 4, 4),
        (4, 0, 8, 4),
        (4, 4, 8, 8),
        (0, 4, 4, 8),
    ]


def test_the_names_tell_where_the_crops_lie() -> None:
    assert len({crop.name for crop in CLUE_CROPS}) == 16
    for crop in CLUE_CROPS:
        assert ("top" in crop.name) == (crop.top == 0 and crop.bottom < 1)
        assert ("bottom" in crop.name) == (crop.bottom == 1 and crop.top > 0)
        assert ("left" in crop.name) == (crop.left == 0 and crop.right < 1)
        assert ("right" in crop.name) == (crop.right == 1 and crop.left > 0)


@given(st.integers(2, 3000), st.integers(2, 3000))
def test_boxes_are_inside_and_never_empty(width: int, height: int) -> None:
    for left, top, right, bottom in crop_boxes(width, height):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height


def test_one_pixel_cannot_be_cut() -> None:
    with pytest.raises(ValueError, match=r"at least 2 x 2 pixels .* got 1 x 5"):
        crop_boxes(1, 5)


@pytest.mark.parametrize("edges", [(0.5, 0, 0.5, 1), (0, 0, 1.1, 1), (0, 0.8, 1, 0.2)])
def test_a_crop_outside_the_face_is_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="clue crop 'x'"):
        ClueCrop("x", *edges)
