"""Annotated copies of clips: decoded again, for their times, their pixels and their sound."""

from itertools import count

import numpy as np
import pytest

from feallm.media.video import frames
from feallm.report.annotate_video import annotate_video, check_video_path
from feallm.report.drawing import ACCENTS
from feallm.report.video_drawing import Drawing, Layout, tag
from feallm.tables import OutputError
from tests.timelines import no_face, shown
from tests.videos import write_clip

av = pytest.importorskip("av")

GREY = 120
BOX = (100.0, 120.0, 80.0, 90.0)


def grey(number, size):
    width, height = size
    return (np.full((height, width, 3), GREY, np.uint8) for _ in range(number))


def rgb(colour):
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])


def drawn(path):
    """time -> pixels of each frame of a clip."""
    with av.open(str(path)) as container:
        return {frame.time: frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)}


def box_shown(pixels, box=BOX, scale=1.0, colour=ACCENTS[0]):
    """Whether the lower edge of a box stands on a frame in its colour, and its inside is as it was."""
    x, y, wide, high = (value * scale for value in box)
    inside = pixels[round(y + high / 2), round(x + wide / 2)]
    edge = pixels[round(y + high) : round(y + high) + 4, round(x + wide / 2)]
    assert np.abs(inside - GREY).max() < 8
    return bool((np.abs(edge - rgb(colour)).max(axis=1) < 40).any())


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A clip of odd size with frames at uneven times and sound: two seconds."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    times = [0.0, 0.1, 0.15, 0.5, 0.9, 1.0, 1.5, 1.6]
    clip = write_clip(path, grey(8, (481, 361)), times=times, pixel_format="yuv444p", sound=1.7)
    return clip, times


def test_times_and_size_are_kept_and_readings_are_held(uneven, tmp_path):
    clip, times = uneven
    readings = [
        shown(1, 0.1, "happiness", ["AU12"], box=BOX),
        shown(3, 0.5, "happiness", ["AU12"], box=(200.0, 120.0, 80.0, 90.0)),
        no_face(5, 1.0),
    ]
    seen = []
    path = annotate_video(clip, readings, tmp_path / "out.mp4", progress=seen.append)
    found = drawn(path)
    assert list(found) == pytest.approx(times, abs=1e-4)
    assert seen == pytest.approx(times, abs=1e-4)
    layout = Layout.of(481, 361)
    whole = np.stack(list(found.values()))
    assert whole.shape == (8, layout.whole_height, layout.whole_width, 3)
    assert (layout.width, layout.whole_height, layout.whole_width % 2) == (481, 362, 0)
    assert [box_shown(each) for each in whole] == [False, True, True, False, False, False, False, False]
    moved = [box_shown(each, (200.0, 120.0, 80.0, 90.0)) for each in whole]
    assert moved == [False, False, False, True, True, False, False, False]
    coloured = np.abs(whole[:, :, layout.width :] - rgb(ACCENTS[0])).max(axis=3) < 40
    assert (coloured.sum(axis=(1, 2)) > 300).tolist() == [False, True, True, True, True, False, False, False]


def test_the_last_readings_run_out(uneven, tmp_path):
    clip, _ = uneven
    readings = [shown(0, 0.0, "anger", box=BOX), shown(2, 0.15, "anger", box=BOX)]
    found = drawn(annotate_video(clip, readings, tmp_path / "out.mkv"))
    assert [box_shown(each) for each in found.values()] == [True, True, True] + [False] * 5


def test_sound_is_copied_packet_by_packet(uneven, tmp_path):
    def sound(path, start=0.0):
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux(audio=0) if packet.size]
            return [(bytes(packet), round(float(packet.pts * packet.time_base) - start, 3)) for packet in packets]

    clip, _ = uneven
    whole = sound(clip)
    assert sound(annotate_video(clip, [], tmp_path / "out.mp4")) == whole
    part = sound(annotate_video(clip, [], tmp_path / "part.mov", start=0.5, end=1.2))
    assert len(part) > 8
    assert part == [(data, pytest.approx(time - 0.5, abs=2e-3)) for data, time in whole if 0.5 <= time < 1.2]


def test_a_part_begins_at_zero(uneven, tmp_path):
    clip, times = uneven
    readings = [shown(number, time, "fear", box=BOX) for number, time in enumerate(times)]
    found = drawn(annotate_video(clip, readings, tmp_path / "part.mp4", start=0.5, end=1.5))
    assert list(found) == pytest.approx([0.0, 0.4, 0.5], abs=1e-4)
    assert all(box_shown(each) for each in found.values())


def test_a_turned_phone_video_is_upright_and_small_ones_are_enlarged(tmp_path):
    stored = np.full((96, 160, 3), GREY, np.uint8)
    stored[:20, :20] = 250  # top left as stored: top right once turned clockwise
    clip = write_clip(tmp_path / "phone.mp4", [stored] * 3, rotation=90)
    (upright,) = [next(frames(clip)).pixels]
    assert upright.shape == (160, 96, 3)
    box = (30.0, 60.0, 40.0, 50.0)
    found = drawn(annotate_video(clip, [shown(0, 0.0, "anger", box=box)], tmp_path / "out.mp4"))
    layout = Layout.of(96, 160)
    assert layout.height == 360
    first = found[0.0][: layout.height, : layout.width]
    assert first[10, -10].min() > 230
    assert np.abs(first[10, 10] - GREY).max() < 8
    assert box_shown(first, box, layout.scale)


def test_readings_are_taken_only_as_the_copy_needs_them(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", grey(12, (64, 48)), rate=10)
    taken, ahead = [], []

    def reading():
        for number in count():
            taken.append(number / 10)
            yield shown(number, number / 10, "neutral", box=None)

    annotate_video(clip, reading(), tmp_path / "out.mp4", progress=lambda time: ahead.append(taken[-1] - time))
    assert len(ahead) == 12
    assert max(ahead) < 0.11


def test_mistakes_are_said_and_nothing_is_left(uneven, tmp_path):
    clip, _ = uneven
    with pytest.raises(OutputError, match=r"must be one of \.mp4"):
        check_video_path(tmp_path / "out.avi", clip)
    with pytest.raises(OutputError, match="is the clip itself"):
        annotate_video(clip, [], clip)
    (tmp_path / "no.mp4").write_bytes(b"no video at all")
    with pytest.raises(OutputError, match=r"no\.mp4: there is nothing to annotate: not a video"):
        annotate_video(tmp_path / "no.mp4", [], tmp_path / "out.mp4")
    with pytest.raises(OutputError, match=r"nothing to annotate: the video has no such frame from 9 s"):
        annotate_video(clip, [], tmp_path / "out.mp4", start=9)

    def broken():
        yield shown(0, 0.0, "anger")
        raise KeyboardInterrupt

    before = tmp_path / "kept.mp4"
    before.write_bytes(b"an earlier copy")
    with pytest.raises(KeyboardInterrupt):
        annotate_video(clip, broken(), before)
    assert before.read_bytes() == b"an earlier copy"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.mp4", "no.mp4"]


def test_boxes_at_the_edges_and_crowds_are_drawn_as_far_as_there_is_room():
    drawing = Drawing(640, 360)
    crowd = [shown(0, 0.0, "surprise", box=(50.0 * n - 60, 30.0 * n - 40, 60.0, 70.0), face_id=n) for n in range(16)]
    drawing.show([*crowd, shown(0, 0.0, "anger", box=(5000.0, 0.0, 10.0, 10.0), face_id=16)])
    pixels = np.full((360, 640, 3), GREY, np.uint8)
    full = drawing.frame(pixels)
    assert (pixels == GREY).all(), "the frame itself is not drawn on"
    drawing.show([])
    empty = drawing.frame(np.full((180, 320, 3), GREY, np.uint8))
    assert full.shape == empty.shape
    assert (empty[:, :640] == GREY).all()
    assert (full != empty).sum() > 10_000


def test_what_stands_on_a_box():
    assert tag(shown(0, 0.0, "anger", face_id=7)) == "7 anger 80%"
    assert tag(shown(0, 0.0, None)) == "0 no verdict"
