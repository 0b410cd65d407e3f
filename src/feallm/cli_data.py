"""`feallm data …`: labelled data sets -> FEA instruction records."""

from __future__ import annotations

import typer

data_app = typer.Typer(
    help="Labelled data sets: check them, build instruction records, look at them, export them.", no_args_is_help=True
)
