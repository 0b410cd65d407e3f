"""A task's samples in batches, and the requests made of them, ready before they are asked for.

Batch k always holds the samples k * size … (k + 1) * size - 1, wherever a run was stopped: a model whose numbers
depend on what it reads beside a face gives the same ones again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from pathlib import Path

from PIL import Image

from feallm.bench.items import Request, Response, Sample, names_of
from feallm.bench.predictions import plain
from feallm.bench.tasks.task import Task

BROKEN = (OSError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises at a picture that cannot be read."""
_ADDRESS = re.compile(r" object at 0x[0-9A-Fa-f]+")


@dataclass(frozen=True)
class Job:
    """What is to be asked of batch `place`: these samples of it."""

    place: int
    samples: frozenset[str]


Loaded = list[tuple[str, Request | Response]]
"""Samples with their requests, or with the response of those whose picture cannot be read."""


def samples_of(task: Task, path: Path, limit: int | None = None) -> Iterator[Sample]:
    """The task's samples in order; with a limit, all those of so many faces, the same for every model.

    Raises as the task's `samples` do; ValueError for a limit below 1.
    """
    if limit is None:
        yield from task.samples(path, task.split)
        return
    if limit < 1:
        raise ValueError(f"a limit of at least one face is expected, got {limit}")
    faces = {sample.item.face for sample in task.samples(path, task.split)}
    chosen = frozenset(nsmallest(limit, faces, key=_lot))
    yield from (sample for sample in task.samples(path, task.split) if sample.item.face in chosen)


def _lot(face: str) -> bytes:
    return hashlib.sha256(f"limit:{face}".encode("utf-8", "surrogatepass")).digest()


class Batches:
    """The batches of a task. Those asked for in ascending order are read in one go."""

    def __init__(self, task: Task, path: Path, size: int, limit: int | None = None) -> None:
        self.task, self.path, self.size, self.limit = task, path, size, limit
        self._stream: Iterator[Sample] = iter(())
        self._next: int | None = None

    def __getitem__(self, place: int) -> Sequence[Sample]:
        if self._next is None or place < self._next:
            self._stream, self._next = samples_of(self.task, self.path, self.limit), 0
        for _ in islice(self._stream, (place - self._next) * self.size):
            pass
        self._next = place + 1
        return list(islice(self._stream, self.size))

    def load(self, job: Job) -> Loaded:
        """The requests of a job, in order, with their pictures."""
        samples = ((plain(sample.item.sample), sample) for sample in self[job.place])
        return [(name, request_of(self.task, sample)) for name, sample in samples if name in job.samples]


def request_of(task: Task, sample: Sample) -> Request | Response:
    """What a model is asked about a sample, or an "unreadable" response where its picture cannot be read."""
    try:
        picture = sample.shown()
    except BROKEN as error:
        return Response(status="unreadable", error=_ADDRESS.sub("", str(error)) or type(error).__name__)
    item = sample.item
    names, frame = names_of(sample.face) if not item.view else ((item.sample,), None)  # a view is another picture
    return Request(
        sample=plain(item.sample),
        kind=item.kind,
        question=item.question,
        picture=picture,
        is_crop=task.is_crop,
        classes=task.classes,
        label_set=task.label_set,
        units=task.units,
        names=names,
        frame=frame,
    )
