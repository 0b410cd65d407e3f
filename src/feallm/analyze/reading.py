"""What a reading of one face is: the types every output of the project is made from."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from feallm.faces.quality import Quality

__all__ = ["ActionUnitReading", "Consistency", "FaceReading", "Quality", "Status"]

Status = Literal["ok", "no_face", "unreadable", "low_quality", "unparsed"]


@dataclass(frozen=True)
class ActionUnitReading:
    """One action unit: calibrated `probability` 0..1, `intensity` 0..5 (FACS A–E as 1..5), and whether it counts as
    `present`. `low_support` marks units with too few training examples to be relied on."""

    probability: float
    intensity: float
    present: bool
    low_support: bool = False


@dataclass(frozen=True)
class Consistency:
    """Whether the words agree with the numbers, after repair.

    `agrees`: the explanation asserts only action units that the reading shows, denies none of them, and names its
    emotion. `repaired`: how many sentences had to be replaced or dropped to make it so. `unsupported`: the units the
    unrepaired text asserted without evidence; `emotion_in_words`: the emotion it named, None if none.
    """

    agrees: bool
    repaired: int = 0
    unsupported: tuple[str, ...] = ()
    emotion_in_words: str | None = None

    def __bool__(self) -> bool:
        return self.agrees


@dataclass(frozen=True)
class FaceReading:
    """One face of one picture, or one picture without a face, or one that could not be read.

    `input` names the picture; `frame` and `timestamp` (seconds) are None for still pictures; `face_id` counts the
    faces of a picture from 0 (largest first), None without a face. `status`: ok, no_face, unreadable, low_quality
    (read, but `quality.flags` says why not to rely on it), unparsed (the explanation could not be made to agree).
    `box`: x, y, width, height in pixels of the picture as shown, origin top left; `score`: the detector's.
    `emotion_scores` sums to 1 over the label set; empty values where there is no face. `raw_text` is what the
    language model wrote before any repair; `model` names the checkpoint. `error` is the reason when unreadable.
    """

    input: str
    frame: int | None = None
    timestamp: float | None = None
    face_id: int | None = None
    status: Status = "ok"
    box: tuple[float, float, float, float] | None = None
    score: float | None = None
    quality: Quality | None = None
    emotion: str | None = None
    emotion_scores: dict[str, float] = field(default_factory=dict)
    action_units: dict[str, ActionUnitReading] = field(default_factory=dict)
    explanation: str | None = None
    consistency: Consistency | None = None
    raw_text: str | None = None
    model: str | None = None
    label_set: str | None = None
    error: str | None = None

    @property
    def present_units(self) -> dict[str, float]:
        """Present action units with their intensities, in order of number."""
        return {unit: au.intensity for unit, au in sorted(self.action_units.items()) if au.present}

    def to_dict(self) -> dict[str, Any]:
        """Plain values all the way down (tuples become lists)."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def to_json(self, **options: Any) -> str:
        """`to_dict` as JSON text; options go to `json.dumps`."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, **options)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
