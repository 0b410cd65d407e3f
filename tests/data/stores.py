"""Drawn data sets and the recipes of stores made from them, for the tests of building, exporting and viewing."""

import csv

import numpy as np
from PIL import Image

from feallm.data.build import build
from feallm.data.recipe import BuildRecipe
from feallm.data.sources.fer2013 import VOTES
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import ORDERS

PROTOTYPES = {"happiness": ("AU06", "AU12"), "anger": ("AU04", "AU07"), "disgust": ("AU09", "AU10"), "neutral": ()}


def draw_faces(folder, count=40, rare="disgust"):
    """A FER2013 CSV with votes and AU codes: one face in ten is `rare`; and two test pictures as files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = ["happiness", "anger", "neutral"]
    emotions = [rare if number % 10 == 9 else names[number % 3] for number in range(count)]
    with (folder / "fer2013.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["emotion", "pixels", "Usage"])
        for emotion in emotions:
            pixels = " ".join(map(str, rng.integers(0, 255, 48 * 48)))
            writer.writerow([ORDERS["fer2013"].index(emotion), pixels, "Training"])
    with (folder / "fer2013new.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Usage", "Image name", *VOTES])
        writer.writerows(["Training", "", *(10 * (name == emotion) for name in VOTES)] for emotion in emotions)
    with (folder / "codes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "pass", "codable", "hidden", *CODED_AUS])
        for number, emotion in enumerate(emotions):
            strengths = [(1, 3)[number % 2] if unit in PROTOTYPES[emotion] else 0 for unit in CODED_AUS]
            writer.writerow([f"fer{number:07d}", 1, 1, "", *strengths])
    for name in ("angry", "happy"):
        (folder / "photos" / "test" / name).mkdir(parents=True)
        Image.new("RGB", (60, 50), "navy").save(folder / "photos" / "test" / name / "one.png")
    return folder


SOURCE = {"source": "fer2013", "path": ".", "split": "train", "au_codes": "codes.csv"}
FILES = {"source": "fer2013", "path": "photos", "split": "test"}


def recipe(output, **changes):
    values = {"name": "drawn", "output": str(output), "sources": [SOURCE], "workers": 1, "shard_size": 25, **changes}
    return BuildRecipe.model_validate(values)


def made(output, **changes):
    return build(recipe(output, **changes))


def shards(folder):
    """The bytes of everything that a build of the same recipe must repeat."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json*"))} | {
        path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))
    }
