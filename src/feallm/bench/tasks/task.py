"""What a task of the benchmark is: where its items come from, what is asked, and how answers are scored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from feallm.bench.items import Kind, Sample
from feallm.bench.outcomes import Outcome
from feallm.bench.tally import Score, Tally

Family = Literal["emotion", "au", "describe", "reason", "cause", "robustness"]


@dataclass(frozen=True)
class Task:
    """One task. `TASKS[name]` in `bench.tasks` is the registry.

    `source` and `split` name the faces (`data.sources`). `samples(path, split)` yields them in a fixed order.
    `questions[kind]` are the golden prompts. `classes` is the closed set of emotions and `label_set` its name; `units`
    the action units that are scored, present from strength `positive` on (`graded` where strengths are known).
    `is_crop`: pictures are face crops. `tally` and `score` make numbers from outcomes. `protocol` says in a sentence
    or two what exactly is measured, `headline` which metric leads. `shares` names other sources with the same
    pictures. `shows_pictures`: the data's licence lets a report show them.
    """

    name: str
    title: str
    family: Family
    source: str
    split: str
    samples: Callable[[Path, str], Iterator[Sample]]
    questions: Mapping[Kind, str]
    tally: Callable[[Sequence[Outcome]], Tally]
    score: Callable[[Sequence[Outcome]], Score]
    protocol: str
    headline: str
    classes: tuple[str, ...] = ()
    label_set: str = ""
    units: tuple[str, ...] = ()
    positive: float = 0.5
    graded: bool = False
    is_crop: bool = True
    shares: tuple[str, ...] = ()
    shows_pictures: bool = False

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What its questions ask for."""
        return tuple(self.questions)
