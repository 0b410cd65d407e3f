"""One uploaded video: its readings as they come, its segments, the frames that a report shows.

The file lies in a temporary folder while it is read, since a video's index may stand at its end.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import aclosing, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from anyio import CancelScope

from feallm.analyze import FaceReading
from feallm.analyze.segments import Segment
from feallm.analyze.video import SAMPLED, Video
from feallm.media import Picture, Sampling
from feallm.media.limits import UnreadableError
from feallm.media.video import VideoFacts, facts, frames
from feallm.report.html.material import key_segments
from feallm.serve.errors import ApiError
from feallm.serve.service import Service
from feallm.serve.shared import Shared
from feallm.serve.uploads import AnalyzeQuery, Upload

MOST_ROWS = 20_000
"""Readings in an answer that is held as a whole."""
TOGETHER = 0.2
"""Seconds of readings that are handed on together."""
NEAR = 2e-3
"""Seconds around an apex in which its frame is looked for."""
Rows = list[FaceReading]
Result = TypeVar("Result")


class Clip:
    """A video in a folder of its own, which `close` removes."""

    def __init__(self, service: Service, upload: Upload, how: AnalyzeQuery) -> None:
        if not service.video:
            raise ApiError(501, "not_available", "this server reads no videos: it needs pip install 'feallm[video]'")
        self._service = service
        self._name = upload.name
        self._upload = upload
        self._how = how
        self._sampling = _sampling(how)
        self._folder = tempfile.TemporaryDirectory(prefix="feallm-")
        self._path = Path(self._folder.name) / "clip"
        self._video: Video | None = None

    def close(self) -> None:
        self._folder.cleanup()

    async def open(self) -> float | None:
        """See what it is; returns the time of its last frame, in seconds, None where that is not known before.

        Raises ApiError: 413 for one that is too long, 422 for one that cannot be read.
        """
        found = await to_end(self._examine)
        ends = [each for each in (self._sampling.end, found.duration) if each is not None]
        if ends and min(ends) - (self._sampling.start or 0.0) > self._service.options.max_video_seconds:
            raise self._too_long()
        return min(ends, default=None)

    def _examine(self) -> VideoFacts:
        with self._path.open("wb") as file:
            shutil.copyfileobj(self._upload, file)
        try:
            found = facts(self._path, self._service.options.limits)
        except UnreadableError as error:
            raise ApiError(422, "unreadable", f"{self._name} cannot be read: {error}") from error
        wish = self._how.wish
        analyzer = Shared(self._service.reader, wish, self._service.options.detector)
        pictures = self._pictures(self._sampling)
        self._video = Video(analyzer, pictures, sampling=self._sampling, explain=wish.explain, evidence=wish.evidence)
        return found

    @property
    def video(self) -> Video:
        assert self._video is not None, "open() comes first"
        return self._video

    @property
    def metadata(self) -> dict[str, Any]:
        return self.video.metadata

    @property
    def segments(self) -> list[Segment]:
        return self.video.segments

    async def read(self) -> Rows:
        """All readings, with words at the apexes.

        Raises ApiError: 413 where they are too many for one answer, 422 where nothing could be read.
        """
        number = 0
        async with aclosing(self.steps()) as steps:
            async for batch in steps:
                number += len(batch)
                if number > MOST_ROWS:
                    less = "ask for a part (start, end), for fewer frames (fps), or for application/x-ndjson"
                    raise ApiError(413, "too_large", f"the video has more than {MOST_ROWS} readings: {less}")
        found = await to_end(lambda: list(self.video.rows()))
        if all(each.status == "unreadable" for each in found):
            reason = found[0].error if found else "it has no frames there"
            raise ApiError(422, "unreadable", f"{self._name} cannot be read: {reason}")
        return found

    async def steps(self) -> AsyncGenerator[Rows, None]:
        """The readings as they come, each step in a thread; it is stopped between two."""
        source = self._batches()

        async def step() -> Rows:
            async with self._service.clips:
                return await to_end(lambda: next(source, []))

        try:
            while batch := await step():
                yield batch
        finally:
            source.close()

    def _batches(self) -> Generator[Rows, None, None]:
        held: Rows = []
        begun = time.monotonic()
        with closing(cast("Generator[FaceReading]", self.video.stream())) as stream:
            for reading in stream:
                held.append(reading)
                if time.monotonic() - begun > TOGETHER:
                    yield held
                    held, begun = [], time.monotonic()
        if held:
            yield held

    def key_pictures(self) -> Iterator[Picture]:
        """The frames that a report shows."""
        for segment in key_segments(self.segments):
            span = Sampling(start=max(0.0, segment.apex - NEAR), end=segment.apex + NEAR)
            yield from (each for each in self._pictures(span) if each.frame == segment.apex_frame)

    def _pictures(self, sampling: Sampling) -> Iterator[Picture]:
        longest = self._service.options.max_video_seconds
        first: float | None = None
        found = frames(self._path, sampling, self._service.options.limits)
        with closing(cast("Generator[Picture]", found)) as stream:
            for picture in stream:
                now = picture.timestamp
                first = now if first is None else first
                if first is not None and now is not None and now - first > longest:
                    raise self._too_long()
                yield replace(picture, input=self._name)

    def _too_long(self) -> ApiError:
        seconds = self._service.options.max_video_seconds
        return ApiError(
            413, "too_large", f"{self._name} is longer than the {seconds:g} s read here: give start and end"
        )


async def to_end(work: Callable[[], Result]) -> Result:
    """What `work` gives, in a thread. A wait that is cancelled waits for it too: what it works on is closed next."""
    coming = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(coming)
    except asyncio.CancelledError:
        with CancelScope(shield=True):
            while not coming.done():
                with suppress(asyncio.CancelledError):  # the end of a server cancels twice
                    await asyncio.wait({coming})
        coming.exception()  # else asyncio complains that nobody looked
        raise


def _sampling(how: AnalyzeQuery) -> Sampling:
    if how.fps is None and how.start is None and how.end is None:
        return SAMPLED
    try:
        return Sampling(fps=how.fps or SAMPLED.fps, start=how.start, end=how.end)
    except ValueError as error:
        raise ApiError(422, "invalid_request", str(error)) from error
