"""Writing the answers of a run as they come: what the folder lacks is appended, batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from feallm.bench.items import Prediction, Response
from feallm.bench.predictions import (
    PREDICTIONS,
    Appender,
    Predictions,
    RunError,
    prediction_line,
    read_predictions,
    writing,
)
from feallm.bench.score import RESULTS, SCORE
from feallm.data.shards import PART

Answers = Iterator[list[tuple[str, Response]]]
"""Batch by batch, in order: samples with what was answered."""
Watch = Callable[[int, int], object]


@dataclass(frozen=True)
class RunResult:
    """What a run came to: of `items`, `answered` are on the disk now, `asked` of them by this call, and `failed` got no
    answer (`error`: the first one's) and are asked again by the next run.

    `lacking`: of those on the disk, how many are no answer, by status ("unreadable", "no_face"); `why`: what the first
    of them that says so says.
    """

    folder: Path
    items: int
    answered: int
    asked: int
    failed: int = 0
    error: str | None = None
    lacking: Mapping[str, int] = field(default_factory=dict)
    why: str | None = None

    @property
    def complete(self) -> bool:
        return self.answered == self.items


class Writer:
    """Takes answers and appends what the folder lacks."""

    def __init__(
        self, folder: Path, task: str, asked: Mapping[str, str], before: Predictions, progress: Watch | None
    ) -> None:
        self.folder, self.task, self.asked, self.before, self.progress = folder, task, asked, before, progress
        self.done = dict.fromkeys(before.by_sample)
        self.failed: dict[str, str | None] = {}
        self.lacking: Counter[str] = Counter()
        self.why: str | None = None
        for prediction in before.by_sample.values():
            self._note(prediction.response)
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
        done = len(self.done)
        return RunResult(self.folder, len(self.asked), done, asked, len(self.failed), error, self.lacking, self.why)

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
        self._note(response)
        return line

    def _note(self, response: Response) -> None:
        if response.status != "ok":
            self.lacking[response.status] += 1
            self.why = self.why or response.error

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
