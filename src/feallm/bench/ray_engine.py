"""Asking over Ray: the batches are shared among actors that each hold the model, here or on `RAY_ADDRESS`'s cluster.

The actors read the data themselves, from the same path on every node. Answers come back in the order of the batches,
so that the predictions are those of the local engine byte for byte wherever the model's numbers do not depend on the
machine or on its number of threads.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from feallm.bench.items import Request, Response
from feallm.bench.responders.responder import Options, Responder, ResponderError, ResponderInfo
from feallm.bench.run import answer
from feallm.bench.samples import Batches, Job
from feallm.cluster import session

BLOCKS = 1000
"""At most so many pieces of work: few enough to plan, and small enough that all actors end together."""


class Remote:
    """A responder that is opened in Ray's actors, by its spec and options; here only its `info` is known.

    Raises ResponderError where it cannot be opened.
    """

    def __init__(self, spec: str, options: Options, workers: int) -> None:
        self.spec, self.options = spec, options
        with session(workers) as ray:
            told = ray.remote(_info).options(num_gpus=_gpus(ray, options)).remote(spec, options)
            info: ResponderInfo | str = ray.get(told)
        if isinstance(info, str):
            raise ResponderError(info)
        self.info = info

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        raise ResponderError(f"{self.spec} is opened in Ray's actors: run it with engine ray")


def answer_ray(
    remote: Remote, batches: Batches, jobs: Sequence[Job], workers: int
) -> Iterator[list[tuple[str, Response]]]:
    """The answers to each job, in order. Starts Ray with `workers` processors where it is not running, and ends it
    then. Raises as the responder and the data do."""
    with session(workers) as ray:
        rows = [{"place": place, "job": pickle.dumps(job)} for place, job in enumerate(jobs)]
        given = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS))
        batches.path = batches.path.absolute()
        answered = given.map(
            _Actor,
            fn_constructor_args=(remote.spec, remote.options, batches),
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows))),
            num_gpus=_gpus(ray, remote.options),
        )
        early: dict[int, bytes] = {}  # answers come as they are ready
        wanted = 0
        for row in answered.iter_rows():
            early[row["place"]] = row["answers"]
            while wanted in early:
                found = pickle.loads(early.pop(wanted))
                if isinstance(found, Exception):
                    raise found
                yield found
                wanted += 1


class _Actor:
    """One model, and the task's batches."""

    def __init__(self, spec: str, options: Options, batches: Batches) -> None:
        self.responder, self.batches = _open(spec, options), batches

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        found: list[tuple[str, Response]] | Exception
        try:
            found = answer(self.responder, self.batches.load(pickle.loads(row["job"])))
        except (ValueError, OSError) as error:  # Ray would wrap them, and try again
            found = error
        return {"place": row["place"], "answers": pickle.dumps(found)}


def _open(spec: str, options: Options) -> Responder:
    from feallm.bench.responders import open_responder

    return open_responder(spec, options)


def _info(spec: str, options: Options) -> ResponderInfo | str:
    try:
        return _open(spec, options).info
    except ResponderError as error:
        return str(error)


def _gpus(ray: Any, options: Options) -> float:
    """Of the accelerators, what an actor holds: one, where there are any and the model is to have it."""
    return 1.0 if options.device != "cpu" and ray.cluster_resources().get("GPU", 0) >= 1 else 0.0
