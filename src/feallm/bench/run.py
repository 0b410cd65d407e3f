"""Asking a model the items of a task, into a run folder that can be left and taken up again at any moment.

First `items.jsonl` and `run.json` are written, or compared with what is there; then whatever has no prediction is
asked, batch by batch, and each batch is on the disk before the next is asked. A run that was killed and taken up again
ends with the same bytes as one that was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from feallm.bench.fingerprint import Fingerprint, differences
from feallm.bench.items import Request, Response, Sample
from feallm.bench.manifest import RUN, check_same, manifest_of, read_manifest, write_manifest
from feallm.bench.predictions import (
    ITEMS,
    PREDICTIONS,
    Predictions,
    RunError,
    item_line,
    plain,
    read_items,
    read_predictions,
    writing,
)
from feallm.bench.responders.responder import Options, Responder, ResponderError
from feallm.bench.samples import Batches, Job, Loaded, samples_of
from feallm.bench.tasks.task import Task
from feallm.bench.writer import Answers, RunResult, Watch, Writer
from feallm.data.shards import PART
from feallm.media.ahead import prefetched
from feallm.tables import OutputError


def run(
    task: Task,
    responder: Responder,
    path: Path,
    output: Path,
    *,
    options: Options,
    limit: int | None = None,
    engine: str = "local",
    workers: int = 2,
    progress: Watch | None = None,
) -> RunResult:
    """Ask `responder` the items of `task`, whose data are at `path`, into the folder `output`; or go on with that.

    `options` are those the responder was opened with; their `batch_size` counts. `limit`: so many faces, the same for
    every model. `engine` "ray" needs a `ray_engine.Remote` as the responder, opened by `workers` actors. `progress` is
    told how many items have a prediction, and how many there are.

    Raises:
        RunError: the model cannot answer the task, the folder holds another run, or the data have changed.
        ResponderError: the model cannot go on. What was answered is kept.
        FileNotFoundError, ValueError: the data are not there, or not as their owners ship them.
        OutputError: the disk refuses.
    """
    check_kinds(task, responder)
    with _folder(output):
        asked = _prepare(task, responder, path, output, options, limit)
    before = read_predictions(output / PREDICTIONS, asked, task.name)
    jobs = _jobs(asked, before, options.batch_size, responder.info.independent)
    batches = Batches(task, path, options.batch_size, limit)
    writer = Writer(output, task.name, asked, before, progress)
    try:
        if jobs:
            with _answers(engine, responder, batches, jobs, options, workers) as answers:
                writer.write(answers)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"stopped: {writer.told()}") from stop
    except ResponderError as error:
        raise ResponderError(f"{error}\n{writer.told()}") from error
    return writer.result()


def check_kinds(task: Task, responder: Responder) -> None:
    """Raises RunError where the model cannot answer what the task asks."""
    lacking = [kind for kind in task.kinds if kind not in responder.info.kinds]
    if lacking:
        can = ", ".join(sorted(responder.info.kinds)) or "nothing"
        raise RunError(
            f"{task.name} asks for {', '.join(lacking)}, which {responder.info.name} {responder.info.model} cannot "
            f"answer (it answers {can}): choose another model or another task"
        )


def answer(responder: Responder, loaded: Loaded) -> list[tuple[str, Response]]:
    """One batch's samples with their responses. Raises ResponderError where there are not as many as were asked."""
    requests = [request for _, request in loaded if isinstance(request, Request)]
    responses = responder.respond(requests) if requests else []
    if len(responses) != len(requests):
        raise ResponderError(
            f"{responder.info.name} gave {len(responses)} responses to {len(requests)} requests: one each, in order, "
            "is expected of a responder"
        )
    given = iter(responses)
    return [(sample, one if isinstance(one, Response) else next(given)) for sample, one in loaded]


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Makes a run folder; takes back what nothing came of. Raises OutputError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {folder}: {error.strerror or error}; choose another output folder"
        ) from error
    try:
        yield
    except BaseException:
        with suppress(OSError):
            (folder / (ITEMS + PART)).unlink(missing_ok=True)
            folder.rmdir()  # only an empty one goes
        raise


def _prepare(
    task: Task, responder: Responder, path: Path, folder: Path, options: Options, limit: int | None
) -> dict[str, str]:
    """Write the items and the manifest, or see that they are those of the folder. Returns sample -> digest asked."""
    known = read_manifest(folder) if (folder / RUN).is_file() else None
    if known is None and (folder / PREDICTIONS).is_file():
        raise RunError(f"{folder} holds predictions of no run that is known ({RUN} is gone): choose another folder")
    if known is not None:
        now = manifest_of(task, responder.info, options, known.items, known.fingerprint, limit)
        check_same(folder, known, now)
    part = folder / (ITEMS + PART)
    asked, found = _write_items(part, samples_of(task, path, limit))
    if not asked:
        raise RunError(f"{task.name} has no items in {path}: none of its {task.source} faces has the labels it needs")
    if known is not None and known.fingerprint != found:
        told = differences(read_items(folder / ITEMS), read_items(part))
        raise RunError(
            f"the data in {path} are not those {folder} was begun with: {told or 'written in another form'}; give the "
            "same data to go on, or choose another output folder"
        )
    with writing(folder):
        part.replace(folder / ITEMS)
        if known is None:
            write_manifest(folder, manifest_of(task, responder.info, options, len(asked), found, limit))
    return asked


def _write_items(path: Path, samples: Iterable[Sample]) -> tuple[dict[str, str], str]:
    """Write the samples' items. Returns sample -> digest asked, and the items' fingerprint."""
    asked: dict[str, str] = {}
    grown = Fingerprint()
    with writing(path.parent):
        stream = path.open("wb")
    with stream:
        for sample in samples:
            line, name = item_line(sample.item), plain(sample.item.sample)
            if name in asked:
                raise RunError(f"the data hold two items named {name!r}: `feallm data check` finds such rows")
            asked[name] = sample.item.asked
            grown.add(line)
            with writing(path.parent):
                stream.write(line)
    return asked, str(grown)


def _jobs(asked: Mapping[str, str], before: Predictions, size: int, independent: bool) -> list[Job]:
    """The batches that lack predictions: whole ones, where a model may answer otherwise beside other faces."""
    samples = list(asked)
    jobs = []
    for start in range(0, len(samples), size):
        batch = samples[start : start + size]
        missing = [sample for sample in batch if sample not in before.by_sample]
        if missing:
            jobs.append(Job(start // size, frozenset(missing if independent else batch)))
    return jobs


@contextmanager
def _answers(
    engine: str, responder: Responder, batches: Batches, jobs: Sequence[Job], options: Options, workers: int
) -> Iterator[Answers]:
    if engine == "local":
        with prefetched(jobs, batches.load) as loaded:
            yield (answer(responder, one) for one in loaded)
    elif engine == "ray":
        from feallm.bench.ray_engine import Remote, answer_ray

        if not isinstance(responder, Remote):
            raise RunError("engine ray opens the model in its actors: give a ray_engine.Remote as the responder")
        yield answer_ray(responder, batches, jobs, workers)
    else:
        raise RunError(f"no engine is called {engine!r}: local or ray")
