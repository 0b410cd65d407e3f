"""Reading the responses of a run: here, or by all processors where there are many texts (0.3 ms for forty words)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from feallm.bench.items import Item, Response
from feallm.bench.outcomes import Outcome, outcome

Pair = tuple[Item, Response | None]
MANY = 20_000
"""Texts that are worth starting processes for."""
CHUNK = 1000


def read_all(pairs: Sequence[Pair], classes: tuple[str, ...]) -> list[Outcome]:
    """An outcome for each item with its response, in order."""
    texts = sum(response is not None and bool(response.text) for _, response in pairs)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if texts < MANY or processors == 1:
        return _read(pairs, classes)
    chunks = (pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK))
    with ProcessPoolExecutor(min(processors, 16)) as pool:
        return [one for done in pool.map(partial(_read, classes=classes), chunks) for one in done]


def _read(pairs: Iterable[Pair], classes: tuple[str, ...]) -> list[Outcome]:
    return [outcome(item, response, classes) for item, response in pairs]
