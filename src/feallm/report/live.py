"""A camera on the terminal: the faces of the moment in a table that renews itself, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from itertools import groupby
from typing import cast

from rich.console import Console
from rich.live import Live

from feallm.analyze.video import Video
from feallm.media import Picture
from feallm.media.camera import camera
from feallm.report.clip import end_clip
from feallm.report.clip_view import now_view
from feallm.report.outlets import JsonArray, Screen
from feallm.report.run import Run
from feallm.tables import TableWriter

A_SECOND = 10
"""How often the table is drawn."""


def watch(run: Run, number: int) -> None:
    """Read a camera until Ctrl-C or until it gives no more, which both end the run well."""
    wishes = run.wishes.video
    fps = None if wishes.sampling is None else wishes.sampling.fps
    with closing(cast("Generator[Picture]", camera(number, fps))) as pictures:
        video = Video(
            run.analyzer,
            pictures,
            smooth=wishes.smooth,
            search=wishes.search,
            **run.wishes.asked,
            journal=run.journal,
            batch=1,
        )
        table = run.table if run.table is not None and run.table.is_live else None
        begin = None if table is None else table.mark()
        try:
            _follow(run.shown, table, video)
        except KeyboardInterrupt:
            for _ in video.finish():
                pass
    if table is not None and begin is not None:
        table.back(begin)
    for reading in video.rows():  # the same again, with words
        run.give(reading)
    end_clip(run, video)


def _follow(shown: JsonArray | Screen, table: TableWriter | None, video: Video) -> None:
    """Show each frame's faces, and keep their rows where others can see them."""
    console = shown.console if isinstance(shown, Screen) else Console(quiet=True)
    with Live(console=console, refresh_per_second=A_SECOND, transient=True) as live:
        for _, frame in groupby(video.stream(), key=lambda reading: reading.frame):
            rows = list(frame)
            if table is not None:
                for reading in rows:
                    table.add(reading)
            live.update(now_view(rows, console))
