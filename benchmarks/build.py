"""Records a second and peak memory of `feallm data build`, as a whole process from its start to a finished store.

    FEALLM_DATA=DIR python benchmarks/build.py [--records 100000] [--recipe configs/data/fer2013.yaml] [KEY=VALUE ...]

Memory is the greatest sum of the processes' proportional set sizes (Linux), looked at ten times a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))
    except OSError:
        return


def memory(pid: int) -> float:
    """MiB of proportional set size of a process and all that it started."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--recipe", default="configs/data/fer2013.yaml")
    parser.add_argument("overrides", nargs="*", help="KEY=VALUE of the recipe")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "store"
        settings = [f"output={output}", f"max_records={chosen.records}", "records_per_face=6", *chosen.overrides]
        command = [sys.executable, "-m", "feallm", "data", "build", chosen.recipe, *settings]
        start, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise SystemExit(process.returncode)
        manifest = json.loads((output / "manifest.json").read_text())
    print(f"{manifest['records']:,} records about {manifest['faces']:,} faces in {seconds:.1f} s")
    print(f"{manifest['records'] / seconds:,.0f} records a second, peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
