"""How fast a video is read, where the time goes, whether near search loses faces, and memory over a long clip.

    python benchmarks/video.py [--model CHECKPOINT] [--seconds 60] [--minutes 10] [--threads 2] [--json FILE]

The clips are encoded here: 1280 x 720, 30 frames a second, H.264, one face (scikit-image's astronaut, about 70 to 140
pixels wide) that moves about and comes nearer and goes; in the clip for the search a second one walks through. Sampled
frames a second count everything from opening the file to the last row, words left out; the default sampling is five a
second, so that six frames are decoded for each one read. The long clip is one minute again and again; `--minutes 0`
leaves it out, `--seconds 0` all but it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RATE, WIDTH, HEIGHT = 30, 1280, 720
LONG = "memory"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--child", type=Path, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import cv2

    cv2.setNumThreads(options.threads)
    if options.child is not None:
        print(json.dumps(memory(options.child, options.model)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), {}
        if options.seconds:
            clip = encode(folder / "clip.mp4", options.seconds)
            found["speed"] = speeds(clip, options.model)
            found["search"] = search(encode(folder / "two.mp4", min(options.seconds, 20.0), second=True), options.model)
        if options.minutes:
            long_clip = again(encode(folder / "minute.mp4", 60.0), folder / "long.mp4", options.minutes)
            command = [sys.executable, __file__, "--child", str(long_clip), "--threads", str(options.threads)]
            command += ["--model", options.model] if options.model else []
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[LONG] = json.loads(done.stdout)
            show(LONG, found[LONG])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def encode(path: Path, seconds: float, *, second: bool = False) -> Path:
    """The clip at `path`: H.264, a key frame every two seconds."""
    import av
    import cv2
    import skimage.data

    photo = skimage.data.astronaut()
    shelf = cv2.resize(skimage.data.coffee(), (WIDTH, HEIGHT))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": str(2 * RATE)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(round(seconds * RATE)):
            frame = scene(photo, shelf, number / RATE, second=second)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def again(clip: Path, path: Path, times: int) -> Path:
    """A clip so many times in a row, its packets copied."""
    import av

    with av.open(str(clip)) as first, av.open(str(path), "w") as container:
        source = first.streams.video[0]
        stream = container.add_stream_from_template(source)
        for turn in range(times):
            first.seek(0)
            for packet in first.demux(source):
                if packet.dts is not None and packet.pts is not None:
                    packet.stream, later = stream, turn * (source.duration or 0)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    container.mux(packet)
    return path


def scene(photo: Any, shelf: Any, now: float, *, second: bool) -> Any:
    """One frame [720, 1280, 3]: the photo moves and breathes; the second person walks from right to left."""
    import cv2

    frame = shelf.copy()
    side = int(560 + 160 * np.sin(0.7 * now))
    _paste(frame, cv2.resize(photo, (side, side)), 320 + 260 * np.sin(0.9 * now), 20 + 20 * np.cos(1.3 * now))
    if second:
        other = np.ascontiguousarray(cv2.resize(photo, (400, 400))[:250, ::-1])
        _paste(frame, other, WIDTH - 160 * (now % 12), 440)
    return frame


def _paste(frame: Any, picture: Any, left: float, top: float) -> None:
    left, top = int(left), int(top)
    right, bottom = min(left + picture.shape[1], WIDTH), min(top + picture.shape[0], HEIGHT)
    x, y = max(left, 0), max(top, 0)
    if right > x and bottom > y:
        frame[y:bottom, x:right] = picture[y - top : bottom - top, x - left : right - left]


@dataclass
class Clocks:
    """Seconds spent in each part, by name."""

    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - start

    def around(self, name: str, function: Any) -> Any:
        def timed(*args: Any, **options: Any) -> Any:
            with self.of(name):
                return function(*args, **options)

        return timed


def speeds(clip: Path, model: str | None) -> dict[str, Any]:
    """Sampled frames a second of whole readings, and the shares of detector, aligning, encoder and waiting for
    the decoder, which runs beside them."""
    from feallm import Analyzer
    from feallm.analyze.video import Video
    from feallm.media.video import Sampling, frames

    found: dict[str, Any] = {}
    analyzer = Analyzer(model)
    list(Video(analyzer, clip, sampling=Sampling(fps=5, end=2.0), explain=False).stream())  # warm
    start = time.perf_counter()
    decoded = sum(1 for _ in frames(clip, Sampling(fps=5)))
    found["decoding alone, sampled frames/s"] = decoded / (time.perf_counter() - start)
    for name, sampling, how in (
        ("5 a second, near", Sampling(fps=5), "near"),
        ("5 a second, full", Sampling(fps=5), "full"),
        ("every frame, near", Sampling(every=1, end=15.0), "near"),
    ):
        clocks = Clocks()
        analyzer = Analyzer(model)
        for part in ("detect", "near", "has_newcomer"):
            setattr(analyzer.detector, part, clocks.around(f"finding: {part}", getattr(analyzer.detector, part)))
        analyzer.engine.encode = clocks.around("encoder", analyzer.engine.encode)  # type: ignore[method-assign]
        video = Video(analyzer, clip, sampling=sampling, explain=False, search=how)  # type: ignore[arg-type]
        video._pictures = _waiting(video._pictures, clocks)  # type: ignore[method-assign]
        start = time.perf_counter()
        count = len({row.frame for row in video.stream()})
        seconds = time.perf_counter() - start
        shares = {part: round(spent / seconds, 3) for part, spent in clocks.spent.items()}
        found[name] = {"sampled frames/s": count / seconds, "frames": count, "shares of the time": shares}
    show("speed", found)
    return found


def _waiting(pictures: Any, clocks: Clocks) -> Any:
    def timed(*args: Any, **options: Any) -> Any:
        stream = pictures(*args, **options)
        while True:
            with clocks.of("waiting for the decoder"):
                picture = next(stream, None)
            if picture is None:
                return
            yield picture

    return timed


def search(clip: Path, model: str | None) -> dict[str, Any]:
    """What near search finds beside full search on the same frames: faces, how far boxes and readings differ."""
    from feallm import Analyzer
    from feallm.analyze.video import Video
    from feallm.faces.face import overlap
    from feallm.media.video import Sampling

    analyzer = Analyzer(model)
    rows = {
        how: list(Video(analyzer, clip, sampling=Sampling(fps=10), explain=False, search=how).stream())  # type: ignore[arg-type]
        for how in ("near", "full")
    }
    faces = {how: [row for row in found if row.box is not None] for how, found in rows.items()}
    pairs = []
    for row in faces["full"]:
        same = [one for one in faces["near"] if one.frame == row.frame]
        best = max(same, key=lambda one: overlap(row.box, one.box), default=None)
        if best is not None and overlap(row.box, best.box) > 0.5:
            pairs.append((row, best))
    units = [
        abs(row.action_units[unit].probability - one.action_units[unit].probability)
        for row, one in pairs
        for unit in row.action_units
    ]
    found = {
        "faces by full search": len(faces["full"]),
        "of these found by near search": len(pairs) / max(len(faces["full"]), 1),
        "faces by near search alone": len(faces["near"]) - len(pairs),
        "mean overlap of boxes": float(np.mean([overlap(row.box, one.box) for row, one in pairs])),
        "same emotion": float(np.mean([row.emotion == one.emotion for row, one in pairs])),
        "AU probabilities, mean difference": float(np.mean(units)),
        "AU probabilities, 99th percentile": float(np.percentile(units, 99)),
        "tracks, full and near": [len({row.face_id for row in faces[how]}) for how in ("full", "near")],
    }
    show("search", found)
    return found


def memory(clip: Path, model: str | None) -> dict[str, Any]:
    """Resident memory at points of a long clip, written as a Parquet table with words; run in its own process."""
    from feallm import Analyzer
    from feallm.analyze.video import Video
    from feallm.tables import TableWriter

    video = Video(Analyzer(model), clip)
    marks, start = {}, time.perf_counter()
    with TableWriter(clip.with_suffix(".parquet"), metadata=video.metadata) as table:
        for count, row in enumerate(video.stream()):
            if count % 300 == 0:
                marks[f"at {row.timestamp:.0f} s"] = resident()
        marks["with all words"] = resident()
        for row in video.rows():
            table.add(row)
    return {
        "MB": marks | {"with the table written": resident()},
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "sampled frames/s, with words": count / (time.perf_counter() - start),
        "segments": len(video.segments),
    }


def resident() -> int:
    """Resident memory of this process in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def show(name: str, found: dict[str, Any]) -> None:
    print(name)
    for key, value in found.items():
        inner = value if isinstance(value, dict) else {"": value}
        print(f"  {key:38s}", "  ".join(f"{part} {_text(each)}".strip() for part, each in inner.items()))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
