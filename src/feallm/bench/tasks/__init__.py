"""The benchmark's tasks, one data set a file. `TASKS[name]` is the registry, `SUITES[name]` what runs together."""

from collections.abc import Sequence
from difflib import get_close_matches

from feallm.bench.tasks.affectnet import AFFECTNET7, AFFECTNET8
from feallm.bench.tasks.bp4d import BP4D
from feallm.bench.tasks.cause import MINI_CAUSE, MINI_CAUSE_REASON
from feallm.bench.tasks.describe import (
    FABA_DESCRIBE_AUS,
    FABA_DESCRIBE_EMOTION,
    MINI_DESCRIBE_AUS,
    MINI_DESCRIBE_EMOTION,
)
from feallm.bench.tasks.disfa import DISFA, DISFA12
from feallm.bench.tasks.fea_au import MINI_FEA_AU
from feallm.bench.tasks.fer2013 import FER2013, MINI_FER2013
from feallm.bench.tasks.ferplus import FERPLUS, MINI_FERPLUS
from feallm.bench.tasks.rafau import RAFAU
from feallm.bench.tasks.rafdb import RAFDB
from feallm.bench.tasks.reason import MINI_REASON
from feallm.bench.tasks.robustness import MINI_ROBUSTNESS
from feallm.bench.tasks.task import Family, Task

TASKS: dict[str, Task] = {
    "mini_fer2013": MINI_FER2013,
    "mini_ferplus": MINI_FERPLUS,
    "mini_fea_au": MINI_FEA_AU,
    "mini_describe_emotion": MINI_DESCRIBE_EMOTION,
    "mini_describe_aus": MINI_DESCRIBE_AUS,
    "mini_reason": MINI_REASON,
    "mini_cause": MINI_CAUSE,
    "mini_cause_reason": MINI_CAUSE_REASON,
    "mini_robustness": MINI_ROBUSTNESS,
    "rafdb": RAFDB,
    "affectnet7": AFFECTNET7,
    "affectnet8": AFFECTNET8,
    "fer2013": FER2013,
    "ferplus": FERPLUS,
    "bp4d": BP4D,
    "disfa": DISFA,
    "disfa12": DISFA12,
    "rafau": RAFAU,
    "faba_describe_emotion": FABA_DESCRIBE_EMOTION,
    "faba_describe_aus": FABA_DESCRIBE_AUS,
}


def _published(family: Family) -> tuple[str, ...]:
    """The tasks of a family that are not FEABench-mini's."""
    return tuple(name for name, task in TASKS.items() if task.family == family and not name.startswith("mini_"))


SUITES: dict[str, tuple[str, ...]] = {
    "mini": tuple(name for name in TASKS if name.startswith("mini_")),
    "zero-shot": ("rafdb", "affectnet7", "affectnet8", "bp4d", "disfa"),
    "emotion": _published("emotion"),
    "au": _published("au"),
    "describe": _published("describe"),
}
"""What needs one data set only ("mini"), what FEALLM's authors evaluate on ("zero-shot"), and the rest by family."""


def find(names: Sequence[str]) -> list[Task]:
    """The tasks that names of tasks and suites stand for, each once, in the order of the names.

    Raises ValueError for a name that is neither, with those that come nearest.
    """
    known = [*TASKS, *SUITES]
    unknown = [name for name in names if name not in known]
    if unknown:
        near = get_close_matches(unknown[0].lower(), known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"the tasks are {', '.join(TASKS)}"
        raise ValueError(f"no task or suite is named {unknown[0]!r}: {hint} (suites: {', '.join(SUITES)})")
    found = (task for name in names for task in SUITES.get(name, (name,)))
    return [TASKS[name] for name in dict.fromkeys(found)]
