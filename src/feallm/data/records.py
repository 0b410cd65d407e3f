"""The two things data consists of: a labelled face, and an instruction record made from it."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feallm.facs.emotions import LABEL_SETS


@dataclass(frozen=True)
class VideoFrame:
    """Frame `number` (from 0) of a video file."""

    path: Path
    number: int

    def read(self) -> NDArray[np.uint8]:
        """The frame as [H, W, 3] uint8 RGB. Raises OSError where the video or the frame cannot be read."""
        from feallm.data.frames import read_frame

        return read_frame(self.path, self.number)


@dataclass(frozen=True)
class Problem:
    """Something about a data set that is not as its owners ship it: where, what, and what to do about it."""

    where: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix}"


@dataclass(frozen=True)
class LabelledFace:
    """One face and what is known of it. What is not known is absent, never zero.

    `emotions[label set]` is a distribution over `LABEL_SETS[label set]` (votes of the raters, or all on one class);
    `labels[label set]` the single class where the set has one. `action_units["AU06"]` is a strength in 0..5, 0 being
    looked for and not there; where `graded` is False the coders only said whether it is there, and any strength above 0
    means no more than that. `sides["AU12"]` is "L" or "R" of a one-sided unit ("T", "B": its upper or lower half).
    `compound` names two emotions shown at once (RAF-DB). `valence` and `arousal` lie in -1..1. `box` is the face in the
    picture (x, y, width, height in pixels), None where the picture is a face crop. `references[family]` are answers
    that the source ships. `flags` may hold "copy" (repeats a training picture), "near_copy_in_test" (must not be
    trained on). `provenance` says who gave the labels.
    """

    id: str
    image: bytes | Path | NDArray[np.uint8] | VideoFrame
    source: str
    split: str
    emotions: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    action_units: Mapping[str, float] = field(default_factory=dict)
    subject: str | None = None
    graded: bool = True
    sides: Mapping[str, str] = field(default_factory=dict)
    compound: tuple[str, str] | None = None
    valence: float | None = None
    arousal: float | None = None
    box: tuple[float, float, float, float] | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, distribution in self.emotions.items():
            if name not in LABEL_SETS or len(distribution) != len(LABEL_SETS[name]):
                raise ValueError(f"{self.id}: emotions[{name!r}] needs one share for each class of the label set")
            if abs(sum(distribution) - 1.0) > 1e-3:
                raise ValueError(f"{self.id}: emotions[{name!r}] must sum to 1, got {sum(distribution):.4f}")

    def picture(self) -> NDArray[np.uint8]:
        """The picture as [H, W, 3] uint8 RGB. Raises OSError where it cannot be read."""
        if isinstance(self.image, VideoFrame):
            return self.image.read()
        if isinstance(self.image, np.ndarray):
            pixels = self.image
            return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
        stream = io.BytesIO(self.image) if isinstance(self.image, bytes) else self.image
        with Image.open(stream) as image:
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True)
class Claims:
    """What an answer says, in the machine's terms: what `facs.answers` must read back from its text.

    `asserted` and `denied` are action units; `causes` those of the asserted ones that it calls causes of the emotion.
    """

    emotion: str | None = None
    asserted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """A question, its answer, and what the answer claims."""

    question: str
    answer: str
    claims: Claims


@dataclass(frozen=True)
class Record:
    """A conversation about one face. The answers of the first `given` turns are told, not to be learned."""

    face: str
    family: str
    turns: tuple[Turn, ...]
    given: int = 0

    def conversation(self) -> list[dict[str, str]]:
        """The turns in chat form: user, assistant, user, assistant …"""
        roles: list[dict[str, str]] = []
        for turn in self.turns:
            roles += [
                {"role": "user", "content": turn.question},
                {"role": "assistant", "content": turn.answer},
            ]
        return roles


def one_hot(label: str, classes: Sequence[str]) -> tuple[float, ...]:
    """All on one class. Raises ValueError if the class is not of the set."""
    if label not in classes:
        raise ValueError(f"class {label!r} is not in {list(classes)}")
    return tuple(1.0 if name == label else 0.0 for name in classes)
