"""FEABench's tasks in the form of other benchmarks' code: lmms-eval and VLMEvalKit."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from feallm._version import __version__
from feallm.bench.export import lmms_eval, vlmevalkit
from feallm.bench.export.rows import Row, rows_of
from feallm.bench.session import data_of
from feallm.bench.tasks import TASKS, find
from feallm.bench.tasks.task import Task
from feallm.data.sources import SOURCES
from feallm.settings import SettingsError
from feallm.tables import OutputError

FORMS = {"lmms-eval": lmms_eval, "vlmevalkit": vlmevalkit}
FAMILIES = frozenset({"emotion", "au", "describe", "reason"})
"""What other code can run: one picture, one question, one text."""
README = "README.md"
_HEAD = """# FEABench for {form}

Written by feallm {version}.
{use}
## Data and licences

{data}

The pictures belong to the owners of the data sets. Files with pictures in them must not be passed on, published or
uploaded, and must be kept as the agreement with the owners says; the other files may be.

{licences}
"""


def export(
    to: str,
    output: str | Path,
    tasks: Sequence[str] | None = None,
    data: str | Path | None = None,
    limit: int | None = None,
) -> list[Path]:
    """Write tasks to the folder `output` in the form `to`: "lmms-eval" or "vlmevalkit"; the files written.

    Without `data`, the folder of the data set (or one with a folder for each source), what is written asks and scores,
    but has no pictures; with it they are written too, of the first items for tests where there is a `limit` of faces.
    `tasks` are names of tasks and suites; of those that are not named themselves (none: all that can be exported) the
    ones whose data are not in the folder go without, and what cannot be exported is left out.

    Raises:
        SettingsError: an unknown form, a task that cannot be exported, a picture that cannot be read.
        ValueError, OSError: an unknown task, or data of a named one that are not there.
        OutputError: the folder cannot be written.
    """
    if to not in FORMS:
        raise SettingsError(f"cannot export to {to!r}: the forms are {', '.join(FORMS)}")
    output = Path(output).expanduser()
    wanted, named = _wanted(tasks), frozenset(tasks or ())
    given = {task.name: _rows(task, data, limit, task.name in named) for task in wanted}
    filled = {name: rows for name, rows in given.items() if rows is not None}
    try:
        output.mkdir(parents=True, exist_ok=True)
        if to == "lmms-eval":
            paths = [path for task in wanted for path in lmms_eval.define(task, output)]
        else:
            paths = vlmevalkit.define(wanted, output)
        paths += [FORMS[to].write(TASKS[name], rows, output) for name, rows in filled.items()]
        (output / README).write_text(_readme(to, wanted, list(filled)), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {output}: {error.strerror or error}") from error
    return [*paths, output / README]


def _wanted(names: Sequence[str] | None) -> list[Task]:
    if not names:
        return [task for task in TASKS.values() if task.family in FAMILIES]
    found = find(names)
    others = [task.name for task in found if task.family not in FAMILIES and task.name in names]
    if others:
        raise SettingsError(
            f"{', '.join(others)} cannot be exported: their scores compare answers to several views of a face, "
            f"which only `feallm bench run` asks for; name some of {', '.join(task.name for task in _wanted(None))}"
        )
    return [task for task in found if task.family in FAMILIES]


def _rows(task: Task, data: str | Path | None, limit: int | None, named: bool) -> Iterator[Row] | None:
    """The rows of a task; None without data, or where they are not there and nobody asked for the task by name."""
    if data is None:
        return None
    rows = rows_of(task, data_of(task, Path(data).expanduser()), limit)
    try:
        first = next(rows, None)
    except (OSError, ValueError):
        if named:
            raise
        return None
    if first is None and named:
        raise SettingsError(f"{data} holds no face of {task.source}'s split {task.split}, which {task.name} asks about")
    return chain([first], rows) if first is not None else None


def _readme(to: str, wanted: Sequence[Task], filled: Sequence[str]) -> str:
    names = [task.name for task in wanted]
    example = FORMS[to].PREFIX + (filled or names)[0]
    use = FORMS[to].README.format(example=example, class_file=vlmevalkit.CLASS_FILE)
    without = [name for name in names if name not in filled]
    lines = [f"With data: {', '.join(filled) or 'none'}."]
    if without:
        lines.append(
            f"Without: {', '.join(without)}. `feallm bench export --to {to} -o THIS_FOLDER --data DIR` adds them from "
            "your own copy."
        )
    licences = "\n".join(
        f"- {SOURCES[source].title}: {SOURCES[source].licence}" for source in dict.fromkeys(t.source for t in wanted)
    )
    return _HEAD.format(form=to, version=__version__, use=use, data="\n".join(lines), licences=licences)
