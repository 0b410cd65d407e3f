"""The places of action units in the aligned face, and the control places beside them."""

import pytest

from feallm.faces.regions import AU_REGIONS, control_boxes


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


@pytest.mark.parametrize("unit", sorted(AU_REGIONS))
def test_a_control_is_as_large_and_elsewhere(unit):
    boxes = AU_REGIONS[unit]
    controls = control_boxes(boxes)
    assert len(controls) == len(boxes)
    for box, control in zip(boxes, controls, strict=True):
        assert all(0 <= edge <= 1 for edge in (*box, *control))
        assert box[2] - box[0] == pytest.approx(control[2] - control[0])
        assert box[3] - box[1] == pytest.approx(control[3] - control[1])
        assert all(overlap(control, other) < 1e-9 for other in boxes)


def test_paired_places_mirror_each_other():
    left, right = AU_REGIONS["AU12"]
    assert left[0] == pytest.approx(1 - right[2])
    assert (left[1], left[3]) == (right[1], right[3])


def test_a_place_that_fills_the_face_has_no_control():
    with pytest.raises(ValueError, match="at most half as high"):
        control_boxes(((0.0, 0.2, 1.0, 0.9),))
