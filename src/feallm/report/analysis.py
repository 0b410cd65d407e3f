"""The `analyze` verb: from what the user typed to readings on every outlet that was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import groupby
from typing import IO, Any

from rich.console import Console
from rich.text import Text

from feallm.analyze.journal import Journal, journal_path
from feallm.analyze.video import video_metadata
from feallm.media.find import IMAGE_SUFFIXES, suffix
from feallm.media.images import is_video
from feallm.report.clip import check_files, is_single_copy, read_clip
from feallm.report.live import watch
from feallm.report.outlets import AnnotatedFolder, JsonArray, Screen, Tally, expand, left_out_notes
from feallm.report.run import Run
from feallm.report.stills import Source, read_stills
from feallm.report.wishes import MISTAKES as MISTAKES
from feallm.report.wishes import ReaderWishes as ReaderWishes
from feallm.report.wishes import VideoWishes as VideoWishes
from feallm.report.wishes import WishError as WishError
from feallm.report.wishes import Wishes as Wishes
from feallm.tables import TableWriter, check_path
from feallm.tables.writer import meta_path


def analyze(wishes: Wishes, out: Console, err: Console) -> Tally:
    """Read all inputs. Outputs are checked before the model is loaded.

    Raises:
        WishError, OutputError, JournalError: what was asked for cannot be had, or cannot be written; the message is for
            the user.
        KeyboardInterrupt: Ctrl-C, after what was read has been kept; the message says how much.
    """
    _check(wishes)
    sources, tally = expand(wishes.inputs), Tally()
    check_files(wishes, sources)
    for note in left_out_notes(wishes.inputs):
        err.print(Text(note), soft_wrap=True)
    if wishes.resume and (done := _complete(wishes)):
        tally.take(done)
        return tally
    try:
        with ExitStack() as stack:
            run = _opened(stack, wishes, sources, tally, out, err.file)
            if wishes.video.camera is not None:
                watch(run, wishes.video.camera)
            for job, (is_clip, group) in enumerate(_jobs(sources)):
                if is_clip:
                    read_clip(run, job, str(group[0]))
                else:
                    read_stills(run, job, group)
        if run.journal is not None:  # and the table is written as well
            run.journal.done()
    except KeyboardInterrupt as stop:
        goes_on = "; the same command with --resume goes on" if wishes.output is not None else ""
        raise KeyboardInterrupt(f"stopped: {tally.sentence(wishes.output)}{goes_on}") from stop
    return tally


def _check(wishes: Wishes) -> None:
    if wishes.output is not None:
        check_path(wishes.output)
    if wishes.annotate is not None and suffix(wishes.annotate.name) in IMAGE_SUFFIXES and not wishes.annotate.is_dir():
        raise WishError(f"--annotate takes a folder for pictures, got the name of one: {wishes.annotate}")
    if wishes.resume and wishes.output is None:
        raise WishError("--resume goes on with a table: name it with --output")
    if not 0 <= wishes.video.smooth < float("inf"):
        raise WishError(f"--smooth is 0 or more seconds, got {wishes.video.smooth}")
    if wishes.video.camera is None:
        if not wishes.inputs:
            raise WishError("name pictures, folders, videos, patterns or URLs, or give --camera 0")
        return
    if wishes.inputs or wishes.resume or wishes.annotate is not None:
        raise WishError("--camera is read by itself: leave inputs, --resume and --annotate away")
    asked = wishes.video.sampling
    if asked is not None and asked != replace(asked, every=None, keyframes=False, start=None, end=None):
        raise WishError("of a camera only --fps can be chosen: leave --every, --keyframes, --start and --end away")


def _complete(wishes: Wishes) -> dict[str, int] | None:
    """How many readings of each status an earlier run has written, where there is nothing to go on with."""
    output = wishes.output
    if output is None or journal_path(output).exists() or not output.exists():
        return None
    try:
        about = json.loads(meta_path(output).read_text(encoding="utf-8"))
        statuses: dict[str, int] = about["statuses"]
        return statuses if about["complete"] is True else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _opened(
    stack: ExitStack, wishes: Wishes, sources: Sequence[Source], tally: Tally, out: Console, stream: IO[str]
) -> Run:
    """The run with everything that it writes to open, to be closed by `stack`."""
    folder = None
    if wishes.annotate is not None and not is_single_copy(wishes):
        folder = AnnotatedFolder(wishes.annotate)
    analyzer = wishes.reader.analyzer()
    video, metadata = wishes.video, analyzer.metadata
    has_clips = video.camera is not None or any(map(is_video, sources))
    if has_clips:
        asked = video.sampling
        metadata = video_metadata(analyzer, asked, video.smooth, video.search, explain=wishes.explain)
    journal = None
    if wishes.output is not None or has_clips:
        path = None if wishes.output is None else journal_path(wishes.output)
        journal = stack.enter_context(Journal(path, _about(wishes, metadata), resume=wishes.resume))
    table = None
    if wishes.output is not None:
        table = stack.enter_context(TableWriter(wishes.output, metadata=metadata))
    if folder is not None:
        stack.enter_context(folder)
    shown = JsonArray(out.file) if wishes.as_json else Screen(out, roomy=len(sources) <= 1)
    stack.enter_context(shown)
    return Run(wishes, analyzer, tally, shown, stream, journal, table, folder)


def _about(wishes: Wishes, metadata: dict[str, Any]) -> dict[str, Any]:
    """What every reading of a run depends on, by names that a user knows."""
    sampling = {} if wishes.video.sampling is None else asdict(wishes.video.sampling)
    known = {name: metadata[name] for name in ("version", "model", "revision", "engine", "device", "detector")}
    chosen = {"label_set": metadata["label_set"], "min_confidence": wishes.reader.min_confidence}
    return {**known, **chosen, "batch_size": wishes.reader.batch_size, **wishes.asked, **sampling} | {
        "smooth": wishes.video.smooth,
        "search": wishes.video.search,
    }


def _jobs(sources: Sequence[Source]) -> list[tuple[bool, list[Source]]]:
    """Videos one by one, and the pictures between them together."""
    jobs: list[tuple[bool, list[Source]]] = []
    for is_clip, group in groupby(sources, key=is_video):
        if is_clip:
            jobs += [(True, [source]) for source in group]
        else:
            jobs.append((False, list(group)))
    return jobs
