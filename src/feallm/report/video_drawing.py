"""A frame of a clip with what was read from it: boxes on the faces, and beside them a column with a card for each.

What changes only with a reading (the column, the boxes) is drawn once for it and laid on every frame until the next.
Sizes are in units of the drawing, of which a frame is about 720 high; `zoom` is pixels of the frame for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.facs import ACTION_UNITS
from feallm.report.annotate import mark, tag_width
from feallm.report.drawing import (
    ACCENTS,
    CARD,
    FAINT,
    INK,
    LINE,
    MUTED,
    PAPER,
    QUIET,
    SHARP,
    WARNING,
    Pen,
    plain,
    shorten,
    wrap,
)
from feallm.report.words import HONEST, STATUS_WORDS, no_verdict, percent

Pixels = NDArray[np.uint8]
WIDE, GAP, PAD = 320, 12, 14
"""Of the column, around its cards, and inside them."""
ROW, HEAD, FOOT = 19, 66, 78
HIGH, LEAST = 720, 0.8
"""A frame of this height has zoom 1; below this zoom the type could not be read."""
SHORTEST = 360
"""A lower frame is enlarged to this height."""
NAMELESS = "Not read"


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels: of the frame as shown, and of the whole picture, both of whose sides are even, as video needs.

    `zoom` is pixels for each unit of the drawing, `scale` pixels shown for each pixel of the clip.
    """

    width: int
    height: int
    whole_width: int
    whole_height: int
    zoom: float
    scale: float

    @classmethod
    def of(cls, width: int, height: int) -> Layout:
        """The layout for a clip of `width` x `height` pixels."""
        scale = max(1.0, SHORTEST / height)
        shown_width, shown_height = round(width * scale), round(height * scale)
        zoom = max(LEAST, min(shown_height / HIGH, shown_width / (2 * WIDE)))
        whole_width = _even(shown_width + WIDE * zoom)
        return cls(shown_width, shown_height, whole_width, _even(shown_height), zoom, scale)


@dataclass(frozen=True)
class _Stamp:
    """Pixels to be laid on a frame: their places in the picture's flat order, their colour times their opacity."""

    places: NDArray[np.intp]
    colours: NDArray[np.uint16]
    through: NDArray[np.uint16]

    def on(self, pixels: Pixels) -> None:
        """Lay it on `pixels` [H, W, 3], in place."""
        flat = pixels.reshape(-1, 3)
        flat[self.places] = ((flat[self.places] * self.through + self.colours) // 255).astype(np.uint8)


class Drawing:
    """Draws frames of one size. `show` says what is known from now on, `frame` lays it on a frame's pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.layout = Layout.of(width, height)
        self._stamps: list[_Stamp] = []
        self._column = self._drawn_column([])

    def show(self, readings: Sequence[FaceReading]) -> None:
        """The readings of one frame, held from now on; none where nothing is known."""
        self._column = self._drawn_column(readings)
        stamps = [self._stamp(reading) for reading in readings if reading.box is not None]
        self._stamps = [stamp for stamp in stamps if stamp is not None]

    def frame(self, pixels: Pixels) -> Pixels:
        """A frame [H, W, 3] with boxes and column: [whole_height, whole_width, 3]."""
        layout = self.layout
        if pixels.shape[:2] != (layout.height, layout.width):
            size = (layout.width, layout.height)
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
        whole = np.empty((layout.whole_height, layout.whole_width, 3), np.uint8)
        whole[: layout.height, : layout.width] = pixels
        whole[layout.height :, : layout.width] = pixels[-1:]  # where the height was odd
        whole[:, layout.width :] = self._column
        for stamp in self._stamps:
            stamp.on(whole)
        return whole

    def _drawn_column(self, readings: Sequence[FaceReading]) -> Pixels:
        layout = self.layout
        wide = layout.whole_width - layout.width
        high = layout.whole_height / layout.zoom
        sheet = Image.new("RGB", (WIDE * SHARP, math.ceil(high * SHARP)), PAPER)
        draw_column(Pen(sheet), sorted(readings, key=lambda reading: reading.face_id or 0), high)
        return np.asarray(sheet.resize((wide, layout.whole_height), Image.Resampling.LANCZOS))

    def _stamp(self, reading: FaceReading) -> _Stamp | None:
        """The box of a face with its label, as far as it lies on the frame; None where nothing of it does."""
        assert reading.box is not None
        layout = self.layout
        x, y, wide, high = (value * layout.scale / layout.zoom for value in reading.box)
        label = tag(reading)
        right = layout.width / layout.zoom
        left, top = max(0.0, min(x - 8, right - tag_width(label) - 8)), max(0.0, y - 24)
        size = max(wide + 16, tag_width(label) + 16) + x - left, high + 32 + y - top
        sheet = Image.new("RGBA", (math.ceil(size[0] * SHARP), math.ceil(size[1] * SHARP)), (0, 0, 0, 0))
        mark(Pen(sheet), (x - left, y - top, wide, high), accent(reading), label, right - left)
        small = round(sheet.width * layout.zoom / SHARP), round(sheet.height * layout.zoom / SHARP)
        drawn = np.asarray(sheet.resize((max(1, small[0]), max(1, small[1])), Image.Resampling.BOX))
        return self._placed(drawn, round(left * layout.zoom), round(top * layout.zoom))

    def _placed(self, drawn: Pixels, left: int, top: int) -> _Stamp | None:
        """RGBA [h, w, 4] at a place of the frame as a stamp."""
        layout = self.layout
        drawn = drawn[: max(0, layout.height - top), : max(0, layout.width - left)]
        rows, columns = np.nonzero(drawn[..., 3])
        if not len(rows):
            return None
        places = (rows + top) * layout.whole_width + columns + left
        opacity = drawn[rows, columns, 3:].astype(np.uint16)
        colours = drawn[rows, columns, :3].astype(np.uint16)
        return _Stamp(places, colours * opacity, 255 - opacity)


def accent(reading: FaceReading) -> str:
    """The colour of a person, the same on every frame."""
    return ACCENTS[(reading.face_id or 0) % len(ACCENTS)]


def tag(reading: FaceReading) -> str:
    """What stands on a box: "0 happiness 93%"."""
    share = reading.emotion_scores.get(reading.emotion or "")
    said = reading.emotion or ("no verdict" if reading.emotion_scores else "")
    return f"{reading.face_id} {said}{'' if share is None else f' {percent(share)}'}".strip()


def draw_column(pen: Pen, readings: Sequence[FaceReading], high: float) -> None:
    """A card a face, with its action units as far as there is room for them; without a face, why there is none."""
    faces = [reading for reading in readings if reading.face_id is not None]
    y, room = float(GAP), high - FOOT
    for number, reading in enumerate(faces):
        rest = len(faces) - number - 1
        need = HEAD + ROW * math.ceil(len(reading.action_units) / 2) + PAD / 2
        if y + need + rest * (HEAD + GAP) > room and number + rest > 0:
            need = HEAD  # without its bars, so that everyone has a card
        if y + need > room and number:
            pen.text(WIDE / 2, room, f"and {rest + 1} more", 13, MUTED, align="m")
            break
        _card(pen, reading, y, need)
        y += need + GAP
    if not faces:
        said = STATUS_WORDS.get(readings[0].status, NAMELESS) if readings else NAMELESS
        pen.text(WIDE / 2, y + 30, said, 17, MUTED, align="m")
    _foot(pen, readings, high)


def _card(pen: Pen, reading: FaceReading, y: float, high: float) -> None:
    left, right = GAP + PAD, WIDE - GAP - PAD
    pen.bar(GAP, y, WIDE - 2 * GAP, high, LINE, 6)
    pen.bar(GAP + 1, y + 1, WIDE - 2 * GAP - 2, high - 2, CARD, 5)
    pen.bar(left, y + 10, 26, 26, accent(reading), 13)
    pen.text(left + 13, y + 28, str(reading.face_id), 14, CARD, align="m", weight=1)
    share = reading.emotion_scores.get(reading.emotion or "")
    said = no_verdict(reading) if reading.emotion is None else reading.emotion.capitalize()
    size = 17 if reading.emotion is None else 23
    pen.text(left + 36, y + 31, shorten(said, size, right - left - 36 - (0 if share is None else 56)), size, INK)
    if share is not None:
        pen.text(right, y + 31, percent(share), 23, accent(reading), align="r")
    low = reading.status == "low_quality"
    note = STATUS_WORDS["low_quality"] if low else "action units, by probability" if high > HEAD else ""
    pen.text(left, y + 54, shorten(note, 12, right - left), 12, WARNING if low else FAINT)
    if high > HEAD:
        _units(pen, reading, y + HEAD)


def _units(pen: Pen, reading: FaceReading, y: float) -> None:
    """All action units in two columns, each always at its place, so that a bar is seen to move."""
    units = sorted(reading.action_units.items())
    rows = math.ceil(len(units) / 2)
    column = (WIDE - 2 * GAP - 2 * PAD + 12) / 2
    for place, (unit, au) in enumerate(units):
        x = GAP + PAD + column * (place // rows)
        _unit(pen, reading, (unit, au), x, y + ROW * (place % rows), column - 12)


def _unit(
    pen: Pen, reading: FaceReading, named: tuple[str, ActionUnitReading], x: float, y: float, wide: float
) -> None:
    unit, au = named
    colour = accent(reading) if au.present else QUIET
    pen.text(x, y + 11, ACTION_UNITS[unit].short, 13, accent(reading) if au.present else FAINT)
    pen.share(x + 46, y + 2, wide - 46, 9, au.probability, colour)


def _foot(pen: Pen, readings: Sequence[FaceReading], high: float) -> None:
    made = next((reading for reading in readings if reading.timestamp is not None), None)
    if made is not None:
        model = f" · {plain(made.model)}" if made.model else ""
        text = shorten(f"read at {made.timestamp:.2f} s{model}", 12, WIDE - 2 * GAP)
        pen.text(GAP, high - FOOT + 22, text, 12, MUTED)
    for number, words in enumerate(wrap(HONEST, 12, WIDE - 2 * GAP)):
        pen.text(GAP, high - FOOT + 40 + 15 * number, " ".join(words), 12, MUTED)


def _even(length: float) -> int:
    return 2 * math.ceil(length / 2)
