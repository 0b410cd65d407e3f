"""The `analyze` verb over Ray: what the user typed, a great many pictures, a folder of Parquet files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from typing import Any

from tqdm import tqdm

from feallm.analyze.graph_files import useful_threads
from feallm.analyze.parts import Counts, Parts
from feallm.analyze.ray_engine import Crew, Job, describe, read_shards
from feallm.analyze.shards import TABLE, Shard, digest, plan
from feallm.cluster import session
from feallm.media import Picture
from feallm.media.find import suffix
from feallm.media.remote import is_remote
from feallm.report.outlets import Tally, expand
from feallm.report.wishes import MISTAKES, WishError, Wishes

ENGINES = ("local", "ray")


def run(wishes: Wishes, engine: str, workers: int | None, column: str | None, say: Callable[[str], object]) -> int:
    """Read all inputs over Ray; a run that was stopped goes on where it was. Returns the verb's exit status.

    Raises:
        WishError, OutputError: what was asked for cannot be had; the message is for the user.
        KeyboardInterrupt: Ctrl-C, after what was read has been kept.
    """
    if engine not in ENGINES:
        raise WishError(f"no engine is called {engine!r}: {' or '.join(ENGINES)}")
    if absent := [name for name in ("ray", "pyarrow") if find_spec(name) is None]:
        raise WishError(f"engine ray needs {' and '.join(absent)}: pip install 'feallm[ray]'")
    job = _job(wishes, workers)
    with ExitStack() as stack:
        try:
            parts, shards = Parts(job.output), plan(_sources(wishes.inputs), column)
            ray = stack.enter_context(session(max(workers or 1, useful_threads())))
            crew = Crew.of(ray, wishes.reader.device, workers)
            about = describe(ray, job, crew) | {"parts": len(shards), "plan": digest(shards)}
        except MISTAKES:
            raise
        except ValueError as error:
            raise WishError(str(error)) from error
        reader = partial(read_shards, ray, job, about, crew)
        done = _read(reader, parts, shards, about, say)
    return _tell(shards, done, job.output, say)


def _read(
    reader: Callable[[Sequence[Shard]], Iterable[tuple[int, Counts]]],
    parts: Parts,
    shards: Sequence[Shard],
    about: Mapping[str, Any],
    say: Callable[[str], object],
) -> dict[int, Counts]:
    """The counts of all shards that are done in the end, those of an earlier run among them."""
    done = parts.begin(about)
    if done:
        say(f"{len(done)} of {len(shards)} parts are there already")
    try:
        _watch(done, reader([shard for shard in shards if shard.number not in done]), shards)
    except KeyboardInterrupt as stop:
        done = parts.begin(about)  # some are there whose counts were still under way
        raise KeyboardInterrupt(
            f"stopped: {len(done)} of {len(shards)} parts are in {parts.output}; the same command goes on"
        ) from stop
    finally:
        if len(done) < len(shards):
            done = parts.begin(about)  # Ray says nothing of those that were done beside one that failed
        parts.end(about, _statuses(done), complete=len(done) == len(shards))
    return done


def _job(wishes: Wishes, workers: int | None) -> Job:
    if wishes.output is None:
        raise WishError("engine ray writes a folder of Parquet files: name it with --output")
    if wishes.annotate is not None or wishes.as_json or wishes.video.files or wishes.video.camera is not None:
        raise WishError("engine ray reads files and writes Parquet: leave away what shows or draws, and cameras")
    if workers is not None and workers < 1:
        raise WishError(f"at least one worker is needed, got {workers}")
    video = {"smooth": wishes.video.smooth, "search": wishes.video.search}
    output = _address(str(wishes.output))
    return Job(output, wishes.reader.options, wishes.explain, wishes.evidence, wishes.video.sampling, video)


def _address(output: str) -> str:
    """An output as the user wrote it: paths have lost a slash of `s3://`."""
    return re.sub(r"^([a-z][a-z0-9+.-]+):/(?=[^/])", r"\1://", output)


def _sources(inputs: Sequence[str]) -> list[str]:
    """Files of this machine by name, tables and addresses as they are. Raises WishError for an input without any."""
    found: list[str] = []
    for given in inputs:
        if suffix(given) == TABLE or is_remote(given):
            found.append(given)
            continue
        for source in expand([given]):
            if isinstance(source, Picture):
                raise WishError(f"{given}: {source.error}")
            found.append(source)
    return found


def _watch(done: dict[int, Counts], coming: Iterable[tuple[int, Counts]], shards: Sequence[Shard]) -> None:
    """Take the counts of parts as they are finished, with a bar on the terminal."""
    total = sum(shard.count for shard in shards)
    start = sum(counts.pictures for counts in done.values())
    with tqdm(total=total, initial=start, unit=" pictures", disable=None, leave=False) as bar:
        for number, counts in coming:
            done[number] = counts
            bar.update(counts.pictures)


def _statuses(done: dict[int, Counts]) -> Counter[str]:
    return sum((Counter(counts.statuses) for counts in done.values()), Counter())


def _tell(shards: Sequence[Shard], done: dict[int, Counts], output: str, say: Callable[[str], object]) -> int:
    tally = Tally()
    for counts in done.values():
        tally.pictures += counts.pictures
        tally.faces += counts.faces
        tally.read += counts.read
        tally.statuses.update(counts.statuses)
    say(f"{tally.sentence()}; {tally.statuses.total()} rows in {len(done)} files in {output}")
    missing = [shard for shard in shards if shard.number not in done]
    if missing:
        first = next((item.name for item in missing[0].items()), "")
        say(
            f"{len(missing)} of {len(shards)} parts are missing, the first begins with {first}: the processes that "
            "read them died or failed (no memory left?); the same command tries these again"
        )
    return 0 if tally.read and not missing else 1
