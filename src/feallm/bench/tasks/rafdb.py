"""RAF-DB, basic emotions (Li, Deng & Du, CVPR 2017): the aligned pictures of the test list."""

from collections.abc import Iterator
from pathlib import Path

from feallm.bench.tasks.asked import emotion_task
from feallm.data.records import LabelledFace
from feallm.data.sources import SOURCES, load


def aligned(path: Path, split: str) -> Iterator[LabelledFace]:
    """The aligned crops. Raises ValueError for a copy that has the whole photographs alone, and as `load` does."""
    if SOURCES["rafdb"].layout(path) == "original":
        raise ValueError(
            f"{path} holds RAF-DB's whole photographs alone: the published numbers are of the aligned faces; unpack "
            "aligned.zip into Image/aligned beside Image/original"
        )
    return load("rafdb", path, split)


RAFDB = emotion_task(
    "rafdb",
    "RAF-DB, seven emotions",
    "rafdb",
    "test",
    "rafdb",
    "The aligned crops of the basic set's test list, 3,068 pictures, seven classes. Accuracy leads, as in the "
    "literature; happiness is 38.6 % of the pictures, so read the mean recall beside it.",
    faces=aligned,
    # RAF-AU's pictures stand partly in RAF-DB; FEA-20K is made of seven sets, this one among them.
    shares=("rafau", "fea20k"),
)
