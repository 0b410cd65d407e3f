"""Asking a model the items of a task, into a run folder that can be left and taken up again at any moment.

First `items.jsonl` and `run.json` are written, or compared with what is there; then whatever has no prediction is
asked, batch by batch, and each batch is on the disk before the next is asked. A run that was killed and taken up again
ends with the same bytes as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from feallm.bench.fingerprint import Fingerprint, differences
from feallm.bench.items import Prediction, Request, Response, Sample
from feallm.bench.manifest import RUN, check_same, manifest_of, read_manifest, write_manifest
from feallm.bench.predictions import (
    ITEMS,
    PREDICTIONS,
    Appender,
    Predictions,
    RunError,
    item_line,
    plain,
    prediction_line,
    read_items,
    read_predictions,
    writing,
)
from feallm.bench.responders.responder import Options, Responder, ResponderError
from feallm.bench.samples import Batches, Job, Loaded, prefetched, samples_of
from feallm.bench.score import RESULTS, SCORE
from feallm.bench.tasks.task import Task
from feallm.data.shards import PART

Answers = Iterator[list[tuple[str, Response]]]
"""Batch by batch, in order: samples with what was answered."""
Watch = Callable[[int, int], object]


@dataclass(frozen=True)
class RunResult:
    """What a run came to: of `items`, `answered` are on the disk now, `asked` of them by this call, and `failed` got no
    answer (`error`: the first one's) and are asked again by the next run."""

    folder: Path
    items: int
    answered: int
    asked: int
    failed: int = 0
    error: str | None = None

    @property
    def complete(self) -> bool:
        return self.answered == self.items


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
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    asked = _prepare(task, responder, path, output, options, limit)
    before = read_predictions(output / PREDICTIONS, asked, task.name)
    jobs = _jobs(asked, before, options.batch_size, responder.info.independent)
    batches = Batches(task, path, options.batch_size, limit)
    writer = _Writer(output, task.name, asked, before, progress)
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


class _Writer:
    """Takes answers and appends what the folder lacks."""

    def __init__(
        self, folder: Path, task: str, asked: Mapping[str, str], before: Predictions, progress: Watch | None
    ) -> None:
        self.folder, self.task, self.asked, self.before, self.progress = folder, task, asked, before, progress
        self.done = dict.fromkeys(before.by_sample)
        self.failed: dict[str, str | None] = {}
        self._watch()

    def write(self, answers: Answers) -> None:
        """Append batch by batch. Raises RunError where the data change under way, OutputError as the disk refuses."""
        for stale in (SCORE, RESULTS):
            (self.folder / stale).unlink(missing_ok=True)
        with writing(self.folder):
            appender = Appender(self.folder / PREDICTIONS, self.before.size)
        try:
            for batch in answers:
                lines = [line for sample, response in batch if (line := self._line(sample, response))]
                with writing(self.folder):
                    appender.append(lines)
                self._watch()
        finally:
            appender.close()
        if not self.failed and len(self.done) == len(self.asked):
            self._settle()

    def result(self) -> RunResult:
        error = next((error for error in self.failed.values() if error), None)
        asked = len(self.done) - len(self.before.by_sample)
        return RunResult(self.folder, len(self.asked), len(self.done), asked, len(self.failed), error)

    def told(self) -> str:
        done, wanted = f"{len(self.done):,}", f"{len(self.asked):,}"
        return f"{done} of {wanted} answers are kept in {self.folder}: the same command goes on there"

    def _line(self, sample: str, response: Response) -> bytes | None:
        """The line of a response that is to be written: none for one that is there already, or that failed."""
        if sample not in self.asked:
            raise RunError(f"{sample!r} was not in the data as the run began: have they changed? Run again")
        if sample in self.done:
            return None
        try:
            line = prediction_line(Prediction(sample, self.asked[sample], response))
        except ValueError as error:
            response = replace(response, status="failed", error=f"the model's numbers cannot be written: {error}")
        if response.status == "failed":
            self.failed[sample] = response.error
            return None
        self.done[sample] = None
        return line

    def _settle(self) -> None:
        """Put the lines of a finished run into the order of the items, where failures have changed it."""
        if list(self.done) == list(self.asked):
            return
        path = self.folder / PREDICTIONS
        found = read_predictions(path, self.asked, self.task).by_sample
        part = path.with_name(path.name + PART)
        with writing(self.folder):
            part.unlink(missing_ok=True)
            appender = Appender(part, 0)
            appender.append([prediction_line(found[sample]) for sample in self.asked])
            appender.close()
            part.replace(path)

    def _watch(self) -> None:
        if self.progress is not None:
            self.progress(len(self.done), len(self.asked))
