"""Annotated pictures: made for every kind of reading, boxes where the faces are, names that do not collide."""

import numpy as np
import pytest
from PIL import Image

from feallm.analyze.reading import FaceReading
from feallm.media import Picture
from feallm.report.annotate import LONGEST, annotate, save_annotated
from feallm.report.drawing import plain, shorten, width, wrap
from feallm.report.panel import WIDTH
from feallm.report.words import no_verdict
from tests.report.conftest import make_reading

GREY = np.full((300, 400, 3), 128, np.uint8)


def test_one_face_has_its_panel_beside_the_picture_and_a_box_on_it():
    drawn = annotate(GREY, [make_reading(box=(100.0, 80.0, 120.0, 150.0))])
    assert drawn.mode == "RGB"
    assert drawn.width > WIDTH + 400
    pixels = np.asarray(drawn)
    photo = pixels[:, 24 : drawn.width - WIDTH - 48]
    marked = np.argwhere((photo.max(axis=2).astype(int) - photo.min(axis=2)) > 60)  # the only colour on grey
    (top, left), (bottom, right) = marked.min(axis=0), marked.max(axis=0)
    scale = photo.shape[1] / 400
    found = np.array([left, top - 24, right, bottom - 24]) / scale
    assert np.abs(found - [100, 80, 220, 230]).max() < 6


@pytest.mark.parametrize("shape", [(1, 1), (48, 48), (20, 900), (900, 20), (3000, 4000)])
def test_any_size_of_picture_is_brought_to_a_sensible_one(shape):
    drawn = annotate(np.zeros((*shape, 3), np.uint8), [make_reading(box=None)])
    assert WIDTH < drawn.width <= LONGEST + WIDTH + 100
    assert drawn.height <= LONGEST + 100


@pytest.mark.parametrize("count", [2, 3, 5, 14])
def test_several_faces_have_a_grid_of_panels(count):
    faces = [make_reading(face_id=number, box=(10.0 + 20 * number, 5.0, 15.0, 15.0)) for number in range(count)]
    drawn = annotate(GREY, faces)
    columns = 3 if count in (3, 5, 14) else 2
    assert drawn.width == columns * (WIDTH + 24) + 24


def test_pictures_without_numbers_say_so():
    blank = annotate(GREY, [FaceReading(input="wall.jpg", status="no_face")])
    broken = annotate(None, [FaceReading(input="wall.jpg", status="unreadable", error="the file is damaged")])
    assert blank.size[0] > WIDTH
    assert broken.size[0] > WIDTH
    with pytest.raises(ValueError, match="at least one reading"):
        annotate(GREY, [])


def test_a_face_without_a_verdict_has_a_panel_of_its_own():
    named = np.asarray(annotate(GREY, [make_reading(box=None)]))
    abstained = np.asarray(annotate(GREY, [make_reading(box=None, emotion=None, status="abstained")]))
    assert named.shape[1] == abstained.shape[1]
    heading = slice(None), slice(-WIDTH, None)
    assert (named[heading][:90] != abstained[heading][:90]).any()
    assert width(no_verdict(make_reading(emotion=None)), 30) < WIDTH - 56, "the line fits"


def test_long_words_and_names_stay_inside():
    odd = make_reading(input="名" * 200 + ".jpg", explanation="x" * 500 + " AU6 " + "é" * 40, model="m" * 300)
    assert annotate(GREY, [odd]).height < 1200
    assert plain("Zoë 名 – it’s") == "Zoe ? - it's"
    assert width(shorten("a" * 300, 12, 100), 12) <= 100
    assert [word for line in wrap("one two three", 12, 40) for word in line] == ["one", "two", "three"]


def test_names_of_annotated_pictures_do_not_collide(tmp_path):
    def save(name, taken=None):
        return save_annotated(Picture(name, GREY, None), [make_reading()], tmp_path / "out", taken).name

    assert save("a/face.jpg") == "face.feallm.png"
    assert save("b/face.png") == "face-2.feallm.png"
    assert save("https://example.org/x/me.jpg?size=2") == "me.feallm.png"
    assert save("image[0]") == "image_0.feallm.png"
    run: set[str] = set()
    assert [save("a/face.jpg", run), save("A/FACE.jpg", run)] == ["face.feallm.png", "FACE-2.feallm.png"]
    assert Image.open(tmp_path / "out" / "face.feallm.png").format == "PNG"
