"""Which framing of a face the model reads best: alignment by five points or by the box, and which margin.

    python benchmarks/alignment.py --data DIR [--model CHECKPOINT]

Two tests, neither trained on: ordinary photographs (photos.parquet: neutral or happiness), framed in each way; and
FER2013 validation pictures, read whole (as in training) and found, aligned and cut again. Printed are accuracy and
the mean log-likelihood of the true class. `feallm.faces.align_face` keeps the winner for training and reading alike.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from common import pictures_of

from feallm.analyze.torch_engine import TorchEngine
from feallm.data.sources import load
from feallm.faces import Face, align_face, make_detector, whole_picture

MARGINS = (-0.10, -0.05, 0.0, 0.05, 0.10, 0.15, 0.20)


def score(engine: TorchEngine, crops: Sequence[Any], truth: Sequence[str]) -> str:
    classes = engine.info.label_sets["ferplus"]
    shares = np.concatenate(
        [engine.scores(engine.encode(crops[i : i + 64])).emotions["ferplus"] for i in range(0, len(crops), 64)]
    )
    right = [classes[row.argmax()] == label for row, label in zip(shares, truth, strict=True)]
    likely = [np.log(row[classes.index(label)]) for row, label in zip(shares, truth, strict=True)]
    return f"accuracy {np.mean(right):.3f}  log-likelihood {np.mean(likely):+.3f}  n {len(crops)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=None)
    parser.add_argument("--pictures", type=int, default=1000, help="how many FER2013 pictures")
    options = parser.parse_args()
    engine, detector = TorchEngine(options.model), make_detector("mtcnn")
    size = engine.info.face_size
    table = options.data / "photos.parquet"
    told, photos = pq.read_table(table, columns=["emotion"]).column("emotion").to_pylist(), pictures_of(table)
    found = [detector.detect(photo)[:1] for photo in photos]
    kept = [(photo, faces[0], label) for photo, faces, label in zip(photos, found, told, strict=True) if faces]
    truth = [label for _, _, label in kept]
    framings: dict[str, Callable[[Face], Face]] = {
        "five points": lambda face: face,
        "box only": lambda face: Face(face.box, face.score, None),
    }
    for name, framing in framings.items():
        for margin in MARGINS:
            crops = [align_face(photo, framing(face), size, margin=margin) for photo, face, _ in kept]
            print(f"photographs, {name:<11} margin {margin:+.2f}: {score(engine, crops, truth)}")
    crops = [align_face(align_face(photo, face, 48), whole_picture(np.zeros((48, 48, 3), np.uint8)), size)
             for photo, face, _ in kept]  # fmt: skip
    print(f"photographs, five points, reduced to 48 px first: {score(engine, crops, truth)}")
    faces = [f for f in load("fer2013", options.data, "val") if "ferplus" in f.labels and not f.flags][
        : options.pictures
    ]
    again = [(face, face.picture()) for face in faces]
    found = [detector.detect(picture)[:1] for _, picture in again]
    pairs = [(face, picture, hits[0]) for (face, picture), hits in zip(again, found, strict=True) if hits]
    labels = [face.labels["ferplus"] for face, _, _ in pairs]
    whole = [align_face(picture, whole_picture(picture), size) for _, picture, _ in pairs]
    cut = [align_face(picture, hit, size) for _, picture, hit in pairs]
    print(f"FER2013 validation, whole pictures:      {score(engine, whole, labels)}")
    print(f"FER2013 validation, found and aligned:   {score(engine, cut, labels)}")


if __name__ == "__main__":
    main()
