"""`feallm report`: readings as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    min_confidence: Annotated[
        float, typer.Option(metavar="0..1", help="Name no emotion below this calibrated confidence.")
    ] = 0.0,
    detector: Annotated[str, typer.Option(help="mtcnn, none (face crops) or yunet:FILE.onnx.")] = "mtcnn",
    model: Annotated[
        str | None, typer.Option(help="Checkpoint folder or hub id; without it the packaged FEALLM-tiny.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    batch_size: Annotated[int, typer.Option(help="Faces read together.")] = 16,
    label_set: Annotated[str | None, typer.Option(help="The checkpoint's label set to answer in.")] = None,
    allow_private_urls: Annotated[
        bool, typer.Option("--allow-private-urls", help="Let URLs lead into your own network.")
    ] = False,
) -> None:
    """Write readings as one HTML file that opens offline: pictures, evidence on the face, reasons, timelines.

    Ends with 0 where the page is written, 2 where the command itself was wrong.
    """
    from tqdm import tqdm

    from feallm.media import Limits
    from feallm.report.html.source import MISTAKES, ReportWishes, write_report
    from feallm.report.outlets import left_out_notes

    with manners(*MISTAKES), tqdm(unit=" pictures", disable=None, leave=False) as bar:
        wishes = ReportWishes(
            sources,
            output,
            blur_faces,
            title,
            not no_explain,
            model,
            detector,
            device,
            batch_size,
            label_set,
            min_confidence,
            fps,
            Limits(allow_private_urls=allow_private_urls),
        )
        for note in left_out_notes(sources):
            say(note)
        told = write_report(wishes, bar.update)
        bar.close()
        say(told)
