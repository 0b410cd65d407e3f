"""The two tables of a run folder: `items.jsonl` (what is asked, with its truth) and `predictions.jsonl` (the answers).

A line is a JSON object with sorted keys, without times or speeds, its numbers rounded to six digits and what is None
left out: the same answers give the same bytes, however often a run was stopped. Predictions are only ever appended, a
batch at a time, on the disk before the next one is asked. A line that a kill cut short is known by its missing end.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from feallm.bench.items import How, Item, Kind, Prediction, Response, Status, Truth
from feallm.settings import Strict
from feallm.tables import OutputError

ITEMS, PREDICTIONS = "items.jsonl", "predictions.jsonl"
DIGITS = 6
Row = TypeVar("Row", bound=Strict)
_SURROGATES = re.compile("[\ud800-\udfff]")


class RunError(ValueError):
    """A run folder that cannot be used; the message says what was found, what was expected and what to do."""


class _Truth(Strict):
    emotion: str | None = None
    units: tuple[dict[str, float], ...] = ()
    reference: str | None = None


class _Item(Strict):
    sample: str
    face: str
    kind: Kind
    question: str
    truth: _Truth
    subject: str | None = None
    view: str = ""
    picture: str = ""
    about: dict[str, Any] = Field(default_factory=dict)


class _Response(Strict):
    status: Status = "ok"
    how: How = ""
    text: str | None = None
    emotion: str | None = None
    present: tuple[str, ...] | None = None
    scores: dict[str, float] | None = None
    presence: dict[str, float] | None = None
    intensity: dict[str, float] | None = None
    error: str | None = None


class _Prediction(Strict):
    sample: str
    asked: str
    response: _Response


@dataclass(frozen=True)
class Predictions:
    """What `predictions.jsonl` holds: sample -> its prediction. `duplicates` are lines that say again what one before
    them said; `half_line`: the last line was cut short and is not among them; `size`: bytes up to there."""

    by_sample: Mapping[str, Prediction]
    duplicates: int = 0
    half_line: bool = False
    size: int = 0


def plain(text: str) -> str:
    """`text` as it stands in a file: halves of surrogate pairs (of file names that are not UTF-8) spelled out."""
    return _SURROGATES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def encode(row: Mapping[str, Any]) -> bytes:
    """A row as a line. Raises ValueError where a number is not finite or a value is none that JSON knows."""
    return (json.dumps(_plain(row), sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def item_line(item: Item) -> bytes:
    """The line of an item."""
    return encode({**_known(item), "truth": _known(item.truth)})


def prediction_line(prediction: Prediction) -> bytes:
    """The line of a prediction. Raises ValueError where a number of the response is not finite."""
    return encode({"sample": prediction.sample, "asked": prediction.asked, "response": _known(prediction.response)})


def read_items(path: Path) -> Iterator[Item]:
    """The items of a file, in order. Raises RunError where it is not there or a line is not an item's."""
    seen: set[str] = set()
    for number, line in enumerate(_lines(path), start=1):
        row = _checked(_Item, line, path, number)
        if row.sample in seen:
            raise RunError(f"{path}, line {number}: the sample {row.sample!r} stands there twice: run again elsewhere")
        seen.add(row.sample)
        values = {name: value for name, value in row if name != "truth"}
        yield Item(truth=Truth(**dict(row.truth)), **values)


def read_predictions(path: Path, asked: Mapping[str, str], task: str) -> Predictions:
    """The predictions of a file, none where there is no file. `asked`: sample -> digest of its question, of `task`.

    Raises RunError: a line is damaged, two say different things of one sample, or one belongs to no item of the task
    or to another question.
    """
    found: dict[str, Prediction] = {}
    duplicates, half_line, size = 0, False, 0
    for number, line in enumerate(_lines(path) if path.is_file() else (), start=1):
        if not line.endswith(b"\n") and not _whole(line):
            half_line = True
            break
        size += len(line)
        if not line.strip():
            continue
        row = _checked(_Prediction, line, path, number)
        prediction = Prediction(row.sample, row.asked, Response(**dict(row.response)))
        _belongs(prediction, asked, task, f"{path}, line {number}")
        before = found.setdefault(row.sample, prediction)
        if before is not prediction:
            if before != prediction:
                raise RunError(
                    f"{path}, line {number}: a second answer to {row.sample!r} that differs from the first: remove "
                    "the wrong line, or run again into another folder"
                )
            duplicates += 1
    return Predictions(found, duplicates, half_line, size)


class Appender:
    """Appends batches of predictions to a file whose first `size` bytes are kept; what is after them is cut away.

    Raises OSError where the disk refuses.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._stream = path.open("a+b", buffering=0)
        self._stream.truncate(size)
        if size:
            self._stream.seek(size - 1)
            if self._stream.read(1) != b"\n":
                self._stream.write(b"\n")

    def append(self, lines: Sequence[bytes]) -> None:
        """Write a batch at once; it is on the disk when this returns."""
        raw = b"".join(lines)
        if not raw:
            return
        written = self._stream.write(raw)
        if written != len(raw):
            raise OSError(f"only {written} of {len(raw)} bytes could be written (is the disk full?)")
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()


def _belongs(prediction: Prediction, asked: Mapping[str, str], task: str, where: str) -> None:
    if prediction.sample not in asked:
        example = next(iter(asked), "none")
        raise RunError(
            f"{where}: {prediction.sample!r} is no item of this run of {task}, which has {len(asked):,}, such as "
            f"{example!r}: these predictions are of another task or data set; keep each run in a folder of its own"
        )
    if prediction.asked != asked[prediction.sample]:
        raise RunError(
            f"{where}: {prediction.sample!r} answers a question with the digest {prediction.asked}, but {task} asks "
            f"{asked[prediction.sample]}: it is of another task, or was asked in other words; run again into another "
            "folder"
        )


def _lines(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        raise RunError(f"no {path.name} in {path.parent}: expected a folder that `feallm bench run` made")
    with path.open("rb") as stream:
        yield from stream


def _checked(kind: type[Row], line: bytes, path: Path, number: int) -> Row:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{path}, line {number} is damaged or of another release ({place + ': ' if place else ''}{first['msg']}): "
            "copy the file again, or run again into another folder"
        ) from error


def _whole(line: bytes) -> bool:
    """Whether a last line only lacks its line break, as editors leave it."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _known(value: Any) -> dict[str, Any]:
    pairs = ((one.name, getattr(value, one.name)) for one in fields(value))
    return {name: held for name, held in pairs if held is not None}


def _plain(value: Any) -> Any:
    """`value` in JSON's own types: numpy's numbers too, rounded."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return round(number, DIGITS) + 0.0 if math.isfinite(number) else number  # + 0.0: no "-0.0"
    if isinstance(value, Mapping):
        return {plain(str(key)): _plain(held) for key, held in value.items()}
    if isinstance(value, Iterable):
        return [_plain(held) for held in value]
    raise ValueError(f"{type(value).__name__} is no value that a line can hold: {value!r}")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a disk's refusal into an OutputError that says what is kept."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write to {folder}: {error.strerror or error}; the answers so far are kept: free some space or see "
            "to the permissions, and run the same command again"
        ) from error
