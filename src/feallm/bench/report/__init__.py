"""Reports of scored runs: one page of HTML, Markdown, or LaTeX tables, with the same numbers in each."""

from collections.abc import Sequence
from pathlib import Path

from feallm.bench.report import latex, markdown
from feallm.bench.report.leaderboard import sections
from feallm.bench.report.runs import read_runs
from feallm.settings import SettingsError
from feallm.tables import OutputError

SUFFIXES = (".html", ".md", ".tex")


def write_report(folders: Sequence[str | Path], output: str | Path, data: str | Path | None = None) -> Path:
    """Write a report of the runs at or below the folders; its form goes by the suffix: .html, .md or .tex.

    `data` is the folder of the tasks' data, for the pictures of the worst cases, where the licence lets a report show
    them. The same folders give the same bytes.

    Raises:
        SettingsError: another suffix, or an HTML page without matplotlib.
        RunError: a folder without a run, or files in it that cannot be used.
        OutputError: the report cannot be written.
    """
    output = Path(output).expanduser()
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise SettingsError(f"a report ends in .html, .md or .tex, got {output.name!r}: choose one of the three")
    parts = sections(read_runs(folders))
    if suffix == ".html":
        from feallm.bench.report.page import page  # matplotlib takes its time

        try:
            text = page(parts, Path(data).expanduser() if data is not None else None)
        except ImportError as error:
            raise SettingsError(
                "an HTML report draws with matplotlib, which is not installed: pip install 'feallm[bench]', or write a "
                ".md or .tex report"
            ) from error
    else:
        text = latex.write(parts) if suffix == ".tex" else markdown.write(parts)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror or error}") from error
    return output
