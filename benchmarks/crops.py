"""The pictures of a FEABench task as PNG files named by their faces' ids, for tools that live in another environment.

python benchmarks/crops.py mini_fer2013 --data DIR --out FOLDER
"""

import argparse
from pathlib import Path

from PIL import Image

from feallm.bench.tasks import find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    (task,) = find([options.task])
    options.out.mkdir(parents=True, exist_ok=True)
    for sample in task.samples(options.data, task.split):
        if not sample.item.view:
            Image.fromarray(sample.shown()).save(options.out / f"{sample.item.face}.png")


if __name__ == "__main__":
    main()
