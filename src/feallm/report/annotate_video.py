"""An annotated copy of a clip: every frame at its time, with boxes, emotion and action units of the readings so far.

Pictures are encoded as H.264; the sound is copied as it is where the container can hold it, else left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from fractions import Fraction
from importlib.util import find_spec
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.reading import FaceReading
from feallm.media import Limits, Picture
from feallm.media.limits import DEFAULT_LIMITS
from feallm.media.video import Sampling, frames
from feallm.media.video_file import NO_PYAV, VideoFile, opened
from feallm.report.video_drawing import Drawing, Layout
from feallm.tables.output import OutputError, check_writable, replacing

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    Timed = tuple[float, Packet[Any]]

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""Suffixes that can be written, and FFmpeg's names of their containers."""
TICK = Fraction(1, 90_000)
"""Seconds: times are kept to this, in which those of all usual frame rates are whole."""
ENCODERS = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "libopenh264": {"b": "8M"},
    "mpeg4": {"q": "3"},
}
"""The first that PyAV was built with is taken, with its options."""
BT709 = 1
"""Colours as in high-definition television (ITU-T H.273): said in the file, so that players need not guess."""
LAST = 1.0
"""Seconds for which the readings of a single sampled frame are shown."""
NEAR = 1e-3
"""Seconds: tables round times, so a frame this much earlier than a reading is still its frame."""


def check_video_path(path: str | os.PathLike[str], source: str | os.PathLike[str]) -> Path:
    """See that an annotated copy of `source` can be written at `path`, before any work is done.

    Raises OutputError: an unknown suffix, a folder, no permission, the clip itself, or PyAV is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in CONTAINERS:
        known = ", ".join(CONTAINERS)
        raise OutputError(f"cannot tell the format of {path}: the suffix of an annotated video must be one of {known}")
    if find_spec("av") is None:
        raise OutputError(NO_PYAV)
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise OutputError(f"{path} is the clip itself: give another path for the annotated copy")
    return check_writable(path, "annotated.mp4")


def annotate_video(
    source: str | os.PathLike[str],
    readings: Iterable[FaceReading],
    path: str | os.PathLike[str],
    *,
    start: float | None = None,
    end: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write a copy of the clip `source` with its readings drawn on it, whole or not at all; returns the path.

    `readings` are those of the clip in order of time; they are taken one after the other as the copy grows, so they
    may come from a generator, and neither they nor the frames are kept. Each is held until the next sampled frame.
    Frames keep their times; with `start` the copy holds those from `start` until `end`, and its clock begins there.
    Frames that cannot be decoded are left out: the one before stays on. Called after every frame: `progress` with its
    time in seconds.

    Raises OutputError: see `check_video_path`; no frame can be read; the disk refuses.
    """
    path = check_video_path(path, source)
    held = _Held(readings)
    reason = "it has no frames"
    with replacing(path) as part, ExitStack() as stack:
        copy: _Copy | None = None
        shown = cast("Generator[Picture]", frames(source, Sampling(start=start, end=end), limits))
        for picture in stack.enter_context(closing(shown)):
            if picture.pixels is None or picture.timestamp is None:
                reason = picture.error or reason
                continue
            if copy is None:
                drawing = Drawing(picture.pixels.shape[1], picture.pixels.shape[0])
                form = CONTAINERS[path.suffix.lower()]
                copy = stack.enter_context(_written(part, form, drawing.layout, source, (start or 0.0, end), limits))
            if (now := held.at(picture.timestamp)) is not None:
                drawing.show(now)
            copy.add(drawing.frame(picture.pixels), picture.timestamp)
            if progress is not None:
                progress(picture.timestamp)
        if copy is None:
            raise OutputError(f"{os.fspath(source)}: there is nothing to annotate: {reason}")
    return path


class _Held:
    """What is known at a time of a clip, from readings that are taken one by one.

    Readings hold until the next sampled frame, the last ones as long as those before them.
    """

    def __init__(self, readings: Iterable[FaceReading]) -> None:
        self._readings = (reading for reading in readings if reading.timestamp is not None)
        self._next = next(self._readings, None)
        self._since: float | None = None
        self._until = float("inf")

    def at(self, time: float) -> list[FaceReading] | None:
        """The readings from `time` on, none where they have run out; None where nothing has changed."""
        now: list[FaceReading] | None = None
        while self._next is not None and _time(self._next) <= time + NEAR:
            now = self._frame(_time(self._next))
        if time < self._until - NEAR:
            return now
        self._until = float("inf")
        return []

    def _frame(self, began: float) -> list[FaceReading]:
        """The readings of the next sampled frame."""
        found = list[FaceReading]()
        while self._next is not None and _time(self._next) == began:
            found.append(self._next)
            self._next = next(self._readings, None)
        if self._next is None:
            self._until = began + (LAST if self._since is None else began - self._since)
        self._since = began
        return found


def _time(reading: FaceReading) -> float:
    assert reading.timestamp is not None
    return reading.timestamp


class _Copy:
    """An open video file that takes frames with their times; the sound up to each goes before it."""

    def __init__(self, container: OutputContainer, stream: VideoStream, start: float, sound: Iterator[Timed]) -> None:
        self._container, self._stream, self._start, self._sound = container, stream, start, sound
        self._waiting = next(sound, None)
        self._last = -1

    def add(self, pixels: NDArray[np.uint8], time: float) -> None:
        import av

        self._sound_until(time)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=BT709)
        self._last = max(self._last + 1, round((Fraction(time) - Fraction(self._start)) / TICK))
        frame.pts, frame.time_base = self._last, TICK
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._sound_until(float("inf"))

    def _sound_until(self, time: float) -> None:
        while self._waiting is not None and self._waiting[0] <= time:
            self._container.mux_one(self._waiting[1])
            self._waiting = next(self._sound, None)


@contextmanager
def _written(
    part: Path,
    form: str,
    layout: Layout,
    source: str | os.PathLike[str],
    span: tuple[float, float | None],
    limits: Limits,
) -> Iterator[_Copy]:
    """A copy that is written to `part`, complete after the block; `span` is the part of the clip, in seconds.

    Raises OutputError where the video cannot be encoded.
    """
    import av

    name = os.fspath(source)
    with_sound = _can_hold_sound(form, name, limits)
    try:
        with opened(name, limits) as heard, av.open(str(part), "w", format=form) as container:
            stream = _encoder(container, layout)
            copy = _Copy(container, stream, span[0], _sound(heard, container, *span) if with_sound else iter(()))
            yield copy
            copy.finish()
    except av.error.FFmpegError as error:
        raise OutputError(f"the annotated video cannot be written: {error.strerror or error}") from error


def _encoder(container: OutputContainer, layout: Layout) -> VideoStream:
    import av

    name = next((name for name in ENCODERS if name in av.codecs_available), None)
    if name is None:
        raise OutputError(f"this PyAV can encode none of {', '.join(ENCODERS)}: pip install --force-reinstall av")
    stream: Any = container.add_stream(name, options=dict(ENCODERS[name]))
    stream.width, stream.height, stream.pix_fmt = layout.whole_width, layout.whole_height, "yuv420p"
    context = stream.codec_context
    context.time_base = TICK
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = 1
    found: VideoStream = stream
    return found


def _sound(heard: VideoFile, container: OutputContainer, start: float, end: float | None) -> Iterator[Timed]:
    """The packets of the clip's sound from `start` until `end`, each with its time there and stamped for the copy,
    which has a stream for them from the call on."""
    stream = heard.container.streams.best("audio")
    if stream is None:
        return iter(())
    # Sound may begin before 0, to get the decoder going; Matroska, which has no such times, would move everything.
    first = start or (0.0 if container.format.name == CONTAINERS[".mkv"] else float("-inf"))
    return _packets(heard, stream, container.add_stream_from_template(stream), (start, first, end))


def _can_hold_sound(form: str, source: str, limits: Limits) -> bool:
    """Whether a container takes the clip's sound as it is: found by writing a little of it in memory."""
    import av

    try:
        with opened(source, limits) as heard, av.open(BytesIO(), "w", format=form) as trial:
            sound = _sound(heard, trial, 0.0, None)
            for _, packet in islice(sound, 2):
                trial.mux_one(packet)
    except (av.error.FFmpegError, ValueError, AttributeError):
        return False
    return True


def _packets(heard: VideoFile, stream: Any, copy: Any, span: tuple[float, float, float | None]) -> Iterator[Timed]:
    """`span`: where the copy's clock starts, the earliest time taken, and the end, in seconds of the clip."""
    from av.error import FFmpegError

    start, first, end = span
    tick = Fraction(stream.time_base)
    shift = round((Fraction(start) + heard.start) / tick)
    if start:
        heard.container.seek(shift, stream=stream)
    try:
        for packet in heard.container.demux(stream):
            if packet.dts is None or packet.pts is None:
                continue
            time = float(packet.pts * tick - heard.start)
            if end is not None and time >= end:
                return
            if time >= first:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                yield time, packet
    except FFmpegError:  # damaged sound ends where it is damaged
        return
