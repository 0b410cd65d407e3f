"""An explanation cut at its claims: which words say what, and whether the reading bears it out.

What is claimed is read by `facs.answers` and `facs.causes`, what is there is taken from the reading; a page only has
to link the one with the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from feallm.analyze.reading import FaceReading
from feallm.facs.answers import mentions
from feallm.facs.causes import causes

Role = Literal["", "emotion", "cause", "seen", "absent", "open"]


@dataclass(frozen=True)
class Piece:
    """A stretch of an explanation.

    `values`: the action units or the emotion that it names, none for plain words. `role`: "emotion" the verdict,
    "cause" and "seen" units that the reading shows (the first are told as reasons of the verdict), "absent" units told
    as absent that are, "open" whatever else is named: doubts, other emotions, claims the reading does not bear out.
    """

    text: str
    values: tuple[str, ...] = ()
    role: Role = ""


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    values: tuple[str, ...]
    polarity: str


def pieces(reading: FaceReading) -> list[Piece]:
    """The explanation of a reading in pieces, which together are its text; none where there is no explanation."""
    text = reading.explanation or ""
    told = set(causes(text, reading.leading)) if reading.leading else set()
    found, at = [], 0
    for span in _joined(text):
        if span.start < at:  # inside words that are named already
            continue
        claim = Piece(text[span.start : span.end], span.values, _role(span, reading, told))
        found += [Piece(text[at : span.start]), claim]
        at = span.end
    return [piece for piece in [*found, Piece(text[at:])] if piece.text]


def _joined(text: str) -> Iterator[_Span]:
    """The places of the text's mentions; a sign and its number behind it, "raised cheeks (AU6)", are one."""
    held: _Span | None = None
    for (start, end), named in groupby(mentions(text), key=lambda mention: (mention.start, mention.end)):
        group = list(named)
        span = _Span(start, end, tuple(dict.fromkeys(each.value for each in group)), group[0].polarity)
        if held is not None and _same(held, span) and text[held.end : span.start].strip(" ") == "(":
            closed = text[span.end : span.end + 1] == ")"
            held = replace(held, end=span.end + closed)
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def _same(one: _Span, other: _Span) -> bool:
    return (one.values, one.polarity) == (other.values, other.polarity)


def _role(span: _Span, reading: FaceReading, told: set[str]) -> Role:
    if span.polarity == "uncertain":
        return "open"
    asserted = span.polarity == "asserted"
    if span.values == (reading.leading,):
        return "emotion" if asserted else "open"
    units = [reading.action_units.get(value) for value in span.values]
    if any(unit is None or unit.present != asserted for unit in units):
        return "open"
    if not asserted:
        return "absent"
    return "cause" if set(span.values) <= told else "seen"
