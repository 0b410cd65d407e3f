"""What tables of other tools look like at length: several faces, landmarks, thousands of columns, odd units of time."""

import csv

import pytest

from feallm.tables.foreign import names_of, read


def write(path, names, *rows):
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([names, *rows])
    return path


def landmarks(left, top, size):
    """68 points on a grid, as OpenFace's x_ and y_ columns, and millimetres as its X_ and Y_."""
    x = [left + size * (place % 9) / 8 for place in range(68)]
    y = [top + size * (place // 9) / 7 for place in range(68)]
    return [*x, *y, *[-3.5] * 136]


POINTS = [f"{axis}_{place}" for axis in "xyXY" for place in range(68)]


def test_openface_with_two_faces_in_a_frame(tmp_path):
    names = ["frame", "face_id", "timestamp", "confidence", "success", *POINTS, "AU12_r", "AU12_c"]
    path = write(
        tmp_path / "clip.csv",
        names,
        [1, 0, 0.0, 0.98, 1, *landmarks(10, 20, 80), 2.5, 1],
        [1, 1, 0.0, 0.96, 1, *landmarks(300, 40, 60), 0.1, 0],
        [2, 0, 0.04, 0.97, 1, *landmarks(12, 20, 80), 2.4, 1],
        [2, 1, 0.04, 0.1, 0, *landmarks(0, 0, 0), 0, 0],
    )
    first, second, third, lost = read(path).rows
    assert [(row.frame, row.face, row.timestamp) for row in (first, second, third, lost)] == [
        (0, 0, 0.0),
        (0, 1, 0.0),
        (1, 0, 0.04),
        (1, 1, 0.04),
    ]
    assert first.box == pytest.approx((10, 20, 80, 80)), "around x_ and y_, not the millimetres of X_ and Y_"
    assert second.box == pytest.approx((300, 40, 60, 60))
    assert lost.status == "no_face"


def test_openface_of_a_picture_numbers_its_faces(tmp_path):
    path = write(tmp_path / "group.csv", ["face", "confidence", "AU06_c"], [0, 0.9, 1], [1, 0.8, 0])
    assert [(row.frame, row.face, row.box) for row in read(path).rows] == [(None, 0, None), (None, 1, None)]


@pytest.mark.parametrize(
    ("times", "seconds"),
    [((0.0, 33.367, 66.733), (0.0, 0.033367, 0.066733)), ((0.0, 0.033367, 0.066733), (0.0, 0.033367, 0.066733))],
    ids=["milliseconds", "seconds in the column of milliseconds"],
)
def test_libreface_tells_time_in_two_units_under_one_name(tmp_path, times, seconds):
    names = ["frame_idx", "frame_time_in_ms", "pitch", "lm_mp_0_x", "facial_expression", "au_12", "au_12_intensity"]
    rows = [[place, time, 0.1, 0.5, "Happiness", 1, 3.2] for place, time in enumerate(times)]
    table = read(write(tmp_path / "video.csv", names, *rows))
    assert [row.timestamp for row in table.rows] == pytest.approx(seconds)
    assert [row.frame for row in table.rows] == [0, 1, 2]


def test_libreface_without_an_expression_and_with_a_name(tmp_path):
    names = ["input_image_path", "aligned_image_path", "facial_expression", "au_12", "au_12_intensity"]
    (row,) = read(write(tmp_path / "out.csv", names, ["/data/a.png", "/tmp/a.png", "", 0, 0.3])).rows
    assert (row.picture, row.emotion, row.present, row.intensity) == (
        "/data/a.png",
        None,
        {"AU12": False},
        {"AU12": 0.3},
    )


def test_pyfeat_second_detector_with_all_its_columns(tmp_path):
    wide = [f"Identity_{place}" for place in range(1, 513)] + [f"mesh_{a}_{p}" for a in "xyz" for p in range(478)]
    box = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    emotions = ["Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger"]
    names = [*box, "Pitch", "X", "Y", "AU12", *emotions, "valence", "arousal", *wide, "input", "frame", "approx_time"]
    values = [1, 2, 3, 4, 0.9, 0, 5, 6, 0.8, 0.1, 0.9, 0, 0, 0, 0, 0, 0.4, -0.2, *[0.5] * len(wide)]
    path = write(tmp_path / "fex.csv", [*names, "Identity"], [*values, "v.mp4", 7, "00:03", "Person_0"])
    table = read(path)
    (row,) = table.rows
    assert (table.form, row.picture, row.frame, row.timestamp) == ("pyfeat", "v.mp4", 7, None)
    assert (row.emotion, row.probability, row.box) == ("happiness", {"AU12": 0.8}, (1, 2, 3, 4))


def test_what_is_no_text_is_said_so(tmp_path):
    (tmp_path / "latin.csv").write_bytes("input,AU12,anger\nJos\xe9.png,1,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.csv is not text in UTF-8: save it"):
        read(tmp_path / "latin.csv")
    (tmp_path / "huge.csv").write_text("input,AU12\n" + "x" * 200_000 + ",1\n")
    with pytest.raises(ValueError, match=r"huge.csv, line \d+: not CSV"):
        read(tmp_path / "huge.csv")


def test_the_names_that_a_picture_may_have_elsewhere():
    assert list(names_of(r"C:\data\faces\1.png"))[-3:] == ["faces/1.png", "1.png", "1"]
