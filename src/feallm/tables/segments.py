"""The table of a clip's segments: one row each, in CSV, JSONL, JSON and Parquet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feallm.tables.columns import DIGITS
from feallm.tables.output import replacing
from feallm.tables.writer import check_path, safe_cell, write_json, write_parquet

if TYPE_CHECKING:
    from feallm.analyze.segments import Segment

TIMES = ("onset", "apex", "offset", "duration")
FRAMES = ("onset_frame", "apex_frame", "offset_frame")
SEGMENT_COLUMNS = (
    *("input", "face_id", "status", "emotion", "confidence", "action_units"),
    *(*TIMES, *FRAMES),
    *("explanation", "model"),
)


def refuse_segments(path: str | os.PathLike[str], names: Iterable[str]) -> None:
    """Raises ValueError where columns are those of a table of segments, and readings are wanted."""
    if {*TIMES, *FRAMES} <= set(names):
        raise ValueError(
            f"{os.fspath(path)} is a table of segments: give the one of readings, which `feallm analyze … -o` writes"
        )


def segments_table(segments: Iterable[Segment]) -> Iterator[dict[str, Any]]:
    """One flat row a segment, None where nothing is known.

    Times are seconds of the clip's clock, as `Segment` says. `confidence` is the calibrated probability of the emotion
    at the apex, `action_units` the present ones as "AU06;AU12".
    """
    for segment in segments:
        apex = segment.apex_reading
        yield {
            "input": segment.input,
            "face_id": segment.face_id,
            "status": segment.status,
            "emotion": segment.emotion,
            "confidence": _rounded(apex.emotion_scores.get(segment.emotion or "", apex.confidence)),
            "action_units": ";".join(segment.action_units) or None,
            **{name: _rounded(getattr(segment, name)) for name in TIMES},
            **{name: getattr(segment, name) for name in FRAMES},
            "explanation": segment.explanation,
            "model": apex.model,
        }


def write_segments(segments: Iterable[Segment], path: str | os.PathLike[str]) -> Path:
    """Write segments as the format that the suffix of `path` names, whole or not at all; returns the path.

    CSV and Parquet hold the rows of `segments_table`, JSON and JSONL all of each segment with the reading at its apex.
    CSV is written as `TableWriter` writes it. Raises OutputError where it cannot be written.
    """
    path = check_path(path)
    suffix = path.suffix.lower()
    with replacing(path) as part:
        if suffix == ".json":
            write_json(part, [segment.to_dict() for segment in segments])
        elif suffix == ".parquet":
            write_parquet(part, list(segments_table(segments)), list(SEGMENT_COLUMNS))
        else:
            _write_lines(part, segments, suffix)
    return path


def _write_lines(part: Path, segments: Iterable[Segment], suffix: str) -> None:
    with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        if suffix == ".jsonl":
            for segment in segments:
                stream.write(json.dumps(segment.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
            return
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(SEGMENT_COLUMNS)
        for row in segments_table(segments):
            table.writerow([safe_cell(name, value) for name, value in row.items()])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)
