"""`feallm report`: readings as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feallm.cli_options import BatchSize, Detector, Device, LabelSet, MinConfidence, Model, PrivateUrls
from feallm.console import manners, say


def report(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="A table of readings; or pictures, folders, URLs, videos.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page: report.html.")] = Path("report.html"),
    blur_faces: Annotated[
        bool, typer.Option("--blur-faces", help="Cover every face beyond recovery, to pass the page on.")
    ] = False,
    title: Annotated[str | None, typer.Option(help="The page's heading.")] = None,
    no_explain: Annotated[bool, typer.Option("--no-explain", help="Only numbers, which is faster.")] = False,
    fps: Annotated[float | None, typer.Option(metavar="N", help="Of videos: so many frames a second.")] = None,
    min_confidence: MinConfidence = 0.0,
    detector: Detector = "mtcnn",
    model: Model = None,
    device: Device = "auto",
    batch_size: BatchSize = 16,
    label_set: LabelSet = None,
    allow_private_urls: PrivateUrls = False,
) -> None:
    """Write readings as one HTML file that opens offline: pictures, evidence on the face, reasons, timelines.

    Ends with 0 where the page is written, 2 where the command itself was wrong.
    """
    from tqdm import tqdm

    from feallm.media import Limits
    from feallm.report.html.source import MISTAKES, ReportWishes, write_report
    from feallm.report.outlets import left_out_notes
    from feallm.report.wishes import ReaderWishes

    with manners(*MISTAKES), tqdm(unit=" pictures", disable=None, leave=False) as bar:
        limits = Limits(allow_private_urls=allow_private_urls)
        wishes = ReportWishes(
            sources,
            output,
            blur_faces,
            title,
            not no_explain,
            fps,
            ReaderWishes(model, detector, device, batch_size, label_set, min_confidence, limits),
        )
        for note in left_out_notes(sources):
            say(note)
        told = write_report(wishes, bar.update)
        bar.close()
        say(told)
