"""What a page embeds of pictures: small JPEGs as data URIs, each with the part of the picture that it shows.

The pixels are encoded anew, so nothing else of a file comes along: no place, no date, no thumbnail of its own.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from feallm.analyze.reading import FaceReading
from feallm.media import Picture
from feallm.report.blur import Pixels, cover, face_boxes

AROUND = 0.45
"""Share of a face's longer side that a close-up shows around it."""
QUALITY = 82
UNCOVERED = "Not shown: no face was found in it, so none could be blurred."
NOT_AT_HAND = "The picture was not at hand when this report was made."


@dataclass(frozen=True)
class Sizes:
    """The longest side in pixels of an embedded picture and of a close-up of a face."""

    whole: int
    close: int


SIZES = ((6, Sizes(1280, 520)), (40, Sizes(800, 360)), (1_000_000_000, Sizes(480, 240)))
"""Up to so many pictures: these sizes."""


@dataclass(frozen=True)
class Shot:
    """A JPEG as a data URI; None where the picture is not at hand, and only its place is known.

    `left, top, width, height`: the part of the original that it shows, in its pixels.
    """

    uri: str | None
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Sheet:
    """One picture and what was read from it. `close`: a close-up a reading, None without a face.

    `whole` is None where the picture is not shown; `missing` says why.
    """

    readings: tuple[FaceReading, ...]
    whole: Shot | None
    close: tuple[Shot | None, ...]
    missing: str = ""

    @property
    def first(self) -> FaceReading:
        return self.readings[0]


def sizes_for(pictures: int) -> Sizes:
    """How large pictures are embedded when there are so many."""
    return next(sizes for most, sizes in SIZES if pictures <= most)


def sheet(
    readings: Sequence[FaceReading],
    picture: Picture | None,
    sizes: Sizes,
    *,
    blur: bool = False,
    beside: Sequence[FaceReading] = (),
) -> Sheet:
    """The readings of one picture with what is embedded of it. `blur` covers every face, also those `beside`."""
    pixels = None if picture is None else picture.pixels
    missing = "" if readings[0].status == "unreadable" else NOT_AT_HAND
    if pixels is not None and blur:
        boxes = face_boxes(pixels, [*readings, *beside])
        missing, pixels = (UNCOVERED, None) if not boxes else ("", cover(pixels, boxes))
    close = tuple(_close(reading, pixels, sizes.close) for reading in readings)
    if pixels is None:
        return Sheet(tuple(readings), None, close, missing)
    high, wide = pixels.shape[:2]
    return Sheet(tuple(readings), Shot(_jpeg(pixels, sizes.whole), 0, 0, wide, high), close)


def _close(reading: FaceReading, pixels: Pixels | None, longest: int) -> Shot | None:
    """The face with its surroundings, as far as the picture goes; without pixels the place alone."""
    if reading.box is None or min(reading.box[2:]) <= 0:
        return None
    x, y, wide, high = reading.box
    room = AROUND * max(wide, high)
    left, top, right, bottom = (round(edge) for edge in (x - room, y - room, x + wide + room, y + high + room))
    if pixels is None:
        return Shot(None, left, top, right - left, bottom - top)
    left, top = max(left, 0), max(top, 0)
    right, bottom = min(right, pixels.shape[1]), min(bottom, pixels.shape[0])
    if left >= right or top >= bottom:  # the table is of another picture than the file that has its name now
        return None
    return Shot(_jpeg(pixels[top:bottom, left:right], longest), left, top, right - left, bottom - top)


def _jpeg(pixels: Pixels, longest: int) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
