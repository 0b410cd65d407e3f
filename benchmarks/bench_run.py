"""How busy `feallm bench run` keeps a model: faces a second of a run against those of its bare batches.

    python benchmarks/bench_run.py --data DIR [--task mini_ferplus] [--model feallm-head] [--limit N] [--repeat N]

Bare: `respond` on requests whose pictures are in memory already. A run: the same items, read, shown, asked and written,
without the first pass over the data (whose time is told apart). The better of the repeats counts, in turns.
"""

import argparse
import tempfile
import time
from pathlib import Path

from feallm.bench.items import Request
from feallm.bench.responders import Options, Responder, open_responder
from feallm.bench.run import run
from feallm.bench.samples import Batches, request_of, samples_of
from feallm.bench.tasks import TASKS
from feallm.bench.tasks.task import Task


def requests_of(task: Task, data: Path, size: int, limit: int | None) -> list[list[Request]]:
    count = sum(1 for _ in samples_of(task, data, limit))
    batches = Batches(task, data, size, limit)
    made = ([request_of(task, sample) for sample in batches[place]] for place in range(-(-count // size)))
    return [[one for one in batch if isinstance(one, Request)] for batch in made]


def bare(responder: Responder, batches: list[list[Request]]) -> float:
    """Seconds of the batches alone."""
    start = time.perf_counter()
    for batch in batches:
        responder.respond(batch)
    return time.perf_counter() - start


def whole(task: Task, responder: Responder, data: Path, options: Options, limit: int | None) -> tuple[float, float]:
    """Seconds of a run: before its first batch, and from there to its end."""
    told: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run(
            task,
            responder,
            data,
            Path(folder),
            options=options,
            limit=limit,
            progress=lambda done, items: told.append(time.perf_counter()),
        )
        end = time.perf_counter()
    return told[0] - start, end - told[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--task", default="mini_ferplus")
    parser.add_argument("--model", default="feallm-head")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    task, options = TASKS[arguments.task], Options()
    responder = open_responder(arguments.model, options)
    batches = requests_of(task, arguments.data, options.batch_size, arguments.limit)
    count = sum(map(len, batches))
    responder.respond(batches[0])  # not counted: loading
    pairs = [
        (bare(responder, batches), *whole(task, responder, arguments.data, options, arguments.limit))
        for _ in range(arguments.repeat)
    ]
    alone, planned, asked = (min(seconds) for seconds in zip(*pairs, strict=True))
    print(f"{responder.info.name} on {task.name}, {count:,} items in batches of {options.batch_size}")
    print(f"bare batches {count / alone:8.1f} items/s")
    print(f"run          {count / asked:8.1f} items/s, {100 * alone / asked:.1f} % of it")
    print(f"first pass   {planned:8.2f} s")


if __name__ == "__main__":
    main()
