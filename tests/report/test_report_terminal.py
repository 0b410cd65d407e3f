"""Text for terminals, and the outlets that readings are given to."""

import io
import json

import pytest
from rich.console import Console

from feallm.analyze.reading import ActionUnitReading, Consistency, FaceReading, RegionEvidence
from feallm.media import pictures
from feallm.report.outlets import JsonArray, Screen, Tally, expand
from feallm.report.words import percent, seen
from tests.report.conftest import make_reading


def shown(*readings, roomy, width=100):
    stream = io.StringIO()
    with Screen(Console(file=stream, width=width), roomy=roomy) as screen:
        for reading in readings:
            screen.add(reading)
    return stream.getvalue()


def test_one_picture_is_shown_at_length():
    text = shown(make_reading(consistency=Consistency(True, 1)), roomy=True)
    for words in (
        "astronaut.png",
        "Happiness",
        "92% confidence",
        "AU12",
        "lip corner puller",
        "4.2",
        "cheeks are raised",
    ):
        assert words in text
    for words in ("not what a person feels", "repaired", "absent", "Few training examples"):
        assert words in text


def test_many_pictures_are_rows_with_names_and_reasons():
    damaged = FaceReading(input="x/bad.jpg", status="unreadable", error="the file is damaged")
    blank = FaceReading(input="x/wall.jpg", status="no_face")
    text = shown(make_reading(), blank, damaged, roomy=False)
    assert text.count("picture") == 1
    for words in ("astronaut.png", "happiness 92%", "AU6 cheek raiser (3.1)", "no face", "The file is damaged"):
        assert words in text


@pytest.mark.parametrize("width", [20, 40, 200])
@pytest.mark.parametrize("roomy", [True, False])
def test_any_width_of_terminal_will_do(width, roomy):
    text = shown(make_reading(input="long" * 60 + ".jpg"), roomy=roomy, width=width)
    assert max(map(len, text.splitlines())) <= width


def test_where_no_emotion_is_named_the_leading_one_stands_with_its_confidence():
    abstained = make_reading(emotion=None, status="abstained", explanation=None)
    for roomy in (True, False):
        text = " ".join(shown(abstained, roomy=roomy, width=160).split())
        assert "The confidence is below the one asked for" in text
        assert ("No verdict (0.92 happiness)" in text) or not roomy
        assert "Happiness 92%" not in text
    assert "not what a person feels" in shown(abstained, roomy=True)
    tally = Tally()
    tally.add(abstained)
    assert tally.sentence() == "1 face read in 1 picture (1 abstained)"


def test_units_of_few_examples_are_marked_in_rows_and_have_bars_at_length():
    units = {**make_reading().action_units, "AU14": ActionUnitReading(0.8, 2.0, True, low_support=True)}
    assert "AU14 dimpler* (2.0)" in shown(make_reading(action_units=units), roomy=False)
    (line,) = [line for line in shown(make_reading(), roomy=True).splitlines() if line.strip().startswith("AU12")]
    assert line.count("█") == 8 or line.count("#") == 8


def test_evidence_is_told_by_place_and_by_what_hiding_does():
    region = ((10.0, 20.0), (40.0, 22.0), (38.0, 60.0), (8.0, 58.0))
    evidence = RegionEvidence((region, region), 0.57, 0.03)
    au = ActionUnitReading(0.97, 4.2, True, evidence=evidence)
    reading = make_reading(action_units={**make_reading().action_units, "AU12": au})
    expected = (
        "AU12 seen at the lip corners (x 8 to 40, y 20 to 60 and x 8 to 40, y 20 to 60): "
        "97%, 40% with it hidden, 94% with as much hidden elsewhere"
    )
    assert seen(reading) == [expected]
    for roomy in (True, False):
        assert expected in " ".join(shown(reading, roomy=roomy, width=300).split())
    assert seen(make_reading()) == []


def test_file_names_cannot_command_the_terminal():
    text = shown(make_reading(input="\x1b[2J[bold]x.jpg"), roomy=True)
    assert "\x1b" not in text
    assert "?[2J[bold]x.jpg" in text


def test_a_json_array_is_valid_whatever_ends_it():
    stream = io.StringIO()
    array = JsonArray(stream).__enter__()
    array.add(make_reading())
    array.add(make_reading(input="é\udce9.jpg"))
    array.__exit__(KeyboardInterrupt)
    assert stream.getvalue().isascii()
    assert [record["input"] for record in json.loads(stream.getvalue())] == ["photos/astronaut.png", "é\udce9.jpg"]
    empty = io.StringIO()
    with JsonArray(empty):
        pass
    assert json.loads(empty.getvalue()) == []


def test_the_tally_counts_pictures_and_faces():
    tally = Tally()
    for reading in (
        make_reading(),
        make_reading(face_id=1, status="low_quality"),
        FaceReading(input="wall.jpg", status="no_face"),
    ):
        tally.add(reading)
    assert tally.sentence() == "2 faces read in 2 pictures (1 low quality, 1 no face)"


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.001, "<1%"), (0.005, "<1%"), (0.42, "42%"), (0.999, ">99%"), (1.0, "100%")]
)
def test_per_cent_is_never_rounded_to_none_or_all(share, text):
    assert percent(share) == text


def test_folders_are_listed_before_anything_is_written(tmp_path):
    for name in ("b.png", "a.jpg", "a.feallm.png"):
        (tmp_path / name).write_text("")
    assert expand([str(tmp_path), "https://x.org/y.png"]) == [
        str(tmp_path / "a.jpg"),
        str(tmp_path / "b.png"),
        "https://x.org/y.png",
    ]


def test_annotated_pictures_are_no_photos_unless_named_and_nothing_found_has_its_reason(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("a.jpg", "b.png", "a.feallm.png", "old/x.feallm.png"):
        (tmp_path / name).write_text("")
    assert expand([f"{tmp_path}/*"]) == [f"{tmp_path}/a.jpg", f"{tmp_path}/b.png"]
    assert expand([f"{tmp_path}/**/*.png"]) == [f"{tmp_path}/b.png"]
    for named in (f"{tmp_path}/a.feallm.png", "https://x.org/y.feallm.png?s=[1]", "data:,[*"):
        assert expand([named]) == [named]
    for given in (f"{tmp_path}/old", f"{tmp_path}/old/*.png"):
        (found,) = expand([given])
        assert found.input == given
        assert "only annotated pictures (*.feallm.png)" in found.error
    for given in (f"{tmp_path}/empty", f"{tmp_path}/*.gif", f"{tmp_path}/gone.png"):
        (found,), (usual,) = expand([given]), pictures(given)
        assert (found.input, found.error) == (usual.input, usual.error)
