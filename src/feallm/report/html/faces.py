"""One face as the page shows it: bars, action units with their places, and the explanation with its claims linked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.facs import ACTION_UNITS
from feallm.report.claims import Role, pieces
from feallm.report.html.shots import Shot
from feallm.report.words import LOW_SUPPORT, REPAIRED, doubts, label, no_verdict, percent, strongest

ROLES: dict[Role, str] = {
    "emotion": "the verdict",
    "cause": "told as a reason for the verdict",
    "seen": "told as present, and present in the numbers",
    "absent": "told as absent, and absent in the numbers",
    "open": "not borne out by the numbers, or told as a doubt",
}
"""What the page's key says of each kind of claim."""

Box = tuple[float, float, float, float]
"""x, y, width, height in pixels of the picture."""


@dataclass(frozen=True)
class Bar:
    """A name with a share of 0..1, as text and as the length of a bar in per cent."""

    name: str
    text: str
    length: float
    chosen: bool = False
    id: str = ""


@dataclass(frozen=True)
class Region:
    """Where an action unit is seen: polygons in pixels of the picture, as the points of SVG."""

    id: str
    unit: str
    short: str
    label: str
    polygons: tuple[str, ...]
    top: tuple[float, float]


@dataclass(frozen=True)
class UnitRow:
    """One action unit's numbers. `place` says where it is seen and what hiding that does; `effect` what the verdict
    loses without it, in points. `target` is the id of its region, "" where none was measured."""

    id: str
    unit: str
    short: str
    name: str
    probability: Bar
    intensity: str
    strength: float
    present: bool
    place: str
    effect: str
    target: str


@dataclass(frozen=True)
class Claim:
    """A stretch of the explanation: `target` and `about` are ids of what it rests on and of the words that say so."""

    text: str
    role: Role
    units: tuple[str, ...]
    target: str
    about: str


@dataclass(frozen=True)
class FaceView:
    """All that the page shows of a reading."""

    id: str
    reading: FaceReading
    heading: str
    warnings: tuple[str, ...]
    shot: Shot | None
    box: Box | None
    regions: tuple[Region, ...]
    emotions: tuple[Bar, ...]
    units: tuple[UnitRow, ...]
    claims: tuple[Claim, ...]
    quality: str
    notes: tuple[str, ...]


def face_view(reading: FaceReading, name: str, shot: Shot | None) -> FaceView:
    """`name` is the id that every id of this face begins with."""
    measured = [(unit, au) for unit, au in sorted(reading.action_units.items()) if au.evidence is not None]
    regions = tuple(_region(f"{name}-{unit}", unit, au) for unit, au in measured)
    emotions = tuple(
        Bar(emotion, percent(share), _length(share), emotion == reading.emotion, f"{name}-{place}")
        for place, (emotion, share) in enumerate(reading.emotion_scores.items())
    )
    return FaceView(
        name,
        reading,
        verdict(reading),
        tuple(doubts(reading)),
        shot,
        None if reading.box is None else rounded(reading.box),
        regions,
        emotions,
        tuple(_unit_row(name, unit, au, reading) for unit, au in strongest(reading)),
        tuple(_claims(reading, name)),
        _quality(reading),
        tuple(_notes(reading)),
    )


def rounded(box: Box) -> Box:
    """To a tenth of a pixel."""
    return round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1)


def verdict(reading: FaceReading) -> str:
    """ "happiness 93%", or what stands in its place."""
    if reading.emotion is None:
        return no_verdict(reading)
    share = reading.emotion_scores.get(reading.emotion)
    return reading.emotion if share is None else f"{reading.emotion} {percent(share)}"


def present(reading: FaceReading) -> str:
    """ "AU6, AU12", for a cell of a table."""
    return ", ".join(ACTION_UNITS[unit].short for unit in reading.present_units)


def _length(share: float) -> float:
    return round(100 * min(max(share, 0.0), 1.0), 1)


def _region(name: str, unit: str, au: ActionUnitReading) -> Region:
    assert au.evidence is not None
    polygons = tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in region) for region in au.evidence.regions)
    points = [point for region in au.evidence.regions for point in region]
    top = (sum(x for x, _ in points) / len(points), min(y for _, y in points)) if points else (0.0, 0.0)
    entry = ACTION_UNITS[unit]
    return Region(name, unit, entry.short, f"{entry.short} {entry.name}, {_place(unit, au)}", polygons, top)


def _place(unit: str, au: ActionUnitReading) -> str:
    """Where a unit is seen; where it was measured, what hiding that place does to its probability."""
    region = f"at the {ACTION_UNITS[unit].region}"
    if au.evidence is None:
        return region
    hidden, control = (percent(au.probability - drop) for drop in (au.evidence.drop, au.evidence.control_drop))
    return f"{region}: {percent(au.probability)}, {hidden} with it hidden, {control} with as much hidden elsewhere"


def _unit_row(name: str, unit: str, au: ActionUnitReading, reading: FaceReading) -> UnitRow:
    entry = ACTION_UNITS[unit]
    points = round(-100 * au.effect, 1) if au.effect is not None else 0.0
    return UnitRow(
        id=f"{name}-{unit}-row",
        unit=unit,
        short=entry.short,
        name=label(unit, au),
        probability=Bar(entry.short, percent(au.probability), _length(au.probability), au.present),
        intensity=f"{au.intensity:.1f}",
        strength=_length(au.intensity / 5),
        present=au.present,
        place=_place(unit, au) if au.present else "",
        effect=(f"{points:+.1f}" if points else "0") if au.present and au.effect is not None else "",
        target=f"{name}-{unit}" if au.evidence is not None else "",
    )


def _claims(reading: FaceReading, name: str) -> list[Claim]:
    """Each claim with what it rests on: the region of its unit where one was measured, else the row of its numbers."""
    shown = {unit for unit, _ in strongest(reading)}
    places = {emotion: f"{name}-{place}" for place, emotion in enumerate(reading.emotion_scores)}
    claims = []
    for piece in pieces(reading):
        value = piece.values[0] if piece.values else ""
        au = reading.action_units.get(value)
        row = f"{name}-{value}-row" if value in shown else places.get(value, "")
        seen = au is not None and au.evidence is not None and piece.role in ("cause", "seen")
        target = f"{name}-{value}" if seen else row
        units = tuple(value for value in piece.values if value in ACTION_UNITS)
        claims.append(Claim(piece.text, piece.role, units, target, row))
    return claims


def _quality(reading: FaceReading) -> str:
    """ "89 px, yaw 2°, roll 4°, light 57%"; what is not known is left out."""
    quality = reading.quality
    if quality is None:
        return ""
    parts = [f"{quality.size:.0f} pixels", *(f"{kind} {turn:.0f}°" for kind, turn in _turns(reading))]
    parts += [f"light {percent(quality.luminance)}"] if math.isfinite(quality.luminance) else []
    parts += [f"sharpness {quality.sharpness:.2f}"] if math.isfinite(quality.sharpness) else []
    return ", ".join(parts)


def _turns(reading: FaceReading) -> Sequence[tuple[str, float]]:
    assert reading.quality is not None
    turns = (("yaw", reading.quality.yaw), ("roll", reading.quality.roll))
    return [(kind, turn) for kind, turn in turns if turn is not None]


def _notes(reading: FaceReading) -> list[str]:
    notes = []
    if any(au.low_support for _, au in strongest(reading)):
        notes.append(LOW_SUPPORT)
    if reading.consistency is not None and reading.consistency.repaired:
        notes.append(REPAIRED)
    return notes
