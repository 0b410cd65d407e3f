"""Searching near the faces of the frame before: nobody is lost by it, and newcomers are seen."""

import cv2
import numpy as np
import pytest
from skimage import data

from feallm.faces import MtcnnDetector, NoneDetector
from feallm.faces.face import overlap
from feallm.faces.follow import WHOLE_EVERY, Follower

HEAD = data.astronaut()[:300, 60:360]


@pytest.fixture(scope="module")
def detector():
    return MtcnnDetector()


def scene(*heads):
    """A grey frame, 640 x 360, with a head of a side at each (x, y, side)."""
    frame = np.full((360, 640, 3), 110, np.uint8)
    for x, y, side in heads:
        frame[y : y + side, x : x + side] = cv2.resize(HEAD, (side, side), interpolation=cv2.INTER_AREA)
    return frame


def test_near_and_whole_searches_find_the_same(detector):
    follower, whole = Follower(detector), []
    for number in range(12):
        frame = scene((10 + 14 * number, 20 + 3 * number, 200 - 4 * number))
        follower.now = number / 10
        (near,) = follower.detect(frame)
        (full,) = detector.detect(frame)
        whole.append(follower.whole)
        assert overlap(near.box, full.box) > 0.8
        assert np.abs(near.points - full.points).max() < 0.06 * max(full.box[2:])
    assert whole == [True] + [False] * 9 + [True, False]  # once a second


def test_a_face_that_is_gone_or_new_makes_the_whole_frame_be_searched(detector):
    follower, counts = Follower(detector), []
    frames = [
        scene((20, 40, 200)),
        scene((24, 40, 200)),
        scene((28, 40, 200), (400, 60, 180)),
        scene((32, 40, 200), (400, 60, 180)),
        scene((400, 60, 180)),
        scene(),
        scene((30, 40, 200)),
    ]
    for number, frame in enumerate(frames):
        follower.now = number / 5
        counts.append((len(follower.detect(frame)), follower.whole))
    assert counts == [(1, True), (1, False), (2, True), (2, False), (1, True), (0, True), (1, True)]


def test_it_goes_on_from_what_a_stopped_run_knew(detector):
    frames = [scene((20 + 6 * number, 40, 200)) for number in range(6)]
    one, other, found = Follower(detector), Follower(detector), []
    for number, frame in enumerate(frames):
        one.now = 0.3 * number
        found.append((one.detect(frame), one.whole))
    for number, (faces, whole) in enumerate(found[:3]):
        other.resume(faces, 0.3 * number, whole)
    for number in range(3, 6):
        other.now = 0.3 * number
        again = other.detect(frames[number])
        assert [face.box for face in again] == [face.box for face in found[number][0]]
        assert other.whole == found[number][1]
    assert WHOLE_EVERY < 0.3 * 4


def test_other_detectors_and_full_search_always_see_the_whole_frame(detector):
    for follower in (Follower(detector, "full"), Follower(NoneDetector())):
        for number in range(3):
            follower.now = number / 10
            assert len(follower.detect(scene((20, 40, 200)))) == 1
            assert follower.whole
    with pytest.raises(ValueError, match="near or full"):
        Follower(detector, "far")
