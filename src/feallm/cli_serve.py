"""`feallm serve`: the web page and the HTTP API."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from feallm.cli_options import BatchSize, Detector, Device, LabelSet, MinConfidence, Model
from feallm.console import manners, say

OPEN_DOOR = (
    "warning: {where} can be reached from other machines, and anyone there may use it: "
    "give an --api-key, or leave out --host"
)


def serve(
    host: Annotated[str, typer.Option(help="127.0.0.1 is for this machine alone, 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8000,
    model: Model = None,
    device: Device = "auto",
    detector: Detector = "mtcnn",
    label_set: LabelSet = None,
    min_confidence: MinConfidence = 0.0,
    batch_size: BatchSize = 16,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="FEALLM_API_KEY", show_envvar=True, help="What clients must send as a bearer token."),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Let pages of this origin use the API. May be repeated.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A proxy's name that requests come under. May be repeated.")
    ] = None,
    max_upload: Annotated[float, typer.Option(metavar="MB", help="Largest body of a request.")] = 200.0,
    max_pixels: Annotated[float, typer.Option(metavar="MILLIONS", help="Largest picture.")] = 50.0,
    max_video: Annotated[float, typer.Option(metavar="SECONDS", help="Longest part of a video that is read.")] = 600.0,
    queue: Annotated[int, typer.Option(help="Requests that may wait or be read at once; more get a 503.")] = 64,
    rate: Annotated[
        str | None, typer.Option(metavar="N/UNIT", help="Most requests a client address, such as 60/minute.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longest silence in the midst of a request.")
    ] = 10.0,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch pictures from public addresses that clients name.")
    ] = False,
) -> None:
    """Serve the web page and the HTTP API: local, nothing stored, until Ctrl-C.

    Ends with 0 once everything that was accepted is answered, 2 where it cannot start.
    """
    from pydantic import ValidationError

    with manners(ValueError, ImportError):
        try:
            from feallm.serve.options import MILLION, ServeOptions
            from feallm.serve.server import address, listen
            from feallm.serve.server import serve as run
        except ModuleNotFoundError as error:
            raise ImportError(f"the server needs {error.name}: pip install 'feallm[serve]'") from error
        from feallm.report.wishes import ReaderWishes
        from feallm.serve.service import Service

        try:
            options = ServeOptions(
                host=host,
                port=port,
                model=model,
                device=device,
                detector=detector,
                label_set=label_set,
                min_confidence=min_confidence,
                batch_size=batch_size,
                api_key=api_key,
                cors=tuple(cors or ()),
                allow_hosts=tuple(name.lower() for name in allow_host or ()),
                max_upload=round(max_upload * MILLION),
                max_pixels=round(max_pixels * MILLION),
                max_video_seconds=max_video,
                queue=queue,
                rate=rate,
                timeout=timeout,
                allow_urls=allow_urls,
            )
        except ValidationError as error:
            told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise ValueError(told) from error
        logging.basicConfig(level=logging.WARNING, format="%(message)s")
        listener = listen(options)
        where = address(listener, host)
        reader = ReaderWishes(model, detector, device, batch_size, label_set, min_confidence, options.limits)
        analyzer = reader.analyzer()
        if not options.loopback and api_key is None:
            say(OPEN_DOOR.format(where=where))
        run(Service(analyzer, options), listener, ready=lambda: say(f"FEALLM is served at {where} (Ctrl-C ends)"))
        say("stopped")
