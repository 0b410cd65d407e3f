"""`Video`: a real clip through the packaged model: one row a face a frame, words at apexes, and going on exactly."""

from dataclasses import replace

import numpy as np
import pytest

from feallm import Analyzer
from feallm.analyze.journal import Journal, JournalError
from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.analyze.smooth import Smoother
from feallm.analyze.video import Video
from feallm.media import Picture
from feallm.media.video import Sampling
from tests.cli.conftest import packaged
from tests.videos import face_clip, face_frames

pytestmark = pytest.mark.skipif(not packaged(), reason="the packaged checkpoint is not there")
pytest.importorskip("av")
EVERY_OTHER = Sampling(every=2)


@pytest.fixture(scope="module")
def analyzer():
    return Analyzer(batch_size=3)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two seconds, 12 frames a second; the face is hidden from 0.67 to 1.0 s, a second one there from 1.33 s."""
    return face_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="module")
def read(analyzer, clip):
    """The video, its rows as they came, and as they are in the end."""
    video = Video(analyzer, clip, sampling=EVERY_OTHER)
    return video, list(video.stream()), list(video.rows())


def pixels(number, name="camera", **options):
    frame = next(frame for place, frame in enumerate(face_frames(**options)) if place == number)
    return Picture(name, frame, None, number, number / 12)


def test_a_row_a_face_a_frame_with_true_times_and_tracks(read):
    _, rows, _ = read
    places = [(row.frame, row.face_id) for row in rows]
    assert places == [
        *((frame, 0) for frame in (0, 2, 4, 6)),
        *((frame, None) for frame in (8, 10)),
        *((frame, 0) for frame in (12, 14)),
        *((frame, face) for frame in (16, 18, 20, 22) for face in (0, 1)),
    ]
    assert all(row.timestamp == pytest.approx(row.frame / 12) for row in rows)
    assert [row.status for row in rows].count("no_face") == 2
    assert all((row.face_id is None) == (not row.emotion_scores) for row in rows)


def test_words_stand_at_the_apex_of_each_segment_and_nowhere_else(read):
    video, numbers, rows = read
    told = {(row.frame, row.face_id): row.explanation for row in rows if row.explanation}
    assert told == {(each.apex_frame, each.face_id): each.explanation for each in video.segments}
    assert {each.face_id for each in video.segments} == {0, 1}
    plain = [replace(row, explanation=None, consistency=None, raw_text=None) for row in rows]
    assert plain == numbers
    assert video.metadata["video"]["words"] == "at the apex of each segment"


def test_a_run_that_was_stopped_anywhere_goes_on_exactly(analyzer, clip, tmp_path):
    path, options = tmp_path / "x.journal", {"sampling": EVERY_OTHER, "smooth": 0.4}
    with Journal(path, {"fps": 1}) as journal:
        video = Video(analyzer, clip, journal=journal, **options)
        numbers, rows, segments = list(video.stream()), list(video.rows()), video.segments
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 5
    for kept in (3, len(lines) - 1):
        path.write_bytes(b"".join(lines[:kept]) + lines[kept][:30])  # killed while it wrote a line
        with Journal(path, {"fps": 1}, resume=True) as journal:
            again = Video(analyzer, clip, journal=journal, **options)
            assert list(again.stream()) == numbers
            assert list(again.rows()) == rows
            assert again.segments == segments
        assert path.read_bytes() == b"".join(lines)
    with pytest.raises(JournalError, match="had fps 1, this one has 2"):
        Journal(path, {"fps": 2}, resume=True)


def test_a_frame_that_cannot_be_read_is_a_row_and_the_track_goes_on(analyzer):
    frames = [pixels(0), Picture("camera", None, "damaged", 1, 1 / 12), pixels(2), replace_time(pixels(3), 0.01)]
    rows = list(Video(analyzer, [*frames, pixels(4)], explain=False).stream())
    assert [row.status for row in rows] == ["ok", "unreadable", "ok", "unreadable", "ok"]
    assert rows[1].error == "damaged"
    assert "not after the frame before" in rows[3].error
    assert [row.face_id for row in rows] == [0, None, 0, None, 0]


def replace_time(picture, timestamp):
    return Picture(picture.input, picture.pixels, None, picture.frame, timestamp)


def test_a_stream_that_is_broken_off_has_its_segments(analyzer):
    video = Video(analyzer, map(pixels, range(24)), batch=1)
    stream = video.stream()
    early = [next(stream) for _ in range(8)]
    list(video.finish())
    (segment,) = video.segments
    assert segment.explanation
    assert [row.frame for row in video.rows()] == [row.frame for row in early]


def test_pictures_without_a_time_are_refused_and_what_is_no_video_is_a_row(analyzer, tmp_path):
    with pytest.raises(ValueError, match="a number and a time stamp"):
        list(Video(analyzer, [Picture("x", np.zeros((9, 9, 3), np.uint8), None)]).stream())
    (tmp_path / "text.mp4").write_text("not a video")
    video = Video(analyzer, tmp_path / "text.mp4")
    (row,) = video.stream()
    assert (row.status, row.frame, row.timestamp, video.segments) == ("unreadable", None, None, [])
    assert list(video.rows()) == [row]


def reading(time, smile, face=0, effect=0.1):
    scores = {"neutral": 1 - smile, "happiness": smile}
    units = {"AU12": ActionUnitReading(smile, 5 * smile, smile >= 0.5, effect=effect)}
    named = max(scores, key=lambda name: scores[name])
    return FaceReading(
        "x", round(time * 10), time, face, box=(0, 0, 9, 9), emotion=named, emotion_scores=scores, action_units=units
    )


def test_smoothing_takes_the_mean_around_each_frame_of_the_same_face():
    smoother = Smoother(0.2, {"AU12": 0.5})
    smiles = [0.0, 0.0, 0.9, 0.0, 1.0, 1.0, 1.0]
    frames = [[reading(n / 10, smile), reading(n / 10, 0.4, face=1)] for n, smile in enumerate(smiles)]
    out = [rows for n, frame in enumerate(frames) for rows in smoother.add(n / 10, frame)] + smoother.finish()
    assert [[row.frame for row in rows] for rows in out] == [[n, n] for n in range(7)]
    means = [0.0, 0.3, 0.3, 1.9 / 3, 2 / 3, 1.0, 1.0]
    for rows, mean in zip(out, means, strict=True):
        first, second = rows
        assert first.emotion_scores["happiness"] == pytest.approx(mean)
        assert first.action_units["AU12"].intensity == pytest.approx(5 * mean)
        assert first.action_units["AU12"].present == (mean >= 0.5)
        assert first.emotion == ("happiness" if mean > 0.5 else "neutral")
        assert second.emotion_scores["happiness"] == pytest.approx(0.4)
    unsure = Smoother(0.2, {}, min_confidence=0.9)
    assert [rows[0].status for rows in unsure.add(0.0, [reading(0.0, 0.6)]) + unsure.finish()] == ["abstained"]
    with pytest.raises(ValueError, match="0 or more seconds"):
        Smoother(-1, {})
