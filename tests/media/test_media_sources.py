"""Every kind of source, alone and mixed: names, order, reasons, counts."""

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feallm.media import Limits, Picture, count, pictures


def grey(value, side=4):
    return Image.new("RGB", (side, side), (value,) * 3)


def encoded(value, name="PNG"):
    buffer = io.BytesIO()
    grey(value).save(buffer, name)
    return buffer.getvalue()


def one(source, **limits):
    found = list(pictures(source, limits=Limits(**limits)))
    assert len(found) == 1
    assert count(source) == 1
    return found[0]


def values(source):
    return [picture.error or int(picture.pixels[0, 0, 0]) for picture in pictures(source)]


@pytest.fixture
def folder(tmp_path):
    for name, value in {"img10.png": 10, "img2.PNG": 2, "a/b/deep.bmp": 30, "img1.png": 1}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(value, "BMP" if name.endswith("bmp") else "PNG"))
    for name in ("notes.txt", ".hidden.png", ".git/x.png", "clip.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(99))
    return tmp_path


def test_a_file_whatever_its_suffix(tmp_path):
    for name in ("face.png", "face.txt", "face", "photo[1]*.png", "what?.png", "héé 脸.jpg"):
        path = tmp_path / name
        path.write_bytes(encoded(5))
        for source in (path, str(path)):
            picture = one(source)
            assert picture.input == str(path)
            assert picture.pixels[0, 0].tolist() == [5, 5, 5]
            assert (picture.frame, picture.timestamp) == (None, None)


def test_a_folder_in_natural_order_with_its_folders(folder):
    found = list(pictures(folder))
    names = [os.path.relpath(picture.input, folder) for picture in found]
    assert names == [os.path.join("a", "b", "deep.bmp"), "img1.png", "img2.PNG", "img10.png"]
    assert values(str(folder)) == [30, 1, 2, 10]
    assert count(folder) == 4


def test_patterns(folder):
    assert values(str(folder / "*.png")) == [1, 10]
    assert values(folder / "**" / "*.bmp") == [30]
    assert values(str(folder / "**" / "*")) == [30, 1, 2, 10]
    assert values(str(folder / "img?.*")) == [1, 2]
    assert values(str(folder / "*.txt")) == [99]  # a suffix that is asked for by name
    assert count(str(folder / "*.png")) == 2


def test_nothing_there_is_one_reason_each(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no pictures" in one(empty).error
    assert "matches no picture" in one(str(tmp_path / "*.jpg")).error
    assert "no such file" in one(str(tmp_path / "gone.jpg")).error
    assert "path is empty" in one("").error
    assert "no such file" in one("bad\0name").error
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone")
    assert "link" in one(tmp_path / "dangling.png").error


def test_links_to_folders_do_not_run_in_circles(folder):
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    assert count(folder) == 4


@pytest.fixture
def nobody(folder):
    """Root opens everything, so root becomes somebody else for the length of a test (POSIX)."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs POSIX permissions")
    if os.geteuid() != 0:
        yield
        return
    for parent in [folder, *folder.parents]:
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_no_permission(folder, nobody):
    # made unreadable by whoever owns them, asked for by somebody who may not
    me = os.geteuid()
    if me == 65534:
        os.seteuid(0)
    (folder / "img1.png").chmod(0)
    (folder / "a").chmod(0)
    if me == 65534:
        os.seteuid(65534)
    assert "cannot be opened" in one(folder / "img1.png").error
    assert any("cannot be listed" in str(value) for value in values(folder))
    if me == 65534:
        os.seteuid(0)
    (folder / "a").chmod(0o700)


def test_empty_files_text_and_videos_named_as_pictures(tmp_path):
    for name, data, words in [
        ("empty.jpg", b"", "0 bytes"),
        ("letter.jpg", b"Dear all,", "text"),
        ("clip.jpg", b"\x00\x00\x00\x18ftypisom", "named as a video"),
        ("song.m4a", b"\x00\x00\x00\x1cftypM4A ", "sound"),
    ]:
        (tmp_path / name).write_bytes(data)
        assert words in one(tmp_path / name).error


def test_a_file_over_the_limit_is_not_read(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(1 << 33)  # sparse: 8 GB that are not there
    assert "100 MB" in one(path).error


class Drip(io.RawIOBase):
    """Endless bytes, few at a time; says how many were taken."""

    taken = 0

    def read(self, size=-1):
        self.taken += min(size, 1000)
        return b"x" * min(size, 1000)


def test_file_objects(tmp_path):
    assert one(io.BytesIO(encoded(7))).input == "file[0]"
    path = tmp_path / "face.png"
    path.write_bytes(encoded(7))
    with path.open("rb") as file:
        assert one(file).input == str(path)
        assert "0 bytes" in one(file).error  # it stands at its end now
    assert "cannot be read" in one(file).error
    with path.open(encoding="latin-1") as file:
        assert "'rb'" in one(file).error
    drip = Drip()
    assert "max_bytes" in one(drip, max_bytes=5500).error
    assert drip.taken <= 6500


def test_bytes_of_every_kind():
    for kind in (bytes, bytearray, memoryview):
        picture = one(kind(encoded(8)))
        assert picture.input == "bytes[0]"
        assert picture.pixels[0, 0, 0] == 8


def test_data_urls():
    code = base64.b64encode(encoded(9)).decode()
    assert one(f"data:image/png;base64,{code}").input == "data[0]"
    assert values(f"data:image/png;base64,{code.rstrip('=')}") == [9]
    assert values("data:," + "".join(f"%{byte:02x}" for byte in encoded(9))) == [9]
    assert "base64" in one("data:image/png;base64,@@@@").error
    assert "comma" in one("data:image/png").error
    assert "max_bytes" in one(f"data:;base64,{code}", max_bytes=10).error
    assert "text" in one("data:,hello").error


@pytest.mark.parametrize("url", ["ftp://example.org/a.png", "file:///etc/passwd", "gopher://x/", "s3://a/b"])
def test_other_schemes_are_refused(url):
    picture = one(url)
    assert picture.input == url
    assert "only http, https and data" in picture.error


def array(*shape, dtype=np.uint8):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def test_array_shapes():
    colour = array(4, 5, 3)
    assert np.array_equal(one(colour).pixels, colour)
    assert one(colour).input == "array[0]"
    assert np.array_equal(one(colour[:, ::-1]).pixels, colour[:, ::-1])
    assert one(colour[:, ::-1]).pixels.flags.c_contiguous
    grey_values = array(4, 5)
    for shaped in (grey_values, grey_values[..., None]):
        assert np.array_equal(one(shaped).pixels, np.stack([grey_values] * 3, axis=2))
    clear = np.dstack([colour, np.full((4, 5), 255, np.uint8)])
    assert np.array_equal(one(clear).pixels, colour)
    clear[..., 3] = 0
    assert (one(clear).pixels == 255).all()


def test_array_types():
    assert values(np.full((2, 2, 3), 0.5)) == [128]
    assert values(np.full((2, 2, 3), 1, np.float16)) == [255]
    assert values(np.full((2, 2), 1.0005, np.float32)) == [255]
    assert values(np.full((2, 2), 32896, np.uint16)) == [128]
    assert values(np.full((2, 2), 200, np.int64)) == [200]
    assert values(np.full((2, 2), True)) == [255]
    assert values(np.full((2, 2, 4), 65535, np.uint16)) == [255]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (array(3, 8, 8), "channels come first"),
        (array(2, 2, 2), "[H, W, 3]"),
        (array(7), "[H, W, 3]"),
        (array(0, 4, 3), "no pixels"),
        (array(0, 4, 4, 3), "no pictures"),
        (np.full((2, 2), 200.0), "0..1"),
        (np.full((2, 2), np.nan), "0..1"),
        (np.full((2, 2), np.inf), "0..1"),
        (np.full((2, 2), 200, np.uint16), "65535"),
        (np.full((2, 2), -1), "0..255"),
        (np.full((2, 2), 1j), "complex"),
    ],
)
def test_arrays_that_cannot_be_meant(bad, words):
    assert words in one(bad).error


def test_array_limits_and_batches():
    assert "max_pixels" in one(array(20, 20), max_pixels=100).error
    batch = np.stack([np.full((4, 5, 3), value, np.uint8) for value in (1, 2, 3)])
    assert [picture.input for picture in pictures(batch)] == ["array[0]", "array[1]", "array[2]"]
    assert values(batch) == [1, 2, 3]
    assert count(batch) == 3


def test_pixels_are_copies():
    frame = np.zeros((2, 2, 3), np.uint8)

    def camera():
        for value in (1, 2):
            frame[:] = value
            yield frame

    assert [int(picture.pixels[0, 0, 0]) for picture in list(pictures(camera()))] == [1, 2]


def test_mixed_and_nested(folder):
    source = [
        folder / "img1.png",
        [grey(3), (encoded(4), [])],
        "gone.png",
        np.full((2, 2), 6, np.uint8),
        folder,
    ]
    found = list(pictures(source))
    names = ["image[1]", "bytes[2]", "gone.png", "array[4]"]
    assert [picture.input for picture in found[1:5]] == names
    assert values(source)[:3] == [1, 3, 4]
    assert "no such file" in values(source)[3]
    assert values(source)[4:] == [6, 30, 1, 2, 10]
    assert count(source) == 9
    assert list(pictures([])) == []
    assert count([]) == 0


def test_ready_pictures_pass_through_as_they_are():
    ready = [Picture("me", np.zeros((9, 9, 3), np.uint8), None), Picture("gone", None, "why", frame=3)]
    (alone,) = pictures(ready[0])
    assert alone is ready[0]
    source = [grey(1), ready, grey(2), ready[0]]
    found = list(pictures(source, limits=Limits(max_pixels=16)))
    assert [picture.input for picture in found] == ["image[0]", "me", "gone", "image[3]", "me"]
    assert [found[1], found[2], found[4]] == [*ready, ready[0]]
    assert (count(source), count(ready[0])) == (5, 1)
    again = list(pictures(pictures(iter([grey(1), grey(2)]))))
    assert [picture.input for picture in again] == ["image[0]", "image[1]"]


def test_a_column_of_paths(folder):
    column = np.array([str(folder / "img1.png"), str(folder / "img2.PNG")], dtype=object)
    assert values(column) == [1, 2]
    assert values(column.astype(str)) == [1, 2]


def test_generators_are_read_as_asked_for():
    made = []

    def source():
        for value in range(5):
            made.append(value)
            yield grey(value)

    found = pictures(source())
    assert made == []
    assert next(found).input == "image[0]"
    assert made == [0]
    assert count(source()) is None
    assert count([source(), grey(1)]) is None
    assert values(map(grey, range(3))) == [0, 1, 2]


@pytest.mark.parametrize("wrong", [None, 3, 2.5, {}, {"a"}, object(), Path, [grey(1), 7], [[7]]])
def test_wrong_types_say_what_is_accepted(wrong):
    with pytest.raises(TypeError, match="a path, folder, pattern, URL"):
        pictures(wrong)
    with pytest.raises(TypeError, match="a path, folder, pattern, URL"):
        count(wrong)


def test_a_wrong_type_inside_a_generator():
    found = pictures(each for each in [grey(1), 7])
    assert next(found).error is None
    with pytest.raises(TypeError, match="int came"):
        next(found)


def test_a_picture_has_pixels_or_a_reason():
    good = np.zeros((1, 1, 3), np.uint8)
    for pixels, error in [(None, None), (good, "why")]:
        with pytest.raises(ValueError, match="either"):
            Picture("x", pixels, error)
    for bad in (good[0], good.astype(float), np.zeros((4, 4, 3), np.uint8)[:, ::2]):
        with pytest.raises(ValueError, match="C-contiguous"):
            Picture("x", bad, None)


def test_local_pictures_need_no_network_library():
    import subprocess
    import sys

    code = (
        "import sys, numpy; from feallm.media import pictures;"
        "list(pictures(numpy.zeros((2, 2), 'uint8'))); list(pictures('ftp://x'));"
        "raise SystemExit(any(name in sys.modules for name in ('httpx', 'httpcore', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_none_in_a_list_is_one_bad_picture():
    given = [np.zeros((4, 4, 3), np.uint8), None, np.ones((4, 4, 3), np.uint8)]
    assert count(given) == 3
    found = list(pictures(given))
    assert [picture.input for picture in found] == ["array[0]", "none[1]", "array[2]"]
    assert "None is no picture" in found[1].error
    with pytest.raises(TypeError):
        pictures(None)
