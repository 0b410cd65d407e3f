"""A picture with what was read from it: a box on each face, a panel beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from feallm.analyze.reading import FaceReading
from feallm.media import Picture
from feallm.report.drawing import ACCENTS, CARD, LINE, MUTED, PAPER, SHARP, Pen, width
from feallm.report.panel import WIDTH, draw_panel

SUFFIX = ".feallm.png"
GAP = 24
LONGEST, SHORTEST = 1200, 480
"""Long side of the picture as shown: reduced to the first, enlarged to the second."""
MOST_PANELS = 12


def annotate(pixels: NDArray[np.uint8] | None, readings: Sequence[FaceReading]) -> Image.Image:
    """The picture `pixels` [H, W, 3] (RGB, uint8) with a box and a panel for each of its readings.

    `pixels` is None for a picture that could not be read: then a blank stands for it. One reading has its
    panel beside the picture, several have a grid below; after the twelfth the rest is only counted.

    Raises ValueError without readings.
    """
    if not readings:
        raise ValueError("a picture has at least one reading, be it no_face: got none")
    numbered = len(readings) > 1
    panels = [
        draw_panel(reading, ACCENTS[place % len(ACCENTS)], numbered=numbered)
        for place, reading in enumerate(readings[:MOST_PANELS])
    ]
    whole = _blank() if pixels is None else Image.fromarray(pixels)
    if not numbered:
        photo = _boxed(_fit(whole, 2 * WIDTH, max(panels[0].height, 560)), whole.width, readings)
        return _beside(photo, panels[0])
    wide = (3 if len(panels) > 4 or len(panels) == 3 else 2) * (WIDTH + GAP) - GAP
    photo = _boxed(_fit(whole, min(wide, LONGEST), LONGEST * 3 // 4), whole.width, readings)
    return _above(photo, panels, wide, len(readings) - len(panels))


def save_annotated(
    picture: Picture,
    readings: Sequence[FaceReading],
    folder: str | os.PathLike[str],
    taken: set[str] | None = None,
) -> Path:
    """Write `annotate` of a picture as `<stem>.feallm.png` in `folder` (made where missing); returns the
    path.

    Where the name is in use, `<stem>-2.feallm.png` and so on. "In use" means a file of that name, or, where
    `taken` is given, a name in it: a run that keeps such a set writes over an earlier run's files, but not
    over its own.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = annotated_path(picture.input, folder, taken)
    annotate(picture.pixels, readings).save(path)
    return path


def annotated_path(name: str, folder: Path, taken: set[str] | None = None, suffix: str = SUFFIX) -> Path:
    """The file in `folder` for what is drawn of the input `name`; `taken` as `save_annotated` has it."""
    stem, number = _stem(name), 1
    while True:
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{suffix}"
        used = path.exists() if taken is None else path.name.casefold() in taken
        if not used:
            break
        number += 1
    if taken is not None:
        taken.add(path.name.casefold())
    return path


def _stem(name: str) -> str:
    """A file name's stem out of a path, an address, or a name such as "image[0]"."""
    path = urlsplit(name).path if "://" in name else name
    return re.sub(r"[^\w.+=@ -]+", "_", PurePath(path).stem).strip("_ ")[:100] or "picture"


def _blank() -> Image.Image:
    return Image.new("RGB", (480, 480), LINE)


def _fit(picture: Image.Image, wide: int, high: int) -> Image.Image:
    """Resized to fill a room of `wide` x `high`, but a small picture to no more than twice or `SHORTEST`."""
    long = max(picture.size)
    scale = min(wide / picture.width, high / picture.height, LONGEST / long, max(2.0, SHORTEST / long))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _boxed(shown: Image.Image, original_width: int, readings: Sequence[FaceReading]) -> Image.Image:
    """The shown picture with a box a face; boxes are drawn apart, at `SHARP` times the size, for smooth edges."""
    scale = shown.width / original_width
    sheet = Image.new("RGBA", (shown.width * SHARP, shown.height * SHARP), (0, 0, 0, 0))
    pen = Pen(sheet)
    for place, reading in reversed(list(enumerate(readings))):
        if reading.box is not None:
            box = [value * scale for value in reading.box]
            mark(pen, box, ACCENTS[place % len(ACCENTS)], str(reading.face_id) if len(readings) > 1 else None)
    if readings[0].status == "unreadable":
        pen.text(shown.width / 2, shown.height / 2, "no picture", 20, MUTED, align="m")
    sheet = sheet.resize(shown.size, Image.Resampling.BOX)
    return Image.alpha_composite(shown.convert("RGBA"), sheet).convert("RGB")


def mark(pen: Pen, box: Sequence[float], colour: str, label: str | None, right: float | None = None) -> None:
    """A box (x, y, width, height) with its label on top, which stays left of `right` where it is given."""
    x, y, wide, high = box
    line = 3.0 if wide > 60 else 2.0
    pen.frame(x - line - 1, y - line - 1, wide + 2 * line + 2, high + 2 * line + 2, CARD, line + 2, 8)
    pen.frame(x - line, y - line, wide + 2 * line, high + 2 * line, colour, line, 7)
    if label is not None:
        room = tag_width(label)
        left, top = x - line if right is None else max(0.0, min(x - line, right - room)), max(y - line - 13, 0)
        pen.bar(left, top, room, 24, CARD, 12)
        pen.bar(left + 1.5, top + 1.5, room - 3, 21, colour, 10.5)
        pen.text(left + room / 2, top + 17.5, label, 15, CARD, align="m", weight=1)


def tag_width(label: str) -> float:
    """How wide the label of a box is."""
    return max(24.0, width(label, 15) + 14)


def _beside(photo: Image.Image, panel: Image.Image) -> Image.Image:
    high = max(photo.height, panel.height)
    sheet = Image.new("RGB", (photo.width + panel.width + 3 * GAP, high + 2 * GAP), PAPER)
    sheet.paste(photo, (GAP, GAP))
    tall = high if panel.height > high - 2 * GAP else panel.height  # nearly as tall as the picture: as tall
    sheet.paste(_card(panel, tall), (photo.width + 2 * GAP, GAP))
    return sheet


def _card(panel: Image.Image, high: int) -> Image.Image:
    """The panel on a framed card of its width and `high` pixels."""
    card = Image.new("RGB", (panel.width, high), CARD)
    card.paste(panel, (0, 0))
    ImageDraw.Draw(card).rectangle((0, 0, card.width - 1, high - 1), outline=LINE)
    return card


def _above(photo: Image.Image, panels: Sequence[Image.Image], wide: int, left_out: int) -> Image.Image:
    """The picture on top, the panels in rows below, each row as high as its tallest."""
    columns = (wide + GAP) // (WIDTH + GAP)
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(panel.height for panel in row) for row in rows]
    foot = 40 if left_out > 0 else 0
    high = photo.height + sum(heights) + (len(rows) + 2) * GAP + foot
    sheet = Image.new("RGB", (wide + 2 * GAP, high), PAPER)
    sheet.paste(photo, ((sheet.width - photo.width) // 2, GAP))
    top = photo.height + 2 * GAP
    for row, height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            sheet.paste(_card(panel, height), (GAP + column * (WIDTH + GAP), top))
        top += height + GAP
    if left_out > 0:
        note = Image.new("RGB", (wide * SHARP, foot * SHARP), PAPER)
        Pen(note).text(wide / 2, 18, f"and {left_out} more, not drawn", 15, MUTED, align="m")
        sheet.paste(note.resize((wide, foot), Image.Resampling.BOX), (GAP, top))
    return sheet
