"""Tables of other tools, with the columns that they write, as one kind of row."""

import csv
import math

import pytest

from feallm.facs.emotions import EMOTIONS
from feallm.tables.foreign import FORMS, of_frames, read
from feallm.tables.foreign_rows import ForeignRow


def write(path, names, *rows, delimiter=","):
    """A CSV as pandas writes it, or as OpenFace does (", " between the cells)."""
    if delimiter == ",":
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([names, *rows])
    else:
        path.write_text("\n".join(delimiter.join(map(str, row)) for row in [names, *rows]) + "\n")
    return path


BOX = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore")
FIRST = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
SECOND = ("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt")


def test_pyfeat_first_detector(tmp_path):
    names = ("", *BOX, "x_0", "AU01", "AU12", "AU43", *FIRST, "input", "frame")
    shares = (0.1, 0.0, 0.0, 0.7, 0.1, 0.1, 0.0)
    path = write(
        tmp_path / "fex.csv",
        names,
        (0, 10, 20, 30, 40, 0.99, 3.5, 0.2, 0.9, 0.5, *shares, "/data/a.png", 0),
        (1, "", "", "", "", 0.0, "", "", "", "", *[""] * 7, "/data/b.png", 1),
    )
    table = read(path)
    smile, nobody = table.rows
    assert table.form == "pyfeat"
    assert (smile.picture, smile.frame, smile.status) == ("/data/a.png", 0, "ok")
    assert smile.emotion == "happiness"
    assert list(smile.scores) == [name for name in EMOTIONS if name != "contempt"]
    assert smile.scores["happiness"] == pytest.approx(0.7)
    assert smile.probability == {"AU01": 0.2, "AU12": 0.9, "AU43": 0.5}
    assert smile.present == {"AU01": False, "AU12": True, "AU43": True}
    assert (smile.box, smile.confidence) == ((10, 20, 30, 40), 0.99)
    assert (nobody.picture, nobody.status) == ("/data/b.png", "no_face")
    assert "0.5" in table.note


def test_pyfeat_second_detector_with_contempt(tmp_path):
    shares = (0.05, 0.05, 0.05, 0.05, 0.1, 0.1, 0.2, 0.4)
    names = (*BOX, "AU06", *SECOND, "valence", "arousal", "gaze_pitch", "input", "frame")
    path = write(tmp_path / "v2.csv", names, (1, 1, 9, 9, 0.9, 0.4, *shares, -0.3, 0.2, 0.1, "c.png", 0))
    (row,) = read(path).rows
    assert row.emotion == "contempt"
    assert row.scores["anger"] == pytest.approx(0.2)
    assert row.scores["sadness"] == pytest.approx(0.05)
    assert row.present == {"AU06": False}


def test_openface_of_a_video_and_of_a_picture(tmp_path):
    names = ("frame", "face_id", "timestamp", "confidence", "success", "AU01_r", "AU06_r", "AU06_c", "AU28_c")
    write(
        tmp_path / "clip.csv",
        names,
        (1, 0, 0.0, 0.98, 1, 0.2, 2.75, "1.00", "0.00"),
        (2, 0, 0.033, 0.02, 0, 0, 0, 0, 0),
        delimiter=", ",
    )
    write(tmp_path / "photo.csv", ("face", "confidence", "AU06_r", "AU06_c"), (0, 0.9, 1.5, 0), delimiter=", ")
    write(tmp_path / "wall.csv", ("face", "confidence", "AU06_r", "AU06_c"), delimiter=", ")
    table = read(tmp_path)
    assert table.form == "openface"
    first, second, photo, wall = table.rows
    assert (first.picture, first.frame, first.confidence) == ("clip", 0, 0.98)
    assert first.present == {"AU01": False, "AU06": True, "AU28": False}
    assert first.intensity == {"AU01": 0.2, "AU06": 2.75}
    assert (first.emotion, dict(first.scores), dict(first.probability)) == (None, {}, {})
    assert (second.frame, second.status) == (1, "no_face")
    assert (photo.picture, photo.frame) == ("photo", None)
    assert photo.present == {"AU06": False}, "the tool's own decision goes before its strength"
    assert (wall.picture, wall.status) == ("wall", "no_face")


def test_libreface(tmp_path):
    names = ("lm_mp_0_x", "pitch", "facial_expression", "au_1", "au_12", "au_12_intensity", "au_5_intensity")
    write(tmp_path / "one.csv", names, (0.5, 3.1, "Happiness", 0, 1, 3.4, -0.02))
    table = read(tmp_path / "one.csv")
    (row,) = table.rows
    assert table.form == "libreface"
    assert (row.picture, row.frame, row.emotion) == ("one", None, "happiness")
    assert row.present == {"AU01": False, "AU05": False, "AU12": True}
    assert row.intensity == {"AU05": 0.0, "AU12": 3.4}
    assert not row.scores


def test_deepface_in_per_cent(tmp_path):
    names = ("input", "dominant_emotion", "region.x", "region.y", "region.w", "region.h", "face_confidence")
    kinds = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    path = write(
        tmp_path / "deep.csv",
        (*names, *[f"emotion.{kind}" for kind in kinds]),
        ("d.jpg", "sad", 1, 2, 30, 40, 0.91, 10, 0, 0, 5, 75, 0, 10),
    )
    table = read(path)
    (row,) = table.rows
    assert table.form == "deepface"
    assert (row.emotion, row.box, row.confidence) == ("sadness", (1, 2, 30, 40), 0.91)
    assert row.scores["sadness"] == pytest.approx(0.75)
    assert row.scores["anger"] == pytest.approx(0.10)
    assert sum(row.scores.values()) == pytest.approx(1)


def test_emotiefflib_scores_become_probabilities(tmp_path):
    names = ("image", "Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise")
    path = write(tmp_path / "e.csv", names, ("x.png", -1, 0, 0, 0, 2, 0, 0, 0), ("y.png", 0.3, 0, 0, 0, 0.1, 0.6, 0, 0))
    scored, shares = read(path).rows
    assert scored.emotion == "happiness"
    assert scored.scores["happiness"] == pytest.approx(math.e**2 / (math.e**2 + 6 + math.e**-1))
    assert shares.emotion == "neutral"
    assert shares.scores["anger"] == pytest.approx(0.3)


def test_our_own_table(tmp_path):
    from feallm.analyze import FaceReading
    from feallm.analyze.reading import ActionUnitReading
    from feallm.tables import write as write_ours

    shares = dict.fromkeys(EMOTIONS, 0.0) | {"fear": 0.75, "surprise": 0.25}
    units = {"AU05": ActionUnitReading(0.8, 2.5, True), "AU12": ActionUnitReading(0.6, 0.4, False)}
    box = (1.0, 2.0, 30.0, 40.0)
    readings = [
        FaceReading("a.png", face_id=0, box=box, emotion="fear", emotion_scores=shares, action_units=units,
                    explanation="It is fear."),
        FaceReading("b.png", status="no_face"),
        FaceReading("c.png", status="unreadable", error="cut short"),
        FaceReading("d.png", status="abstained", emotion_scores=shares, action_units=units),
    ]  # fmt: skip
    for suffix in (".csv", ".jsonl"):
        path = write_ours(readings, tmp_path / f"ours{suffix}", metadata={"label_set": "ferplus"})
        table = read(path)
        fear, nobody, broken, unsure = table.rows
        assert table.form == "feallm"
        assert (fear.emotion, fear.scores["fear"], fear.text) == ("fear", 0.75, "It is fear.")
        assert fear.present == {"AU05": True, "AU12": False}, "as decided, not from 0.5"
        assert (fear.probability["AU12"], fear.intensity["AU12"], fear.box) == (0.6, 0.4, box)
        assert (nobody.status, broken.status, broken.error) == ("no_face", "unreadable", "cut short")
        assert (unsure.status, unsure.emotion, dict(unsure.scores)) == ("ok", None, {})


def test_the_largest_face_is_taken():
    small = ForeignRow("a", box=(0, 0, 10, 10), confidence=0.99, emotion="fear")
    large = ForeignRow("a", box=(0, 0, 50, 50), confidence=0.5, emotion="anger")
    nobody = ForeignRow("a", status="no_face")
    other = ForeignRow("a", frame=1)
    assert of_frames([nobody, small, large, other]) == {("a", None): large, ("a", 1): other}
    unsure, sure = ForeignRow("b", confidence=0.4), ForeignRow("b", confidence=0.6)
    assert of_frames([unsure, sure]) == {("b", None): sure}


def test_some_of_deepfaces_emotions_are_no_verdict(tmp_path):
    some = ("emotion.angry", "emotion.disgust", "emotion.fear", "emotion.sad", "emotion.surprise", "emotion.neutral")
    part = write(tmp_path / "part.csv", ("input", *some), ("a", 1, 1, 1, 1, 1, 95))
    with pytest.raises(ValueError, match=r"lacks dominant_emotion or emotion.happy; expected a column of names"):
        read(part)
    own = write(tmp_path / "own.csv", ("input", "dominant_emotion", some[0]), ("a", "happy", 3))
    assert read(own).rows[0].emotion == "happiness"


def test_errors_say_what_was_expected(tmp_path):
    path = write(tmp_path / "t.csv", ("name", "score"), ("a", 1))
    with pytest.raises(ValueError, match=r"no known tool.*dominant_emotion.*AU01_r"):
        read(path)
    with pytest.raises(ValueError, match="not a table of openface: it lacks confidence; expected"):
        read(path, "openface")
    with pytest.raises(ValueError, match=r"lacks au_…; expected facial_expression"):
        read(path, "libreface")
    with pytest.raises(ValueError, match=r"unknown form.*the forms are.*pyfeat"):
        read(path, "excel")
    with pytest.raises(FileNotFoundError, match="no table of predictions"):
        read(tmp_path / "none.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="or a folder of them"):
        read(tmp_path / "empty")
    bad = write(tmp_path / "bad.csv", ("input", "AU12", *FIRST), ("a", 1.7, *[0.1] * 7))
    with pytest.raises(ValueError, match=r"bad.csv, line 2: au12 is 1.7, expected 0 to 1"):
        read(bad)
    word = write(tmp_path / "word.csv", ("input", "AU12", *FIRST), ("a", "much", *[0.1] * 7))
    with pytest.raises(ValueError, match="au12 is 'much', expected a number"):
        read(word)
    label = write(tmp_path / "label.csv", ("facial_expression", "au_1"), ("Hungry", 1))
    with pytest.raises(ValueError, match="'Hungry' is not the name of an emotion"):
        read(label)
    short = tmp_path / "short.csv"
    short.write_text("input,AU12\na\n")
    with pytest.raises(ValueError, match="line 2: 1 cells, expected 2"):
        read(short)


def test_every_form_says_what_it_is():
    assert {form.name for form in FORMS.values()} == set(FORMS)
    assert all(form.expected and form.note for form in FORMS.values())
