"""Readings as text for a terminal: rows of a table for many pictures, a roomier view for one."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from feallm.analyze.reading import FaceReading
from feallm.facs import ACTION_UNITS
from feallm.report.words import HONEST, LOW_SUPPORT, REPAIRED, doubts, label, no_verdict, percent, seen, strongest

BAR, UNIT_BAR = 28, 8
FACE, EMOTION = 4, 15
"""Widths in characters of the table's narrow columns."""


def printable(text: str) -> str:
    """`text` without the control characters by which a file name could command a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


class Rows:
    """One row a face, printed as it comes: columns have fixed widths, so that rows align without waiting."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.first = max(12, min(32, console.width // 4))

    def head(self) -> RenderableType:
        names = ("picture", "face", "emotion", "action units and reason")
        return self._grid(*(Text(name, "bold") for name in names))

    def row(self, reading: FaceReading) -> RenderableType:
        name = Text(printable(reading.input.rsplit("/", 1)[-1]), overflow="ellipsis", no_wrap=True)
        face = Text("" if reading.face_id is None else str(reading.face_id))
        return self._grid(name, face, _verdict(reading), _evidence(reading))

    def _grid(self, *cells: RenderableType) -> Table:
        grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
        for width in (self.first, FACE, EMOTION):
            grid.add_column(width=width)
        grid.add_column(ratio=1)
        grid.add_row(*cells)
        return grid


def view(reading: FaceReading, console: Console) -> RenderableType:
    """One face at length: verdict, all scores as bars, action units with intensities, the reason."""
    parts: list[RenderableType] = [_headline(reading)]
    parts += [Text(printable(line), "yellow") for line in doubts(reading)]
    if reading.emotion_scores:
        parts += ["", _emotion_bars(reading, console)]
    if reading.action_units:
        parts += ["", _unit_list(reading, console)]
    if places := seen(reading):
        parts += ["", *(Text(line) for line in places)]
    if reading.explanation:
        parts += ["", Text(printable(reading.explanation))]
    if reading.emotion_scores:
        parts += ["", *(Text(note, "dim") for note in _notes(reading))]
    return Padding(Group(*parts), (1, 2, 1, 2))


def _headline(reading: FaceReading) -> Text:
    line = Text(printable(reading.input), "bold")
    if reading.face_id is not None:
        line.append(f"  face {reading.face_id}", "not bold dim")
    line.append("\n")
    if reading.emotion is None:
        return line.append(no_verdict(reading), "bold yellow")
    line.append(reading.emotion.capitalize(), "bold cyan")
    share = reading.emotion_scores.get(reading.emotion)
    return line if share is None else line.append(f"  {percent(share)} confidence", "cyan")


def _emotion_bars(reading: FaceReading, console: Console) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "right", "left"):
        grid.add_column(justify=justify)
    for name, share in reading.emotion_scores.items():
        style = "bold cyan" if name == reading.emotion else ""
        shown = Text(bar(share, console, BAR), style or "dim")
        grid.add_row(Text(name, style), Text(percent(share), style), shown)
    return grid


def _unit_list(reading: FaceReading, console: Console) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column()
    grid.add_column(justify="right")
    grid.add_column(width=UNIT_BAR)
    grid.add_column(justify="right")
    grid.add_row(*(Text(name, "dim") for name in ("", "action unit", "probability", "", "intensity 0-5")))
    for unit, au in strongest(reading):
        style = "" if au.present else "dim"
        mark = "cyan" if au.present else "dim"
        grid.add_row(
            Text(ACTION_UNITS[unit].short, mark),
            Text(label(unit, au), style),
            Text(percent(au.probability), style),
            Text(bar(au.probability, console, UNIT_BAR), mark),
            Text(f"{au.intensity:.1f}", style),
            Text("" if au.present else "absent", "dim"),
        )
    return grid


def bar(share: float, console: Console, wide: int) -> str:
    """A share as a bar of at most `wide` characters."""
    full = "█" if console.encoding.lower().startswith("utf") else "#"
    return full * round(share * wide)


def _notes(reading: FaceReading) -> list[str]:
    notes = [HONEST]
    if any(au.low_support for _, au in strongest(reading)):
        notes.append(LOW_SUPPORT)
    if reading.consistency is not None and reading.consistency.repaired:
        notes.append(REPAIRED)
    return notes


def _verdict(reading: FaceReading) -> Text:
    if reading.emotion is None:
        return Text(no_verdict(reading) if reading.leading else reading.status.replace("_", " "), "yellow")
    share = reading.emotion_scores.get(reading.emotion)
    line = Text(reading.emotion, "cyan")
    return line if share is None else line.append(f" {percent(share)}")


def _evidence(reading: FaceReading) -> Text:
    parts = []
    if reading.action_units:
        named = [
            f"{ACTION_UNITS[unit].short} {label(unit, reading.action_units[unit])} ({intensity:.1f})"
            for unit, intensity in reading.present_units.items()
        ]
        parts.append(Text(", ".join(named) or "no action units"))
        parts += [Text(line, "dim") for line in seen(reading)]
    if reading.explanation:
        parts.append(Text(printable(reading.explanation), "dim"))
    if reading.status != "no_face":
        parts += [Text(printable(line), "yellow") for line in doubts(reading)]
    return Text("\n").join(parts)
