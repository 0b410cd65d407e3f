"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

Detector = Annotated[str, typer.Option(help="mtcnn, none (face crops) or yunet:FILE.onnx.")]
Model = Annotated[str | None, typer.Option(help="Checkpoint folder or hub id; without it the packaged FEALLM-tiny.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
BatchSize = Annotated[int, typer.Option(help="Faces read together.")]
LabelSet = Annotated[str | None, typer.Option(help="The checkpoint's label set to answer in, such as fer2013.")]
PrivateUrls = Annotated[bool, typer.Option("--allow-private-urls", help="Let URLs lead into your own network.")]
MinConfidence = Annotated[float, typer.Option(metavar="0..1", help="Name no emotion below this calibrated confidence.")]
