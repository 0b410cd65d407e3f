"""Two runs of the same task, item by item: which differences are more than chance, and where one is right alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feallm.bench import fingerprint
from feallm.bench.manifest import spoken_name
from feallm.bench.mcnemar import McNemar, mcnemar
from feallm.bench.outcomes import Outcome
from feallm.bench.predictions import RunError
from feallm.bench.resample import Difference, differences
from feallm.bench.score import load_outcomes, task_of
from feallm.bench.tasks.task import Task

SAME = ("task", "questions", "classes", "units", "positive", "source", "split")
"""What of two manifests must be equal."""
LONGEST = 80
"""Characters of an answer."""


@dataclass(frozen=True)
class Side:
    """One of the two runs: where it is, its model, and its counts over all its own items."""

    folder: str
    model: str
    revision: str
    items: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Disagreement:
    """An item that one model has more right than the other: `right_a` and `right_b` in 0..1."""

    sample: str
    truth: str
    answer_a: str
    answer_b: str
    right_a: float
    right_b: float


@dataclass(frozen=True)
class Comparison:
    """Run `a` against run `b` on the `items` that both were asked.

    `metrics`: name -> values on those items and their paired difference a - b, the headline first. `mcnemar` is None
    where an item is not simply right or wrong. `a_better` and `b_better`: the items one is more right on, the widest
    gaps first. `notes` are what a reader of the numbers must know.
    """

    task: str
    title: str
    a: Side
    b: Side
    items: int
    metrics: Mapping[str, Difference]
    mcnemar: McNemar | None
    a_better: tuple[Disagreement, ...]
    b_better: tuple[Disagreement, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it in JSON's own types."""
        test = {**asdict(self.mcnemar), "method": self.mcnemar.method} if self.mcnemar is not None else None
        return {**asdict(self), "mcnemar": test}


def compare(folder_a: Path, folder_b: Path, seed: int = 0) -> Comparison:
    """Compare two run folders: paired bootstrap of every metric, McNemar's test, disagreements.

    The metrics are those of the task, on the common items. Where one run was cut short by a limit, those are fewer
    than the runs', and a note says so.

    Raises:
        RunError: a folder cannot be used, or the runs differ in what was asked, or share no item.
    """
    (run_a, found_a, counts_a), (run_b, found_b, counts_b) = load_outcomes(folder_a), load_outcomes(folder_b)
    _check(folder_a, run_a, folder_b, run_b)
    task = task_of(run_a)
    if run_a["fingerprint"] != run_b["fingerprint"] and run_a["limit"] == run_b["limit"]:
        raise RunError(_other_items(folder_a, found_a, folder_b, found_b))
    a, b = _common(folder_a, found_a, folder_b, found_b)
    sides = _side(folder_a, run_a, counts_a), _side(folder_b, run_b, counts_b)
    return compare_outcomes(task, sides, a, b, seed)


def compare_outcomes(
    task: Task,
    sides: tuple[Side, Side],
    a: Sequence[Outcome],
    b: Sequence[Outcome],
    seed: int = 0,
) -> Comparison:
    """As `compare`, of two lists of outcomes of the same items in the same order."""
    tally_a, tally_b = task.tally(a), task.tally(b)
    rights = list(zip(a, b, _rights(task, a), _rights(task, b), strict=True))
    known = [
        (x, y, right_x, right_y) for x, y, right_x, right_y in rights if right_x is not None and right_y is not None
    ]
    test = _test([(right_x, right_y) for _, _, right_x, right_y in known])
    gaps = [_disagreement(task, *one) for one in known if one[2] != one[3]]
    gaps.sort(key=lambda one: -abs(one.right_a - one.right_b))
    return Comparison(
        task.name,
        task.title,
        *sides,
        items=len(a),
        metrics=_headline_first(differences(tally_a, tally_b, seed), task.headline),
        mcnemar=test,
        a_better=tuple(one for one in gaps if one.right_a > one.right_b),
        b_better=tuple(one for one in gaps if one.right_b > one.right_a),
        notes=_notes(sides, len(a), len(known), None if test is None else tally_a.groups),
    )


def _check(folder_a: Path, a: Mapping[str, Any], folder_b: Path, b: Mapping[str, Any]) -> None:
    for name in SAME:
        if a[name] != b[name]:
            raise RunError(
                f"only runs of the same task can be compared: {name} is {a[name]!r} in {folder_a} and {b[name]!r} in "
                f"{folder_b}; run both models on one task with one release"
            )


def _other_items(folder_a: Path, a: Sequence[Outcome], folder_b: Path, b: Sequence[Outcome]) -> str:
    told = fingerprint.differences((one.item for one in a), (one.item for one in b))
    return (
        f"the fingerprints of {folder_a} and {folder_b} differ: against the first, the second has {told}; the runs "
        "were made on different data: run one of them again on the data of the other"
    )


def _common(
    folder_a: Path, a: Sequence[Outcome], folder_b: Path, b: Sequence[Outcome]
) -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes of the items that both have, in a's order."""
    of_b = {outcome.item.sample: outcome for outcome in b}
    pairs = [(outcome, of_b[outcome.item.sample]) for outcome in a if outcome.item.sample in of_b]
    if not pairs:
        raise RunError(f"{folder_a} and {folder_b} have no item in common: run both on the same data")
    if any(x.item != y.item for x, y in pairs):
        raise RunError(_other_items(folder_a, [x for x, _ in pairs], folder_b, [y for _, y in pairs]))
    return [x for x, _ in pairs], [y for _, y in pairs]


def _side(folder: Path, run: Mapping[str, Any], counts: Mapping[str, int]) -> Side:
    model = run["responder"]
    name = spoken_name(str(model["name"]), str(model["model"]))
    return Side(str(folder), name, str(model["revision"]), run["items"], dict(counts))


def _notes(sides: tuple[Side, Side], common: int, tested: int, groups: Sequence[str | None] | None) -> tuple[str, ...]:
    """What to know of the numbers. `tested`: the items of McNemar's test. `groups`: whom they show, None without a
    test or groups."""
    notes = [
        f"{side.folder} has {side.items:,} items, of which {common:,} are compared: the other run has only those"
        for side in sides
        if side.items > common
    ]
    notes += [
        f"{side.folder} is not complete: {side.counts['missing']:,} items are missing and count as wrong"
        for side in sides
        if side.counts.get("missing")
    ]
    if groups is not None:
        notes.append(
            f"the intervals draw {len(set(groups)):,} people or faces whole; McNemar's test takes {tested:,} items for "
            "independent, so its p is too small"
        )
    return tuple(notes)


def _rights(task: Task, outcomes: Sequence[Outcome]) -> list[float | None]:
    """How right each item is, 0..1, after the task's own results; None where they do not say."""
    rows: dict[str, Any] = {str(row["sample"]): row.get("right") for row in task.score(outcomes).results}
    found = (rows.get(outcome.item.sample) for outcome in outcomes)
    return [None if right is None else float(right) for right in found]


def _test(rights: Sequence[tuple[float, float]]) -> McNemar | None:
    """McNemar's test, where every item is right or wrong and nothing between."""
    if not rights or any(one not in (0.0, 1.0) for pair in rights for one in pair):
        return None
    return mcnemar(*(rights.count(pair) for pair in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))))


def _headline_first(metrics: Mapping[str, Difference], headline: str) -> dict[str, Difference]:
    first = {headline: metrics[headline]} if headline in metrics else {}
    return {**first, **metrics}


def _disagreement(task: Task, a: Outcome, b: Outcome, right_a: float, right_b: float) -> Disagreement:
    return Disagreement(a.item.sample, _truth(task, a), _answer(a), _answer(b), right_a, right_b)


def _truth(task: Task, outcome: Outcome) -> str:
    truth = outcome.item.truth
    if truth.emotion is not None and outcome.item.kind != "aus":
        return truth.emotion
    passes = [sorted(unit for unit, strength in coded.items() if strength >= task.positive) for coded in truth.units]
    return " / ".join(dict.fromkeys(" ".join(units) or "no units" for units in passes))


def _answer(outcome: Outcome) -> str:
    if outcome.fate != "answered":
        return outcome.fate.replace("_", " ")
    if outcome.emotion is not None:
        return outcome.emotion
    if outcome.present is not None:
        return " ".join(outcome.present) or "no units"
    text = " ".join(outcome.text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
