"""Frames out of an open video, in presentation order, each with its number in the whole file and its time."""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from .limits import UnreadableError
from .video_file import VideoFile

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

    VideoPacket = Packet[Any]

DAMAGED = "the frame cannot be decoded: its data are damaged"
NONE_AT_ALL = "none of its frames can be decoded: they are damaged, or their codec is not known; convert it to MP4"
ENDS_HERE = "the file ends here"
"""How the reason begins where a file was cut short."""
REORDERED = 16
"""Frames by which packets may stand out of order: H.264 allows so many."""
SLIGHT = 16
"""Bytes of a packet that may say no more than "as before", so that no frame of its own comes out of it."""
HELD = 5000
"""Packets kept from the last key frame on, while the start is looked for."""
RETRIES = 20


@dataclass(frozen=True)
class Shown:
    """A frame of a video: its place in presentation order (from 0), its time and duration in seconds.

    frame: None where it cannot be decoded, with the reason in `error`. is_end: no frame, but the place where a file
        that was cut short ends.
    """

    number: int
    time: Fraction
    duration: Fraction
    frame: VideoFrame | None
    error: str | None = None
    is_end: bool = False


class _Places:
    """Numbers frames by the packets they came from, and so knows those that did not come out.

    Packets stand in decoding order, frames come out in presentation order: a frame's number is how many packets have
    an earlier presentation time. All of those have been fed to the decoder before the frame comes out of it. What was
    fed, is earlier, and never came out is lost.
    """

    def __init__(self, video: VideoFile, first: int, keyframes: bool) -> None:
        self.video, self.next, self.keyframes = video, first, keyframes
        self.frame_duration = 1 / video.rate if video.rate else Fraction(0)
        self.waiting: list[tuple[int, bool]] = []
        self.last: Fraction | None = None
        self.is_fruitful = False

    def fed(self, packet: VideoPacket) -> None:
        if packet.pts is not None and is_frame(packet):
            expected = packet.is_keyframe if self.keyframes else packet.size > SLIGHT
            heapq.heappush(self.waiting, (packet.pts, expected))

    def out(self, frame: VideoFrame) -> Iterator[Shown]:
        """The frame, after those before it that never came out."""
        self.is_fruitful = True
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is not None:
            yield from self._before(stamp, is_field=frame.interlaced_frame)
            if self.waiting and self.waiting[0][0] == stamp:
                heapq.heappop(self.waiting)
        time = self.video.time(stamp) if stamp is not None else self._following()
        duration = frame.duration * self.video.tick if frame.duration else self.frame_duration
        if frame.is_corrupt:
            yield self._shown(time, duration, None)
        elif frame.key_frame or not self.keyframes:
            yield self._shown(time, duration, frame)
        else:
            self.next += 1
            self.last = time + duration

    def rest(self) -> Iterator[Shown]:
        """What was fed and never came out, at the end."""
        if self.waiting:
            yield from self._before(max(self.waiting)[0] + 1, is_field=False)

    def _before(self, stamp: int, is_field: bool) -> Iterator[Shown]:
        while self.waiting and self.waiting[0][0] < stamp:
            lost, expected = heapq.heappop(self.waiting)
            if is_field:  # the second half of an interlaced frame may be a packet of its own
                continue
            if expected:
                yield self._shown(self.video.time(lost), self.frame_duration, None)
            else:
                self.next += 1
                self.last = self.video.time(lost) + self.frame_duration

    def _shown(self, time: Fraction, duration: Fraction, frame: VideoFrame | None) -> Shown:
        self.last = time + duration
        self.next += 1
        return Shown(self.next - 1, time, duration, frame, DAMAGED if frame is None else None)

    def _following(self) -> Fraction:
        return self.last if self.last is not None else Fraction(0)


def decode(video: VideoFile, start: float | None = None, keyframes: bool = False) -> Generator[Shown, None, None]:
    """The frames of a video in presentation order, from the last key frame well before `start` on.

    Numbers are those of the whole file, whatever the start: where the container's index lists every packet (MP4, MOV,
    AVI), the decoder seeks and the number is the packet's place in that index; in other containers the packets before
    the start are read, not decoded, and counted.

    Where a frame is damaged it comes without picture; where the file ends before the time that it states, one more
    comes that says so. Raises UnreadableError where the file holds no frames, or none can be decoded.
    """
    if keyframes:
        video.stream.codec_context.skip_frame = "NONKEY"
    first, packets = _packets_from(video, start)
    places = _Places(video, first, keyframes)
    for packet in packets:
        places.fed(packet)
        for frame in _frames(video, packet):
            yield from places.out(frame)
    for frame in _frames(video, None):
        yield from places.out(frame)
    if not places.is_fruitful:
        if start is None or places.waiting:
            raise UnreadableError(NONE_AT_ALL if places.waiting else "the video holds no frames")
        return
    yield from places.rest()
    yield from _cut_short(video, places)


def is_frame(packet: VideoPacket) -> bool:
    """Whether a packet stands for a frame that is shown: not cut away by an edit list, nor a hidden frame of VP8."""
    if packet.is_discard or not packet.size:
        return False
    if packet.stream.codec_context.name.startswith(("vp8", "libvpx")) and not packet.is_keyframe:
        return bool(memoryview(packet)[0] & 0x10)  # RFC 6386, 9.1: show_frame
    return True


def _frames(video: VideoFile, packet: VideoPacket | None) -> list[VideoFrame]:
    from av.error import FFmpegError

    try:
        return video.stream.decode(packet)
    except FFmpegError:  # its frame is missing then among those that come out, which is how it is told
        return []


def _packets(video: VideoFile) -> Iterator[VideoPacket]:
    """The stream's packets from where the container stands; damage between packets is passed over."""
    from av.error import FFmpegError

    failed = 0
    while failed < RETRIES:
        try:
            for packet in video.container.demux(video.stream):
                if packet.size:  # an empty one would end the decoder
                    failed = 0
                    yield packet
            return
        except FFmpegError:
            failed += 1


def _packets_from(video: VideoFile, start: float | None) -> tuple[int, Iterator[VideoPacket]]:
    """The number of the first packet, and the packets from the last key frame before `start` on."""
    if not start:
        return 0, _packets(video)
    # An open group of pictures starts with frames that are shown before its key frame: they need the group before.
    margin = max(1.0, float(REORDERED / video.rate) if video.rate else 0.0)
    if start <= margin:
        return 0, _packets(video)
    target = video.stamp(start - margin)
    return _sought(video, target) or _read_up_to(video, target)


def _sought(video: VideoFile, target: int) -> tuple[int, Iterator[VideoPacket]] | None:
    """By the container's index; None where it does not list every packet, or the seek leads elsewhere."""
    from av.error import FFmpegError

    index: Any = getattr(video.stream, "index_entries", ())  # PyAV 17 and later
    if not video.stream.frames or len(index) != video.stream.frames:
        return None
    try:
        video.container.seek(target, stream=video.stream)
        packets = _packets(video)
        packet = next(packets, None)
        if packet is not None and packet.dts is not None and packet.dts <= target:
            place = index.search_timestamp(packet.dts, any_frame=True)
            if place >= 0 and index[place].timestamp == packet.dts:
                return place - sum(entry.is_discard for entry in islice(index, place)), chain([packet], packets)
        video.container.seek(index[0].timestamp, stream=video.stream)
    except FFmpegError as error:
        raise UnreadableError(f"its index is damaged, so that no start can be found: {error.strerror}") from error
    return None


def _read_up_to(video: VideoFile, target: int) -> tuple[int, Iterator[VideoPacket]]:
    """By reading packets without decoding them, and keeping those since the last key frame."""
    first, held = 0, list[Any]()
    packets = _packets(video)
    for packet in packets:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if packet.is_keyframe and stamp is not None and stamp <= target:
            first, held = first + sum(map(is_frame, held)), []
        held.append(packet)
        if (stamp is not None and stamp > target) or len(held) >= HELD:
            break
    return first, chain(held, packets)


def _cut_short(video: VideoFile, places: _Places) -> Iterator[Shown]:
    """One frame without picture, where the file ends well before the time that it states."""
    if video.duration is None or places.last is None or places.next >= (video.stream.frames or places.next + 1):
        return
    if video.duration - places.last > max(Fraction(1, 2), 2 * places.frame_duration):
        reason = f"{ENDS_HERE}, though it states {float(video.duration):.1f} s: get a complete copy"
        yield Shown(places.next, places.last, Fraction(0), None, reason, is_end=True)
