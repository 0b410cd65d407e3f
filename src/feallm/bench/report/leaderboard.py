"""The tables of a report: a leaderboard for each task, suites side by side, and what papers report, apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from feallm.bench.items import KINDS
from feallm.bench.outcomes import FATES
from feallm.bench.published import published
from feallm.bench.report.metrics import (
    BREAKDOWNS,
    MAIN,
    Breakdown,
    judged,
    name_of_metric,
    shown,
    shown_with_interval,
    written,
)
from feallm.bench.report.runs import Run
from feallm.bench.report.table import ABSENT, Table, cell, share
from feallm.facs.action_units import ACTION_UNITS

FATE_NAMES = {fate: fate.replace("_", " ") for fate in FATES} | {"no_face": "no face found"}
CONTAMINATION = {
    "none": "none known",
    "same set": "another split of the set",
    "seen": "these pictures",
    "unknown": "unknown",
}

_TRAINED = {
    "seen": "Trained on these very pictures, so no test",
    "same set": "Trained on another split of this set, so not zero-shot",
}


@dataclass(frozen=True)
class Section:
    """Everything a report says of one task. `warnings` are reasons not to compare its rows."""

    task: str
    title: str
    protocol: str
    runs: tuple[Run, ...]
    scores: Table
    answers: Table
    breakdowns: tuple[Table, ...]
    published: Table | None
    warnings: tuple[str, ...]


def sections(runs: Sequence[Run]) -> list[Section]:
    """One for each task, in the order of the runs."""
    return [_section(task, tuple(group)) for task, group in groupby(runs, key=lambda run: run.made.task)]


def _section(task: str, runs: tuple[Run, ...]) -> Section:
    first = runs[0].made
    return Section(
        task,
        first.title,
        first.protocol,
        runs,
        scores_table(runs),
        answers_table(runs),
        tuple(table for kind in BREAKDOWNS if (table := breakdown_table(runs, kind)) is not None),
        published_table(task),
        tuple(_warnings(runs)),
    )


def scores_table(runs: Sequence[Run]) -> Table:
    """One row a model: the headline with its interval, other main metrics, contamination."""
    made = runs[0].made
    others = [
        name for name in MAIN.get(made.family, ()) if name != made.headline and any(name in run.metrics for run in runs)
    ]
    headline = f"{name_of_metric(made.headline)} [95\N{NO-BREAK SPACE}%]"
    heads = ("model", "how", headline, "n", "trained on it", *map(name_of_metric, others))
    rows = tuple(
        (
            run.label,
            run.how or ABSENT,
            shown_with_interval(made.headline, run.metrics.get(made.headline)),
            f"{run.n:,}",
            CONTAMINATION[run.made.contamination],
            *(shown(name, run.metrics.get(name)) for name in others),
        )
        for run in runs
    )
    said = ((run, told) for run in runs for told in (run.made.responder.note, judged(run.tables)) if told)
    notes = tuple(f"{run.label}: {told}" for run, told in said)
    return Table(f"{made.title}: scores", heads, rows, frozenset({0, 1, 4}), notes)


def answers_table(runs: Sequence[Run]) -> Table:
    """What became of the items. All but the answered ones count as wrong."""
    heads = ("model", "n", *FATE_NAMES.values())
    rows = tuple(
        (
            run.label,
            f"{run.n:,}",
            *(share(run.counts.get(fate, 0), run.n) for fate in FATES),
        )
        for run in runs
    )
    note = "Whatever is not answered counts as wrong; no answer is mapped to a class that it does not name."
    return Table(f"{runs[0].made.title}: what became of the answers", heads, rows, notes=(note,))


def breakdown_table(runs: Sequence[Run], kind: Breakdown) -> Table | None:
    """One row a model, one column a class or unit, out of the table of that name; None where no run has one."""
    held = [(run, {str(row.get(kind.key)): row for row in run.tables.get(kind.table, [])}) for run in runs]
    held = [(run, rows) for run, rows in held if rows and any(kind.value in row for row in rows.values())]
    if not held:
        return None
    names = list(dict.fromkeys(name for _, rows in held for name in rows))
    lines = [
        (name_of_metric(base), *(written(base, _first(held, name, base)) for name in names))
        for base in kind.bases
        if any(base in row for _, rows in held for row in rows.values())
    ]
    for run, rows in held:
        values = (_number(rows.get(name, {}).get(kind.value)) for name in names)
        lines.append((run.label, *(written(kind.value, value) for value in values)))
    heads = (ACTION_UNITS[name].short if name in ACTION_UNITS else name for name in names)
    return Table(f"{runs[0].made.title}: {kind.title}", ("", *heads), tuple(lines))


def _first(held: Sequence[tuple[Run, dict[str, dict[str, Any]]]], name: str, column: str) -> float | None:
    """What the first run says that knows: what is about the truth is the same for all."""
    return next((_number(rows[name][column]) for _, rows in held if column in rows.get(name, {})), None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def published_table(task: str) -> Table | None:
    """What papers report on the task; None where none does."""
    found = published(task)
    if not found:
        return None
    rows = tuple(
        (row.system, name_of_metric(row.metric), f"{row.value:.1f}", row.source, "; ".join(row.flags)) for row in found
    )
    note = (
        "Not measured here, and not comparable line by line: other prompts, readers, crops or frames lie behind each. "
        "Given for orientation."
    )
    heads = ("system", "metric", "value", "as reported by", "said with it")
    return Table("Published numbers, not measured here", heads, rows, frozenset({0, 1, 3, 4}), (note,), apart=True)


def side_by_side(parts: Sequence[Section]) -> Table | None:
    """Models down, tasks across, the headline of each; None for a single task."""
    if len(parts) < 2:
        return None
    labels = list(dict.fromkeys(run.label for part in parts for run in part.runs))
    worth = {
        (run.label, part.task): shown(run.made.headline, run.metrics.get(run.made.headline))
        for part in parts
        for run in part.runs
    }
    heads = ("model", *(f"{part.task}: {name_of_metric(part.runs[0].made.headline)}" for part in parts))
    rows = tuple((label, *(worth.get((label, part.task), ABSENT) for part in parts)) for label in labels)
    return Table("The headline of each task", heads, rows)


def made_table(part: Section) -> Table:
    """How each run of a task was made."""
    heads = ("", *(run.label for run in part.runs))
    rows = [(what, *(str(facts[what]) for facts in map(_facts, part.runs))) for what in _facts(part.runs[0])]
    return Table(f"{part.title}: how each run was made", heads, tuple(rows), frozenset(range(len(heads))))


def _facts(run: Run) -> dict[str, str]:
    made, model = run.made, run.made.responder
    unasked = set(KINDS) - set(made.questions)
    trained = ABSENT if model.trained_on is None else ", ".join(model.trained_on) or "none of the sets known here"
    return {
        "model": " ".join(part for part in (model.name, model.model) if part),
        "revision": model.revision or ABSENT,
        "trained on": trained,
        "answers by": run.how or ABSENT,
        "decoding": cell({name: held for name, held in model.decoding.items() if name not in unasked}),
        "image size": model.image_size or ABSENT,
        "seed": cell(made.options.get("seed")),
        "items": f"{made.items:,}" + (f" (limited to {made.limit:,} faces)" if made.limit else ""),
        "picture": "face crops" if made.is_crop else "whole pictures or cut out by box",
        "fingerprint": made.fingerprint or ABSENT,
        "FEALLM version": made.version or ABSENT,
    }


def _warnings(runs: Sequence[Run]) -> Iterable[str]:
    if len({run.made.fingerprint for run in runs}) > 1:
        yield "The runs are not of the same items: compare no two rows whose fingerprints (below) differ."
    if len({tuple(sorted(run.made.questions.items())) for run in runs}) > 1:
        yield "The runs were asked in different words."
    limited = [run.label for run in runs if run.made.limit]
    if limited:
        yield f"Limited to some of the faces, so no score of the whole task: {', '.join(limited)}."
    for run in runs:
        if run.counts["missing"]:
            yield f"{run.label}: {share(run.counts['missing'], run.n)} of the answers are missing, counted as wrong."
    for kind, said in _TRAINED.items():
        trained = [run.label for run in runs if run.made.contamination == kind]
        if trained:
            yield f"{said}: {', '.join(trained)}."
