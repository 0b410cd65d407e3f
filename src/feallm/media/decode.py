"""Pixels from encoded pictures and from Pillow images: RGB, upright, sRGB, alpha over white."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, ImageFile

from .arrays import Pixels, from_sixteen_bits, over_white
from .limits import Limits, UnreadableError
from .read import VIDEO

# Formats with a signature of their own, plain decoders and no helper programs (EPS would start Ghostscript).
# HEIF is there once pillow-heif has registered it.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "HEIF")
EXPECTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM/PGM/PBM/PFM, JPEG 2000 or AVIF"

# What Pillow's readers raise on damaged input, found by feeding them noise.
DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)

ORIENTATION = 0x0112  # EXIF 2.32, tag 274
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PROFILE_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def decode(data: bytes, limits: Limits) -> Pixels:
    """An encoded picture as RGB [H, W, 3]; the first frame where it moves.

    Raises UnreadableError: empty, not a picture, too large by its header, cut short, damaged.
    """
    limits.check_bytes(len(data))
    if not data:
        raise UnreadableError("there is nothing in it: 0 bytes")
    image = _open(data)
    limits.check_pixels(*image.size)
    try:
        image.load()
    except DECODER_ERRORS as error:
        raise UnreadableError(_damage(data, image.format or "picture", error)) from error
    return from_image(image, limits)


def from_image(image: Image.Image, limits: Limits) -> Pixels:
    """A Pillow image, of any mode, at the frame it stands on, as a fresh RGB array [H, W, 3].

    EXIF orientation is applied; transparency is laid over white; an embedded colour profile is brought to
    sRGB where it fits. 16-bit modes are divided by 257; modes I and F by what their range tells (`_deep`).

    Raises UnreadableError: too large, or Pillow cannot load it.
    """
    limits.check_pixels(*image.size)
    try:
        image.load()
        flat = _to_srgb(_flat(_upright(image)), image.info.get("icc_profile"))
        return np.array(flat if flat.mode == "RGB" else flat.convert("RGB"), dtype=np.uint8, order="C")
    except DECODER_ERRORS as error:
        raise UnreadableError(f"Pillow cannot read this image ({image.mode}): {error}") from error


def _open(data: bytes) -> ImageFile.ImageFile:
    # Not Image.open: its size check warns, and stops at a global that is the application's to set.
    Image.init()
    failed: tuple[str, BaseException] | None = None
    for name in FORMATS:
        factory, accept = Image.OPEN.get(name, (None, None))
        try:
            if factory is not None and accept is not None and accept(data[:16]) is True:
                return factory(BytesIO(data), "")
        except Image.DecompressionBombError as error:
            raise UnreadableError(f"the picture is larger than Pillow allows: {error}") from error
        except DECODER_ERRORS as error:
            failed = name, error
    kind = _kind(data)
    if failed and kind is None:
        raise UnreadableError(_damage(data, *failed))
    raise UnreadableError(f"{kind or 'not a picture that can be recognised'}; expected {EXPECTED}")


def _kind(data: bytes) -> str | None:
    """What bytes that are no readable picture look like."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data.startswith((b"ID3", b"fLaC")) or data[8:12] in (b"M4A ", b"M4B ", b"WAVE"):
        return "sound, with no picture or video in it"
    if data[4:8] == b"ftyp":
        if data[8:12] in (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc"):
            return "a HEIC picture, which this Pillow cannot read: save it as JPEG"
        return None if data[8:12] in (b"avif", b"avis") else VIDEO
    if data.startswith((b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"FLV\x01")) or data[8:12] == b"AVI ":
        return VIDEO
    if start.startswith(b"%pdf"):
        return "a PDF document, not a picture"
    if b"<svg" in start:
        return "an SVG drawing, not a picture of pixels"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page, not a picture: give the address of the picture itself"
    if all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in data[:512]):
        try:
            data[:512].decode("utf-8" if len(data) <= 512 else "ascii")
        except UnicodeDecodeError:
            return None
        return "text, not a picture"
    return None


def _damage(data: bytes, name: str, error: BaseException) -> str:
    text = str(error)
    cut = isinstance(error, EOFError) or "truncat" in text.lower() or "EOF" in text
    cut = cut or (name == "JPEG" and b"\xff\xd9" not in data[-64:])
    cut = cut or (name == "PNG" and b"IEND" not in data[-64:])
    cut = cut or (name == "WEBP" and int.from_bytes(data[4:8], "little") + 8 > len(data))
    if cut:
        return f"the {name} file ends before the picture does: get a complete copy"
    return f"the {name} file is damaged ({text or type(error).__name__})"


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except DECODER_ERRORS:
        return image  # broken EXIF says nothing; the pixels are still good
    return image if turn is None else image.transpose(turn)


def _flat(image: Image.Image) -> Image.Image:
    """Mode L, RGB or CMYK, eight bits, no alpha."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_deep(np.asarray(image)))
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.has_transparency_data:
        return Image.fromarray(over_white(np.asarray(image.convert("RGBA"))))
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in PROFILE_SPACES else image.convert("RGB")


def _deep(values: np.ndarray) -> Pixels:
    """Grey of more than eight bits [H, W] to 0..255, by the smallest customary range that holds it.

    I;16 is 0..65535. I and F do not state a range: F within 0..1 is that; within 0..255 as it stands; within
    0..65535 sixteen bits; anything else is stretched from its least to its greatest value.
    """
    if values.dtype.itemsize == 2:
        return from_sixteen_bits(values)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("it holds NaN or infinite values")
    wide = values.astype(np.float64)
    if low < 0 or high > 65535:
        wide = (wide - low) * (255 / max(high - low, 1e-12))
    elif values.dtype.kind == "f" and high <= 1:
        wide = wide * 255
    elif high > 255:
        wide = wide / 257
    return np.rint(wide).astype(np.uint8)


def _to_srgb(image: Image.Image, icc: object) -> Image.Image:
    if not isinstance(icc, bytes) or not icc:
        return image
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        fits = profile.profile.xcolor_space.strip() == PROFILE_SPACES[image.mode]
        if not fits or "srgb" in ImageCms.getProfileDescription(profile).lower():
            return image
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB") or image
    except DECODER_ERRORS:
        return image  # a broken profile is no reason to lose the picture
