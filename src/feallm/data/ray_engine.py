"""Composing chunks over Ray Data: on this machine, or on the cluster that `RAY_ADDRESS` names.

The faces are listed where the build runs; the chunks go through `ray.data` to whatever processors there are, and the
results come back in the order of the chunks, so that the shards are those of the local engine byte for byte. Every
node needs the same version of FEALLM; none needs the pictures.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from feallm.cluster import session
from feallm.data.jobs import Chunk, Composed, Job, compose_chunk

WINDOW = 256
"""Chunks of one Ray data set: enough work to be worth its start, few enough to be held in memory."""


def compose_ray(job: Job, given: Iterable[Chunk]) -> Iterator[Composed]:
    """Composed chunks in order. Starts Ray with `job.workers` processors where it is not running, and ends it then."""
    chunks = iter(given)
    with session(job.workers) as ray:
        while window := [pickle.dumps(chunk) for chunk in islice(chunks, WINDOW)]:
            yield from _composed(ray, job, window)


def _composed(ray: Any, job: Job, window: list[bytes]) -> Iterator[Composed]:
    items = [{"place": place, "chunk": chunk} for place, chunk in enumerate(window)]
    results = ray.data.from_items(items, override_num_blocks=min(len(items), 4 * job.workers))
    early: dict[int, bytes] = {}  # results come as they are ready
    wanted = 0
    for row in results.map(partial(_compose, job)).iter_rows():
        early[row["place"]] = row["composed"]
        while wanted in early:
            composed: Composed = pickle.loads(early.pop(wanted))
            yield composed
            wanted += 1


def _compose(job: Job, row: dict[str, Any]) -> dict[str, Any]:
    return {"place": row["place"], "composed": pickle.dumps(compose_chunk(job, pickle.loads(row["chunk"])))}
