"""What is asked and what is answered: items with their truth, requests, responses, predictions on disk."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from feallm.data.records import LabelledFace, VideoFrame

Kind = Literal["emotion", "aus", "describe_emotion", "describe_aus", "reason"]
"""What a question asks for: the emotion out of a closed set, the list of action units, a text."""
KINDS: tuple[Kind, ...] = ("emotion", "aus", "describe_emotion", "describe_aus", "reason")
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Truth:
    """The labels an answer is scored against; what is not known is absent.

    `units` are the coders' passes, mostly one: unit -> strength 0..5 (0: looked for and not there).
    """

    emotion: str | None = None
    units: tuple[Mapping[str, float], ...] = ()
    reference: str | None = None


@dataclass(frozen=True)
class Item:
    """One question about one face, with its truth: all that scoring needs to know. A line of `items.jsonl`.

    `sample` is unique within a task: the face's id, and after colons what was done to the picture and what is asked,
    where a task does several things. `view` names what was done to the picture ("" nothing). `about` are values that
    a task's own scoring needs (which unit is hidden, the level of a noise …), JSON all the way down. `picture` is a
    digest of the source picture. `asked`: the digest of the question (see `digest`).
    """

    sample: str
    face: str
    kind: Kind
    question: str
    truth: Truth
    subject: str | None = None
    view: str = ""
    picture: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        return digest(self.question)


@dataclass(frozen=True)
class Sample:
    """An item with its face, so that it can be shown. `change` is what `item.view` names."""

    item: Item
    face: LabelledFace
    change: Callable[[Picture], Picture] | None = None

    def shown(self) -> Picture:
        """The picture as a model is to see it: [H, W, 3] uint8 RGB, cut out with a margin where the source gives the
        face's box. Raises OSError where it cannot be read."""
        picture = self.face.picture()
        if self.face.box is not None:
            picture = _cut(picture, self.face.box)
        return self.change(picture) if self.change is not None else picture


@dataclass(frozen=True)
class Request:
    """A question to a model, which never sees the truth.

    `is_crop`: the picture is a face crop already, else a face must be found in it. `classes` is the closed set of an
    emotion question (in this order), `label_set` its name in `facs.LABEL_SETS`; `units` are the action units that
    count. `names` are what another tool's table may call the picture (a view of a face: its sample alone); `frame` its
    number in a video.
    """

    sample: str
    kind: Kind
    question: str
    picture: Picture
    is_crop: bool
    classes: tuple[str, ...] = ()
    label_set: str = ""
    units: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    frame: int | None = None


Status = Literal["ok", "no_face", "unreadable", "failed"]
How = Literal["generation", "log-likelihood", "head", "table", "baseline", ""]


@dataclass(frozen=True)
class Response:
    """What a model answered. Either `text`, which scoring reads with the one reader, or labels of its own.

    `emotion` and `present` (action units; empty: none) are labels and win over the text. `scores` are probabilities (or
    the softmax of log-likelihoods) over the request's classes, `presence` probabilities and `intensity` strengths 0..5
    of units. `how` the labels or the text came about. `failed`: another try may give an answer, so it is not
    written down.
    """

    status: Status = "ok"
    how: How = ""
    text: str | None = None
    emotion: str | None = None
    present: tuple[str, ...] | None = None
    scores: Mapping[str, float] | None = None
    presence: Mapping[str, float] | None = None
    intensity: Mapping[str, float] | None = None
    error: str | None = None


@dataclass(frozen=True)
class Prediction:
    """A response on disk: keyed by the sample and the digest of its question."""

    sample: str
    asked: str
    response: Response


def digest(text: str | bytes) -> str:
    """Twelve hexadecimal digits of SHA-256."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return hashlib.sha256(raw).hexdigest()[:12]


def picture_digest(face: LabelledFace) -> str:
    """A digest of a face's source picture: its bytes, or of a file its name and size (videos: and the frame)."""
    image = face.image
    if isinstance(image, bytes):
        return digest(image)
    if isinstance(image, np.ndarray):
        return digest(image.tobytes())
    path, frame = (image.path, image.number) if isinstance(image, VideoFrame) else (image, None)
    size = path.stat().st_size if path.is_file() else -1
    return digest(f"{path.name} {size} {frame}")


def names_of(face: LabelledFace) -> tuple[tuple[str, ...], int | None]:
    """What another tool's table may call a face's picture, and its frame number where it is one of a video."""
    image = face.image
    frame = image.number if isinstance(image, VideoFrame) else None
    path = image.path if isinstance(image, VideoFrame) else image
    if isinstance(path, Path):
        return (face.id, str(path), path.name, path.stem), frame
    return (face.id,), frame


MARGIN = 0.25
"""Of a face's box, left around it on each side when it is cut out of a picture."""


def _cut(picture: Picture, box: tuple[float, float, float, float]) -> Picture:
    x, y, width, height = box
    rows, columns = picture.shape[:2]
    left, right = max(0, round(x - MARGIN * width)), min(columns, round(x + (1 + MARGIN) * width))
    top, bottom = max(0, round(y - MARGIN * height)), min(rows, round(y + (1 + MARGIN) * height))
    if right <= left or bottom <= top:
        raise OSError(f"the box {box} lies outside the picture of {columns} x {rows} pixels")
    return picture[top:bottom, left:right]
