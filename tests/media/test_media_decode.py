"""Every mode, damage and trick of an encoded picture, made here by Pillow or by hand."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile

from feallm.media import Limits, pictures

RED, WHITE = [255, 0, 0], [255, 255, 255]


def encode(image, name="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


def one(source, **limits):
    found = list(pictures(source, limits=Limits(**limits)))
    assert len(found) == 1
    return found[0]


def pixels(source):
    picture = one(source)
    assert picture.error is None
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert picture.pixels.flags.writeable
    return picture.pixels


def noise(height=64, width=48):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows, *extra):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + body + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_pixel(name):
    image = noise()
    assert np.array_equal(pixels(encode(image, name)), np.asarray(image))


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "GIF", "JPEG2000", "AVIF"])
def test_lossy_formats_come_close(name):
    flat = Image.new("RGB", (16, 12), (200, 60, 30))
    got = pixels(encode(flat, name))
    assert got.shape == (12, 16, 3)
    assert np.abs(got.astype(int) - [200, 60, 30]).max() <= 6


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF"])
def test_one_pixel_is_a_picture(name):
    assert pixels(encode(Image.new("RGB", (1, 1), "white"), name)).tolist() == [[WHITE]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(name, orientation):
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255  # a white corner top left
    undo = [None, lambda a: a, np.fliplr, lambda a: a[::-1, ::-1], np.flipud, lambda a: a.swapaxes(0, 1)]
    undo += [lambda a: np.rot90(a, 1), lambda a: np.rot90(a, 2).swapaxes(0, 1), lambda a: np.rot90(a, -1)]
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation](upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = pixels(encode(stored, name, exif=exif))
    assert np.abs(got.astype(int) - upright).max() <= 12


def test_broken_exif_keeps_the_pixels():
    assert pixels(encode(noise(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")).shape == (64, 48, 3)


def test_transparency_lies_over_white():
    half = Image.new("RGBA", (2, 1))
    half.putpixel((0, 0), (255, 0, 0, 255))
    assert pixels(encode(half)).tolist() == [[RED, WHITE]]
    half.putpixel((1, 0), (0, 0, 0, 128))
    assert pixels(half).tolist() == [[RED, [127, 127, 127]]]
    assert pixels(half.convert("RGBa")).tolist()[0][0] == RED
    assert pixels(encode(Image.new("LA", (1, 1), (10, 0)))).tolist() == [[WHITE]]
    assert pixels(Image.new("La", (1, 1), (0, 0))).tolist() == [[WHITE]]


def test_palettes_and_their_transparency():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    assert pixels(encode(palette)).tolist() == [[RED, [0, 255, 0]]]
    assert pixels(encode(palette, transparency=1)).tolist() == [[RED, WHITE]]
    assert pixels(encode(palette, transparency=b"\xff\x80")).tolist() == [[RED, [127, 255, 127]]]
    assert pixels(encode(palette, "GIF", transparency=1)).tolist() == [[RED, WHITE]]


def test_a_transparent_colour_of_rgb():
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((0, 0), tuple(RED))
    assert pixels(encode(image, transparency=(1, 2, 3))).tolist() == [[RED, WHITE]]


def test_one_bit_and_grey():
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert pixels(encode(bits)).tolist() == [[[0, 0, 0], WHITE]]
    assert pixels(encode(Image.new("L", (1, 1), 77))).tolist() == [[[77] * 3]]


@pytest.mark.parametrize("name", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_not_clipped(name):
    values = np.array([[0, 257, 32896, 65535]], np.uint16)
    got = pixels(encode(Image.fromarray(values), name))
    assert got[0, :, 0].tolist() == [0, 1, 128, 255]


def test_sixteen_bit_colour_png():
    row = b"\x00" + struct.pack(">6H", 65535, 0, 0, 0, 65535, 32896)
    assert pixels(png(2, 1, 16, 2, row)).tolist() == [[RED, [0, 255, 128]]]
    keyed = png(2, 1, 16, 2, row, chunk(b"tRNS", struct.pack(">3H", 1, 2, 3)))
    assert pixels(keyed).shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.int32, [0, 255], [0, 255]),
        (np.int32, [0, 65535], [0, 255]),
        (np.int32, [-100, 100], [0, 255]),
        (np.float32, [0, 0.5, 1], [0, 128, 255]),
        (np.float32, [0, 200.4], [0, 200]),
        (np.float32, [0, 65535], [0, 255]),
        (np.float32, [0, 1e6], [0, 255]),
    ],
)
def test_modes_i_and_f(dtype, values, expected):
    image = Image.fromarray(np.array([values], dtype))
    assert image.mode in ("I", "F")
    assert pixels(image)[0, :, 1].tolist() == expected
    assert pixels(encode(image, "TIFF"))[0, :, 1].tolist() == expected


def test_float_with_nan_is_refused():
    assert "NaN" in one(Image.fromarray(np.array([[np.nan, 1]], np.float32))).error


def test_adobe_cmyk_jpeg_is_not_inverted():
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    data = encode(red, "JPEG", quality=95)
    assert b"Adobe" in data
    assert np.abs(pixels(data).astype(int) - RED).max() <= 8


def test_ycck_jpeg():
    luma, blue, red = Image.new("RGB", (1, 1), (0, 255, 255)).convert("YCbCr").getpixel((0, 0))
    stored = Image.new("CMYK", (16, 16), (255 - luma, 255 - blue, 255 - red, 0))  # cyan left out: red
    data = bytearray(encode(stored, "JPEG", quality=95))
    data[data.index(b"Adobe") + 11] = 2  # Adobe's transform flag: YCCK
    assert np.abs(pixels(bytes(data)).astype(int) - RED).max() <= 8


@pytest.mark.parametrize("mode", ["HSV", "YCbCr", "LAB", "RGBX", "CMYK", "PA"])
def test_other_modes_of_pillow(mode):
    assert pixels(Image.new(mode, (3, 2))).shape == (2, 3, 3)


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG"])
def test_animation_gives_its_first_frame(name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encode(frames[0], name, save_all=True, append_images=frames[1:])
    assert np.abs(pixels(data)[0, 0].astype(int) - RED).max() <= 4


def swapped_profile():
    """The bytes of an sRGB profile whose red and blue primaries have changed places."""
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", icc[128:132])[0]
    tags = {bytes(icc[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    icc[red + 4 : red + 12], icc[blue + 4 : blue + 12] = icc[blue + 4 : blue + 12], icc[red + 4 : red + 12]
    return bytes(icc).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


def test_colour_profile_is_brought_to_srgb():
    red = Image.new("RGB", (2, 2), tuple(RED))
    got = pixels(encode(red, icc_profile=swapped_profile()))
    assert got[0, 0, 2] > 250
    assert got[0, 0, 0] < 5
    clear = Image.new("RGBA", (1, 1), (255, 0, 0, 255))
    assert pixels(encode(clear, icc_profile=swapped_profile()))[0, 0, 2] > 250


def test_srgb_broken_and_unfitting_profiles_change_nothing():
    red = Image.new("RGB", (2, 2), tuple(RED))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc in (srgb, b"no profile at all", swapped_profile()[:200]):
        assert pixels(encode(red, icc_profile=icc))[0, 0].tolist() == RED
    assert pixels(encode(Image.new("L", (1, 1), 77), icc_profile=swapped_profile())).tolist() == [[[77] * 3]]


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM"])
def test_cut_files_are_unreadable(name, share):
    data = encode(noise(), name)
    picture = one(data[: int(len(data) * share)])
    assert picture.pixels is None
    assert "ends before the picture does" in picture.error
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("name", ["TIFF", "JPEG2000", "AVIF"])
def test_other_cut_files_are_unreadable(name):
    data = encode(noise(), name)
    assert one(data[: len(data) // 2]).error


def test_progressive_jpeg_cut_between_scans():
    data = encode(noise(), "JPEG", progressive=True)
    assert "ends before" in one(data[: len(data) * 2 // 3]).error


def test_a_flipped_byte_is_damage():
    data = bytearray(encode(noise()))
    data[len(data) // 2] ^= 255
    assert "damaged" in one(bytes(data)).error


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"hello, this is a letter\n" * 50, "text, not a picture"),
        ("née à Paris".encode(), "text, not a picture"),
        (b"Python is nice and begins like a PPM", "text"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"<?xml version='1.0'?><svg></svg>", "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "a video"),
        (b"\x1aE\xdf\xa3" + bytes(40), "a video"),
        (b"RIFF\x10\x00\x00\x00AVI LIST", "a video"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "HEIC"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "text"),
        (bytes(range(128, 256)), "recognised"),
        (b"P", "text"),
        (b"\xff\xd8\xff", "JPEG"),
    ],
)
def test_what_is_no_picture_says_what_it_is(data, words):
    assert words in one(data).error


@pytest.mark.parametrize("side", [12_000, 30_000])
def test_a_bomb_is_refused_by_its_header(side, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    bomb = png(side, side, 8, 2, b"")
    gif = b"GIF89a" + struct.pack("<HH", side, side) + b"\x80\x00\x00" + bytes(6) + b"\x2c" + bytes(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (bomb, gif + struct.pack("<HH", side, side) + b"\x00\x02\x00;"):
            error = one(data).error
            assert f"{side} x {side}" in error
            assert "100 million" in error
            assert "max_pixels" in error


def test_limits_reach_pil_images_and_bytes():
    assert "max_pixels" in one(noise(), max_pixels=1000).error
    assert one(noise(), max_pixels=64 * 48).error is None
    assert "max_bytes" in one(encode(noise()), max_bytes=100).error
    with pytest.raises(ValueError, match="max_pixels"):
        Limits(max_pixels=0)


def test_a_pil_image_is_left_as_it_was():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encode(noise(), "JPEG", exif=exif)))
    assert pixels(image).shape == (48, 64, 3)
    assert image.size == (48, 64)
    assert pixels(image).shape == (48, 64, 3)
    plain = noise()
    pixels(plain)[:] = 0
    assert np.asarray(plain).any()


def test_a_closed_pil_image_is_unreadable():
    image = Image.open(io.BytesIO(encode(noise())))
    image.close()
    assert one(image).error


SIGNATURES = [
    b"",
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"P6 ",
    b"P5\n9",
]
SIGNATURES += [
    b"RIFF\xff\x00\x00\x00WEBPVP8 ",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51\x00\x2f",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SIGNATURES), st.binary(max_size=400))
@pytest.mark.filterwarnings("ignore")
def test_random_bytes_never_raise(signature, rest):
    picture = one(signature + rest, max_pixels=1_000_000)
    assert (picture.pixels is None) == bool(picture.error)


WHOLE = [encode(noise(24, 16), name) for name in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF")]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(WHOLE), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6))
@pytest.mark.filterwarnings("ignore")
def test_damaged_pictures_never_raise(data, changes):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[int(place * (len(data) - 1))] = value
    assert one(bytes(damaged), max_pixels=1_000_000)
