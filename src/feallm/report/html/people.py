"""A video as the page shows it: for each face that was followed its course, its segments, and its numbers over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment
from feallm.facs import ACTION_UNITS, EMOTIONS
from feallm.report.words import percent

Floats = NDArray[np.float64]

POINTS = 240
"""Points in time that a line is drawn with; of a longer course each is the mean of its frames."""
STEPS = 40
"""Rows of the table beside the lines."""
GAP = 3.0
"""A line is broken where the next frame comes later than so many times the usual step."""
MOST_UNITS = 12
"""Action units with a line of their own: those that are present longest."""


@dataclass(frozen=True)
class Course:
    """One face over time. T points: `times` [T] seconds; `emotions` name -> [T] shares; `units` id -> [T] intensities
    0..5, 0 where the unit is absent. NaN where the face was not seen. `frames`: how many frames it was read in."""

    times: Floats
    emotions: Mapping[str, Floats]
    units: Mapping[str, Floats]
    frames: int


@dataclass(frozen=True)
class Person:
    """A followed face: `readings` in order of time, all with numbers."""

    face_id: int
    readings: tuple[FaceReading, ...]
    segments: tuple[Segment, ...]

    @property
    def start(self) -> float:
        return seconds(self.readings[0])

    @property
    def end(self) -> float:
        return seconds(self.readings[-1])


def people(readings: Sequence[FaceReading], segments: Sequence[Segment]) -> list[Person]:
    """The faces of one video, in order of their ids; frames without a face are nobody's."""
    by_id: dict[int, list[FaceReading]] = {}
    for reading in readings:
        if reading.face_id is not None and reading.emotion_scores:
            by_id.setdefault(reading.face_id, []).append(reading)
    return [
        Person(
            face_id,
            tuple(sorted(found, key=seconds)),
            tuple(sorted((each for each in segments if each.face_id == face_id), key=lambda each: each.onset)),
        )
        for face_id, found in sorted(by_id.items())
    ]


def seconds(reading: FaceReading) -> float:
    """The reading's time; its frame's number where the table has no times."""
    return reading.timestamp if reading.timestamp is not None else float(reading.frame or 0)


def course(person: Person, points: int = POINTS) -> Course:
    """The numbers of a face over time, averaged to at most so many points."""
    times = np.array([seconds(reading) for reading in person.readings])
    names = [name for name in EMOTIONS if any(name in reading.emotion_scores for reading in person.readings)]
    units = _units(person.readings)
    emotions = np.array([[reading.emotion_scores.get(name, 0.0) for name in names] for reading in person.readings])
    present = [reading.present_units for reading in person.readings]
    strength = np.array([[found.get(unit, 0.0) for unit in units] for found in present])
    table = np.column_stack([times, emotions, strength.reshape(len(times), len(units))])
    table = _broken(_averaged(table, points))
    columns = dict(zip((*names, *units), table.T[1:], strict=True))
    return Course(
        table[:, 0], {name: columns[name] for name in names}, {unit: columns[unit] for unit in units}, len(times)
    )


def _units(readings: Sequence[FaceReading]) -> list[str]:
    """The action units that are present longest, in order of number."""
    frames: dict[str, int] = {}
    for reading in readings:
        for unit in reading.present_units:
            frames[unit] = frames.get(unit, 0) + 1
    return sorted(sorted(frames, key=lambda unit: -frames[unit])[:MOST_UNITS])


def _averaged(table: Floats, points: int) -> Floats:
    """Rows [T, columns], the first column times, averaged in equal stretches of time."""
    if len(table) <= points:
        return table
    edges = np.linspace(table[0, 0], table[-1, 0], points + 1)[1:-1]
    place = np.searchsorted(edges, table[:, 0], side="right")
    return np.array([table[place == number].mean(axis=0) for number in np.unique(place)])


def _broken(table: Floats) -> Floats:
    """The rows with one of NaN in each gap of time."""
    if len(table) < 3:
        return table
    steps = np.diff(table[:, 0])
    gaps = np.flatnonzero(steps > GAP * np.median(steps)) + 1
    empty = np.full((len(gaps), table.shape[1]), np.nan)
    if len(gaps):
        empty[:, 0] = (table[gaps - 1, 0] + table[gaps, 0]) / 2
    return np.insert(table, gaps, empty, axis=0)


def steps(person: Person) -> list[tuple[str, ...]]:
    """The course as rows of texts: time, leading emotion and its share, present units with intensities."""
    found = course(person, STEPS)
    rows: list[tuple[str, ...]] = []
    for place, time in enumerate(found.times):
        shares = {name: values[place] for name, values in found.emotions.items()}
        if not shares or np.isnan(max(shares.values())):
            continue
        leading = max(shares, key=lambda name: shares[name])
        units = [(unit, values[place]) for unit, values in found.units.items() if values[place] >= 0.05]
        told = ", ".join(f"{ACTION_UNITS[unit].short} {value:.1f}" for unit, value in units)
        rows.append((f"{time:.2f}", leading, percent(shares[leading]), told or "none"))
    return rows


def shares(person: Person) -> str:
    """The emotions that lead in a tenth of the frames or more: "happiness 71%, neutral 29%"."""
    leading = [reading.leading for reading in person.readings]
    counts = {name: leading.count(name) / len(leading) for name in EMOTIONS}
    told = sorted((name for name in counts if counts[name] >= 0.1), key=lambda name: -counts[name])
    return ", ".join(f"{name} {percent(counts[name])}" for name in told)
