"""What the routes share: pictures are decoded and searched for faces by a few threads, and read by one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from anyio import CapacityLimiter
from fastapi import Request
from numpy.typing import NDArray

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.analyzer import Slot
from feallm.faces import Face
from feallm.media import Picture
from feallm.serve.batching import Reader, Wish
from feallm.serve.errors import ApiError
from feallm.serve.metrics import Metrics
from feallm.serve.options import ServeOptions

CLIPS, FETCHES = 2, 8
"""Videos that are decoded at once, and addresses that are fetched; those beyond take turns."""
Result = TypeVar("Result")
Load = Callable[[], Picture]
"""Reads one picture; what is wrong with it is told in it."""


class Found:
    """A detector that has looked already."""

    def __init__(self, faces: Sequence[Face]) -> None:
        self.faces = list(faces)

    def detect(self, _: NDArray[np.uint8]) -> list[Face]:
        return self.faces


class Service:
    """One analyzer, the thread that owns it, and the threads that look for faces."""

    def __init__(self, analyzer: Analyzer, options: ServeOptions) -> None:
        self.analyzer = analyzer
        self.options = options
        self.metrics = Metrics()
        self.stopping = False
        self.reader = Reader(analyzer, options.queue, self.metrics)
        self.metrics.queue.set_function(lambda: self.reader.taken)
        self._pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1), thread_name_prefix="feallm-finder")
        self.clips, self.fetches = CapacityLimiter(CLIPS), CapacityLimiter(FETCHES)
        self._own = threading.local()  # a detector a thread: those of a shared one take turns

    @property
    def video(self) -> bool:
        """Whether videos can be read here."""
        return find_spec("av") is not None

    def close(self) -> None:
        """Finish what was begun."""
        self._pool.shutdown()
        self.reader.close()

    def check(self, wish: Wish) -> None:
        """Raises ApiError 422 for a label set or a confidence that there is not."""
        try:
            self.analyzer.like(label_set=wish.label_set, min_confidence=wish.min_confidence)
        except ValueError as error:
            raise ApiError(422, "invalid_request", str(error)) from error

    def check_model(self, name: str) -> None:
        """Raises ApiError 404 for another model than the one that is here."""
        own = self.analyzer.engine.info.model
        if name != own:
            raise ApiError(404, "model_not_found", f"there is no model {name[:80]!r} here: it is {own!r}")

    def metadata(self, wish: Wish) -> dict[str, Any]:
        """How readings by `wish` are made."""
        return self.analyzer.like(label_set=wish.label_set, min_confidence=wish.min_confidence).metadata

    async def find(self, loads: Sequence[Load], wish: Wish) -> list[list[Slot]]:
        """The slots of each picture, in the order of the pictures."""
        return await asyncio.gather(*(self._in_pool(self._found, load, wish) for load in loads))

    async def fill(self, slots: Sequence[Slot], wish: Wish) -> list[FaceReading]:
        """The readings of slots, read together with those of other requests."""
        return await asyncio.wrap_future(self.reader.read(slots, wish))

    async def read(self, loads: Sequence[Load], wish: Wish) -> list[FaceReading]:
        """The readings of pictures. Raises ApiError 422 where none of them can be read."""
        with self.reader.coming():  # until they wait: else a batch would leave without them
            waiting = self.reader.read(readable(await self.find(loads, wish)), wish)
        return await asyncio.wrap_future(waiting)

    async def alone(self, load: Load, wish: Wish, work: Callable[[Analyzer, Picture], Result]) -> Result:
        """What `work` makes of one picture, on the analyzer's thread; its faces have been found by then."""
        picture, faces = await self._in_pool(self._detected, load)
        analyzer = self.analyzer.like(
            label_set=wish.label_set, min_confidence=wish.min_confidence, detector=Found(faces)
        )
        result: Result = await asyncio.wrap_future(self.reader.call(lambda _: work(analyzer, picture)))
        return result

    async def _in_pool(self, work: Callable[..., Result], *given: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *given)

    def _finder(self) -> Analyzer:
        if not hasattr(self._own, "analyzer"):
            self._own.analyzer = self.analyzer.like(detector=self.options.detector)
        found: Analyzer = self._own.analyzer
        return found

    def _found(self, load: Load, wish: Wish) -> list[Slot]:
        return list(self._finder().like(label_set=wish.label_set).find(load()))

    def _detected(self, load: Load) -> tuple[Picture, list[Face]]:
        picture = load()
        slots = list(self._finder().find(picture))
        readable([slots])
        faces = [slot.found for slot in slots if slot.found is not None]
        if not faces:
            raise ApiError(422, "no_face", f"no face was found in {picture.input}")
        return picture, faces


def readable(found: Sequence[Sequence[Slot]]) -> list[Slot]:
    """All slots in order. Raises ApiError 422 where no picture could be read."""
    slots = [slot for each in found for slot in each]
    if slots and all(slot.reading.status == "unreadable" for slot in slots):
        first = slots[0].reading
        more = f" (nor can the {len(slots) - 1} others)" if len(slots) > 1 else ""
        raise ApiError(422, "unreadable", f"{first.input} cannot be read: {first.error}{more}")
    return slots


async def while_connected(
    request: Request, service: Service, work: Awaitable[Result], seconds: float | None = None
) -> Result:
    """What `work` gives; it is stopped where the client goes away, or `seconds` pass (`answer_timeout` if None)."""
    seconds = service.options.answer_timeout if seconds is None else seconds
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if gone.done():
            service.metrics.unsent.inc()
            raise ApiError(499, "client_gone", "the client had gone before the answer was there")
        raise ApiError(503, "timeout", f"there was no answer within {seconds:g} s: send fewer or smaller pictures")
    finally:
        for each in (task, gone):
            each.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await each


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
