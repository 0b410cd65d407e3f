"""ONNX Runtime beside torch: the same checkpoint, the same faces, in turns.

    python benchmarks/engines.py [--model CHECKPOINT] [--runs 5] [--threads 2] [--faces 64]

Seconds are medians over `--runs`, the two engines taking turns; they depend on the machine and on what else runs on
it, the ratios do not, much. Start and memory are those of a whole process that reads one photo and explains it.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENGINES = ("onnx", "torch")
BATCH = 32
ONE = "import sys; from feallm import Analyzer; print(Analyzer(sys.argv[2], engine=sys.argv[1]).analyze(sys.argv[3]))"


def in_turns(actions: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(runs):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def tell(what: str, seconds: dict[str, float], items: int = 0) -> None:
    """One line of the table; with `items`, as so many a second."""
    shown = {name: f"{items / taken:8.1f} /s" if items else f"{taken:8.3f} s " for name, taken in seconds.items()}
    print(f"{what:<34}{shown['onnx']}{shown['torch']}   {seconds['torch'] / seconds['onnx']:5.1f} times as fast")


def whole_processes(model: str, photo: Path, runs: int) -> None:
    peaks: dict[str, int] = dict.fromkeys(ENGINES, 0)

    def read(engine: str) -> None:
        child = subprocess.Popen([sys.executable, "-c", ONE, engine, model, str(photo)], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"the {engine} engine ended with {child.returncode}")
        peaks[engine] = max(peaks[engine], usage.ru_maxrss // 1024)

    tell("start to the first reading", in_turns({name: lambda n=name: read(n) for name in ENGINES}, runs))
    print(f"{'peak memory':<34}{peaks['onnx']:8d} MB{peaks['torch']:8d} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--faces", type=int, default=64)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    from speed import sample_photo

    from feallm.analyze.checkpoints import PACKAGED

    model = options.model or str(PACKAGED)
    with tempfile.TemporaryDirectory() as folder:
        photo = sample_photo(Path(folder))
        whole_processes(model, photo, options.runs)  # while this process is small: a child's peak counts its parent's
        warm(model, photo, options)


def warm(model: str, photo: Path, options: argparse.Namespace) -> None:
    import cv2

    from feallm import Analyzer
    from feallm.export.check import draw_faces

    cv2.setNumThreads(options.threads)
    one = {name: Analyzer(model, engine=name) for name in ENGINES}
    tell("one photo with its explanation", in_turns({n: lambda n=n: one[n].analyze(photo) for n in one}, options.runs))
    many = {name: Analyzer(model, engine=name, detector="none", batch_size=BATCH) for name in ENGINES}
    faces = draw_faces(options.faces, many["onnx"].engine.info.face_size)
    first = {name: each.analyze(faces) for name, each in many.items()}
    tell(
        f"{options.faces} ready faces, numbers only",
        in_turns({n: lambda n=n: many[n].analyze(faces, explain=False) for n in many}, options.runs),
        options.faces,
    )
    tell(
        f"{options.faces} ready faces, with words",
        in_turns({n: lambda n=n: many[n].analyze(faces) for n in many}, max(1, options.runs // 2)),
        options.faces,
    )
    pairs = list(zip(first["onnx"], first["torch"], strict=True))
    apart = max(abs(a.emotion_scores[name] - b.emotion_scores[name]) for a, b in pairs for name in a.emotion_scores)
    same = sum(a.raw_text == b.raw_text for a, b in pairs)
    print(f"the same words for {same} of {len(pairs)} faces; emotions differ by {apart:.1e} at the most")


if __name__ == "__main__":
    main()
