"""Where a FER2013 picture has its eyes, nose and mouth: the template that faces are aligned to.

    python benchmarks/alignment_template.py --data DIR [--pictures 1500] [--sheet sheet.png]

DIR holds `ferplus_train.parquet` (column `image`: FER2013's 48 x 48 crops as encoded pictures) and, for the
sheet, `photos.parquet`. Random pictures get a border that repeats their edge, are enlarged four times and
given to MTCNN; the template is the median of the five points over pictures found with score 0.99 or more,
averaged with its own mirror image. Prints the template and the spreads of rotation, scale and shift around
it, which is the jitter that FER2013's own framing has and so the one to train with. Robust spreads are
quartile distances over 1.349.
"""

import argparse
import io
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from feallm.faces import TEMPLATE, MtcnnDetector, align_face
from feallm.faces.align import similarity
from feallm.faces.face import Picture

ENLARGEMENT, BORDER, MIN_SCORE = 4, 12, 0.99
MIRROR = [1, 0, 2, 4, 3]
Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="write FER2013 pictures above aligned photos, to compare by eye")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(arguments.seed)
    pictures = sample(arguments.data / "ferplus_train.parquet", arguments.pictures, rng)
    found, points = measure(pictures)
    share = found / len(pictures)
    print(f"pictures {len(pictures)}, found {share:.1%}, with score >= {MIN_SCORE}: {len(points)}")
    template = np.median(points, axis=0)
    mirrored = np.abs([1, 0] - template)[MIRROR]
    template = (template + mirrored) / 2
    print("template", template.round(3).tolist())
    print("TEMPLATE", TEMPLATE.round(3).tolist(), "(in feallm.faces.align)")
    print_spreads(points, template)
    if arguments.sheet:
        photos = sample(arguments.data / "photos.parquet", 36, rng)
        write_sheet(arguments.sheet, pictures[:36], photos)


def sample(table: Path, count: int, rng: np.random.Generator) -> list[Picture]:
    rows = pq.read_table(table, columns=["image"]).column("image")
    chosen = rng.permutation(len(rows))[:count]
    return [np.array(Image.open(io.BytesIO(rows[int(i)].as_py())).convert("RGB")) for i in chosen]


def measure(pictures: list[Picture]) -> tuple[int, Floats]:
    """How many pictures have a face, and [n, 5, 2] the points of the sure ones, in fractions of the
    picture."""
    detector = MtcnnDetector(min_face_size=60)
    found, points = 0, []
    for picture in pictures:
        padded = cv2.copyMakeBorder(picture, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE)
        side = padded.shape[0] * ENLARGEMENT
        faces = detector.detect(cv2.resize(padded, (side, side), interpolation=cv2.INTER_CUBIC))
        found += bool(faces)
        if faces and faces[0].score >= MIN_SCORE and faces[0].points is not None:
            points.append((faces[0].points / ENLARGEMENT - BORDER) / picture.shape[0])
    return found, np.array(points, dtype=np.float64)


def print_spreads(points: Floats, template: Floats) -> None:
    """How the pictures differ from the template: the similarity transform that takes it to each one's
    points."""
    fits = np.array([similarity(template, face) for face in points])
    turn = np.degrees(np.arctan2(fits[:, 1, 0], fits[:, 0, 0]))
    scale = np.log(np.hypot(fits[:, 0, 0], fits[:, 1, 0]))
    centre = fits[:, :, :2] @ [0.5, 0.5] + fits[:, :, 2] - 0.5
    spreads = (
        ("rotation, degrees", turn),
        ("log scale", scale),
        ("shift right, of the side", centre[:, 0]),
        ("shift down, of the side", centre[:, 1]),
    )
    for label, values in spreads:
        low, first, third, high = np.percentile(values, [5, 25, 75, 95])
        print(
            f"{label:26s} median {np.median(values):7.3f}  std {values.std():6.3f}  "
            f"robust {(third - first) / 1.349:6.3f}  5-95 % {low:7.3f} to {high:7.3f}"
        )


def write_sheet(path: Path, crops: list[Picture], photos: list[Picture], size: int = 96) -> None:
    detector = MtcnnDetector()
    above = [cv2.resize(crop, (size, size), interpolation=cv2.INTER_CUBIC) for crop in crops]
    below = [align_face(photo, faces[0], size) for photo in photos if (faces := detector.detect(photo))]
    rows = [np.hstack(tiles[i : i + 12]) for tiles in (above, below) for i in range(0, len(tiles) - 11, 12)]
    Image.fromarray(np.vstack(rows)).save(path)


if __name__ == "__main__":
    main()
