"""The benchmark on a terminal: what can be asked, and what runs are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from feallm.bench.manifest import spoken_name
from feallm.bench.outcomes import FATES
from feallm.bench.report.metrics import MAIN, judged, name_of_metric, shown_with_interval
from feallm.bench.tally import Metric
from feallm.bench.tasks.task import Task

DOUBTS = {
    "seen": "trained on these very pictures: not a test of what it has learned",
    "same set": "trained on another split of this set: not zero-shot",
    "unknown": "what it was trained on is not known: say it with --set trained_on=SOURCE,…",
}
"""Contamination -> what a reader of the number must know."""


def registry(tasks: Mapping[str, Task], suites: Mapping[str, Sequence[str]]) -> RenderableType:
    """Every task in a line, then the suites."""
    table = _grid("task", "what it is", "data", "asks for")
    table.columns[2].no_wrap = table.columns[3].no_wrap = True
    for name, task in tasks.items():
        cells = (task.title.removeprefix("FEABench-mini: "), f"{task.source} {task.split}", _asks(task))
        table.add_row(Text(name, "bold"), *map(Text, cells))
    grouped = _grid("suite", "tasks")
    for name, members in suites.items():
        grouped.add_row(Text(name, "bold"), Text(", ".join(members)))
    return Group(table, "", grouped)


def _asks(task: Task) -> str:
    """ "7 emotions" to choose from, "15 units", "a text"."""
    units = f"{len(task.units)} units" if task.units else "units"
    words = {"emotion": f"{len(task.classes)} emotions", "aus": units}
    return ", ".join(words.get(kind, "a text") for kind in task.kinds)


def details(task: Task) -> RenderableType:
    """A task at length: protocol, question, choices."""
    data = f"{task.source} {task.split}, headline {name_of_metric(task.headline)}"
    lines = [Text(f"{task.name}  ", "bold").append(task.title, "not bold"), Text(data, "dim"), Text(task.protocol)]
    lines += [Text(f"{kind}: ", "dim").append(question, "not dim") for kind, question in task.questions.items()]
    if task.classes or task.units:
        lines.append(Text("choices: ", "dim").append(", ".join(task.classes or task.units), "not dim"))
    return Group(*lines, "")


def scores(results: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A block a scored run: the headline and the other leading metrics, and what was no answer; then the doubts."""
    blocks: list[RenderableType] = []
    doubts: dict[tuple[str, str], list[str]] = {}
    for result in results:
        made, counts = result["run"], result["counts"]
        model = spoken_name(made["responder"]["name"], made["responder"]["model"])
        blocks.append(Text(made["task"], "bold").append(f"  {model}, {counts['n']:,} items", "not bold"))
        told = [f"{name_of_metric(name)} {shown_with_interval(name, Metric(**one))}" for name, one in _leading(result)]
        lines = [Text(told[0], "bold")] if told else []
        lines += [Text(line) for line in (", ".join(told[1:]), _unanswered(counts), judged(result["tables"])) if line]
        blocks += [Padding(line, (0, 0, 0, 2)) for line in lines]
        if made["contamination"] in DOUBTS:
            doubts.setdefault((model, made["contamination"]), []).append(made["task"])
    warnings = [f"{model} on {', '.join(names)}: {DOUBTS[kind]}" for (model, kind), names in doubts.items()]
    return Group(*blocks, *(Text(warning, "yellow") for warning in warnings))


def _leading(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    metrics, made = result["metrics"], result["run"]
    names = dict.fromkeys([made["headline"], *MAIN.get(made["family"], ())])
    return [(name, metrics[name]) for name in names if name in metrics]


def _unanswered(counts: Mapping[str, int]) -> str:
    told = [f"{counts[fate]:,} {fate.replace('_', ' ')}" for fate in FATES if fate != "answered" and counts[fate]]
    told += [f"{counts['duplicates']:,} said twice"] if counts["duplicates"] else []
    told += ["last line cut short"] if counts["half_line"] else []
    more = ": `feallm bench run`, as it was called, asks for what is missing" if counts["missing"] else ""
    return ", ".join(told) + more


def _grid(*heads: str) -> Table:
    table = Table(*heads, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.columns[0].no_wrap = True
    return table
