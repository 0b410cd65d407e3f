"""The `analyze` verb: from what the user typed to readings on every outlet that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from tqdm import tqdm

from feallm.analyze import Analyzer
from feallm.analyze.analyzer import Progress
from feallm.analyze.reading import FaceReading
from feallm.media import Limits, Picture, count, pictures
from feallm.media.limits import DEFAULT_LIMITS
from feallm.report.outlets import AnnotatedFolder, JsonArray, Outlet, Screen, Tally, expand
from feallm.tables import OutputError, TableWriter, check_path


class WishError(ValueError):
    """Something asked for that there is not: a checkpoint, detector, device or label set."""


MISTAKES = (WishError, OutputError)
"""What `analyze` raises for a user's mistake; the message is for the user."""


@dataclass(frozen=True)
class Wishes:
    """What `feallm analyze` was asked for."""

    inputs: Sequence[str]
    as_json: bool = False
    output: Path | None = None
    annotate: Path | None = None
    explain: bool = True
    detector: str = "mtcnn"
    model: str | None = None
    device: str = "auto"
    batch_size: int = 16
    label_set: str | None = None
    limits: Limits = DEFAULT_LIMITS
    evidence: bool = False
    min_confidence: float = 0.0


def analyze(wishes: Wishes, out: Console, err: Console) -> Tally:
    """Read all inputs. Outputs are checked before the model is loaded.

    Raises:
        WishError, OutputError: what was asked for cannot be had, or cannot be written; the message is for the user.
        KeyboardInterrupt: Ctrl-C, after what was read has been kept; the message says how much.
    """
    if wishes.output is not None:
        check_path(wishes.output)
    sources, tally = expand(wishes.inputs), Tally()
    try:
        with ExitStack() as stack:
            folder = None if wishes.annotate is None else AnnotatedFolder(wishes.annotate)
            analyzer = _analyzer(wishes)
            outlets: list[Outlet] = [tally]
            if wishes.output is not None:
                outlets.append(stack.enter_context(TableWriter(wishes.output, metadata=analyzer.metadata)))
            if folder is not None:
                outlets.append(stack.enter_context(folder))
            total = count(sources)
            shown = _shown(wishes, out, roomy=total == 1)
            stack.enter_context(shown)
            outlets.append(shown)
            progress = stack.enter_context(_progress_bar(total, err.file))
            stream = pictures(sources, limits=wishes.limits)
            for reading in _readings(analyzer, stream, folder, wishes, progress):
                for outlet in outlets:
                    outlet.add(reading)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"stopped: {tally.sentence(wishes.output)}") from stop
    return tally


def _analyzer(wishes: Wishes) -> Analyzer:
    return load_analyzer(
        wishes.model,
        device=wishes.device,
        detector=wishes.detector,
        batch_size=wishes.batch_size,
        label_set=wishes.label_set,
        limits=wishes.limits,
        min_confidence=wishes.min_confidence,
    )


def load_analyzer(model: str | None, **options: Any) -> Analyzer:
    """An `Analyzer`; what it cannot be made of is the user's mistake (WishError)."""
    try:
        return Analyzer(model, **options)
    except (ValueError, FileNotFoundError) as error:
        raise WishError(str(error)) from error


def _readings(
    analyzer: Analyzer, stream: Iterator[Picture], folder: AnnotatedFolder | None, wishes: Wishes, progress: Progress
) -> Iterator[FaceReading]:
    """The readings of a stream of pictures, each read once: `folder` keeps the very pixels that were analyzed."""
    asked = {"explain": wishes.explain, "evidence": wishes.evidence}
    if folder is None:
        yield from analyzer.stream(stream, **asked, progress=progress)
        return
    for first in stream:  # once, unless the folder's room is full: then the rest goes on after its readings
        yield from analyzer.stream(folder.keep(chain([first], stream)), **asked, progress=progress)


def _shown(wishes: Wishes, out: Console, *, roomy: bool) -> JsonArray | Screen:
    return JsonArray(out.file) if wishes.as_json else Screen(out, roomy=roomy)


@contextmanager
def _progress_bar(total: int | None, stream: IO[str]) -> Iterator[Progress]:
    """A bar on `stream` where it is a terminal and there is more than one picture to read."""
    quiet = not stream.isatty() or total == 1
    with tqdm(total=total, unit=" pictures", file=stream, disable=quiet, leave=False) as bar:

        def progress(_done: int, _total: int | None) -> None:  # both are of one call of the analyzer, not of the run
            bar.update()

        yield progress
