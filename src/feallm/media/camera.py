"""Pictures of a camera as they come, through OpenCV: the newest one each time, never a backlog."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np

from .picture import Picture

LEAVING = 3.0
"""Seconds that a camera which gives nothing has to answer when it is let go."""
MISSING = "no camera answers at {0!r}: is it plugged in, free, and allowed for this program? Cameras are counted from 0"
LOST = "the camera gives no more pictures: was it unplugged, or taken by another program?"


def camera(number: int | str = 0, fps: float | None = None, *, mirrored: bool = False) -> Iterator[Picture]:
    """The pictures of a camera until the caller stops, each a Picture with `frame` and `timestamp`.

    number: the camera's, from 0, or what OpenCV takes for one ("/dev/video2").
    fps: pictures a second at most; None for as many as the camera gives and the caller takes.
    mirrored: turn left and right, as people know themselves from a mirror; otherwise as the camera sees.

    frame: how many the camera gave before, those that were passed over included. timestamp: seconds since the first
    picture by this machine's monotonic clock, taken when the camera handed the picture over. A slow caller misses
    pictures and always gets the newest. A camera that is not there, or goes away, is one Picture with the reason.

    Raises ValueError where `fps` is not above 0, and for a number below 0. The camera is let go when the iterator
    ends, is closed or dropped.
    """
    if fps is not None and not fps > 0:
        raise ValueError(f"fps is pictures a second, above 0; {fps:g} came")
    if isinstance(number, int) and number < 0:  # OpenCV takes -1 for any camera, and may crash
        raise ValueError(f"cameras are counted from 0; {number} came")
    return _pictures(number, 0.0 if fps is None else 1 / fps, mirrored)


def _pictures(number: int | str, pause: float, mirrored: bool) -> Iterator[Picture]:
    name = f"camera {number}"
    capture = _opened(number)
    if not capture.isOpened():
        yield Picture(name, None, MISSING.format(number))
        return
    newest: Queue[Picture | None] = Queue(1)
    stop = Event()
    thread = Thread(target=_watch, args=(capture, name, pause, mirrored, newest, stop), daemon=True)
    thread.start()
    try:
        while True:
            with suppress(Empty):
                picture = newest.get(timeout=0.5)  # not for ever, so that Ctrl-C is heard
                if picture is None:
                    return
                yield picture
    finally:
        stop.set()
        thread.join(LEAVING)


def _watch(
    capture: cv2.VideoCapture, name: str, pause: float, mirrored: bool, newest: Queue[Picture | None], stop: Event
) -> None:
    first, due, frame = None, 0.0, -1
    try:
        while not stop.is_set() and capture.grab():
            now, frame = time.monotonic(), frame + 1
            first = now if first is None else first
            if now - first < due:
                continue
            due = max(due + pause, now - first)  # a late picture does not make the next ones early
            works, pixels = capture.retrieve()
            if works:
                shown = np.array(pixels[:, ::-1, ::-1] if mirrored else pixels[..., ::-1], np.uint8, order="C")
                _replace(newest, Picture(name, shown, None, frame, now - first))
        if not stop.is_set():
            _hand_over(newest, Picture(name, None, LOST), stop)
            _hand_over(newest, None, stop)
    finally:
        capture.release()


def _replace(newest: Queue[Picture | None], picture: Picture) -> None:
    with suppress(Empty):
        newest.get_nowait()
    newest.put(picture)  # there is room: nobody else puts


def _hand_over(newest: Queue[Picture | None], picture: Picture | None, stop: Event) -> None:
    while not stop.is_set():
        with suppress(Full):
            newest.put(picture, timeout=0.1)
            return


@contextmanager
def _quiet() -> Iterator[None]:
    """Without OpenCV's own lines on the terminal; what went wrong is said in ours."""
    logging: Any = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _opened(number: int | str) -> cv2.VideoCapture:
    with _quiet():
        return cv2.VideoCapture(number)
