"""FEALLM's speed beside another tool's, each in its own environment, in turn and on the same photographs.

    python -m venv fer-env && fer-env/bin/pip install "fer==25.10.3" "setuptools<81"
    python benchmarks/beside.py --python fer-env/bin/python [--photos FOLDER] [--runs 5] [--threads 2]

The other tool is the `fer` package (a small Xception on TensorFlow), which finds faces as many tools of its kind do, by
a Haar cascade, or by an MTCNN with `--mtcnn`. Both read the scikit-image astronaut, or the photographs of FOLDER.
Seconds depend on the machine, the ratios do not, much. FEALLM without words is what compares: `fer` has none.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from speed import sample_photo

OURS = """
import sys, time
begun = time.perf_counter()
from feallm import Analyzer
analyzer, words = Analyzer(), sys.argv[1] == "words"
def read(photo): return len([r for r in analyzer.analyze(photo, explain=words) if r.box])
"""
THEIRS = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
begun = time.perf_counter()
import cv2
from fer.fer import FER
model = FER(mtcnn=sys.argv[1] == "mtcnn")
def read(photo): return len(model.detect_emotions(cv2.imread(photo)))
"""
TIMED = """
import resource
photos = sys.argv[2:]
read(photos[0])
first = time.perf_counter() - begun
begun = time.perf_counter()
faces = sum(read(photo) for photo in photos)
each = (time.perf_counter() - begun) / len(photos)
print(first, each, faces, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def timed(python: str, program: str, way: str, photos: list[str], threads: int) -> list[float]:
    """Seconds to the first reading (imports included), seconds a photo after it, faces found, peak memory in MB."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(threads))
    command = [python, "-c", program + TIMED, way, *photos]
    done = subprocess.run(command, env=os.environ | limits, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{python} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return [float(value) for value in done.stdout.splitlines()[-1].split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="of an environment with the fer package")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mtcnn", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = [str(sample_photo(Path(folder)))] * 10
        if options.photos:
            photos = sorted(map(str, options.photos.iterdir()))
        ways = {
            "FEALLM, numbers": (sys.executable, OURS, "numbers"),
            "FEALLM, with words": (sys.executable, OURS, "words"),
            "fer": (options.python, THEIRS, "mtcnn" if options.mtcnn else "haar"),
        }
        taken: dict[str, list[list[float]]] = {name: [] for name in ways}
        for _ in range(options.runs):
            for name, way in ways.items():
                taken[name].append(timed(*way, photos, options.threads))
    print(f"{len(photos)} photographs, medians of {options.runs} runs, {options.threads} threads")
    print(f"{'':<20}{'first reading':>16}{'a photo after':>16}{'faces found':>14}{'peak memory':>14}")
    rows = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in taken.items()}
    for name, (first, each, faces, memory) in rows.items():
        ratio = [rows["fer"][k] / value for k, value in enumerate((first, each))]
        print(
            f"{name:<20}{first:8.2f} s ({ratio[0]:3.1f}x){each:8.3f} s ({ratio[1]:3.1f}x){faces:10.0f}{memory:11.0f} MB"
        )


if __name__ == "__main__":
    main()
