"""One thread owns the analyzer. What all clients want of it waits in one bounded queue and is read together."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.analyzer import Slot, split
from feallm.serve.errors import queue_full, stopping
from feallm.serve.metrics import Metrics

WINDOW = 0.05
"""Seconds that a batch less than half full waits for faces that are just being looked for. One that is half full is
begun: while it is read the next one gathers, and no core waits for the other."""


@dataclass(frozen=True)
class Wish:
    """What is wanted of faces; those with the same wish are read together. `numbered`: they have their numbers."""

    explain: bool = True
    evidence: bool = False
    label_set: str | None = None
    min_confidence: float | None = None
    numbered: bool = False


@dataclass(eq=False)
class _Job:
    """Slots to be filled as `wish` says, or a `call` that wants the analyzer for itself."""

    future: Future[Any]
    wish: Wish | None = None
    slots: Sequence[Slot] = ()
    call: Callable[[Analyzer], Any] | None = None

    @property
    def faces(self) -> int:
        return sum(slot.face is not None for slot in self.slots)


@dataclass(eq=False)
class _Desk:
    """What is shared between the threads: waiting jobs, and how many pictures are being looked at elsewhere."""

    jobs: deque[_Job] = field(default_factory=deque)
    coming: int = 0
    closed: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)


class Reader:
    """The thread that owns `analyzer`, and the queue before it.

    `queue`: how many requests may wait or be read at once; one more raises ApiError 503.
    """

    def __init__(self, analyzer: Analyzer, queue: int, metrics: Metrics) -> None:
        self.analyzer = analyzer
        self.queue = queue
        self.metrics = metrics
        self.taken = 0
        self._desk = _Desk()
        self._thread = threading.Thread(target=self._work, name="feallm-reader", daemon=True)
        self._thread.start()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, given back at the end of the block. Used by the event loop's thread alone."""
        if self.taken >= self.queue:
            raise queue_full()
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def coming(self) -> Iterator[None]:
        """While faces are looked for that will be read soon."""
        with self._desk.changed:
            self._desk.coming += 1
        try:
            yield
        finally:
            with self._desk.changed:
                self._desk.coming -= 1
                self._desk.changed.notify()

    def read(self, slots: Sequence[Slot], wish: Wish) -> Future[list[FaceReading]]:
        """The readings of slots, read with those of other requests. A cancelled future frees its place."""
        return self._put(_Job(Future(), wish=wish, slots=slots))

    def call(self, work: Callable[[Analyzer], Any]) -> Future[Any]:
        """What `work` makes of the analyzer, on its thread."""
        return self._put(_Job(Future(), call=work))

    def close(self) -> None:
        """Finish what waits, then end the thread; what comes later is refused with ApiError 503."""
        with self._desk.changed:
            self._desk.closed = True
            self._desk.changed.notify()
        self._thread.join()

    def _put(self, job: _Job) -> Future[Any]:
        with self._desk.changed:
            if self._desk.closed:  # nobody would ever do it: a thread that is left over must not wait for ever
                job.future.set_exception(stopping())
            else:
                self._desk.jobs.append(job)
            self._desk.changed.notify()
        return job.future

    def _work(self) -> None:
        while batch := self._take():
            going = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if not going:
                continue
            if going[0].call is not None:
                _settle(going[0], lambda job=going[0]: job.call(self.analyzer))  # type: ignore[misc]
                continue
            self._count(going)
            self._read(going)

    def _take(self) -> list[_Job]:
        """The first job with those of its wish that fit into one batch; nothing at the end."""
        desk = self._desk
        with desk.changed:
            desk.changed.wait_for(lambda: desk.jobs or desk.closed)
            if not desk.jobs:
                return []
            first = desk.jobs[0]
            deadline = time.monotonic() + WINDOW
            while first.wish is not None and desk.coming and self._waiting_faces(first) < self.analyzer.batch_size // 2:
                if not desk.changed.wait(deadline - time.monotonic()):
                    break
            return self._gather(first)

    def _alike(self, first: _Job) -> list[_Job]:
        return [job for job in self._desk.jobs if job.wish is not None and job.wish == first.wish]

    def _waiting_faces(self, first: _Job) -> int:
        return sum(job.faces for job in self._alike(first))

    def _gather(self, first: _Job) -> list[_Job]:
        batch, faces = [first], first.faces
        for job in self._alike(first):
            if job is not first and faces + job.faces <= self.analyzer.batch_size:
                batch.append(job)
                faces += job.faces
        for job in batch:
            self._desk.jobs.remove(job)
        return batch

    def _count(self, jobs: Sequence[_Job]) -> None:
        faces = sum(job.faces for job in jobs)
        self.metrics.batch_faces.observe(faces)
        if jobs[0].wish is not None and not jobs[0].wish.numbered:  # else they were read before
            self.metrics.faces.inc(faces)

    def _read(self, jobs: Sequence[_Job]) -> None:
        """Read the faces of several requests at once; where that fails each alone, so that one spoils no other."""
        try:
            readings = iter(self._filled(jobs))
            shares = [[next(readings) for _ in job.slots] for job in jobs]
        except Exception as error:  # noqa: BLE001 whatever it is, the thread goes on and the client is told
            if len(jobs) == 1:
                _tell(jobs[0], error)
                return
            for job in jobs:
                self._read([job])
            return
        for job, share in zip(jobs, shares, strict=True):
            _tell(job, share)

    def _filled(self, jobs: Sequence[_Job]) -> list[FaceReading]:
        wish = jobs[0].wish or Wish()
        analyzer = self.analyzer.like(label_set=wish.label_set, min_confidence=wish.min_confidence)
        slots = [slot for job in jobs for slot in job.slots]
        found: list[FaceReading] = []
        while slots:  # a crowd may have more faces than a batch
            ready, slots = split(slots, analyzer.batch_size)
            work = analyzer.tell if wish.numbered else analyzer.read
            found += work(ready, wish.explain, wish.evidence)
        return found


def _settle(job: _Job, work: Callable[[], Any]) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 as above
        result = error
    _tell(job, result)


def _tell(job: _Job, result: Any) -> None:
    try:
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
    except InvalidStateError:  # cancelled in between
        return
