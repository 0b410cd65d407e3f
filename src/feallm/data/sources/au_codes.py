"""Action-unit codes in the project's CSV form: id, pass, codable, hidden, AU01 … AU43 (0, 1, 3, 5), sides.

The codes at hand were made by a vision-language model that coded each picture by eye after a written guide, blind
to the emotion labels; no certified FACS coder took part. They are called model-coded wherever they are used.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from feallm.data.records import LabelledFace
from feallm.facs.action_units import ACTION_UNITS, CODED_AUS

UPPER_REGIONS = frozenset({"brow", "eyes"})
PROVENANCE = "model-coded"


@dataclass(frozen=True)
class CodingPass:
    """One coder's pass over one face: strengths in 0..5 of the AUs that could be judged."""

    number: int
    strengths: dict[str, float]


def read_codes(path: Path) -> dict[str, list[CodingPass]]:
    """id -> coding passes, in order. Faces coded as not codable are left out; hidden halves are unknown.

    Raises:
        ValueError: a column is missing or a strength is not a number in 0..5.
    """
    codes: dict[str, list[CodingPass]] = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        missing = {"id", "pass", "codable", *CODED_AUS} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: missing columns {sorted(missing)}")
        for row in reader:
            if row["codable"].strip().lower() not in {"1", "true", "yes"}:
                continue
            strengths = {}
            for unit in CODED_AUS:
                if _hidden(unit, row.get("hidden") or ""):
                    continue
                value = float(row[unit])
                if not 0 <= value <= 5:
                    raise ValueError(f"{path}, {row['id']}: {unit} is {value}, expected a strength in 0..5")
                strengths[unit] = value
            codes.setdefault(row["id"], []).append(CodingPass(int(row["pass"]), strengths))
    return codes


def _hidden(unit: str, hidden: str) -> bool:
    if not hidden:
        return False
    upper = ACTION_UNITS[unit].region in UPPER_REGIONS
    return ("upper" in hidden and upper) or ("lower" in hidden and not upper)


def with_codes(faces: Iterable[LabelledFace], codes: dict[str, list[CodingPass]]) -> Iterator[LabelledFace]:
    """Join codes to faces by id; several passes are averaged over those that know the AU."""
    for face in faces:
        passes = codes.get(face.id)
        if not passes:
            yield face
            continue
        units = sorted({unit for one in passes for unit in one.strengths})
        mean = {
            unit: sum(known) / len(known)
            for unit in units
            if (known := [one.strengths[unit] for one in passes if unit in one.strengths])
        }
        yield replace(face, action_units=mean, provenance={**face.provenance, "action_units": PROVENANCE})
