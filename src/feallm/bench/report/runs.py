"""Scored runs as a report reads them: checked where they enter, and put in a fixed order."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from feallm.bench.manifest import Manifest, Model, spoken_name
from feallm.bench.outcomes import Outcome
from feallm.bench.predictions import RunError
from feallm.bench.report.worst import Case, worst_cases
from feallm.bench.score import SCORE, find_runs, load_outcomes, score
from feallm.bench.tasks import TASKS
from feallm.settings import Strict


class Number(Strict):
    """A metric with its 95 % interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class ScoreFile(Strict):
    """`score.json`: see `bench.score`."""

    run: Manifest
    counts: dict[str, int]
    metrics: dict[str, Number]
    tables: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Run:
    """One model's scored answers to one task.

    `how` its answers came about, the most frequent first ("" not known); `label` names the model and is unique among
    the runs of its task; `worst` are its most confident wrong answers.
    """

    folder: Path
    made: Manifest
    counts: dict[str, int]
    metrics: dict[str, Number]
    tables: dict[str, list[dict[str, Any]]]
    how: str
    worst: tuple[Case, ...]
    label: str = ""

    @property
    def n(self) -> int:
        return self.counts["n"]

    @property
    def headline(self) -> float | None:
        number = self.metrics.get(self.made.headline)
        return number.value if number is not None else None


def read_runs(folders: Sequence[str | Path]) -> list[Run]:
    """The runs at or below the folders. What has no score, or more answers than its score knows, is scored.

    In the order of the tasks in `bench.tasks`, the best headline first. Raises RunError where a folder holds no run or
    its files cannot be used.
    """
    paths = find_runs([Path(folder).expanduser() for folder in folders])
    runs = [_read(folder) for folder in {path.resolve(): path for path in paths}.values()]
    return _labelled(sorted(runs, key=_order))


def _read(folder: Path) -> Run:
    manifest, outcomes, counts = load_outcomes(folder)
    found = _score_of(folder)
    if found is None or found.counts != counts or found.run.model_dump(mode="json") != manifest:
        score(folder)
        found = _score_of(folder)
        assert found is not None
    worst = worst_cases(outcomes, found.run)
    return Run(folder, found.run, found.counts, found.metrics, found.tables, _how(outcomes), worst)


def _score_of(folder: Path) -> ScoreFile | None:
    path = folder / SCORE
    if not path.is_file():
        return None
    try:
        return ScoreFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(
            f"{path} is damaged or of another release ({'.'.join(map(str, first['loc']))}: {first['msg']}): delete it, "
            f"then `feallm bench score {folder}` makes it again"
        ) from error


def _how(outcomes: Sequence[Outcome]) -> str:
    found = Counter(outcome.response.how for outcome in outcomes if outcome.response is not None)
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(name for name, _ in ordered if name)


def _order(run: Run) -> tuple[int, float, str, str]:
    places = list(TASKS)
    worth = -run.headline if run.headline is not None else float("inf")
    return places.index(run.made.task), worth, name_of(run.made.responder), str(run.folder)


def name_of(model: Model) -> str:
    """See `spoken_name`."""
    return spoken_name(model.name, model.model)


def _labelled(runs: list[Run]) -> list[Run]:
    """Names for the runs; those of a task that share one get what tells them apart, or a number."""
    shared: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        shared.setdefault((run.made.task, name_of(run.made.responder)), []).append(run)
    return [replace(run, label=_told_apart(run, shared[run.made.task, name_of(run.made.responder)])) for run in runs]


_TRAITS: tuple[Callable[[Run], str], ...] = (
    lambda run: run.how,
    lambda run: run.made.responder.revision,
    lambda run: run.folder.parent.name,
)


def _told_apart(run: Run, group: list[Run]) -> str:
    name = name_of(run.made.responder)
    if len(group) == 1:
        return name
    for trait in _TRAITS:
        traits = [trait(other) for other in group]
        if len(set(traits)) == len(group) and all(traits):
            return f"{name} ({trait(run)})"
    return f"{name} (run {group.index(run) + 1})"
