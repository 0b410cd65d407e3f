"""A task's samples as rows of a table: the picture as PNG, the question, and the item with its truth as JSON."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from feallm.bench.items import Item, Picture
from feallm.bench.predictions import item_line
from feallm.bench.samples import BROKEN, samples_of
from feallm.bench.tasks.task import Task
from feallm.facs.action_units import ACTION_UNITS
from feallm.settings import SettingsError

NO_UNITS = "no action unit"


@dataclass(frozen=True)
class Row:
    """One question. `picture`: PNG; `item`: its line of `items.jsonl`; `answer`: the truth in words, for people."""

    index: int
    sample: str
    picture: bytes
    question: str
    answer: str
    item: str


def rows_of(task: Task, data: Path, limit: int | None = None) -> Iterator[Row]:
    """The rows of a task in order. Raises as the task's samples do; SettingsError for a picture that cannot be read."""
    for index, sample in enumerate(samples_of(task, data, limit)):
        item = sample.item
        try:
            picture = _png(sample.shown())
        except BROKEN as error:
            raise SettingsError(
                f"the picture of {item.sample!r} cannot be read ({error}): repair or download the data again "
                f"(`feallm data check {task.source} {data}` looks at all of them)"
            ) from error
        line = item_line(item).decode("utf-8").rstrip("\n")
        yield Row(index, item.sample, picture, item.question, answer_of(task, item), line)


def answer_of(task: Task, item: Item) -> str:
    """The emotion, or the units that at least half of the coders who judged them call present; a reference text."""
    if item.kind == "emotion":
        return item.truth.emotion or ""
    if item.kind != "aus":
        return item.truth.reference or item.truth.emotion or ""
    judged = {unit: [one[unit] for one in item.truth.units if unit in one] for unit in task.units}
    present = [unit for unit, held in judged.items() if held and 2 * _present(held, task.positive) >= len(held)]
    return ", ".join(ACTION_UNITS[unit].short for unit in present) or NO_UNITS


def _present(strengths: list[float], positive: float) -> int:
    return sum(strength >= positive for strength in strengths)


def _png(picture: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()
