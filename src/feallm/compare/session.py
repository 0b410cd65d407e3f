"""The `compare` verb: two tables read, compared, shown and written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console

from feallm.compare.comparison import Comparison, compare
from feallm.compare.faces import LEAST_OVERLAP
from feallm.compare.moments import By
from feallm.compare.picture import check_plot, write_plot
from feallm.compare.rows import to_csv
from feallm.compare.view import show
from feallm.tables.output import OutputError, check_writable, write_text

SUFFIXES = (".html", ".csv")
MISTAKES = (OutputError, ValueError, OSError)
"""What the verb raises for a user's mistake; the message is for the user."""


@dataclass(frozen=True)
class Wishes:
    """What `feallm compare` was asked for."""

    a: Path
    b: Path
    output: Path | None = None
    plot: Path | None = None
    as_json: bool = False
    by: str = "auto"
    least_overlap: float = LEAST_OVERLAP


def run(wishes: Wishes, out: Console) -> tuple[Comparison, list[str]]:
    """Compare, show or print, and write. Outputs are checked first. Returns the comparison and what was written.

    Raises MISTAKES.
    """
    if wishes.by not in get_args(By):
        raise ValueError(f"frames are paired by {', '.join(get_args(By))}; got {wishes.by!r}")
    if wishes.output is not None:
        _check(wishes.output)
    if wishes.plot is not None:
        check_plot(wishes.plot)
    by: By = wishes.by  # type: ignore[assignment]
    found = compare(wishes.a, wishes.b, by, wishes.least_overlap)
    if wishes.as_json:
        out.file.write(json.dumps(found.to_dict(), allow_nan=False) + "\n")
    else:
        show(found, out)
    return found, list(_written(found, wishes))


def _check(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"a comparison is written as .html or .csv, got {path.name!r}; --json prints JSON")
    check_writable(path, "agreement.html")
    if path.suffix.lower() == ".html":
        from importlib.util import find_spec

        if find_spec("matplotlib") is None:
            raise OutputError("the page draws with matplotlib: pip install 'feallm[report]', or write a .csv")


def _written(found: Comparison, wishes: Wishes) -> list[str]:
    said = []
    if wishes.output is not None:
        if wishes.output.suffix.lower() == ".html":
            from feallm.compare.page import page  # matplotlib takes its time

            write_text(wishes.output, page(found), example="agreement.html")
        else:
            write_text(wishes.output, to_csv(found), example="agreement.csv")
        said.append(f"written: {wishes.output}")
    if wishes.plot is not None:
        drawn = write_plot(found, wishes.plot)
        said.append(f"plot: {wishes.plot}" if drawn else "no plot: there is nothing to draw")
    return said
