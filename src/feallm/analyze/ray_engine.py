"""Reading a great many pictures and videos over Ray Data: here, or on the cluster that `RAY_ADDRESS` names.

Shards go through `ray.data` to actors that hold the model, one `Analyzer` each, with as many threads as Ray gives them
processors. An actor reads a shard's pictures where they lie, one after the other, and puts the shard's file in its
place; only descriptions and counts pass through Ray. Ray Data hands each actor a shard or two at a time, so nothing
piles up, and begins a shard anew whose process died (`parts.TRIES` times). The file is not written by Ray Data's
`write_parquet`, which may leave half of one, and whose checkpoints want one row out for each row in.

Every node needs the same version of FEALLM, and must reach the pictures and the output by the same names.
"""

from __future__ import annotations

import importlib
import os
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from feallm._version import __version__
from feallm.analyze.analyzer import Analyzer
from feallm.analyze.parts import Counts, Parts
from feallm.analyze.reading import FaceReading
from feallm.analyze.shards import Item, Shard, load, local
from feallm.analyze.video import Video
from feallm.media.ahead import prefetched
from feallm.media.limits import UnreadableError
from feallm.media.video import Sampling
from feallm.tables import OutputError, columns
from feallm.tables import rows as flat

BLOCKS = 10_000
"""At most so many pieces of work for Ray to plan."""
AHEAD = 2
"""Pictures fetched and decoded while others are read."""


@dataclass(frozen=True)
class Job:
    """What is asked of every shard. `options` are an Analyzer's, `video` those of `analyze.video.Video`."""

    output: str
    options: Mapping[str, Any] = field(default_factory=dict)
    explain: bool = True
    evidence: bool = False
    sampling: Sampling | None = None
    video: Mapping[str, Any] = field(default_factory=dict)
    base: Path = field(default_factory=Path.cwd)
    version: str = __version__

    def open(self) -> Analyzer:
        """The model, here. Raises as `Analyzer` does, and ValueError for another version of FEALLM."""
        if self.version != __version__:
            raise ValueError(f"FEALLM is {self.version} where the run starts and {__version__} on a node: install one")
        return Analyzer(**self.options)


@dataclass(frozen=True)
class Crew:
    """The actors of a run: how many, and what each holds of processors and accelerators."""

    size: int
    cpus: int
    gpus: float

    @classmethod
    def of(cls, ray: Any, device: str, workers: int | None) -> Crew:
        """As many as are wished for, or as fit: one an accelerator where the model is to have one, else one a
        processor. They share out what Ray has."""
        there = ray.cluster_resources()
        cpus, gpus = max(int(there.get("CPU", 1)), 1), there.get("GPU", 0)
        wants_gpu = device.startswith("cuda") and gpus >= 1
        size = min(workers if workers is not None else int(gpus) if wants_gpu else cpus, cpus)
        largest = max((int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]), default=1)
        share = 1 / -(-size // int(gpus)) if wants_gpu else 0.0
        return cls(size, max(min(cpus // size, largest), 1), share)


def describe(ray: Any, job: Job, crew: Crew) -> dict[str, Any]:
    """What the rows of a run depend on: how readings are made (an Analyzer's metadata), and what was asked.

    Raises ValueError where an actor could not open the model.
    """
    told: dict[str, Any] | str = ray.get(
        ray.remote(_metadata).options(num_cpus=crew.cpus, num_gpus=crew.gpus).remote(job)
    )
    if isinstance(told, str):
        raise ValueError(told)
    sampling = None if job.sampling is None else asdict(job.sampling)
    asked = {"explain": job.explain, "evidence": job.evidence, "sampling": sampling, **job.video}
    return {**told, **asked}


def read_shards(
    ray: Any, job: Job, about: Mapping[str, Any], crew: Crew, shards: Sequence[Shard]
) -> Iterator[tuple[int, Counts]]:
    """Read shards and write their files; the number and counts of each as it is done, in any order.

    A shard whose processes die, or fail, is left out. Raises OutputError where a file cannot be written.
    """
    if not shards:
        return
    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = -1  # what is left out is told at the end
    layout = {"classes": tuple(about["classes"]), "units": tuple(about["action_units"])}
    given = ray.data.from_items(
        [{"shard": pickle.dumps(shard)} for shard in shards], override_num_blocks=min(len(shards), BLOCKS)
    )
    done = given.map(
        _Reader,
        fn_constructor_args=(job, layout),
        compute=ray.data.ActorPoolStrategy(size=min(crew.size, len(shards))),
        num_cpus=crew.cpus,
        num_gpus=crew.gpus,
    )
    for row in done.iter_rows():
        found: tuple[int, Counts] | OutputError | None = pickle.loads(row["done"])
        if isinstance(found, OutputError):
            raise found
        if found is not None:
            yield found


class _Reader:
    """An actor: one model, one shard at a time."""

    def __init__(self, job: Job, layout: Mapping[str, tuple[str, ...]]) -> None:
        _take_threads()
        self.job, self.layout = job, layout
        self.analyzer = job.open()
        self.parts = Parts(job.output)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        shard: Shard = pickle.loads(row["shard"])
        found: tuple[int, Counts] | OutputError | None
        try:  # Ray begins a shard anew whose process died, for ever
            found = (shard.number, self._read(shard)) if self.parts.take(shard.number) else None
        except OutputError as error:  # Ray would wrap it, and go on
            found = error
        return {"done": pickle.dumps(found)}

    def _read(self, shard: Shard) -> Counts:
        readings = list(read_items(self.analyzer, self.job, shard.items()))
        names = columns(self.layout["classes"], self.layout["units"])
        counts = Counts(
            pictures=shard.count,
            faces=sum(reading.face_id is not None for reading in readings),
            read=sum(bool(reading.emotion_scores) for reading in readings),
            statuses=dict(Counter(reading.status for reading in readings)),
        )
        self.parts.add(shard.number, list(flat(readings, **self.layout)), names, counts)
        return counts


def read_items(analyzer: Analyzer, job: Job, items: Iterator[Item]) -> Iterator[FaceReading]:
    """The readings of items, in order: pictures together, each video by itself."""
    for is_video, run in groupby(items, lambda item: item.is_video):
        if is_video:
            for item in run:
                yield from _video(analyzer, job, item)
            continue
        with prefetched(run, partial(load, base=job.base, limits=analyzer.limits), AHEAD) as pictures:
            yield from analyzer.stream(pictures, explain=job.explain, evidence=job.evidence)


def _video(analyzer: Analyzer, job: Job, item: Item) -> Iterator[FaceReading]:
    try:
        with local(item, job.base, analyzer.limits) as path:
            video = Video(
                analyzer, path, sampling=job.sampling, explain=job.explain, evidence=job.evidence, **job.video
            )
            for _ in video.stream():  # its rows come with their words once all is read
                pass
            yield from (replace(reading, input=item.name) for reading in video.rows())
    except UnreadableError as reason:
        yield FaceReading(item.name, status="unreadable", error=str(reason), model=analyzer.engine.info.model)


def _take_threads() -> None:
    """As many threads as Ray gave processors, for all that starts some; before anything reads the setting."""
    import cv2

    ray: Any = importlib.import_module("ray")
    threads = max(int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)), 1)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    cv2.setNumThreads(threads)


def _metadata(job: Job) -> dict[str, Any] | str:
    try:
        return job.open().metadata
    except (ValueError, FileNotFoundError) as error:
        return str(error)
