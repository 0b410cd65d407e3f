"""What stands at the head of a report: how many faces show what, and a row for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feallm.analyze.reading import FaceReading
from feallm.facs import ACTION_UNITS, EMOTIONS
from feallm.report.html.faces import Bar, present, verdict
from feallm.report.words import STATUS_WORDS, percent

ROWS = 1000
"""Rows of the summary table, at most."""


@dataclass(frozen=True)
class Row:
    """One face, or one picture without: `target` is the id of the part that shows it, "" where none does."""

    picture: str
    face: str
    verdict: str
    units: str
    notes: str
    target: str


@dataclass(frozen=True)
class Summary:
    """`facts`: numbers with their names. `emotions` and `units`: how many faces show each."""

    facts: tuple[tuple[str, str], ...]
    emotions: tuple[Bar, ...]
    units: tuple[Bar, ...]
    rows: tuple[Row, ...]
    left_out: int


def summary(readings: Sequence[FaceReading], names: Mapping[str, str], targets: Mapping[int, str]) -> Summary:
    """`readings` of still pictures; `names` input -> name as shown; `targets` place of a reading -> id."""
    listed = enumerate(readings[:ROWS])
    rows = [_row(reading, names[reading.input], targets.get(place, "")) for place, reading in listed]
    read = [reading for reading in readings if reading.emotion_scores]
    return Summary(
        tuple(_facts(readings, read)),
        tuple(_counted(Counter(reading.emotion for reading in read if reading.emotion), EMOTIONS, len(read))),
        tuple(_counted(Counter(unit for each in read for unit in each.present_units), ACTION_UNITS, len(read))),
        tuple(rows),
        max(0, len(readings) - ROWS),
    )


def _facts(readings: Sequence[FaceReading], read: Sequence[FaceReading]) -> list[tuple[str, str]]:
    pictures = sum(not reading.face_id for reading in readings)
    facts = [("pictures", f"{pictures:,}"), ("faces read", f"{len(read):,}")]
    statuses = Counter(reading.status for reading in readings if reading.status != "ok")
    return [*facts, *((status.replace("_", " "), f"{count:,}") for status, count in sorted(statuses.items()))]


def _counted(counts: Mapping[Any, int], order: Sequence[str] | Mapping[str, Any], faces: int) -> list[Bar]:
    found = [name for name in order if counts.get(name)]
    return [
        Bar(_titled(name), f"{counts[name]:,} ({percent(counts[name] / faces)})", round(100 * counts[name] / faces, 1))
        for name in sorted(found, key=lambda name: -counts[name])
    ]


def _titled(name: str) -> str:
    unit = ACTION_UNITS.get(name)
    return f"{unit.short} {unit.name}" if unit else name


def _row(reading: FaceReading, name: str, target: str) -> Row:
    notes = [STATUS_WORDS.get(reading.status, reading.status)] if reading.status != "ok" else []
    notes += [flag.replace("_", " ") for flag in reading.quality.flags] if reading.quality is not None else []
    notes += [reading.error] if reading.error else []
    told = verdict(reading) if reading.emotion_scores else ""
    face = "" if reading.face_id is None else str(reading.face_id)
    return Row(name, face, told, present(reading) if reading.action_units else "", "; ".join(notes), target)


def names_of(inputs: Sequence[str]) -> dict[str, str]:
    """Inputs by the shortest names that keep them apart: without the folders that all files share.

    What a report is passed on for is rarely the way to somebody's home folder.
    """
    plain = [name for name in inputs if "://" not in name and not name.startswith("data:")]
    parts = [name.replace("\\", "/").split("/") for name in plain]
    shared = 0
    while parts and all(len(each) > shared + 1 and each[shared] == parts[0][shared] for each in parts):
        shared += 1
    return {name: name for name in inputs} | {
        name: "/".join(each[shared:]) for name, each in zip(plain, parts, strict=True)
    }


def flattened(metadata: Mapping[str, Any], named: str = "") -> list[tuple[str, str]]:
    """How readings were made as pairs of words: "decoding, temperature" -> "0.8"."""
    found: list[tuple[str, str]] = []
    for key, value in metadata.items():
        name = f"{named}, {key}" if named else str(key)
        if isinstance(value, Mapping) and not _short(value):
            found += flattened(value, name.replace("_", " "))
        elif value not in (None, "", [], {}):
            found.append((name.replace("_", " "), _text(value)))
    return found


def _short(value: Mapping[Any, Any]) -> bool:
    """Whether all of it is numbers or words of one kind, such as a threshold a unit: told in one line."""
    return bool(value) and all(isinstance(each, int | float) for each in value.values())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {_text(each)}" for key, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_text(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
