"""The command line: verbs only. Everything heavy is imported inside them, so that `--help` answers at once."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from feallm._version import __version__

app = typer.Typer(
    name="feallm",
    help="Reads faces: the emotion shown, the facial action units that make it, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Pipe(Console):
    """A console that leaves a closed pipe to `_manners`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@contextmanager
def _manners(*mistakes: type[Exception]) -> Iterator[None]:
    """One line instead of a traceback: 2 for a user's mistake, 130 for Ctrl-C, silence where a pipe was closed."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(141) from error
    except KeyboardInterrupt as stop:
        _say(str(stop) or "stopped")
        raise typer.Exit(130) from stop
    except mistakes as error:
        _say(f"error: {error}")
        raise typer.Exit(2) from error


def _say(text: str) -> None:
    Console(stderr=True).print(Text(text), soft_wrap=True)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    if version:
        Console().print(f"feallm {__version__}", highlight=False)
        raise typer.Exit


@app.command()
def analyze(
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Pictures, folders, patterns or URLs.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array and nothing else.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a table: .csv, .jsonl, .json or .parquet.")
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option("--annotate", help="Write pictures with boxes and panels to this folder.")
    ] = None,
    no_explain: Annotated[bool, typer.Option("--no-explain", help="Only numbers, which is faster.")] = False,
    detector: Annotated[str, typer.Option(help="mtcnn, none (face crops) or yunet:FILE.onnx.")] = "mtcnn",
    model: Annotated[
        str | None, typer.Option(help="Checkpoint folder or hub id; without it the packaged FEALLM-tiny.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    batch_size: Annotated[int, typer.Option(help="Faces read together.")] = 16,
    label_set: Annotated[
        str | None, typer.Option(help="The checkpoint's label set to answer in, such as fer2013.")
    ] = None,
    allow_private_urls: Annotated[
        bool, typer.Option("--allow-private-urls", help="Let URLs lead into your own network.")
    ] = False,
) -> None:
    """Read the faces in pictures: emotion, action units, explanation.

    Ends with 0 where a face was read, 1 where none was, 2 where the command itself was wrong.
    """
    from feallm.media import Limits
    from feallm.report import analysis

    with _manners(*analysis.MISTAKES):
        limits = Limits(allow_private_urls=allow_private_urls)
        wishes = analysis.Wishes(
            inputs,
            as_json,
            output,
            annotate,
            not no_explain,
            detector,
            model,
            device,
            batch_size,
            label_set,
            limits,
        )
        tally = analysis.analyze(wishes, _Pipe(), Console(stderr=True))
        if tally.pictures > 1 or output is not None or annotate is not None:
            _say(tally.sentence(output, annotate))
    raise typer.Exit(0 if tally.read else 1)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file, such as configs/train/tiny.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings to replace.")] = None,
) -> None:
    """Train a model by a recipe; a run that was stopped goes on where it was."""
    from feallm.settings import SettingsError, load_recipe
    from feallm.train.recipe import TrainRecipe

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with _manners(SettingsError, FileNotFoundError, ValueError):
        settings = load_recipe(TrainRecipe, recipe, overrides)
        from feallm.train.run import train as run  # slow to import: only for a recipe that can be used

        Console().print(Text(str(run(settings))), soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what this machine can run, and what is missing. Ends with 1 where something does not work."""
    from feallm.doctor import examine, table

    with _manners():
        checks = examine()
        _Pipe().print(table(checks))
    raise typer.Exit(1 if any(check.state == "fail" for check in checks) else 0)


def main() -> None:
    """The `feallm` command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what a terminal cannot show
    app()


if __name__ == "__main__":
    main()
