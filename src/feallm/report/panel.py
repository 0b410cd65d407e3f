"""The panel of one face: its verdict, all scores, its action units, the reason, and what to doubt."""

from __future__ import annotations

from PIL import Image

from feallm.analyze.reading import FaceReading
from feallm.facs import ACTION_UNITS
from feallm.report.drawing import (
    CARD,
    FAINT,
    INK,
    LINE,
    MUTED,
    QUIET,
    SHARP,
    TRACK,
    WARNING,
    Pen,
    finish,
    plain,
    shorten,
    width,
    wrap,
)
from feallm.report.words import HONEST, LOW_SUPPORT, REPAIRED, doubts, label, no_verdict, percent, strongest

WIDTH, PAD = 480, 28
INNER = WIDTH - 2 * PAD
TALLEST = 2400


def draw_panel(reading: FaceReading, accent: str, *, numbered: bool) -> Image.Image:
    """An unframed card, WIDTH wide and as high as needed, for one reading; `numbered` adds the face's id, as
    on its box.
    """
    image = Image.new("RGB", (WIDTH * SHARP, TALLEST * SHARP), CARD)
    pen = Pen(image)
    y = _heading(pen, reading, accent, numbered)
    y = _doubts(pen, reading, y)
    if reading.emotion_scores:
        y = _emotions(pen, reading, accent, y)
    if reading.action_units:
        y = _units(pen, reading, accent, y)
    if reading.explanation:
        y = _reason(pen, reading, accent, y)
    y = _foot(pen, reading, y)
    high = min(round(y) + PAD - 6, TALLEST)
    return finish(image.crop((0, 0, WIDTH * SHARP, high * SHARP)))


def _heading(pen: Pen, reading: FaceReading, accent: str, numbered: bool) -> float:
    y, x = 62.0, float(PAD)
    if numbered and reading.face_id is not None:
        pen.bar(x, y - 26, 30, 30, accent, 15)
        pen.text(x + 15, y - 5, str(reading.face_id), 16, CARD, align="m", weight=1)
        x += 42
    if reading.emotion is None:
        pen.text(x, y, shorten(no_verdict(reading), 30, WIDTH - PAD - x), 30, INK, weight=1)
    else:
        pen.text(x, y, reading.emotion.capitalize(), 38, accent, weight=1)
        if reading.emotion in reading.emotion_scores:
            share = percent(reading.emotion_scores[reading.emotion])
            pen.text(WIDTH - PAD, y, share, 38, accent, align="r")
    return y


def _doubts(pen: Pen, reading: FaceReading, y: float) -> float:
    lines = doubts(reading)
    y += 8 if lines else 0
    for line in lines:
        for words in wrap(plain(line), 14, INNER):
            y += 21
            pen.text(PAD, y, " ".join(words), 14, WARNING)
    return y


def _title(pen: Pen, y: float, title: str) -> float:
    y += 36
    pen.text(PAD, y, title, 12, FAINT)
    return y


def _emotions(pen: Pen, reading: FaceReading, accent: str, y: float) -> float:
    y = _title(pen, y, "EMOTION") + 3
    for name, share in reading.emotion_scores.items():
        y += 24
        chosen = name == reading.emotion
        pen.text(PAD, y, name, 15, INK if chosen else MUTED)
        pen.share(PAD + 96, y - 10, INNER - 96 - 52, 10, share, accent if chosen else QUIET)
        pen.text(WIDTH - PAD, y, percent(share), 15, INK if chosen else MUTED, align="r")
    return y


def _units(pen: Pen, reading: FaceReading, accent: str, y: float) -> float:
    y = _title(pen, y, "ACTION UNITS")
    bars, pips = PAD + 202, WIDTH - PAD - 82
    pen.text(bars, y, "probability", 12, FAINT)
    pen.text(WIDTH - PAD, y, "intensity 0-5", 12, FAINT, align="r")
    y += 3
    for unit, au in strongest(reading):
        y += 24
        colour, ink = (accent, INK) if au.present else (QUIET, FAINT)
        pen.text(PAD, y, ACTION_UNITS[unit].short, 15, accent if au.present else FAINT)
        name = shorten(label(unit, au), 15, 148)
        pen.text(PAD + 50, y, name, 15, ink)
        pen.share(bars, y - 10, 66, 10, au.probability, colour)
        pen.text(bars + 112, y, percent(au.probability), 15, ink, align="r")
        _pips(pen, pips, y, au.intensity, colour)
        pen.text(WIDTH - PAD, y, f"{au.intensity:.1f}", 15, ink, align="r")
    return y


def _pips(pen: Pen, x: float, y: float, intensity: float, colour: str) -> None:
    """Five small squares, filled up to the intensity, to a quarter of a square."""
    for number in range(5):
        left, part = x + number * 10.5, min(max(intensity - number, 0.0), 1.0)
        pen.bar(left, y - 10, 8, 10, TRACK, 1.5)
        if part >= 0.25:
            pen.bar(left, y - 10, 8 * part, 10, colour, 1.5)


def _reason(pen: Pen, reading: FaceReading, accent: str, y: float) -> float:
    y = _title(pen, y, "WHY")
    return pen.paragraph(PAD, y + 27, plain(reading.explanation or ""), 16, INNER, accent)


def _foot(pen: Pen, reading: FaceReading, y: float) -> float:
    pen.bar(PAD, y + 22, INNER, 1, LINE, 0)
    y += 28
    notes = [HONEST] if reading.emotion_scores else []
    if any(au.low_support for _, au in strongest(reading)):
        notes.append(LOW_SUPPORT)
    if reading.consistency is not None and reading.consistency.repaired:
        notes.append(REPAIRED)
    for note in notes:
        for words in wrap(note, 12, INNER):
            y += 17
            pen.text(PAD, y, " ".join(words), 12, MUTED)
    source = plain(reading.input)
    if reading.timestamp is not None:
        source += f" at {reading.timestamp:.2f} s"
    made_by = f"FEALLM · {plain(reading.model)}" if reading.model else "FEALLM"
    y += 23 if notes else 17
    made_by = shorten(made_by, 12, INNER * 0.6)
    pen.text(WIDTH - PAD, y, made_by, 12, FAINT, align="r")
    pen.text(PAD, y, shorten(source.rsplit("/", 1)[-1], 12, INNER - width(made_by, 12) - 16), 12, FAINT)
    return y
