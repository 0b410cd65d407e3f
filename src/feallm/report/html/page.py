"""The page: what is shown of the material, in its order, through the templates beside this file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment
from feallm.facs import ACTION_UNITS
from feallm.report.damage import damage, is_end
from feallm.report.html import texts
from feallm.report.html.faces import ROLES, Box, FaceView, face_view, rounded, verdict
from feallm.report.html.material import Material
from feallm.report.html.people import Person, course, people, seconds, shares, steps
from feallm.report.html.plots import timeline
from feallm.report.html.shots import Sheet
from feallm.report.html.summary import flattened, names_of, summary
from feallm.report.words import HONEST, percent

MOST_FACES, FACES_A_PICTURE = 400, 12
"""Faces that are shown, of all and of one picture; the summary table has those beyond."""
MOSTLY_FACE = 0.6
"""A close-up with this share of its picture stands for it."""
SEGMENTS = 200
"""Rows of a face's table of segments, at most."""
OPEN = 12
"""Pictures that are unfolded when the page is opened."""


@dataclass(frozen=True)
class SheetView:
    """A picture, or a key frame, with the faces shown of it; `hidden`: how many are not.

    `apart`: whether the picture is shown for itself, beside its close-ups.
    """

    id: str
    name: str
    line: str
    sheet: Sheet
    faces: tuple[FaceView, ...]
    marks: tuple[tuple[str, Box], ...]
    hidden: int
    apart: bool
    alt: str


@dataclass(frozen=True)
class PersonView:
    """A followed face: `plot` is its timeline as SVG, or `missing` says why there is none."""

    id: str
    name: str
    line: str
    plot: Markup | None
    missing: str
    segments: tuple[tuple[str, ...], ...]
    targets: tuple[str, ...]
    left_out: int
    steps: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ClipView:
    """One video."""

    id: str
    name: str
    line: str
    persons: tuple[PersonView, ...]
    keys: tuple[SheetView, ...]
    left_out: int


def page(material: Material) -> str:
    """The whole file. Everything that comes from readings is escaped; nothing is loaded from elsewhere."""
    stills = [reading for reading in material.readings if reading.frame is None]
    names = names_of(list(dict.fromkeys(reading.input for reading in material.readings)))
    shown = list(_sheets(material.sheets, names))
    targets = _targets(stills, shown)
    clips = [_clip(f"v{number}", each, material, names) for number, each in enumerate(_videos(material), start=1)]
    faces = [face for each in (*shown, *(key for clip in clips for key in clip.keys)) for face in each.faces]
    return (
        _templates()
        .get_template("report.html")
        .render(
            title=material.title,
            honest=HONEST,
            summary=summary(stills, names, targets) if stills else None,
            sheets=shown,
            open=OPEN,
            beyond=sum(not reading.face_id for reading in stills) - len(shown),
            clips=clips,
            roles=_key(faces),
            units=sorted({unit for face in faces for unit in face.reading.action_units}),
            no_regions=texts.NO_REGIONS if _unlinked(faces) else "",
            made=flattened(material.metadata),
            blurred=texts.BLURRED if material.blurred else "",
            limits=texts.LIMITS,
        )
    )


def _key(faces: Iterable[FaceView]) -> list[tuple[str, str]]:
    """The kinds of claims that there are, with what they mean."""
    told = {claim.role for face in faces for claim in face.claims}
    return [(role, said) for role, said in ROLES.items() if role in told]


def _unlinked(faces: Iterable[FaceView]) -> bool:
    """Whether a claim about a present unit has no region to lead to."""
    claims = (claim for face in faces for claim in face.claims)
    return any(claim.role in ("cause", "seen") and claim.target == claim.about for claim in claims)


def _sheets(sheets: Sequence[Sheet], names: Mapping[str, str]) -> Iterable[SheetView]:
    """Until there are as many pictures or faces as a page can take."""
    faces = 0
    for number, sheet in enumerate(sheets, start=1):
        if faces >= MOST_FACES:
            return
        view = _sheet(f"p{number}", sheet, names[sheet.first.input])
        faces += len(view.faces)
        yield view


def _sheet(name: str, sheet: Sheet, title: str) -> SheetView:
    seen = [(place, each) for place, each in enumerate(sheet.readings) if each.box is not None or each.emotion_scores]
    faces = tuple(
        face_view(reading, f"{name}f{place}", sheet.close[place]) for place, reading in seen[:FACES_A_PICTURE]
    )
    boxed = [(each.face_id, each.box) for _, each in seen if each.box is not None]
    marks = tuple(("" if face_id is None else str(face_id), rounded(box)) for face_id, box in boxed)
    several = len(seen) > 1
    told = "; ".join(f"face {each.face_id}: {verdict(each)}" if several else verdict(each) for _, each in seen)
    line = told if seen else verdict(sheet.first)
    alt = f"{title}, with {len(seen)} face{'s' if several else ''} marked: {told}" if seen else f"{title}: {line}"
    return SheetView(name, title, line, sheet, faces, marks, len(seen) - len(faces), _apart(sheet), alt)


def _apart(sheet: Sheet) -> bool:
    """Whether the picture shows more than its close-up: several faces, or one with much around it."""
    close = sheet.close[0]
    if len(sheet.readings) != 1 or sheet.whole is None or close is None:
        return True
    return close.width * close.height < MOSTLY_FACE * sheet.whole.width * sheet.whole.height


def _targets(stills: Sequence[FaceReading], shown: Sequence[SheetView]) -> dict[int, str]:
    """Place of each shown reading -> the id of its face, or of its picture. The shown pictures are the first ones."""
    targets, at = {}, 0
    for view in shown:
        faces = {id(face.reading): face.id for face in view.faces}
        for reading in view.sheet.readings:
            if at < len(stills):
                targets[at] = faces.get(id(reading), view.id)
            at += 1
    return targets


def _videos(material: Material) -> list[list[FaceReading]]:
    by_input: dict[str, list[FaceReading]] = {}
    for reading in material.readings:
        if reading.frame is not None:
            by_input.setdefault(reading.input, []).append(reading)
    return list(by_input.values())


def _clip(name: str, readings: Sequence[FaceReading], material: Material, names: Mapping[str, str]) -> ClipView:
    source = readings[0].input
    persons = people(readings, material.segments.get(source, ()))
    ends = [segment.offset for person in persons for segment in person.segments]
    span = min(map(seconds, readings)), max([*map(seconds, readings), *ends])
    sheets = [sheet for (clip, _), sheet in material.frames.items() if clip == source]
    keys = [
        _sheet(f"{name}k{number}", sheet, f"{names[source]} at {seconds(sheet.first):.2f} s")
        for number, sheet in enumerate(sheets, start=1)
    ]
    targets = {(face.reading.frame, face.reading.face_id): face.id for key in keys for face in key.faces}
    return ClipView(
        name,
        names[source],
        _extent(readings),
        tuple(_person(f"{name}a{number}", each, targets, span) for number, each in enumerate(persons, start=1)),
        tuple(keys),
        sum(len(each.segments) for each in persons) - sum(len(sheet.readings) for sheet in sheets),
    )


def _extent(readings: Sequence[FaceReading]) -> str:
    """ "240 frames read, 0.00 to 9.96 s; 3 without a face, 1 unreadable", and what was wrong with the file."""
    frames = {reading.frame: reading for reading in readings if not is_end(reading)}
    times = [seconds(reading) for reading in readings]
    without = [(status, sum(each.status == status for each in frames.values())) for status in ("no_face", "unreadable")]
    rest = ", ".join(f"{count:,} {'without a face' if s == 'no_face' else s}" for s, count in without if count)
    wrong = damage(readings)
    span = f"{min(times):.2f} to {max(times):.2f} s"
    told = f"{len(frames):,} frames read, {span}" if len(frames) != 1 else f"1 frame read, at {times[0]:.2f} s"
    return told + (f"; {rest}" if rest else "") + (f". {wrong[:1].upper()}{wrong[1:]}" if wrong else "")


def _person(
    name: str, person: Person, targets: Mapping[tuple[int | None, int | None], str], span: tuple[float, float]
) -> PersonView:
    plot, missing, label = None, "", f"Face {person.face_id}"
    listed = person.segments[:SEGMENTS]
    try:
        words = f"{label}: {shares(person)}, {person.start:.1f} to {person.end:.1f} seconds; the tables below tell it"
        plot = Markup(timeline(name, course(person), person.segments, words, span))
    except ImportError:
        missing = texts.NO_TIMELINE
    line = f"seen from {person.start:.2f} to {person.end:.2f} s, in {len(person.readings):,} frames; {shares(person)}"
    return PersonView(
        name,
        label,
        line,
        plot,
        missing,
        tuple(_segment(number, each) for number, each in enumerate(listed, start=1)),
        tuple(targets.get((each.apex_frame, each.face_id), "") for each in listed),
        len(person.segments) - len(listed),
        tuple(steps(person)),
    )


def _segment(number: int, segment: Segment) -> tuple[str, ...]:
    """Number, onset, apex, offset, emotion, action units, words."""
    times = [f"{time:.2f}" for time in (segment.onset, segment.apex, segment.offset)]
    units = ", ".join(ACTION_UNITS[unit].short for unit in segment.action_units if unit in ACTION_UNITS)
    sure = segment.apex_reading.emotion_scores.get(segment.emotion or "")
    told = f"{segment.emotion or 'none named'}{'' if sure is None else ' ' + percent(sure)}"
    return (str(number), *times, told, units or "none", segment.explanation or segment.apex_reading.explanation or "")


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("feallm.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def _printable(value: Any) -> Any:
    """Texts without control characters, which could turn a line round or hide what it says."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(each if each.isprintable() else " " if each.isspace() else "?" for each in value)
