"""Our tables in the form of py-feat's, so that its own reader takes them.

What its reader expects (its source: `feat.utils.io.read_feat`, the class `Fex`, and the columns in `feat.utils`, 0.5 to
2.1): a CSV with the columns of a face box, 68 landmarks, head pose, action units (every column with "AU" in its name),
seven emotions in lower case, `frame` and `input`. `Fex` looks columns up only when they are used, and then needs all of
a group. So every column is written; what FEALLM does not measure (landmarks, pose, units that it does not read) is
empty, which pandas takes for NaN. Only the columns that recognise people (`Identity` …) are not there.

What gets lost: intensities, presence, explanations, statuses, quality. A picture without a face is a row without a box
and with FaceScore 0, as py-feat writes it; one that could not be read has no FaceScore either. Contempt, which
py-feat's first detectors do not know, is a column of its own behind their seven: the shares are as FEALLM gave them.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from feallm.facs import CODED_AUS, EMOTIONS
from feallm.facs.emotions import ORDERS
from feallm.tables.columns import BOX
from feallm.tables.output import OutputError, check_writable, replacing
from feallm.tables.reader import read
from feallm.tables.segments import refuse_segments
from feallm.tables.writer import FORMULA, meta_path

FORMS = ("pyfeat",)
LANDMARKS = tuple(f"{axis}_{place}" for axis in "xy" for place in range(68))
POSE = ("Pitch", "Roll", "Yaw", "X", "Y", "Z")
UNITS = tuple(f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 17, 20, 23, 24, 25, 26, 28, 43))
"""The units of py-feat's detectors, in their order."""
OTHERS = tuple(unit for unit in CODED_AUS if unit not in UNITS)
SEVEN = ORDERS["pyfeat_v1"]
EXTRA = tuple(name for name in EMOTIONS if name not in SEVEN)
COLUMNS = (
    *BOX, "FaceScore", *LANDMARKS, *POSE, *UNITS, *OTHERS, *SEVEN, *EXTRA,
    "input", "frame", "approx_time", "timestamp", "face_id",
)  # fmt: skip
"""`approx_time` is py-feat's minutes and seconds of a video; `timestamp` (seconds) and `face_id` are ours."""


def convert(source: str | os.PathLike[str], output: str | os.PathLike[str], to: str = "pyfeat") -> str:
    """Write the FEALLM table `source` in another tool's form at `output`; returns what was done, in a sentence.

    Raises:
        FileNotFoundError: there is no such table.
        ValueError: `source` is no table of ours, or `to` is no form that is written.
        OutputError: it cannot be written there.
    """
    source, output = Path(source), Path(output)
    if to not in FORMS:
        raise ValueError(f"cannot write the form {to!r}: expected {', '.join(FORMS)}")
    if output.suffix.lower() != ".csv":
        raise OutputError(f"py-feat reads CSV: give a path that ends in .csv, not {output.name!r}")
    check_writable(output, "fex.csv")
    if output.exists() and source.exists() and output.samefile(source):
        raise OutputError(f"{output} is the table itself: choose another path for the copy")
    _check_ours(source)
    count = write_pyfeat(read(source), output)
    described = _describe(source, output)
    told = f"{count:,} row{'s' * (count != 1)} in {output}, in the form of py-feat"
    return f"{told}; landmarks and head pose are empty" + (f"; described in {described}" if described else "")


def write_pyfeat(rows: Iterable[Mapping[str, Any]], output: str | os.PathLike[str]) -> int:
    """Write flat rows (of `tables.read` or `tables.rows`) as py-feat's CSV; returns how many. Raises OutputError."""
    count = 0
    with replacing(output) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in pyfeat_rows(rows):
            writer.writerow(row)
            count += 1
    return count


def pyfeat_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Flat rows of ours with py-feat's columns. A still picture's `frame` is its place among the pictures."""
    places: dict[str, int] = {}
    for row in rows:
        place = places.setdefault(row["input"], len(places))
        kept = (*BOX, *UNITS, *OTHERS, *SEVEN, *EXTRA, "timestamp", "face_id")
        found = {name: row.get(name) for name in kept}
        found["FaceScore"] = 0.0 if row["status"] == "no_face" else row.get("FaceScore")
        found["input"] = f"./{row['input']}" if row["input"].startswith(FORMULA) else row["input"]
        found["frame"] = place if row.get("frame") is None else row["frame"]
        found["approx_time"] = _clock(row.get("timestamp"))
        yield found


def _clock(seconds: float | None) -> str | None:
    """Minutes and seconds as py-feat writes them: "01:07"."""
    return None if seconds is None else f"{int(seconds // 60):02d}:{int(seconds % 60):02d}"


def _check_ours(source: Path) -> None:
    """Raises ValueError for a CSV of another tool, before its cells are taken for ours."""
    if source.suffix.lower() != ".csv":
        return
    with source.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        names = next(csv.reader(stream), [])
    refuse_segments(source, names)
    missing = [name for name in ("input", "status", "emotion") if name not in names]
    if missing:
        raise ValueError(f"{source} is no table of FEALLM: it has no column {missing[0]!r}; only those are converted")


def _describe(source: Path, output: Path) -> Path | None:
    """Write the metadata of `source` beside `output`; None where it has none."""
    before, after = meta_path(source), meta_path(output)
    if not before.is_file():
        return None
    try:
        facts = json.loads(before.read_text(encoding="utf-8"))
    except ValueError:
        return None
    made = {**facts, "form": "pyfeat", "converted_from": source.name} if isinstance(facts, dict) else facts
    with replacing(after) as part:
        part.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return after
