"""What a picture and a second of video cost, by part, and how many workers read: the numbers of docs/scale.md.

    python benchmarks/scale.py [--photos FOLDER|FILE.parquet] [--video FILE] [--count 128] [--runs 5] [--json FILE]
    python benchmarks/scale.py --table FILE

The first measures on this machine, one thread a worker, and writes `--json`; run it on free cores. Without `--photos`
the pictures are JPEGs of 1280 x 720 with one face (scikit-image's astronaut), without `--video` a clip of the same.
The second prints the tables of docs/scale.md from such a file: `cost` is the whole computation, and `ASSUMED` is all
in it that was not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

MILLION, HOURS = 1_000_000, 1000
RATE = 5.0
"""Frames of a second of video that are read, as `feallm analyze` does where nothing else is said."""
PARTS = ("decode", "detect", "read", "words")
BATCH = 16


@dataclass(frozen=True)
class Assumed:
    """What nobody measured here. `gpu`: how many times as fast as one core a GPU encodes and reads faces, and writes
    words. `segment`: seconds between two explanations of a face in a video. Prices in dollars an hour, of one core and
    of one GPU beside its cores. And, without a number here: that further cores give what the second one gives."""

    gpu_read: float = 200.0
    gpu_words: float = 50.0
    segment: float = 4.0
    core_hour: float = 0.05
    gpu_hour: float = 3.0


ASSUMED = Assumed()
MACHINES: dict[str, tuple[int, int]] = {
    "4 cores": (4, 0),
    "a node of 16 cores": (16, 0),
    "a node of 16 cores and one GPU": (16, 1),
    "a cluster of 16 nodes of 16 cores": (256, 0),
}
"""Name -> cores, GPUs."""


@dataclass(frozen=True)
class Work:
    """Seconds of one core: what only processors do, and what a GPU may do instead."""

    cpu: float
    read: float
    words: float


def works(measured: dict[str, Any], assumed: Assumed = ASSUMED) -> dict[str, Work]:
    """The jobs of the tables, of the medians in a measured file."""
    part = {name: measured["parts"][name]["median"] for name in PARTS}
    video = measured["video"]
    frames = HOURS * 3600 * RATE
    told = HOURS * 3600 / assumed.segment
    found = frames * max(video["frame"]["median"] - part["read"], 0.0)
    return {
        "a million pictures, numbers": Work(MILLION * (part["decode"] + part["detect"]), MILLION * part["read"], 0.0),
        "a million pictures, with words": Work(
            MILLION * (part["decode"] + part["detect"]), MILLION * part["read"], MILLION * part["words"]
        ),
        "a thousand hours of video, numbers": Work(found, frames * part["read"], 0.0),
        "a thousand hours of video, words at each apex": Work(found, frames * part["read"], told * part["words"]),
    }


def cost(work: Work, cores: int, gpus: int, efficiency: float, assumed: Assumed = ASSUMED) -> tuple[float, float]:
    """Hours and dollars of a job. `efficiency`: what a core gives beside others, of what it gives alone.

    Cores and GPU work at once, each on another shard, so the slower of the two decides.
    """
    power = cores * efficiency
    if gpus:
        seconds = max(work.cpu / power, (work.read / assumed.gpu_read + work.words / assumed.gpu_words) / gpus)
    else:
        seconds = (work.cpu + work.read + work.words) / power
    hours = seconds / 3600
    return hours, hours * (cores * assumed.core_hour + gpus * assumed.gpu_hour)


def tables(measured: dict[str, Any], assumed: Assumed = ASSUMED) -> Iterator[str]:
    """The tables of docs/scale.md, line by line."""
    yield f"Measured on {measured['machine']}, {measured['pictures']}; medians of {measured['runs']} runs."
    yield ""
    yield "| part of one picture, one core | ms | least to greatest |"
    yield "|---|---|---|"
    for name in PARTS:
        yield f"| {name} | {_ms(measured['parts'][name])} |"
    yield f"| a sampled frame of video, words apart | {_ms(measured['video']['frame'])} |"
    yield ""
    yield "| workers | words | pictures/s | least to greatest | of one worker's |"
    yield "|---|---|---|---|---|"
    for run in measured["workers"]:
        alone = next(each for each in measured["workers"] if each["workers"] == 1 and each["words"] == run["words"])
        share = run["rate"]["median"] / alone["rate"]["median"]
        spread = f"{run['rate']['least']:.1f} to {run['rate']['greatest']:.1f}"
        words = "yes" if run["words"] else "no"
        yield f"| {run['workers']} | {words} | {run['rate']['median']:.1f} | {spread} | {share:.2f} |"
    yield ""
    yield "| " + " | ".join(["", *MACHINES]) + " |"
    yield "|---" * (len(MACHINES) + 1) + "|"
    for name, work in works(measured, assumed).items():
        cells = []
        for cores, gpus in MACHINES.values():
            hours, dollars = cost(work, cores, gpus, efficiency(measured), assumed)
            cells.append(f"{_hours(hours)}, ${dollars:,.0f}{' (assumed)' if gpus else ''}")
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""
    size = measured["row_bytes"]
    yield f"A row of the output with words takes {size:.0f} bytes: {size / 1000:.2f} GB a million."


def efficiency(measured: dict[str, Any]) -> float:
    """Two workers beside each other, of twice one; at most 1."""
    rates = {each["workers"]: each["rate"]["median"] for each in measured["workers"] if not each["words"]}
    return float(min(rates[2] / (2 * rates[1]), 1.0))


def _ms(spread: dict[str, float]) -> str:
    low, high = 1000 * spread["least"], 1000 * spread["greatest"]
    return f"{1000 * spread['median']:.1f} | {low:.1f} to {high:.1f}"


def _hours(hours: float) -> str:
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def drawn(count: int) -> list[bytes]:
    """JPEGs of 1280 x 720 with one face each, in another place and of another size."""
    import numpy as np
    from PIL import Image
    from skimage import data

    rng = np.random.default_rng(0)
    portrait = Image.fromarray(data.astronaut())
    found = []
    for _ in range(count):
        side = int(rng.integers(240, 640))
        canvas = Image.fromarray(rng.integers(90, 130, (720, 1280, 3), dtype=np.uint8))
        canvas.paste(
            portrait.resize((side, side)), (int(rng.integers(0, 1280 - side)), int(rng.integers(0, 720 - side)))
        )
        stream = BytesIO()
        canvas.save(stream, "JPEG", quality=90)
        found.append(stream.getvalue())
    return found


def given(photos: Path | None, count: int) -> tuple[list[bytes], str]:
    """Encoded pictures, and what they are."""
    if photos is None:
        return drawn(count), f"{count} drawn JPEGs of 1280 x 720 with one face each"
    from feallm.analyze.shards import plan
    from feallm.media import pictures

    names = list(map(str, sorted(photos.iterdir()))) if photos.is_dir() else [str(photos)]
    found = []
    for item in (item for shard in plan(names) for item in shard.items()):
        found.append(item.source if isinstance(item.source, bytes) else Path(str(item.source)).read_bytes())
        if len(found) == count:
            break
    shapes = [picture.pixels.shape[:2] for picture in pictures(found) if picture.pixels is not None]
    sides = sorted(max(shape) for shape in shapes)
    return found, f"{len(found)} pictures of {photos.name}, longest side {sides[0]} to {sides[-1]} pixels"


def parts(encoded: Sequence[bytes], runs: int) -> dict[str, Any]:
    """Seconds a picture of each part, in one process with one thread."""
    from feallm import Analyzer
    from feallm.media import pictures

    analyzer = Analyzer(batch_size=BATCH)
    found: dict[str, list[float]] = {name: [] for name in PARTS}
    for run in range(runs + 1):
        seen: list[Any] = []
        slots: list[Any] = []
        times = {"decode": timed(lambda to=seen: to.extend(pictures(encoded)))}
        times["detect"] = timed(
            lambda of=seen, to=slots: to.extend(slot for each in of for slot in analyzer.find(each))
        )
        ready = [slots[start : start + BATCH] for start in range(0, len(slots), BATCH)]
        times["read"] = timed(lambda of=ready: [list(analyzer.read(batch, False, False)) for batch in of])
        told = ready[: max(1, len(ready) // 4)]  # words take longest: a quarter is enough
        share = sum(map(len, told)) / len(slots)
        both = timed(lambda of=told: [list(analyzer.read(batch, True, False)) for batch in of])
        times["words"] = both / share - times["read"]
        if run:  # the first warms up
            for name in PARTS:
                found[name].append(times[name] / len(encoded))
    return {name: spread(values) for name, values in found.items()}


def clip(path: Path, seconds: int = 20, rate: int = 25) -> Path:
    """A face that moves over 1280 x 720."""
    import av
    import numpy as np
    from skimage import data

    face = data.astronaut()[:400, :400]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(seconds * rate):
            pixels = np.full((720, 1280, 3), 110, np.uint8)
            left = 200 + int(400 * (1 + np.sin(number / 40)) / 2)
            pixels[150:550, left : left + 400] = face
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    return path


def video(path: Path, runs: int) -> dict[str, Any]:
    """Seconds a sampled frame, from the file to its numbers."""
    from feallm import Analyzer
    from feallm.analyze.video import Video
    from feallm.media.video import Sampling

    analyzer = Analyzer(batch_size=BATCH)
    each: list[float] = []
    for run in range(runs + 1):
        rows: list[Any] = []
        seconds = timed(
            lambda to=rows: to.extend(Video(analyzer, path, sampling=Sampling(fps=RATE), explain=False).stream())
        )
        if run:
            each.append(seconds / len({row.frame for row in rows}))
    return {"frame": spread(each)}


def row_bytes(folder: Path) -> float:
    """Bytes of a row of the output, words and all, in a part of the usual size."""
    from feallm import Analyzer
    from feallm.analyze.shards import MOST
    from feallm.tables import write

    analyzer = Analyzer(batch_size=BATCH)
    readings = analyzer.analyze(sorted(map(str, folder.iterdir()))[:MOST])
    path = write(readings, folder.parent / "part.parquet", metadata=analyzer.metadata)
    return path.stat().st_size / len(readings)


def workers(folder: Path, count: int, runs: int) -> list[dict[str, Any]]:
    """Pictures a second over Ray, from the first part that is done to the last, by number of workers of one thread."""
    from feallm.analyze.parts import Parts
    from feallm.analyze.ray_engine import Crew, Job, describe, read_shards
    from feallm.analyze.shards import plan
    from feallm.cluster import session

    names = sorted(map(str, folder.iterdir()))
    shards = plan(names, size=max(4, count // 16))
    found = []
    with session(2) as ray:
        for words in (False, True):
            rates: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(runs):
                for number in rates:  # in turn, so that both meet the same machine
                    with tempfile.TemporaryDirectory() as output:
                        job, crew = Job(output, explain=words), Crew(number, 1, 0.0)
                        about = describe(ray, job, crew)
                        Parts(output).begin(about)
                        ends = [(time.perf_counter(), c) for _, c in read_shards(ray, job, about, crew, shards)]
                        taken = ends[-1][0] - ends[number - 1][0]
                        rates[number].append(sum(counts.pictures for _, counts in ends[number:]) / taken)
            found += [{"workers": n, "words": words, "rate": spread(values)} for n, values in rates.items()]
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    os.environ["OMP_NUM_THREADS"] = "1"
    import cv2

    cv2.setNumThreads(1)
    encoded, what = given(options.photos, options.count)
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there) / "photos"
        folder.mkdir()
        for number, data in enumerate(encoded):
            (folder / f"{number:06d}.jpg").write_bytes(data)
        measured = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "pictures": what,
            "runs": options.runs,
            "parts": parts(encoded, options.runs),
            "video": video(options.video or clip(Path(there) / "clip.mp4"), options.runs),
        }
        measured["row_bytes"] = row_bytes(folder)
        measured["workers"] = workers(folder, len(encoded), options.runs)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=None)
    parser.add_argument("--video", type=Path, default=None)
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--table", type=Path, default=None, help="only print the tables of such a file")
    options = parser.parse_args()
    measured = json.loads(options.table.read_text()) if options.table else measure(options)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1))
    print("\n".join(tables(measured)))


if __name__ == "__main__":
    main()
