"""Videos of the `analyze` verb: rows as they are read, then words at the apexes, segments, and a copy that is drawn on.

A live table has the rows of a video without words while it is read; they make room for those with words at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.text import Text
from tqdm import tqdm

from feallm.analyze.journal import JournalError
from feallm.analyze.segments import Segment
from feallm.analyze.video import Video
from feallm.media.clock import clock
from feallm.media.images import is_video
from feallm.media.limits import UnreadableError
from feallm.media.video import Sampling, facts
from feallm.report.annotate import annotated_path
from feallm.report.annotate_video import annotate_video, check_video_path
from feallm.report.clip_view import clip_view
from feallm.report.elan import write_elan
from feallm.report.outlets import Screen
from feallm.report.run import Run
from feallm.report.stills import Source, digest
from feallm.report.subtitles import write_srt, write_vtt
from feallm.report.terminal import printable
from feallm.report.wishes import WishError, Wishes
from feallm.tables import OutputError
from feallm.tables.output import check_writable
from feallm.tables.segments import write_segments
from feallm.tables.writer import check_path

ANNOTATED = ".feallm.mp4"
SUBTITLES = {".vtt": write_vtt, ".srt": write_srt}


def check_files(wishes: Wishes, sources: list[Source]) -> None:
    """See that what is asked for of videos can be written, before any work is done. Raises WishError, OutputError."""
    videos = [source for source in sources if is_video(source)]
    single = dict(wishes.video.files)
    if is_single_copy(wishes):
        single["--annotate"] = Path(str(wishes.annotate))
    if single and wishes.video.camera is None and len(videos) != 1:
        raise WishError(f"{next(iter(single))} is about one video: {len(videos)} were given")
    if is_single_copy(wishes):
        if len(sources) > 1 or wishes.video.camera is not None:
            raise WishError("--annotate takes a video's name for one video file alone: give a folder")
        check_video_path(str(wishes.annotate), str(videos[0]))
    if wishes.video.subtitles is not None and wishes.video.subtitles.suffix.lower() not in SUBTITLES:
        raise OutputError(f"cannot tell the format of {wishes.video.subtitles}: the suffix must be .vtt or .srt")
    for name, path in wishes.video.files.items():
        _ = check_path(path) if name == "--segments" else check_writable(path, "clip.vtt")


def is_single_copy(wishes: Wishes) -> bool:
    """Whether `--annotate` names a video, not a folder."""
    return wishes.annotate is not None and is_video(wishes.annotate.name)


def make_video(run: Run, job: int, source: str) -> Video:
    """The reader of one video file. Raises JournalError where it is not the file that the stopped run had read."""
    if run.journal is not None:
        mark = {"file": digest([source])}
        before = next((entry for entry in run.journal.entries(job) if "file" in entry), None)
        if before is None:
            run.journal.add(job, mark)
        elif before["file"] != mark["file"]:
            raise JournalError(f"cannot go on with {run.wishes.output}: {source} is not the file that was read then")
    wishes = run.wishes.video
    return Video(
        run.analyzer,
        source,
        sampling=wishes.sampling,
        smooth=wishes.smooth,
        search=wishes.search,
        **run.wishes.asked,
        journal=run.journal,
        job=job,
    )


def read_clip(run: Run, job: int, source: str) -> None:
    """Read one video file, and write what is asked for of it."""
    video = make_video(run, job, source)
    with seconds_bar(source, video.sampling, run.stream) as progress:
        take(run, video, progress)
    end_clip(run, video)
    if run.wishes.annotate is not None and has_frames(video):
        _annotate(run, video, source)


def take(run: Run, video: Video, progress: Callable[[float], None]) -> None:
    """Give the outlets a video's rows: at once, or with words when all is read; a live table has them meanwhile.

    Ctrl-C keeps what was read.
    """
    if not run.wishes.is_told:
        for reading in video.stream():
            run.give(reading)
            progress(reading.timestamp or 0.0)
        return
    table = run.table if run.table is not None and run.table.is_live else None
    begin = None if table is None else table.mark()
    try:
        for reading in video.stream():
            if table is not None:
                table.add(reading)
            progress(reading.timestamp or 0.0)
    finally:  # also what was read until Ctrl-C
        if table is not None and begin is not None:
            table.back(begin)
        for reading in video.rows():
            run.give(reading)


def end_clip(run: Run, video: Video) -> None:
    """Show and write a video's segments; of what could not be opened the row says enough."""
    if isinstance(run.shown, Screen) and has_frames(video):
        has_face = bool(video.segments) or any(row.face_id is not None for row in video.rows())
        if run.shown.rows is not None:  # one of several
            run.shown.show(Text(f"\n{printable(str(video.source))}", "bold"))
        run.shown.show(clip_view(video.segments, has_face=has_face))
    write_files(run.wishes, video.segments)


def has_frames(video: Video) -> bool:
    """Whether a video that is read through had any frame, be it a damaged one."""
    first = next(video.rows(), None)
    return first is not None and first.frame is not None


def write_files(wishes: Wishes, segments: list[Segment]) -> None:
    """Write the files about one video. Raises OutputError where one cannot be written."""
    asked = wishes.video
    if asked.subtitles is not None:
        SUBTITLES[asked.subtitles.suffix.lower()](segments, asked.subtitles)
    if asked.elan is not None:
        write_elan(segments, asked.elan)
    if asked.segments is not None:
        write_segments(segments, asked.segments)


@contextmanager
def seconds_bar(source: str, sampling: Sampling, stream: IO[str]) -> Iterator[Callable[[float], None]]:
    """A bar over a video's seconds on `stream` where it is a terminal, with the time left."""
    begin, end = sampling.start or 0.0, sampling.end
    if stream.isatty() and end is None:
        try:
            end = facts(source).duration
        except UnreadableError:
            end = None
    total = None if end is None else max(end - begin, 0.0)
    form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}" if total else None
    with tqdm(total=total, file=stream, disable=not stream.isatty(), leave=False, bar_format=form) as bar:
        bar.set_description_str(source.rsplit("/", 1)[-1][:40])

        def progress(now: float) -> None:
            bar.set_postfix_str(clock(now), refresh=False)
            bar.update(max(now - begin - bar.n, 0.0))

        yield progress


def _annotate(run: Run, video: Video, source: str) -> None:
    wishes, sampling = run.wishes, video.sampling
    if is_single_copy(wishes) or run.folder is None:
        path = Path(str(wishes.annotate))
    else:
        path = annotated_path(source, run.folder.folder, run.folder.taken, ANNOTATED)
    span = {"start": sampling.start, "end": sampling.end}
    with seconds_bar(source, sampling, run.stream) as progress:
        annotate_video(source, video.rows(), path, **span, limits=wishes.reader.limits, progress=progress)
