"""The command line: verbs only. Everything heavy is imported inside them, so that `--help` answers at once."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from feallm._version import __version__
from feallm.cli_analyze import analyze
from feallm.cli_bench import bench_app
from feallm.cli_compare import compare, convert
from feallm.cli_data import data_app
from feallm.cli_options import Detector, Device, LabelSet, MinConfidence, Model, PrivateUrls
from feallm.cli_report import report
from feallm.cli_serve import serve
from feallm.console import Pipe, manners, say

app = typer.Typer(
    name="feallm",
    help="Reads faces: the emotion shown, the facial action units that make it, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


Photo = Annotated[str, typer.Argument(metavar="PHOTO", help="One picture: a file or a URL.")]
FaceNumber = Annotated[int, typer.Option("--face", help="Which face, counted from 0, largest first.")]


app.add_typer(data_app, name="data")
app.add_typer(bench_app, name="bench")
app.command()(analyze)
app.command()(report)
app.command()(serve)
app.command()(compare)
app.command()(convert)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False,
) -> None:
    if version:
        Console().print(f"feallm {__version__}", highlight=False)
        raise typer.Exit


@app.command()
def chat(
    photo: Photo,
    questions: Annotated[list[str] | None, typer.Option("--ask", metavar="QUESTION", help="Answer and end.")] = None,
    face: FaceNumber = 0,
    detector: Detector = "mtcnn",
    model: Model = None,
    device: Device = "auto",
    label_set: LabelSet = None,
    allow_private_urls: PrivateUrls = False,
    min_confidence: MinConfidence = 0.0,
) -> None:
    """Ask about one face: what it shows, how sure that is, why, and what would change it."""
    from feallm.media import Limits
    from feallm.report import analysis, talk

    with manners(*analysis.MISTAKES):
        limits = Limits(allow_private_urls=allow_private_urls)
        reader = analysis.ReaderWishes(
            model, detector, device, label_set=label_set, min_confidence=min_confidence, limits=limits
        )
        wishes = talk.FaceWishes(photo, face, reader)
        talk.chat(wishes, questions or (), Pipe())


@app.command()
def whatif(
    photo: Photo,
    without: Annotated[
        list[str] | None, typer.Option("--without", metavar="AU", help="Action units taken out: AU4, or AU4,AU5.")
    ] = None,
    adding: Annotated[list[str] | None, typer.Option("--adding", metavar="AU", help="Action units put in.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object and nothing else.")] = False,
    face: FaceNumber = 0,
    detector: Detector = "mtcnn",
    model: Model = None,
    device: Device = "auto",
    label_set: LabelSet = None,
    allow_private_urls: PrivateUrls = False,
) -> None:
    """Take action units out of a face's evidence, or put some in, and see what becomes of its emotions."""
    from feallm.media import Limits
    from feallm.report import analysis, talk
    from feallm.report import whatif as report

    with manners(*analysis.MISTAKES):
        limits = Limits(allow_private_urls=allow_private_urls)
        reader = analysis.ReaderWishes(model, detector, device, label_set=label_set, limits=limits)
        wishes = talk.FaceWishes(photo, face, reader)
        report.whatif(wishes, without or (), adding or (), Pipe(), as_json=as_json)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file, such as configs/train/tiny.yaml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings to replace.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only check: data, claims, parameters by part, memory against the device.")
    ] = False,
    push: Annotated[str | None, typer.Option(metavar="REPO", help="Put the result on the Hugging Face hub.")] = None,
) -> None:
    """Train a model by a recipe; a run that was stopped goes on where it was."""
    from feallm.settings import SettingsError, load_recipe
    from feallm.train.installed import need_training
    from feallm.train.recipe import TrainRecipe

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with manners(SettingsError, OSError, ValueError):
        settings = load_recipe(TrainRecipe, recipe, overrides)
        need_training(settings)
        if check:
            from feallm.train.check import check as look
            from feallm.train.check import survey, tables

            Pipe().print(*tables(survey(settings)), sep="\n")
            look(settings)
            return
        from feallm.train.run import train as run  # slow to import: only for a recipe that can be used

        final = run(settings)
        Console().print(Text(str(final)), soft_wrap=True)
        if push:
            from feallm.train.publish import push as publish

            say(publish(final, push))


@app.command()
def merge(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="What the adapter was trained on.")],
    adapter: Annotated[Path, typer.Argument(metavar="ADAPTER", help="An adapter folder of a training stage.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the merged checkpoint.")],
) -> None:
    """Fold the adapter of a training stage, and the parts trained with it, into the checkpoint it was trained on."""
    from feallm.settings import SettingsError
    from feallm.train.installed import need_training

    with manners(SettingsError, OSError, ValueError):
        need_training()
        from feallm.train.adapters import merge as run

        Pipe().print(Text(str(run(checkpoint, adapter, output))), soft_wrap=True)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A checkpoint folder with a head.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Write a copy of the checkpoint here.")
    ] = None,
) -> None:
    """Write a checkpoint's ONNX graphs beside its weights, so that it is read without torch."""
    with manners(ImportError, ValueError, OSError):
        from feallm.export import export as write  # needs torch and onnxscript

        Console().print(Text(str(write(checkpoint, output))), soft_wrap=True)


@app.command()
def doctor() -> None:
    """Say what this machine can run, and what is missing. Ends with 1 where something does not work."""
    from feallm.doctor import examine, table

    with manners():
        checks = examine()
        Pipe().print(table(checks))
    raise typer.Exit(1 if any(check.state == "fail" for check in checks) else 0)


def main() -> None:
    """The `feallm` command."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what a terminal cannot show
    app()


if __name__ == "__main__":
    main()
