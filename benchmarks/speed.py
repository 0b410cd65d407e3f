"""How fast a checkpoint reads, whole process and warm, and where the time goes.

    python benchmarks/speed.py [--model CHECKPOINT] [--photo FILE] [--runs 5] [--threads 2]

Times are medians of `--runs`. Absolute seconds depend on the machine; the shares and the ratio to the plain forward
pass of the encoder do not, much. Peak memory is that of a whole `feallm analyze` process. One photo is read by the
checkpoint's own engine (ONNX Runtime for the packaged one), the ready crops by torch, whose encoder they are held
against: `engines.py` has both engines for all of it.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CROPS = 256


def median(action: Callable[[], Any], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def sample_photo(folder: Path) -> Path:
    path = folder / "astronaut.png"
    script = Path(__file__).parent.parent / "scripts" / "sample_photo.py"
    subprocess.run([sys.executable, str(script), str(path)], check=True, capture_output=True)
    return path


def whole_process(photo: Path, model: list[str], runs: int) -> None:
    command = [sys.executable, "-m", "feallm", "analyze", str(photo), "--json", *model]
    seconds = median(lambda: subprocess.run(command, check=True, capture_output=True), runs)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"whole process, one photo with its explanation: {seconds:.2f} s, peak memory {peak:.0f} MB")


def stages(analyzer: Any, photo: Path, runs: int) -> None:
    from feallm.analyze.analyzer import MAX_NEW_TOKENS
    from feallm.analyze.evidence import agree, evidence_conversation
    from feallm.analyze.numbers import read_numbers
    from feallm.faces import align_face, assess
    from feallm.media import pictures

    engine, size = analyzer.engine, analyzer.engine.info.face_size
    (picture,) = pictures(photo)
    face = analyzer.detector.detect(picture.pixels)[0]
    crop = align_face(picture.pixels, face, size)
    encoded = engine.encode([crop])
    (reading,) = analyzer.analyze(photo, explain=False)[:1]
    turns = evidence_conversation(reading.verdict, reading.present_units, analyzer.classes)
    text = engine.generate(encoded, [turns], MAX_NEW_TOKENS, seeds=[0])[0]
    table = {
        "load the picture": lambda: list(pictures(photo)),
        "find the face": lambda: analyzer.detector.detect(picture.pixels),
        "align and assess": lambda: assess(picture.pixels, face, align_face(picture.pixels, face, size)),
        "encode": lambda: engine.encode([crop]),
        "numbers": lambda: read_numbers(engine, encoded, [reading], analyzer.label_set),
        "explanation": lambda: engine.generate(encoded, [turns], MAX_NEW_TOKENS, seeds=[0]),
        "check the words": lambda: agree(text, reading.verdict, reading.present_units),
    }
    times = {name: median(action, runs) for name, action in table.items()}
    total = sum(times.values())
    for name, seconds in times.items():
        print(f"    {name:<18} {1000 * seconds:8.1f} ms  {100 * seconds / total:5.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--photo", type=Path, default=None, help="scikit-image's astronaut if not given")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        photo = options.photo or sample_photo(Path(folder))
        whole_process(photo, ["--model", options.model] if options.model else [], options.runs)
        import cv2
        import torch

        from feallm import Analyzer
        from feallm.faces import align_face, whole_picture

        torch.set_num_threads(options.threads)
        cv2.setNumThreads(options.threads)
        analyzer = Analyzer(options.model)
        analyzer.analyze(photo)
        print(f"engine {analyzer.engine.info.engine}")
        print(f"warm, one photo with its explanation: {median(lambda: analyzer.analyze(photo), options.runs):.3f} s")
        print(f"warm, numbers only: {median(lambda: analyzer.analyze(photo, explain=False), options.runs):.3f} s")
        stages(analyzer, photo, options.runs)
        rng = np.random.default_rng(0)
        crops = [rng.integers(0, 255, (96, 96, 3), dtype=np.uint8) for _ in range(CROPS)]
        ready = Analyzer(options.model, engine="torch", detector="none", batch_size=32)
        ready.analyze(crops[:32], explain=False)
        seconds = median(lambda: ready.analyze(crops, explain=False), options.runs)
        size = ready.engine.info.face_size
        pixels = ready.engine.processor.pixels([align_face(c, whole_picture(c), size) for c in crops])

        def plain() -> None:
            with torch.inference_mode():
                for start in range(0, CROPS, 32):
                    ready.engine.model.model.encoder(pixels[start : start + 32])

        baseline = median(plain, options.runs)
        print(
            f"torch, explain=False on {CROPS} ready crops: {CROPS / seconds:.0f} faces/s "
            f"({seconds / baseline:.1f} times the encoder's own forward pass)"
        )
        words = median(lambda: ready.analyze(crops[:32]), max(1, options.runs // 2))
        print(f"torch, with explanations, batches of 32: {32 / words:.1f} faces/s")


if __name__ == "__main__":
    main()
