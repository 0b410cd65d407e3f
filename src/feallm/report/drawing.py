"""Colours, type and shapes of annotated pictures.

Everything is drawn at `SHARP` times its size and reduced, which smooths edges that Pillow draws jagged. The
font is the one inside Pillow (Aileron Regular): there on every machine, offline.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont

SHARP = 2
PAPER, CARD, LINE = "#f4f3ef", "#ffffff", "#e4e2db"
INK, MUTED, FAINT = "#22262e", "#6c7280", "#9ba1ab"
TRACK, QUIET, WARNING = "#efeee9", "#c2c8d0", "#b4690e"
ACCENTS = ("#2b64a6", "#b3532b", "#2f7d56", "#7a55b0", "#a67c17", "#b5446e", "#0f7f86", "#5a6475")
"""One colour a face, so that a box and its panel are seen to belong together."""
SPACE = 0.28
"""Between words, in sizes of the type: a little more than the font's own space, which is tight on screens."""
LIKE = str.maketrans({"–": "-", "—": "-", "‘": "'", "’": "'"})
MENTION = re.compile(r"\(?AU\d+\)?[.,;:]?")


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own font at `size` pixels of the finished picture."""
    face = ImageFont.load_default(size=size * SHARP)
    assert isinstance(face, ImageFont.FreeTypeFont)
    return face


@cache
def _drawable(character: str) -> bool:
    return bytes(font(12).getmask(character)) != bytes(font(12).getmask("\uffff"))


def plain(text: str) -> str:
    """`text` in the characters that the font has: accents are dropped, what is left unknown becomes "?"."""
    out = []
    for character in unicodedata.normalize("NFKD", " ".join(text.split()).translate(LIKE)):
        if not unicodedata.combining(character):
            out.append(character if character == " " or _drawable(character) else "?")
    return "".join(out)


def width(text: str, size: float) -> float:
    """Width of `text` in pixels of the finished picture."""
    return font(size).getlength(text) / SHARP


def shorten(text: str, size: float, room: float) -> str:
    """`text` with an ellipsis in its middle where it is wider than `room`: both ends of a file name tell."""
    if width(text, size) <= room:
        return text
    keep = len(text)
    while keep > 2 and width(_middle(text, keep), size) > room:
        keep -= 1
    return _middle(text, keep)


def _middle(text: str, keep: int) -> str:
    return f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"


def wrap(text: str, size: float, room: float) -> list[list[str]]:
    """The words of each line of `text`, none wider than `room`; a word that is wider is cut."""
    lines: list[list[str]] = [[]]
    taken = 0.0
    for word in text.split():
        word = shorten(word, size, room)
        wide = width(word, size)
        if lines[-1] and taken + SPACE * size + wide > room:
            lines.append([])
        taken = wide if not lines[-1] else taken + SPACE * size + wide
        lines[-1].append(word)
    return lines


class Pen:
    """Draws on an image that is `SHARP` times larger than the coordinates it is given."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str = INK,
        *,
        align: str = "l",
        weight: int = 0,
    ) -> None:
        """Text with its baseline at `y`; `align` l, m or r; `weight` thickens the strokes (the font has one cut)."""
        spot = (x * SHARP, y * SHARP)
        self._draw.text(spot, text, colour, font(size), anchor=f"{align}s", stroke_width=weight, stroke_fill=colour)

    def bar(self, x: float, y: float, wide: float, high: float, colour: str, radius: float | None = None) -> None:
        """A filled rectangle with round ends."""
        box = (x * SHARP, y * SHARP, (x + wide) * SHARP - 1, (y + high) * SHARP - 1)
        round_off = min(high, wide) / 2 if radius is None else radius
        self._draw.rounded_rectangle(box, round_off * SHARP, colour)

    def share(self, x: float, y: float, wide: float, high: float, share: float, colour: str) -> None:
        """A bar filled up to `share` (0..1) of its width."""
        self.bar(x, y, wide, high, TRACK)
        if share > 0:
            self.bar(x, y, max(3, min(share, 1) * wide), high, colour)

    def frame(self, x: float, y: float, wide: float, high: float, colour: str, line: float, radius: float) -> None:
        """A rectangle's outline."""
        box = (x * SHARP, y * SHARP, (x + wide) * SHARP - 1, (y + high) * SHARP - 1)
        self._draw.rounded_rectangle(box, radius * SHARP, outline=colour, width=round(line * SHARP))

    def paragraph(self, x: float, y: float, text: str, size: float, room: float, accent: str) -> float:
        """Wrapped text from the baseline `y`, action units in the accent colour; returns the last baseline."""
        leading = size * 1.5
        for number, words in enumerate(wrap(text, size, room)):
            at = x
            for word in words:
                self.text(at, y + number * leading, word, size, accent if MENTION.fullmatch(word) else INK)
                at += width(word, size) + SPACE * size
            last = y + number * leading
        return last


def finish(image: Image.Image) -> Image.Image:
    """Reduce a drawing to its finished size."""
    return image.resize((image.width // SHARP, image.height // SHARP), Image.Resampling.BOX)
