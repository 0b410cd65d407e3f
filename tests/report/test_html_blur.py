"""Faces that are blurred are gone: from every picture of the file, and beyond recovery."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from feallm.media import Picture
from feallm.report.blur import CELLS, cover, face_boxes
from feallm.report.html import html_report
from tests.report.conftest import make_reading
from tests.report.html_page import Page
from tests.report.test_html_page import clip_readings, seen

BOX = (150.0, 120.0, 100.0, 120.0)


def textured(size=(480, 640), phase=0):
    """Grey with a fine chequer everywhere: what is left of it can be told from what is averaged."""
    rows, columns = np.indices(size)
    squares = (rows // 4 + columns // 4 + phase) % 2 * 160 + 40
    return np.repeat(squares[:, :, None], 3, axis=2).astype(np.uint8)


def contrast(pixels):
    """How much of the chequer a part holds: the mean absolute difference of neighbours four pixels apart."""
    return float(np.abs(pixels[4:].astype(float) - pixels[:-4]).mean())


def test_what_is_covered_cannot_be_told_apart_any_more():
    one, other = textured(), textured(phase=1)
    boxes = [(150.0, 120.0, 250.0, 240.0)]
    covered = cover(one, boxes)
    assert contrast(covered[120:240, 150:250]) < 2
    assert np.abs(covered[120:240, 150:250].astype(int) - cover(other, boxes)[120:240, 150:250]).max() <= 2
    assert (covered[:120] == one[:120]).all(), "what is not covered is left as it is"
    assert (one == textured()).all(), "the caller's picture is its own"
    few = cover(data.astronaut(), [(100.0, 20.0, 330.0, 240.0)])[20:240, 100:330]
    values = np.linalg.svd(few[:, :, 0].astype(float), compute_uv=False)
    assert (values[CELLS + 2 :] < 0.02 * values[0]).all(), "no more is left than a few cells across"


def test_boxes_that_overlap_reach_out_or_lie_outside():
    pixels = textured((200, 200))
    covered = cover(pixels, [(60.0, 60.0, 100.0, 100.0), (20.0, 20.0, 140.0, 140.0), (150.0, 150.0, 400.0, 400.0)])
    assert contrast(covered[20:140, 20:140]) < 2
    assert contrast(covered[150:, 150:]) < 3
    assert (cover(pixels, [(500.0, 500.0, 600.0, 600.0), (10.2, 10.2, 10.4, 10.4)])[100:] == pixels[100:]).all()


def test_the_whole_face_is_covered_and_everything_around_its_evidence():
    reading = seen(box=BOX)
    (left, top, right, bottom), *_ = face_boxes(textured(), [reading])
    x, y, wide, high = BOX
    assert left < x - 0.3 * wide
    assert top < y - 0.4 * high
    assert right > x + 1.3 * wide
    assert bottom > y + 1.25 * high
    points = [p for au in reading.action_units.values() if au.evidence for r in au.evidence.regions for p in r]
    assert all(left <= px <= right and top <= py <= bottom for px, py in points)


def test_no_picture_of_the_file_holds_the_face():
    """The box of a reading is covered in the picture and in the close-up; a face that no reading names is, too."""
    pixels = textured()
    pixels[200:420, 400:620] = data.astronaut()[20:240, 110:330]  # a face, found by the detector alone
    open_page, page = (
        Page(html_report([make_reading(box=BOX)], [Picture("photos/astronaut.png", pixels, None)], blur_faces=blur))
        for blur in (False, True)
    )
    assert len(open_page.pictures()) == len(page.pictures()) == 2
    before, after = open_page.pictures()[0], page.pictures()[0]
    assert before.shape == after.shape == (480, 640, 3)
    assert contrast(before[120:240, 150:250]) > 20
    assert contrast(after[120:240, 150:250]) < 5
    face = (slice(240, 350), slice(440, 560))
    assert cv2.Laplacian(before[face], cv2.CV_64F).std() > 8
    assert cv2.Laplacian(after[face], cv2.CV_64F).std() < 4
    assert contrast(after[:, :60]) > 20, "the rest of the picture is left as it is"
    close = page.pictures()[1]
    inner = close[close.shape[0] // 3 : 2 * close.shape[0] // 3, close.shape[1] // 3 : 2 * close.shape[1] // 3]
    assert contrast(inner) < 5
    assert any("blurred" in note.text for note in page.all("p", "warning"))


def test_a_picture_without_a_found_face_is_left_out():
    wall = Picture("wall.png", np.full((200, 200, 3), 90, np.uint8), None)
    reading = make_reading(input="wall.png", box=None, status="no_face", face_id=None, emotion=None)
    reading = replace(reading, emotion_scores={}, action_units={}, explanation=None, quality=None)
    page = Page(html_report([reading], [wall], blur_faces=True))
    assert not page.pictures()
    assert "none could be blurred" in page.ids["p1"].text
    assert Page(html_report([reading], [wall])).pictures()


@pytest.mark.parametrize("named", [0, 1])
def test_in_key_frames_the_other_faces_are_covered_too(named):
    """The frame shows two followed faces, and the segment's apex is of one of them."""
    pixels = textured()
    readings = [each for each in clip_readings(seconds=2.0) if each.face_id == named or each.timestamp > 1]
    frames = {reading.frame for reading in readings}
    pictures = [Picture("photos/talk.mp4", pixels, None, frame, frame / 10) for frame in frames]
    page = Page(html_report(readings, pictures, blur_faces=True))
    assert page.pictures()
    apexes = {frame for frame in frames for each in readings if each.frame == frame and each.face_id == named}
    assert apexes
    for each in page.pictures():
        if each.shape == (480, 640, 3) and named == 1:
            assert contrast(each[60:130, 60:110]) < 5
            assert contrast(each[60:130, 260:310]) < 5
