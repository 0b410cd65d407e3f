"""`Video`: a clip in, one reading a face a frame out, and segments with words at their apex.

    video = Video(Analyzer(), "clip.mp4")
    for reading in video.stream():  # numbers, as they come; face_id is the track
        ...
    video.segments                  # each with its explanation
    list(video.rows())              # the same readings, with words where a segment has its apex

Numbers of every sampled frame go into a journal on disk as they are read; tracks, smoothing and segments are made of
what the journal holds, always in the same way. So memory does not grow with the clip, and a run that goes on with the
journal of a stopped one gives the very rows that it would have given.
"""

import math
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from typing import Any, cast

from feallm.analyze.analyzer import Analyzer
from feallm.analyze.journal import Journal
from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment
from feallm.analyze.video_frames import Frame, cut_again, frame_from, read_frames
from feallm.analyze.video_tracks import Tracks
from feallm.analyze.video_words import Apexes
from feallm.faces.follow import WHOLE_EVERY, Follower, Search
from feallm.media import Picture
from feallm.media.video import Sampling, frames

SAMPLED = Sampling(fps=5.0)
"""Expressions that are meant to be seen last from half a second to some seconds: five frames a second show each at
least twice, and a clip is read several times as fast as by every frame."""


class Video:
    """One clip, read by an `Analyzer`.

    Args:
        source: a path; or the frames themselves, such as a camera's: pictures with number and time stamp, in order.
        sampling: which frames; five a second where None. Only for a path.
        smooth: seconds over which numbers are averaged around each frame; 0 leaves them as they are.
        search: "near" looks for faces everywhere once a second, and between only where they were; "full" always.
        explain, evidence: words, and where units are seen, for the apex of each segment.
        journal, job: where what is read is kept; a temporary file if not given. What it holds of the job already is
            taken over.
        batch: frames read together; the analyzer's batch size if not given.

    Raises ValueError for options out of range.
    """

    def __init__(
        self,
        analyzer: Analyzer,
        source: str | os.PathLike[str] | Iterable[Picture],
        *,
        sampling: Sampling | None = None,
        smooth: float = 0.0,
        search: Search = "near",
        explain: bool = True,
        evidence: bool = False,
        journal: Journal | None = None,
        job: int = 0,
        batch: int | None = None,
    ) -> None:
        self.analyzer = analyzer
        self.source = source
        self.sampling = SAMPLED if sampling is None else sampling
        self.smooth = smooth
        self._explain = explain
        self._follower = Follower(analyzer.detector, search)
        self._journal = Journal() if journal is None else journal
        self._job = job
        self._batch = analyzer.batch_size if batch is None else batch
        self._apexes = Apexes(analyzer, self._journal, job, explain, evidence)
        self._tracks = self._fresh_tracks()
        self._is_finished = False

    @property
    def segments(self) -> list[Segment]:
        """The segments that are closed so far; in order and with their words once the video is read."""
        return self._apexes.segments

    @property
    def metadata(self) -> dict[str, Any]:
        """The analyzer's, and how the video is read."""
        told = self._explain
        return video_metadata(self.analyzer, self.sampling, self.smooth, self._follower.search, explain=told)

    def stream(self) -> Iterator[FaceReading]:
        """The readings of all sampled frames in order of time, without words; what was read before comes first.

        A frame without a face, or that cannot be decoded, is one reading with its status. Raises ValueError for frames
        without number or time stamp.
        """
        last: Frame | None = None
        for last in self._stored():
            yield from self._rows_of(last)
        self._apexes.recall()
        self._recover()
        if not (any(self._entries("ended")) or (last is not None and last.number is None)):
            with closing(self._pictures(last)) as pictures:
                after = -math.inf if last is None or last.timestamp is None else last.timestamp
                for batch in read_frames(self.analyzer, pictures, self._follower, self._batch, after):
                    yield from self._added(batch)
            self._journal.add(self._job, {"ended": True})
        yield from self.finish()

    def finish(self) -> Iterator[FaceReading]:
        """The readings that still waited; then all segments are closed and have their words.

        `stream` ends with it. Call it where a stream was broken off, as a camera's is.
        """
        if self._is_finished:
            return
        self._is_finished = True
        for rows in self._tracks.finish():
            self._apexes.add(rows)
            yield from rows
        self._apexes.close()
        self._apexes.tell(least=1)
        self._apexes.order()

    def rows(self) -> Iterator[FaceReading]:
        """All readings again, those at the apex of a segment with words, once `stream` is through."""
        tracks = self._fresh_tracks()
        for frame in self._stored():
            for rows in tracks.add(frame):
                yield from map(self._apexes.told, rows)
        for rows in tracks.finish():
            yield from map(self._apexes.told, rows)

    def _added(self, batch: list[Frame]) -> Iterator[FaceReading]:
        self._journal.add(self._job, {"frames": [frame.to_dict() for frame in batch]})
        for frame in batch:
            self._apexes.keep(frame)
            yield from self._rows_of(frame)
        self._apexes.tell()
        self._apexes.forget()

    def _rows_of(self, frame: Frame) -> Iterator[FaceReading]:
        for rows in self._tracks.add(frame):
            self._apexes.add(rows)
            yield from rows

    def _stored(self) -> Iterator[Frame]:
        """The frames of the journal; the follower is told each, to go on from there."""
        for entry in self._entries("frames"):
            for stored in entry:
                frame = frame_from(stored)
                if frame.whole is not None and frame.timestamp is not None:
                    self._follower.resume(frame.faces, frame.timestamp, frame.whole)
                yield frame

    def _recover(self) -> None:
        """Cut the faces again that words need, of frames that a stopped run had read."""
        missing, last = self._apexes.missing()
        wanted = (frame for frame in self._stored() if frame.number in missing or (frame.number or 0) > last)
        again = {frame.number: frame for frame in wanted}
        if not again:
            return
        first = min(again.values(), key=lambda frame: frame.number or 0)
        with closing(self._pictures(first, itself=True)) as pictures:
            for picture in pictures:
                if picture.frame in again:
                    self._apexes.keep(cut_again(self.analyzer, picture, again.pop(picture.frame)))
                if not again:
                    return

    def _pictures(self, last: Frame | None, *, itself: bool = False) -> Generator[Picture]:
        """The pictures after a frame (or from it on), as they come when all are read from the start."""
        if not isinstance(self.source, str | os.PathLike):
            yield from self.source
            return
        sampling = self.sampling
        if last is not None and last.timestamp is not None and not self._was_damaged():
            sampling = replace(sampling, start=max(sampling.start or 0.0, last.timestamp))
        number = -1 if last is None or last.number is None else last.number
        with closing(cast("Generator[Picture]", frames(self.source, sampling, self.analyzer.limits))) as pictures:
            for picture in pictures:
                if picture.frame is None or picture.frame > number or (itself and picture.frame == number):
                    yield picture

    def _was_damaged(self) -> bool:
        """Whether a frame could not be decoded: what comes after may then depend on what came before."""
        return any(frame.readings[0].status == "unreadable" for frame in self._stored())

    def _fresh_tracks(self) -> Tracks:
        return Tracks(self.smooth, self.analyzer.engine.info.thresholds, self.analyzer.min_confidence)

    def _entries(self, kind: str) -> Iterator[Any]:
        return (entry[kind] for entry in self._journal.entries(self._job) if kind in entry)


def video_metadata(
    analyzer: Analyzer, sampling: Sampling | None, smooth: float, search: Search, *, explain: bool
) -> dict[str, Any]:
    """The analyzer's metadata, and how its videos are read."""
    method = "mean over the frames of the same face within half of it before and after; no longer calibrated"
    near = f"near the faces of the frame before; everywhere every {WHOLE_EVERY:g} s, or where one is lost or new"
    asked = {name: value for name, value in asdict(sampling or SAMPLED).items() if value}
    return {
        **analyzer.metadata,
        "video": {
            "sampling": asked or "every frame",
            "search": near if Follower(analyzer.detector, search).search == "near" else "everywhere in every frame",
            "tracking": "by place, size and motion",
            "smoothing": {"seconds": smooth, "method": method} if smooth else None,
            "words": "at the apex of each segment" if explain else None,
        },
    }
