"""`feallm analyze`: pictures, videos, a camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from feallm.cli_options import BatchSize, Detector, Device, LabelSet, MinConfidence, Model, PrivateUrls
from feallm.console import Pipe, manners, say

if TYPE_CHECKING:
    from feallm.report.wishes import VideoWishes

Search = Literal["near", "full"]  # as faces.follow has it, which is heavy to import
VIDEO, SCALE = "Videos", "Many pictures"


def analyze(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT...", help="Pictures, videos, folders, patterns or URLs.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array and nothing else.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a table: .csv, .jsonl, .json or .parquet.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the table of a run that was stopped, as if it never was.")
    ] = False,
    annotate: Annotated[
        Path | None,
        typer.Option("--annotate", help="Write pictures and videos with boxes and bars to this folder, or .mp4 file."),
    ] = None,
    no_explain: Annotated[bool, typer.Option("--no-explain", help="Only numbers, which is faster.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Say where each action unit is seen, and what hiding that place does.")
    ] = False,
    min_confidence: MinConfidence = 0.0,
    detector: Detector = "mtcnn",
    model: Model = None,
    device: Device = "auto",
    batch_size: BatchSize = 16,
    label_set: LabelSet = None,
    allow_private_urls: PrivateUrls = False,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="So many frames a second; 5 if not said.", rich_help_panel=VIDEO)
    ] = None,
    every: Annotated[
        int | None, typer.Option(metavar="K", help="Every K-th frame; 1 for all.", rich_help_panel=VIDEO)
    ] = None,
    keyframes: Annotated[
        bool, typer.Option("--keyframes", help="Key frames only: fast, uneven.", rich_help_panel=VIDEO)
    ] = False,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="From here: 95.5, 1:35, 2:59:00.", rich_help_panel=VIDEO)
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Until before here.", rich_help_panel=VIDEO)] = None,
    smooth: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Average numbers over so long.", rich_help_panel=VIDEO)
    ] = 0.0,
    search: Annotated[
        Search,
        typer.Option(help="Faces near where they were, everywhere once a second; or always.", rich_help_panel=VIDEO),
    ] = "near",
    subtitles: Annotated[
        Path | None, typer.Option(help="Write segments as subtitles: .vtt or .srt.", rich_help_panel=VIDEO)
    ] = None,
    elan: Annotated[
        Path | None, typer.Option(help="Write segments as a tab-delimited file for ELAN.", rich_help_panel=VIDEO)
    ] = None,
    segments: Annotated[
        Path | None, typer.Option(help="Write segments as a table: .csv, .jsonl ...", rich_help_panel=VIDEO)
    ] = None,
    camera: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Read this camera, from 0, until Ctrl-C.", rich_help_panel=VIDEO),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(metavar="local|ray", help="ray: many processes, --output is a folder.", rich_help_panel=SCALE),
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="With ray: how many hold the model.", rich_help_panel=SCALE)
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="With ray: the column of pictures in a Parquet input.", rich_help_panel=SCALE)
    ] = None,
) -> None:
    """Read the faces in pictures and videos: emotion, action units, explanation.

    Ends with 0 where a face was read, 1 where none was, 2 where the command itself was wrong.
    """
    from feallm.media import Limits
    from feallm.report import analysis

    with manners(*analysis.MISTAKES, *(() if engine == "local" else (ValueError,))):
        limits = Limits(allow_private_urls=allow_private_urls)
        wishes = analysis.Wishes(
            inputs or [],
            as_json,
            output,
            annotate,
            not no_explain,
            evidence,
            analysis.ReaderWishes(model, detector, device, batch_size, label_set, min_confidence, limits),
            _video((fps, every, keyframes, start, end), smooth, search, camera, subtitles, elan, segments),
            resume,
        )
        if engine != "local":
            from feallm.report import scale

            raise typer.Exit(scale.run(wishes, engine, workers, column, say))
        tally = analysis.analyze(wishes, Pipe(), Console(stderr=True))
        for note in tally.damage.notes():
            say(note)
        if tally.pictures + tally.videos != 1 or tally.frames or output is not None or annotate is not None:
            say(tally.sentence(output, annotate))
    raise typer.Exit(0 if tally.read else 1)


def _video(
    chosen: tuple[Any, ...], smooth: float, search: Search, camera: int | None, *files: Path | None
) -> VideoWishes:
    """How videos are read; `chosen` and `files` in the order of the options. Raises WishError."""
    from feallm.analyze.video import SAMPLED
    from feallm.media.clock import seconds
    from feallm.media.video import Sampling
    from feallm.report.wishes import VideoWishes, WishError

    fps, every, keyframes, start, end = chosen
    try:
        begin, until = (None if time is None else seconds(time) for time in (start, end))
        if fps is None and every is None and not keyframes:
            fps = SAMPLED.fps if camera is None else None  # a camera gives as many as can be read
        sampling = Sampling(fps, every, keyframes, begin, until)
        return VideoWishes(sampling, smooth, search, camera, *files)
    except ValueError as error:
        raise WishError(str(error)) from error
