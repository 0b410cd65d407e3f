"""What the verbs do for one task or run after the other: open the model, find the data, go on past mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from feallm.bench.manifest import read_manifest
from feallm.bench.predictions import RunError
from feallm.bench.responders import Options, Responder, ResponderError, open_responder
from feallm.bench.run import run
from feallm.bench.score import TEXTS, find_runs, score, task_of
from feallm.bench.tasks import SUITES, find
from feallm.bench.tasks.task import Task
from feallm.bench.writer import RunResult, Watch
from feallm.settings import SettingsError, from_pairs
from feallm.tables import OutputError

if TYPE_CHECKING:
    from feallm.bench.judge import JudgeSettings

ENGINES = ("local", "ray")
MISTAKES = (ValueError, FileNotFoundError, NotADirectoryError)
"""What a user can put right: SettingsError, RunError, ResponderError and OutputError are ValueErrors."""
Say = Callable[[str], object]


@dataclass(frozen=True)
class Wishes:
    """The arguments of `feallm bench run`."""

    names: Sequence[str]
    model: str
    data: Path
    output: Path
    limit: int | None = None
    settings: Sequence[str] = ()
    engine: str = "local"
    workers: int = 2


def options_of(pairs: Sequence[str], data: Path | None = None) -> Options:
    """`--set KEY=VALUE` -> options; lists may be written with commas. Raises SettingsError, with the nearest key."""
    listed = [pair.replace("=", "=[", 1) + "]" if _plain_list(pair) else pair for pair in pairs]
    options = from_pairs(Options, listed, "--set")
    return options if options.data is not None or data is None else options.model_copy(update={"data": str(data)})


def _plain_list(pair: str) -> bool:
    key, _, value = pair.partition("=")
    return key == "trained_on" and not value.strip().startswith("[") and value.strip() not in {"null", "~"}


def data_of(task: Task, data: Path) -> Path:
    """Where a task's data are: in the folder of its source's name, where `data` has one, else in `data`."""
    return data / task.source if (data / task.source).is_dir() else data


def run_all(
    wishes: Wishes, say: Say, watch: Callable[[Task], AbstractContextManager[Watch | None]] = lambda task: nullcontext()
) -> Iterator[RunResult | None]:
    """Run the tasks one after the other, each into OUTPUT/TASK; None for one that could not be run, which `say` tells.

    Of a suite, what the model cannot answer is left out, and `say` tells that too. `watch` gives each task's progress.

    Raises:
        SettingsError, ValueError: unknown names or options, no data, a missing extra, or no task that can be run.
        ResponderError: the model cannot be used, or cannot go on.
        OutputError: the disk refuses.
        The task's mistake, where it is the only one.
    """
    tasks = find(wishes.names)
    options = options_of(wishes.settings, wishes.data)
    _check(wishes)
    with opened(wishes, options) as responder:
        wanted = _able(tasks, wishes.names, responder, say)
        for task in wanted:
            try:
                with watch(task) as progress:
                    result = _one(task, responder, wishes, options, progress)
            except (SettingsError, OutputError, ResponderError):
                raise
            except (ValueError, OSError) as error:
                if len(wanted) == 1:
                    raise
                say(f"{task.name}: {error}")
                yield None
            else:
                yield result


def score_all(
    folders: Sequence[Path], say: Say, data: Path | None = None, judge: JudgeSettings | None = None
) -> Iterator[dict[str, Any] | None]:
    """Score runs, see `score.score`; None for one that cannot be, which `say` tells or, for the only one, is raised."""
    for folder in folders:
        try:
            result = score(folder, *_places(folder, data, judge))
            if judge is not None and result["run"]["family"] not in TEXTS:
                say(f"{folder}: not judged, {result['run']['task']} asks for no texts")
        except (OutputError, ResponderError):
            raise
        except (ValueError, OSError) as error:
            if len(folders) == 1:
                raise
            say(f"{folder}: {error}")
            yield None
        else:
            yield result


def _places(folder: Path, data: Path | None, judge: JudgeSettings | None) -> tuple[Path | None, JudgeSettings | None]:
    """Where a run's data are, and the judge who knows it too."""
    if data is None:
        return None, judge
    place = data_of(task_of(read_manifest(folder).model_dump(mode="json")), data)
    if judge is not None and judge.data is None:
        judge = judge.model_copy(update={"data": str(place)})
    return place, judge


def pairs(a: Path, b: Path) -> list[tuple[Path, Path]]:
    """The runs of the same task at or under two folders. Raises RunError where there is no such pair, or no telling."""
    first, second = (_by_task(folder) for folder in (a, b))
    common = [task for task in first if task in second]
    if not common:
        raise RunError(
            f"{a} and {b} have no task in common: the one has {', '.join(first)}, the other {', '.join(second)}"
        )
    return [(first[task], second[task]) for task in common]


def _by_task(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for run_folder in find_runs([folder]):
        task = read_manifest(run_folder).task
        if task in found:
            raise RunError(f"{folder} holds two runs of {task}, {found[task]} and {run_folder}: name one of them")
        found[task] = run_folder
    return found


@contextmanager
def bar(task: Task) -> Iterator[Watch]:
    """A task's progress on a terminal: how many answers there are, how fast they come, the time left."""
    with tqdm(desc=task.name, unit=" answers", disable=None) as shown:

        def watch(done: int, items: int) -> None:
            if shown.total is None:
                shown.reset(items)
                shown.initial = shown.n = done
                shown.refresh()
            shown.update(done - shown.n)

        yield watch


def sentence(result: RunResult) -> str:
    """What a run came to, in a line."""
    told = f"{result.folder.name}: {result.answered:,} of {result.items:,} answered, {result.asked:,} of them now"
    if result.lacking:
        kinds = ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in sorted(result.lacking.items()))
        told += f"; no answer among them: {kinds}{f' ({result.why})' if result.why else ''}"
    if result.failed:
        reason = f" ({result.error})" if result.error else ""
        told += f"; {result.failed:,} failed{reason}: the same command asks them again"
    return told


def _check(wishes: Wishes) -> None:
    """See to what the run needs, before anything is loaded."""
    if wishes.engine not in ENGINES:
        raise SettingsError(f"no engine is called {wishes.engine!r}: local or ray")
    if wishes.engine == "ray" and find_spec("ray") is None:
        raise SettingsError("engine ray needs Ray: pip install 'feallm[ray]', or take --engine local")
    if wishes.workers < 1:
        raise SettingsError(f"at least one worker is needed, got {wishes.workers}")
    if not wishes.data.exists():
        raise SettingsError(f"no data at {wishes.data}: give the folder of the data set, or one that holds several")


@contextmanager
def opened(wishes: Wishes, options: Options) -> Iterator[Responder]:
    """The model, let go of at the end."""
    with ExitStack() as open_:
        if wishes.engine == "ray":
            from feallm.bench.ray_engine import Remote
            from feallm.cluster import session

            open_.enter_context(session(wishes.workers))  # started once, for the model's description and all tasks
            yield Remote(wishes.model, options, wishes.workers)
            return
        responder = open_responder(wishes.model, options)
        close = getattr(responder, "close", None)
        if close is not None:
            open_.callback(close)
        yield responder


def _able(tasks: Sequence[Task], names: Sequence[str], responder: Responder, say: Say) -> list[Task]:
    """The tasks that the model can answer, and those named by themselves, whose run says why it cannot."""
    able = []
    for task in tasks:
        lacking = [kind for kind in task.kinds if kind not in responder.info.kinds]
        if lacking and task.name not in names:
            say(f"{task.name}: left out, {responder.info.name} does not answer {', '.join(lacking)}")
        else:
            able.append(task)
    if not able:
        suites = ", ".join(name for name in names if name in SUITES)
        raise SettingsError(f"{responder.info.name} answers none of the tasks of {suites}: `feallm bench list`")
    return able


def _one(task: Task, responder: Responder, wishes: Wishes, options: Options, progress: Watch | None) -> RunResult:
    return run(
        task,
        responder,
        data_of(task, wishes.data),
        wishes.output / task.name,
        options=options,
        limit=wishes.limit,
        engine=wishes.engine,
        workers=wishes.workers,
        progress=progress,
    )
