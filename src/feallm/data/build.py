"""A recipe -> a store of instruction records: labelled faces are read one after the other, composed by all processors.

Every record is composed from a random generator that starts from (seed, face, number). So the records, their order and
the bytes of the shards are the same whatever the number of processes, the engine, or how often a build was stopped.
Memory holds a few chunks of faces and one shard.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from feallm._version import __version__
from feallm.data.jobs import Chunk, Composed, Describe, Item, Job, compose_chunk, compose_described
from feallm.data.plan import Plan, make_plan
from feallm.data.recipe import BuildRecipe, BuildSource
from feallm.data.records import LabelledFace
from feallm.data.rows import reference
from feallm.data.shards import ShardWriter
from feallm.data.sources import load
from feallm.data.sources.au_codes import read_codes, with_codes
from feallm.data.store import Store, finish, open_store
from feallm.settings import SettingsError, data_path

Engine = Callable[[Job, Iterable[Chunk]], Iterator[Composed]]
CHUNK = 64
"""Faces that a process composes at a time."""


def build(
    recipe: BuildRecipe, *, describe: Describe | None = None, watch: Callable[[int], object] | None = None
) -> Store:
    """Build the recipe's store, or go on with it where it was stopped; a finished one is opened.

    `describe` rewrites records after they are composed: the `describe` of a `Describer`, which is made from the recipe
    where none is given. `watch` is told how many records there are, again and again.

    Raises:
        SettingsError: the output holds another build, or an extra is missing.
        FileNotFoundError, ValueError: a source is not there or not as its owners ship it; no record came of it.
        OutputError: the disk refuses; finished shards are kept.
    """
    _check(recipe)
    if describe is None and recipe.describe is not None:
        from feallm.data.describe import Describer

        describe = Describer(recipe.describe).describe
    output = Path(recipe.output).expanduser()
    writer = ShardWriter(output, recipe.format, recipe.shard_size, {"feallm": __version__, **recipe.of_the_records()})
    if writer.complete:
        return open_store(output)
    if not writer.state:
        writer.keep(make_plan(recipe, (item.judged() for item in stream(recipe))).to_json())
    job = Job(Plan.from_json(writer.state), recipe.families, recipe.workers or _processors())
    seen = writer.position.face
    given = chunks(stream(recipe), seen, pictures=describe is not None)
    done = engine(recipe.engine)(job, given) if describe is None else compose_described(job, given, describe)
    try:
        for composed in done:
            for place, lines in enumerate(composed.lines, start=composed.start):
                writer.add(lines, place)
            seen = composed.start + len(composed.lines)
            if watch is not None:
                watch(writer.taken)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(f"stopped: {writer.done:,} records are kept, the same command goes on there") from stop
    writer.close(seen)
    return finish(writer, recipe)


def stream(recipe: BuildRecipe) -> Iterator[Item]:
    """The faces of all sources in order, less those with an excluded flag."""
    excluded = set(recipe.exclude_flags)
    for source in recipe.sources:
        base = data_path(source.path)
        present_at = source.present_at or recipe.present_at
        for face in _faces(source, base):
            if not excluded & face.flags:
                yield Item(face, reference(face, base), present_at)


def _faces(source: BuildSource, base: Path) -> Iterator[LabelledFace]:
    if source.au_codes is None:
        return load(source.source, base, source.split)
    codes = data_path(source.au_codes)
    if not codes.is_file():
        raise FileNotFoundError(f"no AU codes at {codes}: `au_codes` names a CSV file under FEALLM_DATA")
    return with_codes(load(source.source, base, source.split), read_codes(codes))


def chunks(items: Iterator[Item], start: int, *, pictures: bool = False) -> Iterator[Chunk]:
    """Chunks of the items from place `start` on; the composer needs no pictures, so they stay behind."""
    for _ in islice(items, start):
        pass
    while taken := tuple(islice(items, CHUNK)):
        if not pictures:
            taken = tuple(replace(item, face=replace(item.face, image=b"")) for item in taken)
        yield Chunk(start, taken)
        start += len(taken)


def engine(name: str) -> Engine:
    """What composes chunks; the results come in the order of the chunks."""
    if name == "local":
        return compose_local
    from feallm.data.ray_engine import compose_ray

    return compose_ray


def compose_local(job: Job, given: Iterable[Chunk]) -> Iterator[Composed]:
    """Composed chunks from a pool of processes on this machine; a few chunks wait at any time."""
    if job.workers == 1:
        yield from (compose_chunk(job, chunk) for chunk in given)
        return
    waiting: deque[Any] = deque()
    pool = ProcessPoolExecutor(job.workers, initializer=_start_worker, initargs=(os.getpid(),))
    try:
        for chunk in given:
            waiting.append(pool.submit(compose_chunk, job, chunk))
            if len(waiting) > 4 * job.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise SettingsError("a composing process was killed (no memory left?): build again with workers=1") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent, and end where the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if multiprocessing.parent_process() is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check(recipe: BuildRecipe) -> None:
    """See to what the recipe needs, before any work is done."""
    if recipe.format == "parquet" and find_spec("pyarrow") is None:
        raise SettingsError("format: parquet needs pyarrow: pip install 'feallm[data]', or take format=jsonl")
    if recipe.engine == "ray" and find_spec("ray") is None:
        raise SettingsError("engine: ray needs Ray: pip install 'feallm[ray]', or take engine=local")
    if recipe.engine == "ray" and recipe.describe is not None:
        raise SettingsError("describe: answers are rewritten from one machine: take engine=local")
