"""How many faces the detector finds, and how fast.

    python benchmarks/detection.py --photos photos.parquet [--threads 1]

The table needs a column `image` of encoded pictures that show one face each. Prints the share of pictures
with a face found, upright and upside down, in colour and with red and blue exchanged, and with the picture
in the middle of a scene; extra faces; milliseconds per picture; finds in pictures of scikit-image that show
no face; and how many faces get each quality flag.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from common import pictures_of

from feallm.faces import Face, MtcnnDetector, align_face, assess
from feallm.faces.face import Picture, as_rgb

NO_FACE = (
    "coffee",
    "chelsea",
    "rocket",
    "hubble_deep_field",
    "retina",
    "brick",
    "grass",
    "gravel",
    "page",
    "clock",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    photos = pictures_of(arguments.photos, arguments.limit)

    detector = MtcnnDetector()
    detector.detect(photos[0])
    report("upright", detector, photos)
    report_quality(detector, photos)
    report("min_face_size=40", MtcnnDetector(min_face_size=40), photos)
    report("scale_factor=0.8", MtcnnDetector(scale_factor=0.8), photos)
    report("thresholds=(0.6, 0.7, 0.7)", MtcnnDetector(thresholds=(0.6, 0.7, 0.7)), photos)
    report("thresholds=(0.6, 0.7, 0.8)", MtcnnDetector(thresholds=(0.6, 0.7, 0.8)), photos)
    report("red and blue exchanged", detector, [np.ascontiguousarray(photo[:, :, ::-1]) for photo in photos])
    report("upside down", detector, [np.ascontiguousarray(photo[::-1, ::-1]) for photo in photos])
    report("turned 90 degrees", detector, [np.ascontiguousarray(np.rot90(photo)) for photo in photos])
    for size in (20, 30, 60):
        report(f"{size} px in a scene of 400 px", detector, [scene(photo, size) for photo in photos])
    for side in (640, 1024, 2048):
        large = cv2.resize(skimage.data.astronaut(), (side, side * 3 // 4))
        report(f"astronaut at {side} x {side * 3 // 4}", detector, [large])
    without = [as_rgb(getattr(skimage.data, name)()) for name in NO_FACE]
    report(f"{len(without)} pictures without a face", detector, without)


def scene(photo: Picture, size: int) -> Picture:
    """The photo, a face of about three quarters its side, small in the middle of a still life."""
    canvas = cv2.resize(skimage.data.coffee(), (400, 400), interpolation=cv2.INTER_AREA)
    side = round(size / 0.75)
    canvas[200 : 200 + side, 100 : 100 + side] = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(canvas, np.uint8)


def report(label: str, detector: MtcnnDetector, pictures: list[Picture]) -> None:
    start = time.perf_counter()
    found: list[list[Face]] = [detector.detect(picture) for picture in pictures]
    milliseconds = (time.perf_counter() - start) / len(pictures) * 1000
    rate = np.mean([len(faces) > 0 for faces in found])
    extra = sum(max(0, len(faces) - 1) for faces in found)
    score = np.mean([faces[0].score for faces in found if faces] or [0])
    print(f"{label:32s} found {rate:7.2%}  extra {extra:3d}  score {score:.4f}  {milliseconds:6.1f} ms each")


def report_quality(detector: MtcnnDetector, photos: list[Picture]) -> None:
    faces = [(photo, found[0]) for photo in photos if (found := detector.detect(photo))]
    measured = [assess(photo, face, align_face(photo, face, 96)) for photo, face in faces]
    for name in ("sharpness", "yaw", "roll", "luminance", "outside"):
        low, middle, high = np.percentile([getattr(quality, name) for quality in measured], [5, 50, 95])
        print(f"  {name:10s} 5 % {low:8.3f}  median {middle:8.3f}  95 % {high:8.3f}")
    print("  flags", dict(Counter(flag for quality in measured for flag in quality.flags)), "of", len(measured))


if __name__ == "__main__":
    main()
