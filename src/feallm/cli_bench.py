"""`feallm bench …`: what a model is worth, measured the same way for any model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from feallm.console import Pipe, manners, say

Folders = Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Runs, or folders that hold some.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the data set: see that it is still what was asked about.")
]

bench_app = typer.Typer(
    help="FEABench and the published protocols: run any model, score, compare, report.", no_args_is_help=True
)


@bench_app.command("list")
def list_(
    tasks: Annotated[list[str] | None, typer.Argument(metavar="[TASK]...", help="Say all about these.")] = None,
) -> None:
    """List the tasks and suites: their data, what they ask for, what counts."""
    from feallm.bench.tasks import SUITES, TASKS, find
    from feallm.bench.terminal import details, registry

    with manners(ValueError):
        for view in [details(task) for task in find(tasks)] if tasks else [registry(TASKS, SUITES)]:
            Pipe().print(view)


@bench_app.command()
def run(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Tasks or suites: see `feallm bench list`.")],
    model: Annotated[str, typer.Option(help="feallm, feallm-free, hf:MODEL, endpoint:MODEL, table:FILE, prior ...")],
    data: Annotated[Path, typer.Option(help="Folder of the data set, or one with a folder for each source.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Each task's run goes to OUTPUT/TASK.")],
    limit: Annotated[int | None, typer.Option(help="So many faces a task, the same for every model.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="How the model is run: device=cpu ...")
    ] = None,
    engine: Annotated[str, typer.Option(help="local or ray.")] = "local",
    workers: Annotated[int, typer.Option(help="With ray: how many hold the model.")] = 2,
) -> None:
    """Ask a model the questions of a task; a run that was stopped goes on where it was.

    Ends with 0 where all was answered, 1 where something was not, 2 where the command itself was wrong.
    """
    from feallm.bench.session import MISTAKES, Wishes, bar, run_all, sentence

    complete = True
    with manners(*MISTAKES):
        for result in run_all(Wishes(tasks, model, data, output, limit, settings or (), engine, workers), say, bar):
            complete &= result is not None and result.complete
            if result is not None:
                say(sentence(result))
                Pipe().print(Text(str(result.folder)), soft_wrap=True)
    raise typer.Exit(0 if complete else 1)


@bench_app.command()
def score(
    folders: Folders,
    data: Data = None,
    judge: Annotated[
        Path | None, typer.Option("--judge", metavar="RECIPE", help="A YAML file that says who marks texts.")
    ] = None,
) -> None:
    """Score runs from their files, without the model: score.json and results.jsonl in each, and a table here."""
    from feallm.bench.score import find_runs
    from feallm.bench.session import MISTAKES, score_all
    from feallm.bench.terminal import scores
    from feallm.settings import load_recipe

    with manners(*MISTAKES):
        settings = None
        if judge is not None:
            from feallm.bench.judge import JudgeSettings

            settings = load_recipe(JudgeSettings, judge)
        results = list(score_all(find_runs(folders), say, data, settings))
        Pipe().print(scores([result for result in results if result is not None]))
    raise typer.Exit(0 if None not in results else 1)


@bench_app.command()
def report(
    folders: Folders,
    output: Annotated[Path, typer.Option("--output", "-o", help="The report: .html, .md or .tex.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data set, for pictures.")] = None,
) -> None:
    """Write a report of runs, with published numbers beside them; what has no score yet is scored."""
    from feallm.bench.report import write_report
    from feallm.bench.session import MISTAKES

    with manners(*MISTAKES):
        Pipe().print(Text(str(write_report(folders, output, data))), soft_wrap=True)


@bench_app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run, or a folder of runs.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another of the same tasks.")],
) -> None:
    """Compare two models on the same items, paired: how much they differ, and whether it may be chance."""
    from feallm.bench.compare import compare as differ
    from feallm.bench.compare_view import show
    from feallm.bench.session import MISTAKES, pairs

    with manners(*MISTAKES):
        for one, other in pairs(a, b):
            show(differ(one, other), Pipe())


@bench_app.command()
def export(
    to: Annotated[str, typer.Option("--to", help="lmms-eval or vlmevalkit.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
    tasks: Annotated[list[str] | None, typer.Argument(metavar="[TASK]...", help="Tasks or suites.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the data: write the pictures too, for yourself alone.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="So many faces a task.")] = None,
) -> None:
    """Write the tasks in the form of another benchmark's code."""
    from feallm.bench.export import export as write
    from feallm.bench.session import MISTAKES

    with manners(*MISTAKES):
        Pipe().print(Text("\n".join(map(str, write(to, output, tasks, data, limit)))), soft_wrap=True)
