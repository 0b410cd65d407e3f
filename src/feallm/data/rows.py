"""Rows of a store: an instruction record with its labels and a reference to its picture, never the picture itself.

A row is a JSON object with the keys of `COLUMNS`:

- `id`: "source/split/face/number", `face`: the face's id within its source, `source`, `split`, `family`, `given`: how
  many of the first turns are told, not learned, `seed`: what the composer's random generator started from
- `image`: a path relative to the source's folder, "clip.mp4#frame=12" for a frame of a video, or "source:face" where
  the picture stands inside a table of the source; `box`: the face in it (x, y, width, height in pixels) or null
- `turns`: [{question, answer, claims: {emotion, asserted, denied, causes}}]
- `labels`: {emotions: {label set: class}, action_units: {AU: strength 0..5, 0 being looked for and not there},
  present: [AU] that count as present, graded, sides, compound, valence, arousal}; what is unknown is absent or null
- `provenance`: {what: who gave these labels}
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.data.records import Claims, LabelledFace, Record, Turn, VideoFrame, one_hot
from feallm.facs.emotions import LABEL_SETS

Row = dict[str, Any]
LAYOUT = 1
"""Of the rows, as the manifest of a store says it: one with rows of another layout is not read."""
COLUMNS = (
    "id", "face", "image", "box", "source", "split", "family", "turns", "given", "labels", "provenance", "seed",
)  # fmt: skip
FRAME = "#frame="


def reference(face: LabelledFace, base: Path) -> str:
    """How a row names the picture of a face whose source lies in `base` (a folder, or a file in it)."""
    if isinstance(face.image, VideoFrame):
        return f"{_relative(face.image.path, base)}{FRAME}{face.image.number}"
    return _relative(face.image, base) if isinstance(face.image, Path) else f"{face.source}:{face.id}"


def _relative(path: Path, base: Path) -> str:
    folder = base.parent if base.is_file() else base
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def row_of(record: Record, face: LabelledFace, image: str, present: Sequence[str], number: int, seed: int) -> Row:
    """The row of the face's record `number`; `present` are the units that counted as present."""
    return {
        "id": f"{face.source}/{face.split}/{face.id}/{number}",
        "face": face.id,
        "image": image,
        "box": None if face.box is None else [float(value) for value in face.box],
        "source": face.source,
        "split": face.split,
        "family": record.family,
        "turns": [asdict(turn) for turn in record.turns],
        "given": record.given,
        "labels": {
            "emotions": dict(face.labels),
            "action_units": {unit: float(strength) for unit, strength in face.action_units.items()},
            "present": list(present),
            "graded": face.graded,
            "sides": dict(face.sides),
            "compound": None if face.compound is None else list(face.compound),
            "valence": None if face.valence is None else float(face.valence),
            "arousal": None if face.arousal is None else float(face.arousal),
        },
        "provenance": dict(face.provenance),
        "seed": seed,
    }


def as_record(row: Mapping[str, Any]) -> Record:
    """The record of a row, as the composer made it."""
    turns = tuple(Turn(turn["question"], turn["answer"], _claims(turn["claims"])) for turn in row["turns"])
    return Record(row["face"], row["family"], turns, row["given"])


def as_face(row: Mapping[str, Any], image: bytes | Path | NDArray[np.uint8] | VideoFrame) -> LabelledFace:
    """The labelled face of a row, with its picture as `Pictures` finds it.

    Rows hold no votes: a label set has all on its class.
    """
    labels = row["labels"]
    emotions = {name: one_hot(emotion, LABEL_SETS[name]) for name, emotion in labels["emotions"].items()}
    return LabelledFace(
        row["face"],
        image,
        row["source"],
        row["split"],
        emotions,
        labels["emotions"],
        labels["action_units"],
        graded=labels["graded"],
        sides=labels["sides"],
        compound=tuple(labels["compound"]) if labels["compound"] else None,
        valence=labels["valence"],
        arousal=labels["arousal"],
        box=tuple(row["box"]) if row["box"] else None,
        provenance=row["provenance"],
    )


def _claims(told: Mapping[str, Any]) -> Claims:
    return Claims(told["emotion"], tuple(told["asserted"]), tuple(told["denied"]), tuple(told["causes"]))


def encode(row: Row) -> bytes:
    """One line of a JSONL shard. File names that are no UTF-8 keep their bytes as \\udcXX."""
    text = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


def mappings(row: Row) -> Iterator[tuple[dict[str, Any], str]]:
    """(holder, name) of every mapping in a row: Arrow has them as lists of pairs."""
    yield from ((row["labels"], name) for name in ("emotions", "action_units", "sides"))
    yield row, "provenance"


def parquet_schema() -> Any:
    """The schema of a Parquet shard: the same columns, mappings as Arrow maps."""
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    claims = pa.struct([("emotion", text), ("asserted", texts), ("denied", texts), ("causes", texts)])
    labels = pa.struct(
        [
            ("emotions", pa.map_(text, text)),
            ("action_units", pa.map_(text, pa.float64())),
            ("present", texts),
            ("graded", pa.bool_()),
            ("sides", pa.map_(text, text)),
            ("compound", texts),
            ("valence", pa.float64()),
            ("arousal", pa.float64()),
        ]
    )
    kinds = {
        "box": pa.list_(pa.float64()),
        "turns": pa.list_(pa.struct([("question", text), ("answer", text), ("claims", claims)])),
        "given": pa.int64(),
        "labels": labels,
        "provenance": pa.map_(text, text),
        "seed": pa.int64(),
    }
    return pa.schema([(name, kinds.get(name, text)) for name in COLUMNS])
