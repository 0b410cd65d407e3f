"""Scoring reads a run folder and needs no model: items and predictions -> outcomes -> `score.json`, `results.jsonl`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feallm.bench.fingerprint import differences
from feallm.bench.manifest import RUN, Manifest, of_the_task, read_manifest
from feallm.bench.outcomes import FATES, Outcome
from feallm.bench.predictions import ITEMS, PREDICTIONS, RunError, encode, read_items, read_predictions, writing
from feallm.bench.reading import read_all
from feallm.bench.tally import Metric, Score
from feallm.bench.tasks.task import Task
from feallm.data.shards import replace_text

if TYPE_CHECKING:
    from feallm.bench.judge import JudgeSettings

SCORE, RESULTS = "score.json", "results.jsonl"
TEXTS = frozenset({"describe", "reason"})
"""Families whose answers a judge may mark."""


def load_outcomes(folder: Path) -> tuple[dict[str, Any], list[Outcome], dict[str, int]]:
    """A run folder's manifest, an outcome for each of its items in order, and how many there are of each fate.

    The counts: "n", every fate of `outcomes.FATES` ("missing": not predicted), "duplicates" (lines that repeat one
    before them) and "half_line" (1 where the last line was cut short). Raises RunError where files are damaged or do
    not belong together.
    """
    manifest, items = read_manifest(folder), list(read_items(folder / ITEMS))
    if len(items) != manifest.items:
        raise RunError(
            f"{folder / ITEMS} has {len(items):,} items, {RUN} says {manifest.items:,}: copy the folder again, or run "
            "again into another one"
        )
    asked = {item.sample: item.asked for item in items}
    answers = read_predictions(folder / PREDICTIONS, asked, manifest.task)
    found = (answers.by_sample.get(item.sample) for item in items)
    responses = (prediction.response if prediction is not None else None for prediction in found)
    outcomes = read_all(list(zip(items, responses, strict=True)), manifest.classes)
    fates = [one.fate for one in outcomes]
    counts = {"n": len(items)}
    counts |= {fate: fates.count(fate) for fate in FATES}
    counts |= {"duplicates": answers.duplicates, "half_line": int(answers.half_line)}
    return manifest.model_dump(mode="json"), outcomes, counts


def task_of(manifest: Mapping[str, Any]) -> Task:
    """The task of a run. Raises RunError where this release does not know it, or asks it otherwise."""
    from feallm.bench.tasks import TASKS

    name, version = manifest["task"], manifest["version"]
    if name not in TASKS:
        raise RunError(f"the task {name!r} is not known to this release; feallm {version} ran it: score it with that")
    now = {"task": name, **_jsonable(of_the_task(TASKS[name]))}
    for key in ("questions", "classes", "units", "positive", "label_set", "source", "split"):
        if now[key] != manifest[key]:
            raise RunError(
                f"the run's {key} of {name} are {manifest[key]!r}, this release has {now[key]!r}: score it with "
                f"feallm {version}, which ran it, or run it again"
            )
    return TASKS[name]


def score(folder: Path, data: Path | None = None, judge: JudgeSettings | None = None) -> dict[str, Any]:
    """Score a run, write `score.json` and `results.jsonl` beside it, and return what `score.json` says.

    `data`: the folder of the task's data, to see that the items are still what it holds. `judge`: who is to mark its
    texts, where the task asks for texts.

    Raises:
        RunError: the folder cannot be used, or the data have changed.
        ResponderError: the judge cannot go on.
        OutputError: the folder cannot be written.
    """
    manifest, outcomes, counts = load_outcomes(folder)
    task = task_of(manifest)
    if data is not None:
        check_data(folder, task, data)
    found = task.score(outcomes)
    result: dict[str, Any] = {
        "run": manifest,
        "counts": counts,
        "metrics": {name: _metric(metric) for name, metric in found.metrics.items()},
        "tables": finite(found.tables),
    }
    if judge is not None and task.family in TEXTS:
        from feallm.bench.judge import judge as mark

        marked = mark(folder, judge)
        result["metrics"] |= marked["metrics"]
        result["tables"] |= marked["tables"]
    write_score(folder, result, found)
    return result


def check_data(folder: Path, task: Task, data: Path) -> None:
    """Raises RunError where the data are no longer what was asked about."""
    from feallm.bench.samples import samples_of

    manifest = read_manifest(folder)
    now = (sample.item for sample in samples_of(task, data, manifest.limit))
    told = differences(read_items(folder / ITEMS), now)
    if told:
        raise RunError(
            f"{folder} was run on other data than {data} holds now: {told}; give the data of the run, or leave out "
            "--data to score the run by the labels it was made with"
        )


def write_score(folder: Path, result: Mapping[str, Any], found: Score) -> None:
    """Write `results.jsonl` and `score.json`, each whole or not at all."""
    rows = b"".join(encode(finite(row)) for row in found.results)
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
    with writing(folder):
        replace_text(folder / RESULTS, rows.decode())
        replace_text(folder / SCORE, text + "\n")


def find_runs(paths: Iterable[Path]) -> list[Path]:
    """The run folders at or anywhere under the paths, each once, sorted within a path. Raises RunError for a path
    without any."""
    found: dict[Path, None] = {}
    for path in paths:
        runs = [path] if (path / RUN).is_file() else sorted(file.parent for file in path.rglob(RUN))
        if not runs:
            raise RunError(f"no run in {path}: expected a folder with {RUN}, made by `feallm bench run`")
        found |= dict.fromkeys(runs)
    return list(found)


def finite(value: Any) -> Any:
    """`value` in JSON's own types, with None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): finite(held) for key, held in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, Sequence):
        return [finite(held) for held in value]
    if hasattr(value, "item"):  # numpy's numbers
        value = value.item()
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _metric(metric: Metric) -> dict[str, Any]:
    return {name: finite(getattr(metric, name)) for name in ("value", "low", "high")}


def _jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(values))
    return read


__all__ = ["Manifest", "check_data", "find_runs", "load_outcomes", "score", "task_of"]
