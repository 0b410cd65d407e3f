"""What the `fer` package (a small Xception trained on FER2013, weights in its wheel) says of face crops, as a CSV.

    python -m venv fer-env && fer-env/bin/pip install "fer==25.10.3" "setuptools<81"
    fer-env/bin/python benchmarks/fer_package.py PICTURES out.csv

It needs TensorFlow and its own environment, so nothing of FEALLM is imported here. PICTURES is a folder of face crops
named by sample id, which `python benchmarks/crops.py` writes; `feallm bench run mini_fer2013 --model table:out.csv`
reads the CSV. Each picture is one whole face: no detector, no padding, which is what that model was trained on.
"""

import csv
import sys
from pathlib import Path

import cv2
from fer.fer import FER

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def main(pictures: Path, out: Path) -> None:
    model = FER(offsets=(0, 0))
    with out.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["input", "dominant_emotion", *LABELS])
        for path in sorted(pictures.glob("*.png")):
            picture = cv2.imread(str(path))
            height, width = picture.shape[:2]
            (found,) = model.detect_emotions(picture, face_rectangles=[(0, 0, width, height)])
            shares = found["emotions"]
            writer.writerow(
                [path.name, max(shares, key=shares.get), *(round(100 * float(shares[name]), 4) for name in LABELS)]
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
