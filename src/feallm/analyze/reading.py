"""What a reading of one face is: the types every output of the project is made from."""

import json
import math
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal

from feallm.faces.quality import Quality
from feallm.facs.prototypes import supporting_aus
from feallm.facs.wording import Verdict

__all__ = ["ActionUnitReading", "Consistency", "FaceReading", "Quality", "RegionEvidence", "Status", "WhatIf"]

SECOND = 0.2
"""A second emotion with at least this share is told."""
WEAK = 0.5
"""Below this confidence a verdict is called weak."""
NEAR = 0.1
"""So is one that leads the next emotion by less than this share."""
LEAST_EFFECT, LEAST_FALL = 0.2, 0.005
"""A unit carries the verdict when its removal lowers the verdict's log-odds by at least the one and its share by at
least the other. At one half the first is 5 points. Near certainty it is none, and the second, the least that whole per
cents can show, keeps out what no reader would call an effect; a larger one would cut the parts of a plain smile.
"""

Status = Literal["ok", "no_face", "unreadable", "low_quality", "unparsed", "abstained"]


@dataclass(frozen=True)
class RegionEvidence:
    """The place of the face that carries an action unit, and the measured proof of it.

    `regions`: one or two quadrilaterals of four (x, y) corners in pixels of the picture. `drop`: how far the unit's
    probability falls when they are hidden; `control_drop`: the same with as much of the face hidden elsewhere.
    """

    regions: tuple[tuple[tuple[float, float], ...], ...]
    drop: float
    control_drop: float


@dataclass(frozen=True)
class ActionUnitReading:
    """One action unit: calibrated `probability` 0..1, `intensity` 0..5 (FACS A–E as 1..5), and whether it counts as
    `present`. `low_support` marks units with too few training examples to be relied on. `effect`: how far the
    verdict's probability falls when this unit is taken out of the evidence (an intervention; negative where it rises).
    `evidence`: where the unit is seen and what hiding that place does, where it was asked for."""

    probability: float
    intensity: float
    present: bool
    low_support: bool = False
    effect: float | None = None
    evidence: RegionEvidence | None = None


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
    (read, but `quality.flags` says why not to rely on it), unparsed (the explanation could not be made to agree),
    abstained (the confidence is below the one asked for: no `emotion` is named, the numbers stand).
    `box`: x, y, width, height in pixels of the picture as shown, origin top left; `score`: the detector's.
    `emotion_scores` sums to 1 over the label set and is calibrated: `confidence`, the largest of them, is the share of
    such readings that are right. Empty values where there is no face. `raw_text` is what the
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
    def confidence(self) -> float | None:
        """The calibrated probability of the leading emotion; None without a face."""
        return max(self.emotion_scores.values(), default=None)

    @property
    def leading(self) -> str | None:
        """The emotion with the largest score, named or not; None without a face."""
        return max(self.emotion_scores, key=lambda name: self.emotion_scores[name], default=None)

    @property
    def verdict(self) -> Verdict:
        """The leading emotion with what it rests on: units of its FACS list whose removal lowers it, the most important
        first; those outside the list are no causes, for FACS does not say so.

        Raises ValueError where there is no face.
        """
        if self.leading is None or self.confidence is None:
            raise ValueError(f"{self.input}: there is no verdict without a face (status {self.status})")
        lowering = self._lowering(self.confidence)
        listed = supporting_aus(self.leading)
        carrying = tuple(unit for unit in lowering if unit in listed)[:5]
        others = {name: share for name, share in self.emotion_scores.items() if name != self.leading}
        second = max(others, key=lambda name: others[name], default=None)
        beside = others[second] if second is not None else 0.0
        return Verdict(
            self.leading,
            carrying,
            second if beside >= SECOND else None,
            weak=self.confidence < WEAK or self.confidence - beside < NEAR,
            unlisted=tuple(unit for unit in lowering if unit not in listed),
            few=tuple(unit for unit in carrying if self.action_units[unit].low_support),
        )

    def _lowering(self, sure: float) -> list[str]:
        """Present units whose removal lowers the verdict, the most important first; of two jaw movements the wider."""
        effects = {unit: au.effect or 0.0 for unit, au in self.action_units.items() if au.present}
        if "AU27" in effects:
            effects.pop("AU26", None)
        falls = {unit: _log_odds(sure) - _log_odds(sure - effect) for unit, effect in effects.items()}
        found = [unit for unit in effects if falls[unit] >= LEAST_EFFECT and effects[unit] >= LEAST_FALL]
        return sorted(found, key=lambda unit: -falls[unit])

    @property
    def present_units(self) -> dict[str, float]:
        """Present action units with their intensities, in order of number."""
        return {unit: au.intensity for unit, au in sorted(self.action_units.items()) if au.present}

    def to_dict(self) -> dict[str, Any]:
        """Plain values all the way down (tuples become lists)."""
        plain: dict[str, Any] = _plain(self)
        plain["confidence"] = self.confidence
        return plain

    def to_json(self, **options: Any) -> str:
        """`to_dict` as JSON text; options go to `json.dumps`."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, **options)


def _log_odds(share: float) -> float:
    inside = min(max(share, 1e-7), 1 - 1e-7)
    return math.log(inside / (1 - inside))


@dataclass(frozen=True)
class WhatIf:
    """A reading beside what its emotions would be if the evidence were another: an intervention, not another picture.

    `without` are units taken out of the evidence, `adding` units put into it.
    """

    reading: FaceReading
    without: tuple[str, ...]
    adding: tuple[str, ...]
    emotion_scores: dict[str, float]

    @property
    def emotion(self) -> str:
        """The leading emotion after the intervention."""
        return max(self.emotion_scores, key=lambda name: self.emotion_scores[name])

    @property
    def difference(self) -> dict[str, float]:
        """How far each emotion's probability moves."""
        return {name: share - self.reading.emotion_scores[name] for name, share in self.emotion_scores.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values all the way down, with `emotion` and `difference`."""
        plain: dict[str, Any] = _plain(self)
        return {**plain, "reading": self.reading.to_dict(), "emotion": self.emotion, "difference": self.difference}


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass; none of any other type."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) else ()


def _plain(value: Any) -> Any:
    """What `dataclasses.asdict` gives, without its deep copies: every request and every row of a table asks for it."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    names = _names(value.__class__)
    return {name: _plain(getattr(value, name)) for name in names} if names else value
