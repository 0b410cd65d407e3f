"""Things made ready in another thread, a few at a time, while the caller is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

AHEAD = 4
"""How many wait, ready, where nothing else is said."""
Given = TypeVar("Given")
Made = TypeVar("Made")


@contextmanager
def prefetched(given: Iterable[Given], make: Callable[[Given], Made], ahead: int = AHEAD) -> Iterator[Iterator[Made]]:
    """What `make` makes of each, in order, made in another thread while the caller is at work; errors come through.

    The thread ends with the `with` block.
    """
    queue: Queue[Made | BaseException | None] = Queue(ahead)
    stop = Event()

    def put(made: Made | BaseException | None) -> None:
        while not stop.is_set():
            with suppress(Full):
                queue.put(made, timeout=0.1)
                return

    def work() -> None:
        try:
            for one in given:
                put(make(one))
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
            put(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield _taken(queue)
    finally:
        stop.set()
        thread.join()


def _taken(queue: Queue[Made | BaseException | None]) -> Iterator[Made]:
    while True:
        try:
            made = queue.get(timeout=1.0)  # not for ever, so that Ctrl-C is heard
        except Empty:
            continue
        if made is None:
            return
        if isinstance(made, BaseException):
            raise made
        yield made
