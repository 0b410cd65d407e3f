"""`feallm compare` and `feallm convert`: result tables of any tool against each other, and in another's form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feallm.console import Pipe, manners, say

Table = "A result table, or a folder of them: FEALLM, py-feat, OpenFace 2, LibreFace, DeepFace or EmotiEffLib."


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help=Table)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another of the same pictures or videos.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a page (.html) or all numbers (.csv).")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the agreement: .svg or .png.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object and nothing else.")] = False,
    by: Annotated[str, typer.Option(help="Pair frames of videos by frame (number), time (stamp), or auto.")] = "auto",
    least_overlap: Annotated[
        float, typer.Option(metavar="0..1", help="Boxes of one face overlap by at least this (IoU).")
    ] = 0.3,
) -> None:
    """See how far two result tables agree, face by face, on action units and emotions; neither counts as the truth.

    To compare two models against labels on a benchmark's items, use `feallm bench compare`. Ends with 0, with 1 where
    no face is in both tables, with 2 where the command itself was wrong.
    """
    from feallm.compare.session import MISTAKES, Wishes, run

    with manners(*MISTAKES):
        found, written = run(Wishes(a, b, output, plot, as_json, by, least_overlap), Pipe())
        for line in written:
            say(line)
    raise typer.Exit(0 if found.matching.pairs else 1)


def convert(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A FEALLM table: .csv, .jsonl, .json or .parquet.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV to write.")],
    to: Annotated[str, typer.Option("--to", help="The form to write: pyfeat.")] = "pyfeat",
) -> None:
    """Write a FEALLM table in the form of another tool, so that its reader takes it."""
    from feallm.tables import OutputError
    from feallm.tables.pyfeat_writer import convert as write

    with manners(OutputError, ValueError, OSError):
        say(write(table, output, to))
