"""A FEALLM that answers in the classes of a task."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Conversation, Engine, Scores
from feallm.bench.responders.responder import ResponderError

LEAST = 1e-12
"""Probability that each class of the checkpoint keeps, so that what is left of a distribution can be renormalised."""


def for_task(engine: Engine, label_set: str, classes: Sequence[str]) -> tuple[Engine, str]:
    """An engine that has the task's classes as a label set, and that set's name.

    The checkpoint's own set of that name where its classes are the task's; else its default set, restricted to the
    task's classes and renormalised. Without classes: the default set.
    """
    sets, default = engine.info.label_sets, engine.info.default_label_set
    if not classes:
        return engine, label_set if label_set in sets else default
    if sorted(sets.get(label_set, ())) == sorted(classes):
        return engine, label_set
    if sets[default] == tuple(classes):
        return engine, default
    name = f"{default} restricted to {', '.join(classes)}"
    return Narrowed(engine, name, default, tuple(classes)), name


class Narrowed:
    """An `Engine` with one more label set: `base`, restricted to `classes` and renormalised.

    Classes that `base` does not have get no probability. Raises ResponderError where it has none of them.
    """

    def __init__(self, engine: Engine, name: str, base: str, classes: tuple[str, ...]) -> None:
        has = engine.info.label_sets[base]
        if not set(has) & set(classes):
            raise ResponderError(f"this model's label set {base} ({', '.join(has)}) has none of {', '.join(classes)}")
        self.engine, self.name, self.base = engine, name, base
        self.info = replace(engine.info, label_sets={**engine.info.label_sets, name: classes})
        self._places = [has.index(each) if each in has else None for each in classes]

    def encode(self, faces: Sequence[NDArray[np.uint8]]) -> Any:
        return self.engine.encode(faces)

    def pick(self, encoded: Any, rows: Sequence[int]) -> Any:
        return self.engine.pick(encoded, rows)

    def scores(self, encoded: Any) -> Scores:
        scores = self.engine.scores(encoded)
        return replace(scores, emotions=self._more(scores.emotions))

    def judge(self, encoded: Any, evidence: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return self._more(self.engine.judge(encoded, evidence))

    def generate(
        self,
        encoded: Any,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        *,
        seeds: Sequence[int] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> list[str]:
        return self.engine.generate(encoded, conversations, max_new_tokens, seeds=seeds, on_text=on_text)

    def score_labels(
        self, encoded: Any, conversations: Sequence[Conversation], labels: Sequence[str]
    ) -> NDArray[np.float32]:
        return self.engine.score_labels(encoded, conversations, labels)

    def _more(self, emotions: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        every = emotions[self.base]
        none = np.zeros_like(every[..., 0])
        kept = np.stack([none if place is None else every[..., place] + LEAST for place in self._places], axis=-1)
        return {**emotions, self.name: kept / kept.sum(axis=-1, keepdims=True)}
