"""Frames of videos: which, when, how numbered, how they look."""

import gc
import threading
from fractions import Fraction

import numpy as np
import pytest

from feallm.media import Sampling, count, pictures
from feallm.media.video import facts, frames
from feallm.media.video_pixels import upright
from tests.videos import write_clip, write_silence

CONTAINERS = {"clip.mp4": "libx264", "clip.mkv": "libx264", "clip.m2ts": "mpeg2video", "clip.avi": "mpeg4"}
GROUPS = {"libx264": {"g": "8", "bf": "3", "x264-params": "open-gop=1:b-adapt=0:scenecut=0"}}


def coded(count, size=(48, 32)):
    """Frames that can be told apart after any encoding: eight blocks, dark or bright, are the bits of the number."""
    columns, rows = np.arange(size[0]) * 4 // size[0], np.arange(size[1]) * 2 // size[1]
    place = rows[:, None] * 4 + columns[None]
    for number in range(count):
        bright = number >> place & 1
        yield np.repeat(np.where(bright, 220, 40).astype(np.uint8)[..., None], 3, axis=2)


def told(picture):
    """The number that `coded` put into a frame."""
    height, width = picture.pixels.shape[:2]
    middles = picture.pixels[height // 4 :: height // 2, width // 8 :: width // 4, 1][:2, :4]
    return int(((middles > 130).reshape(-1) << np.arange(8)).sum())


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """Eight seconds, ten frames a second, open groups of eight pictures with B-frames, in four containers."""
    folder = tmp_path_factory.mktemp("long")
    return {
        name: write_clip(
            folder / name, coded(80), Fraction(10) if codec != "mpeg2video" else 25, codec=codec,
            options=GROUPS.get(codec, {"g": "8", "bf": "2"}),
        )
        for name, codec in CONTAINERS.items()
    }  # fmt: skip


def times(path, **sampling):
    return [(picture.frame, picture.timestamp) for picture in frames(path, Sampling(**sampling))]


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_frame_comes_once_in_order_with_its_time(long, name):
    rate = facts(long[name]).average_rate
    found = list(frames(long[name]))
    assert [picture.frame for picture in found] == list(range(80))
    assert [told(picture) for picture in found] == list(range(80))
    gaps = np.diff([picture.timestamp for picture in found])
    assert gaps == pytest.approx([1 / rate] * 79, abs=1e-3)
    assert all(picture.input == str(long[name]) for picture in found)
    if name != "clip.avi":  # which stores no presentation times: FFmpeg's begin one frame late
        assert found[0].timestamp == 0


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_part_is_what_the_whole_has_there(long, name):
    whole = [(picture.frame, picture.timestamp) for picture in frames(long[name])]
    last = whole[-1][1]
    for start in (0.0, 0.4, 1.9, 2.5, last):
        for end in (start + 0.25, None):
            part = [(frame, time) for frame, time in whole if start <= time and (end is None or time < end)]
            assert times(long[name], start=start, end=end) == part
    assert times(long[name], every=7, start=2.0) == [(f, t) for f, t in whole if f % 7 == 0 and t >= 2]
    from_there = [told(picture) for picture in frames(long[name], Sampling(start=2.5))]
    assert from_there == [frame for frame, time in whole if time >= 2.5]


@pytest.mark.parametrize("name", CONTAINERS)
def test_keyframes(long, name):
    found = list(frames(long[name], Sampling(keyframes=True)))
    whole = {picture.frame: picture for picture in frames(long[name])}
    assert 8 <= len(found) <= 14
    assert all(picture.timestamp == whole[picture.frame].timestamp for picture in found)
    assert [told(picture) for picture in found] == [picture.frame for picture in found]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_fps_gives_the_frame_on_show_at_each_instant(long, name):
    assert [frame for frame, _ in times(long[name], fps=10)] == list(range(80))
    assert [frame for frame, _ in times(long[name], fps=25)] == list(range(80))
    assert [frame for frame, _ in times(long[name], fps=2)] == list(range(0, 80, 5))
    assert [frame for frame, _ in times(long[name], fps=3)][:7] == [0, 3, 6, 10, 13, 16, 20]
    assert [frame for frame, _ in times(long[name], fps=0.5, start=1.0)] == [20, 40, 60]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_rounded_time_stamps_lose_no_frame_at_the_videos_own_rate(tmp_path, name):
    path = write_clip(tmp_path / name, coded(61), Fraction(30_000, 1001), codec="mpeg4")
    assert [frame for frame, _ in times(path, fps=30_000 / 1001)] == list(range(61))


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    stamps = [0, 0.1, 0.15, 0.5, 1.0, 1.05, 1.5, 2.0]
    path = write_clip(tmp_path / "clip.mp4", coded(8), times=stamps)
    assert [time for _, time in times(path)] == pytest.approx(stamps, abs=1e-9)
    assert [frame for frame, _ in times(path, fps=2)] == [0, 3, 4, 6, 7]  # at 0, 0.5, 1.0, 1.5, 2.0 s
    assert [frame for frame, _ in times(path, fps=4)] == [0, 2, 3, 4, 5, 6, 7]  # at 0.25 s frame 2, at 0.75 s still 3


def test_time_counts_from_the_containers_start(tmp_path):
    import av

    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        write_silence(container, container.add_stream("aac", rate=16_000, layout="mono"), 1.0)
        for number, pixels in enumerate(coded(5)):
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = number + 5, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert times(path) == [(number, pytest.approx(0.5 + number / 10, abs=1e-3)) for number in range(5)]
    moved = write_clip(tmp_path / "moved.m2ts", coded(5), 25, codec="mpeg2video")  # MPEG's own clock starts at random
    assert times(moved)[0] == (0, 0.0)


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv"])
def test_hours_into_a_file_little_before_is_decoded(tmp_path, monkeypatch, name):
    from feallm.media import video_decode

    decoded = []
    frames_of = video_decode._frames
    monkeypatch.setattr(video_decode, "_frames", lambda *given: decoded.append(1) or frames_of(*given))
    blank = np.zeros((16, 16, 3), np.uint8)
    path = write_clip(tmp_path / name, (blank for _ in range(10_800)), 1, codec="mpeg4", options={"g": "60"})
    assert times(path, start=10_740.0, end=10_743.0) == [(k, float(k)) for k in (10_740, 10_741, 10_742)]
    assert len(decoded) < 100  # of 10,800


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_phones_hold_their_videos_upright(tmp_path, degrees):
    path = write_clip(tmp_path / "clip.mp4", coded(12), rotation=degrees)
    *_, picture = frames(path)
    wanted = np.rot90([*coded(12)][-1], -degrees // 90)  # a player turns clockwise
    assert picture.pixels.shape == wanted.shape
    assert np.abs(picture.pixels.astype(int) - wanted).mean() < 12
    seen = facts(path)
    assert (seen.rotation, seen.height, seen.width) == (degrees, *wanted.shape[:2])


def test_mirrored_matrices():
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    one = 1 << 16
    for matrix, wanted in [
        ([[-one, 0, 0], [0, one, 0], [0, 0, 0]], pixels[:, ::-1]),
        ([[one, 0, 0], [0, -one, 0], [0, 0, 0]], pixels[::-1]),
        ([[0, one, 0], [one, 0, 0], [0, 0, 0]], pixels.transpose(1, 0, 2)),
        ([[0, -one, 0], [-one, 0, 0], [0, 0, 0]], pixels[::-1, ::-1].transpose(1, 0, 2)),
    ]:
        assert np.array_equal(upright(pixels, np.array(matrix)), wanted)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "size"),
    [
        ("libx264", "yuv420p10le", (48, 32)),
        ("libx264", "yuv444p", (49, 33)),
        ("ffv1", "yuv422p10le", (51, 35)),
        ("ffv1", "gray16le", (48, 32)),
        ("ffv1", "bgra", (47, 33)),
        ("libvpx-vp9", "yuv420p", (50, 34)),
        ("prores_ks", "yuv422p10le", (48, 32)),
    ],
)
def test_pixel_formats_depths_and_odd_sizes(tmp_path, codec, pixel_format, size):
    path = write_clip(tmp_path / "clip.mkv", coded(3, size), codec=codec, pixel_format=pixel_format)
    found = list(frames(path))
    assert [picture.pixels.shape for picture in found] == [(size[1], size[0], 3)] * 3
    assert found[0].pixels.flags.c_contiguous
    assert [told(picture) for picture in found] == [0, 1, 2]
    assert facts(path).pixel_format == pixel_format


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    import av

    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(next(coded(1)))))
        container.mux(stream.encode(None))
    assert next(frames(path)).pixels.shape == (32, 64, 3)
    assert (facts(path).width, facts(path).height) == (64, 32)


def test_interlaced_frames_come_as_they_are(tmp_path):
    options = {"flags": "+ilme+ildct", "bf": "2"}
    path = write_clip(tmp_path / "clip.m2ts", coded(12), 25, codec="mpeg2video", options=options)
    assert [picture.frame for picture in frames(path) if picture.error is None] == list(range(12))


def test_facts(long):
    seen = facts(long["clip.mp4"])
    assert seen.path == str(long["clip.mp4"])
    assert (seen.width, seen.height, seen.rotation) == (48, 32, 0)
    assert (seen.duration, seen.average_rate, seen.frame_count) == (8.0, 10.0, 80)
    assert (seen.codec, seen.pixel_format) == ("h264", "yuv420p")
    assert facts(long["clip.mkv"]).frame_count is None
    assert facts(long["clip.mkv"]).duration == pytest.approx(8.0, abs=0.2)


def test_pictures_takes_videos_among_other_sources(long, tmp_path):
    path = str(long["clip.mp4"])
    still = np.zeros((8, 8, 3), np.uint8)
    found = list(pictures([still, path, still], sampling=Sampling(every=40)))
    assert [picture.input for picture in found] == ["array[0]", path, path, "array[3]"]
    assert [picture.frame for picture in found] == [None, 0, 40, None]
    assert count([still, path]) is None
    assert len(list(pictures(str(long["clip.mp4"].parent / "*.mp4"), sampling=Sampling(end=0.35)))) == 4
    (skipped,) = pictures(long["clip.mp4"].parent)
    assert "holds no pictures" in skipped.error
    assert "*.mp4" in skipped.error


def threads():
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


def test_nothing_is_left_where_the_caller_stops_or_fails(long):
    before = threads()
    stopped = frames(long["clip.mp4"])
    next(stopped)
    assert len(threads()) == len(before) + 1
    stopped.close()
    assert threads() == before
    dropped = frames(long["clip.mp4"])
    next(dropped)
    del dropped
    assert threads() == before
    with pytest.raises(KeyError):  # noqa: PT012 - the loop is what is looked at
        for _ in frames(long["clip.mp4"]):
            raise KeyError
    assert threads() == before
    assert not threads() or frames(long["clip.mp4"])  # one that was never begun has no thread


def test_a_frame_is_let_go_of_without_the_garbage_collector(long):
    from av.video.frame import VideoFrame

    gc.collect()
    gc.disable()
    try:
        assert sum(1 for _ in frames(long["clip.mp4"])) > 20
        assert sum(isinstance(each, VideoFrame) for each in gc.get_objects()) <= 2
    finally:
        gc.enable()


def test_few_frames_are_decoded_ahead(tmp_path, monkeypatch):
    from feallm.media import video

    made = []
    picture = video._picture
    monkeypatch.setattr(video, "_picture", lambda *given: made.append(1) or picture(*given))
    path = write_clip(tmp_path / "clip.mp4", coded(60), codec="mpeg4")
    for place, _ in enumerate(frames(path)):
        assert len(made) <= place + 1 + 8 + 1  # read, waiting, in the making


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fps": 0}, "frames a second"),
        ({"fps": float("nan")}, "frames a second"),
        ({"every": 0}, "1 or more"),
        ({"start": -1}, "0 or more"),
        ({"start": 5, "end": 5}, "above start"),
        ({"end": float("inf")}, "above start"),
        ({"fps": 2, "every": 3}, "one of them"),
        ({"fps": 2, "keyframes": True}, "one of them"),
    ],
)
def test_samplings_that_cannot_be(wrong, words):
    with pytest.raises(ValueError, match=words):
        Sampling(**wrong)
