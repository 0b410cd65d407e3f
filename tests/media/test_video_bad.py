"""Videos that are none, or not whole: a sentence, or a row for what is missing, and the rest goes on."""

import subprocess
import sys

import numpy as np
import pytest

from feallm.media import Limits, Sampling, pictures
from feallm.media.limits import UnreadableError
from feallm.media.video import facts, frames
from tests.media.test_video import coded, told
from tests.videos import write_clip, write_silence


def reason(path, **options):
    """Why a file gives nothing: the same words from `frames`, `pictures` and `facts`."""
    (picture,) = frames(path, **options)
    assert picture.pixels is None
    assert (picture.frame, picture.timestamp) == (None, None)
    assert [each.error for each in pictures(path, **options)] == [picture.error]
    with pytest.raises(UnreadableError) as raised:
        facts(path, **options)
    assert str(raised.value) == picture.error
    return picture.error


def noisy(count):
    """Pictures that keep an encoder busy, so that every packet holds something to damage; `told` reads their number."""
    generator = np.random.default_rng(0)
    for pixels in coded(count, (96, 64)):
        yield pixels + generator.integers(-30, 30, (64, 96, 1)).astype(np.uint8)


def packets(path):
    import av

    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"Dear all,", "not a video that can be read: MP4"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(100), "index is missing"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG picture that is named like a video"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ninner.mp4\n#EXT-X-ENDLIST\n", "not a video"),
        (b"ffconcat version 1.0\nfile 'inner.mp4'\n", "not a video"),
    ],
)
def test_what_is_no_video(tmp_path, data, words):
    write_clip(tmp_path / "inner.mp4", coded(2))  # a play list must not lead to another file
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    assert words in reason(path)


def test_files_that_are_not_there(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    assert [each.error for each in frames(tmp_path / "folder.mp4")] == ["a folder, not a video"]
    assert [each.error for each in frames(tmp_path / "gone.mp4")] == ["no such file: check the path"]
    assert "no such file" in next(frames("http://127.0.0.1:1/clip.mp4")).error


def test_only_sound(tmp_path):
    import av

    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        write_silence(container, container.add_stream("aac", rate=16_000, layout="mono"), 0.5)
    assert "sound in it, but no video" in reason(path)


def test_a_codec_that_nobody_knows(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", coded(3), codec="libx264")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    assert "codec" in reason(path)


def test_no_frames_at_all(tmp_path):
    path = write_clip(tmp_path / "clip.avi", noisy(3), codec="mjpeg", pixel_format="yuvj420p")
    data = path.read_bytes()
    path.write_bytes(data[: packets(path)[0][0]])
    assert "holds no frames" in reason(path)


def test_all_frames_damaged(tmp_path):
    path = write_clip(tmp_path / "clip.avi", noisy(3), codec="mjpeg", pixel_format="yuvj420p")
    data = bytearray(path.read_bytes())
    for start, size in packets(path):
        data[start + 8 : start + size] = bytes(size - 8)
    path.write_bytes(data)
    assert "none of its frames can be decoded" in reason(path)


def test_frames_over_the_limit(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", coded(3))
    assert "max_pixels" in reason(path, limits=Limits(max_pixels=1000))


def test_one_and_two_frames(tmp_path):
    for number in (1, 2):
        path = write_clip(tmp_path / "clip.mp4", coded(number))
        assert [each.frame for each in frames(path)] == list(range(number))
        assert [each.frame for each in frames(path, Sampling(fps=1))] == [0]
        assert [each.frame for each in frames(path, Sampling(keyframes=True))] == [0]


def test_nothing_between_start_and_end(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", coded(24), 12)
    (none,) = frames(path, Sampling(start=7200))
    assert none.error == "the video has no such frame from 7200 s; it lasts 2 s: give another start or end"
    (none,) = frames(path, Sampling(start=0.51, end=0.52))
    assert "from 0.51 s to 0.52 s" in none.error


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "libx264"), ("clip.avi", "mpeg4"), ("clip.mkv", "ffv1")])
def test_damage_in_the_middle_is_a_row_and_the_rest_goes_on(tmp_path, name, codec):
    path = write_clip(tmp_path / name, noisy(40), 10, codec=codec, options={"g": "10", "bf": "0"})
    data, generator = bytearray(path.read_bytes()), np.random.default_rng(1)
    for number in (13, 27):
        start, size = packets(path)[number]
        data[start + 8 : start + size] = generator.bytes(size - 8)
    path.write_bytes(data)
    found = list(frames(path))
    assert [each.frame for each in found] == list(range(40))
    assert [each.timestamp for each in found] == pytest.approx([number / 10 for number in range(40)], abs=1e-3)
    assert [each.frame for each in found if each.pixels is None] == [13, 27]
    assert all("cannot be decoded" in each.error for each in found if each.pixels is None)
    assert [told(each) for each in found[30:]] == list(range(30, 40))
    assert [each.error is None for each in frames(path, Sampling(every=13))] == [True, False, True, True]


def test_a_file_cut_short_says_so_at_its_end(tmp_path):
    for name, stated in [("clip.mkv", "4.0 s"), ("clip.avi", " s")]:  # AVI's own statement shrinks with the file
        path = write_clip(tmp_path / name, noisy(40), 10, codec="mpeg4")
        path.write_bytes(path.read_bytes()[: sum(packets(path)[20])])
        *whole, end = frames(path)
        assert len(whole) >= 18
        assert all(each.error is None for each in whole)
        assert end.frame == whole[-1].frame + 1
        assert "the file ends here, though it states" in end.error
        assert stated in end.error
        assert all(each.error is None for each in frames(path, Sampling(end=1.0)))
        for sampling in (Sampling(fps=2), Sampling(every=7), Sampling(keyframes=True), Sampling(fps=2, start=3.5)):
            *_, last = frames(path, sampling)
            assert (last.frame, last.timestamp, last.error) == (end.frame, end.timestamp, end.error), sampling


def test_without_pyav_the_sentence_says_what_to_install(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", coded(2))
    code = (
        "import sys; sys.modules['av'] = None\n"  # what an import of something not installed meets
        "from feallm.media import pictures\n"
        f"print([each.error for each in pictures({str(path)!r})])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == """["reading videos needs PyAV: pip install 'feallm[video]'"]"""
