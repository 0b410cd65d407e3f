"""How long scoring takes: a made-up run of many predictions, labels or texts, from files to `score.json`.

python benchmarks/bench_score.py [--task mini_ferplus] [--items 100000]
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from feallm.bench.fingerprint import fingerprint
from feallm.bench.items import Item, Prediction, Response, Truth
from feallm.bench.manifest import manifest_of, write_manifest
from feallm.bench.predictions import ITEMS, PREDICTIONS, item_line, prediction_line
from feallm.bench.responders.responder import Options, ResponderInfo
from feallm.bench.score import score
from feallm.bench.tasks import TASKS
from feallm.bench.tasks.task import Task

WORDS = ("mouth", "eyes", "slightly", "raised", "corner", "brow", "skin", "open", "cheeks", "left", "while", "seems")


def make(folder: Path, task: Task, count: int, style: str) -> None:
    """A run folder. `style`: "labels" with scores, "words" a sentence, "texts" forty words that differ in each."""
    rng = random.Random(0)
    kind = task.kinds[0]
    items, predictions = [], []
    for number in range(count):
        units = {unit: float(rng.random() < 0.3) for unit in task.units}
        truth = Truth(rng.choice(task.classes) if task.classes else None, (units,) if units else ())
        items.append(Item(f"face{number}", f"face{number}", kind, task.questions[kind], truth, picture="0"))
        predictions.append(Prediction(f"face{number}", items[-1].asked, answer(task, style, rng)))
    info = ResponderInfo("made up", style, "", frozenset(task.kinds))
    write_manifest(folder, manifest_of(task, info, Options(), count, fingerprint(items)))
    (folder / ITEMS).write_bytes(b"".join(map(item_line, items)))
    (folder / PREDICTIONS).write_bytes(b"".join(map(prediction_line, predictions)))


def answer(task: Task, style: str, rng: random.Random) -> Response:
    said = rng.choice(task.classes) if task.classes else ", ".join(rng.sample(["AU1", "AU4", "AU6", "AU12"], 2))
    if style == "labels":
        if not task.classes:
            presence = {unit: rng.random() for unit in task.units}
            present = tuple(unit for unit, share in presence.items() if share >= 0.5)
            return Response(how="head", present=present, presence=presence)
        shares = [rng.random() for _ in task.classes]
        scores = {name: share / sum(shares) for name, share in zip(task.classes, shares, strict=True)}
        return Response(how="head", emotion=max(scores, key=lambda name: scores[name]), scores=scores)
    filler = "" if style == "words" else " ".join(rng.choices(WORDS, k=36)) + ". "
    return Response(how="generation", text=f"{filler}The face shows {said}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="mini_ferplus")
    parser.add_argument("--items", type=int, default=100_000)
    arguments = parser.parse_args()
    for style in ("labels", "words", "texts"):
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), TASKS[arguments.task], arguments.items, style)
            start = time.perf_counter()
            counts = score(Path(name))["counts"]
            seconds = time.perf_counter() - start
        told = json.dumps({fate: count for fate, count in counts.items() if count})
        print(f"{arguments.task}, {style}: {seconds:.1f} s for {arguments.items:,} predictions {told}", flush=True)


if __name__ == "__main__":
    main()
