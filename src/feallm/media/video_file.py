"""Opening a video file by PyAV: which files are taken, which stream, where its clock starts; errors in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .clock import seconds
from .limits import Limits, UnreadableError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

NO_PYAV = "reading videos needs PyAV: pip install 'feallm[video]'"
FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,asf,flv,ogg,mxf,dv"
"""FFmpeg's names of the containers that are read. Not among them: pictures, and play lists and scripts, which would
open other files and addresses than the one given."""
EXPECTED = "MP4/MOV, Matroska/WebM, AVI, MPEG, WMV, FLV, Ogg, MXF or DV is expected; convert it to MP4, for instance"
THREADS = 4
"""Decoding threads, at most: each holds a frame, and decoding runs beside the reading of faces."""
PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


@dataclass(frozen=True)
class VideoFile:
    """An open video.

    tick: seconds a unit of its time stamps (the time base). start: where the container's clock starts, in seconds.
    duration: seconds that the video stream, else the container, states; None where neither does. rate: frames a
    second on average, as stated; None where it is not. aspect: width of a pixel by its height.
    """

    container: InputContainer
    stream: VideoStream
    tick: Fraction
    start: Fraction
    duration: Fraction | None
    rate: Fraction | None
    aspect: Fraction

    def time(self, stamp: int) -> Fraction:
        """A time stamp in seconds from the container's start."""
        return stamp * self.tick - self.start

    def stamp(self, time: float) -> int:
        """The time stamp at seconds from the container's start."""
        return int((Fraction(time) + self.start) / self.tick)


@contextmanager
def opened(path: str, limits: Limits) -> Iterator[VideoFile]:
    """The video stream of a file, closed after the block.

    Raises UnreadableError: PyAV is not there, no such file, not a video, no video in it (sound only), a codec that
    cannot be decoded, frames over `limits`.
    """
    container = _container(path)
    try:
        yield _described(container, _stream(container, limits))
    finally:
        container.close()


def _container(path: str) -> InputContainer:
    try:
        import av
    except ImportError as error:
        raise UnreadableError(NO_PYAV) from error
    # PyAV up to 18 raises at metadata that is not UTF-8; later versions take no such argument.
    extra: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
    allowed = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    if not os.path.isfile(path):
        raise UnreadableError("a folder, not a video" if os.path.isdir(path) else "no such file: check the path")
    try:
        container: InputContainer = av.open(f"file:{path}", mode="r", options=allowed, **extra)
    except av.error.PermissionError as error:
        raise UnreadableError(f"the file cannot be opened: {error.strerror}") from error
    except (av.error.FFmpegError, UnicodeError) as error:
        raise UnreadableError(_refusal(path)) from error
    return container


def _refusal(path: str) -> str:
    try:
        with open(path, "rb") as file:
            start = file.read(64)
    except OSError as error:
        return f"the file cannot be opened: {error.strerror or error}"
    if not start:
        return "there is nothing in it: 0 bytes"
    for mark, name in PICTURES.items():
        if start.startswith(mark):
            return f"a {name} picture that is named like a video: give it the right suffix"
    if start[4:8] in (b"ftyp", b"mdat", b"wide", b"free"):
        return "the video's index is missing, so it was recorded or copied in part only: get a complete copy"
    return f"not a video that can be read: {EXPECTED}"


def _stream(container: InputContainer, limits: Limits) -> VideoStream:
    import av

    covers = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        if container.streams.audio:
            raise UnreadableError("there is sound in it, but no video: give a file with pictures")
        raise UnreadableError("there is no video in it that can be decoded: convert it to MP4, for instance")
    best = container.streams.best("video")
    stream = next((each for each in streams if best is not None and each.index == best.index), streams[0])
    if getattr(stream, "codec_context", None) is None:
        raise UnreadableError("its codec cannot be decoded here: convert it to MP4 with H.264, for instance")
    if stream.width and stream.height:
        limits.check_pixels(stream.width, stream.height)
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = min(THREADS, _cores())
    stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}  # for frames that outgrow their header
    return stream


def _described(container: InputContainer, stream: VideoStream) -> VideoFile:
    tick = _fraction(stream.time_base) or Fraction(1, 1_000_000)
    first = None if stream.start_time is None else stream.start_time * tick
    start = first or Fraction(0)
    if container.start_time is not None:
        whole = Fraction(container.start_time, 1_000_000)
        # The container's start is rounded to microseconds: where it is the stream's own, that is the exact one.
        start = whole if first is None or abs(whole - first) > Fraction(1, 500_000) else first
    aspect = _fraction(stream.sample_aspect_ratio) or Fraction(1)
    return VideoFile(
        container=container,
        stream=stream,
        tick=tick,
        start=start,
        duration=_stream_duration(stream, tick, first, start) or _container_duration(container),
        rate=_fraction(stream.average_rate) or _fraction(stream.guessed_rate),
        aspect=aspect if Fraction(1, 5) < aspect < 5 else Fraction(1),
    )


def _stream_duration(stream: VideoStream, tick: Fraction, first: Fraction | None, start: Fraction) -> Fraction | None:
    """How long after the container's start the video stream ends, as it states."""
    if stream.duration:
        return stream.duration * tick + (first or start) - start
    try:  # Matroska: a tag of the track, "00:00:02.000000000"
        return Fraction(seconds(stream.metadata.get("DURATION", ""))).limit_denominator(1_000_000) or None
    except ValueError:
        return None


def _container_duration(container: InputContainer) -> Fraction | None:
    return Fraction(container.duration, 1_000_000) if container.duration and container.duration > 0 else None


def _fraction(value: Any) -> Fraction | None:
    return Fraction(value.numerator, value.denominator) if value else None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
