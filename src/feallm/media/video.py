"""Frames of video files with their true times, by PyAV (the extra `video`).

    for picture in frames("clip.mp4", Sampling(fps=5, start=seconds("1:35"))):
        picture.timestamp, picture.frame, picture.pixels

Time is the container's: presentation time stamps in seconds (float) from the container's start, so that a variable
frame rate, a stream that starts late and gaps are right. Frame numbers count in presentation order from 0 over the
whole file, whatever part is read (`video_decode.decode` says how they are known). Interlaced video is left as it is;
of HDR no tones are mapped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from .ahead import prefetched
from .limits import DEFAULT_LIMITS, Limits, UnreadableError
from .picture import Picture
from .video_decode import NONE_AT_ALL, Shown, decode
from .video_file import VideoFile, opened
from .video_pixels import display_matrix, quarter_turns, rgb
from .video_sampling import Sampling, choose

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

__all__ = ["Sampling", "VideoFacts", "facts", "frames"]

AHEAD_BYTES = 64_000_000
"""What frames that wait for their reader may take together; two wait however large they are."""
LOOKED_AT = 200
"""Frames among which `facts` looks for one that can be decoded."""


@dataclass(frozen=True)
class VideoFacts:
    """What a video file says of itself.

    duration: seconds from the container's start to the video's end; None where it is not stated.
    width, height: pixels of the frames as they are given: upright, pixels square.
    rotation: degrees clockwise (0, 90, 180, 270) by which the stored frames were turned for that.
    average_rate: frames a second on average, None where not stated. frame_count: frames as the container states
        them, without reading them; None where it does not (Matroska, WebM, MPEG transport streams).
    codec, pixel_format: FFmpeg's names, such as "h264" and "yuv420p10le".
    """

    path: str
    duration: float | None
    width: int
    height: int
    rotation: int
    average_rate: float | None
    frame_count: int | None
    codec: str
    pixel_format: str


def facts(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> VideoFacts:
    """What is known of a video from its header and its first frame.

    Raises UnreadableError, in plain words: PyAV is not installed, no such file, not a video, only sound, no frame
    that can be decoded, frames over `limits`.
    """
    name = os.fspath(path)
    with opened(name, limits) as video:
        frame = _first_frame(video)
        height, width = rgb(frame, video.aspect, limits).shape[:2]
        return VideoFacts(
            path=name,
            duration=None if video.duration is None else float(video.duration),
            width=width,
            height=height,
            rotation=quarter_turns(display_matrix(frame)),
            average_rate=None if video.rate is None else float(video.rate),
            frame_count=video.stream.frames or None,
            codec=video.stream.codec_context.codec.canonical_name,
            pixel_format=frame.format.name,
        )


def frames(
    path: str | os.PathLike[str], sampling: Sampling | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Picture]:
    """The wanted frames of a video in presentation order, each a Picture with `frame` and `timestamp`.

    sampling: which frames; all of them where None.

    Decoding runs ahead in a thread of its own by a few frames, so memory does not depend on the length; thread and
    file are closed when the iterator ends, is closed, or is let go. A frame that cannot be decoded is a Picture
    without pixels, with its number, its time and the reason; a file cut short ends in one that says so. Where there
    is nothing to give (not a video, no frames between start and end), one Picture without number gives the reason.
    """
    name, sampling = os.fspath(path), sampling or Sampling()
    is_empty = True
    try:
        with opened(name, limits) as video, closing(decode(video, sampling.start, sampling.keyframes)) as shown:
            chosen = choose(shown, sampling, video.tick)
            with prefetched(chosen, partial(_picture, name, video, limits), _ahead(video)) as pictures:
                for picture in pictures:
                    is_empty = False
                    yield picture
            if is_empty:
                yield Picture(name, None, _nothing(sampling, video))
    except UnreadableError as reason:
        yield Picture(name, None, str(reason))


def _first_frame(video: VideoFile) -> VideoFrame:
    with closing(decode(video)) as shown:
        for one in islice(shown, LOOKED_AT):
            if one.frame is not None:
                return one.frame
    raise UnreadableError(NONE_AT_ALL)


def _picture(name: str, video: VideoFile, limits: Limits, one: Shown) -> Picture:
    from av.error import FFmpegError

    time = float(one.time)
    if one.frame is None:
        return Picture(name, None, one.error, one.number, time)
    try:
        return Picture(name, rgb(one.frame, video.aspect, limits), None, one.number, time)
    except (UnreadableError, FFmpegError, ValueError, MemoryError) as error:
        return Picture(name, None, f"the frame cannot be shown as RGB: {error}", one.number, time)


def _ahead(video: VideoFile) -> int:
    size = 3 * max(1, video.stream.width * video.stream.height)
    return max(2, min(8, AHEAD_BYTES // size))


def _nothing(sampling: Sampling, video: VideoFile) -> str:
    lasts = "" if video.duration is None else f"; it lasts {float(video.duration):g} s"
    if sampling.start is None and sampling.end is None:
        return f"the video is too short for this choice of frames{lasts}: ask for more"
    span = f"from {sampling.start or 0:g} s" + ("" if sampling.end is None else f" to {sampling.end:g} s")
    return f"the video has no such frame {span}{lasts}: give another start or end"
