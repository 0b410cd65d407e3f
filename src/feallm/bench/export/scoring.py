"""What the exported code calls to score answers: FEALLM's own reader and metrics, so that the numbers are the same."""

import math
from collections.abc import Iterable

from pydantic import TypeAdapter

from feallm.bench.items import Item, Response
from feallm.bench.outcomes import FATES, Outcome, outcome
from feallm.bench.tasks import TASKS
from feallm.bench.tasks.task import Task

PER_CLASS = ("recall_", "f1_", "icc_", "mae_")
NOT_OF_TEXTS = frozenset({"own_label_agreement", "drop", "control_drop"})
"""Metrics that need more than a text."""
_ITEM: TypeAdapter[Item] = TypeAdapter(Item)


def metric_names(task: Task) -> list[str]:
    """The task's metrics that texts alone can have, the headline first; those of single classes and units left out."""
    tally = task.tally(())
    names = [name for name in tally.finish(tally.rows.sum(0)) if not name.startswith(PER_CLASS)]
    return [task.headline, *(name for name in names if name != task.headline and name not in NOT_OF_TEXTS)]


def outcomes_of(task: str, answers: Iterable[tuple[str, str | None]]) -> list[Outcome]:
    """Items (a line of JSON each) with the texts answered to them; None where there is no answer."""
    classes = TASKS[task].classes
    return [
        outcome(_ITEM.validate_json(item), None if text is None else Response(how="generation", text=text), classes)
        for item, text in answers
    ]


def metric(task: str, name: str, answers: Iterable[tuple[str, str | None]]) -> float:
    """One metric over all answers; NaN where it is not defined."""
    return metrics(task, answers)[name]


def metrics(task: str, answers: Iterable[tuple[str, str | None]]) -> dict[str, float]:
    """All metrics of `metric_names`, without intervals."""
    tally = TASKS[task].tally(outcomes_of(task, answers))
    found = tally.finish(tally.rows.sum(0))
    return {name: float(found[name]) if name in found else math.nan for name in metric_names(TASKS[task])}


def counts(task: str, answers: Iterable[tuple[str, str | None]]) -> dict[str, int]:
    """How many items there are ("n"), and how many of each fate ("n_answered" …)."""
    fates = [one.fate for one in outcomes_of(task, answers)]
    return {"n": len(fates), **{f"n_{fate}": fates.count(fate) for fate in FATES}}
