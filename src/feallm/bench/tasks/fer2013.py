"""FER2013 (Goodfellow et al. 2013): the challenge's private test set, and our mini task on its validation set."""

from collections.abc import Iterator
from pathlib import Path

from feallm.bench import mini
from feallm.bench.tasks.asked import emotion_task
from feallm.data.records import LabelledFace
from feallm.data.sources import load

SHARES = ("fea20k",)


def private_test(path: Path, split: str) -> Iterator[LabelledFace]:
    """All faces, repeats too. Raises ValueError for a copy in folders, and as `load` does.

    Such a copy has no row numbers, and its `test` holds PublicTest and PrivateTest in one.
    """
    for face in load("fer2013", path, split):
        if isinstance(face.image, Path):
            raise ValueError(
                f"{path} is a copy of FER2013 in folders, whose test pictures are PublicTest and PrivateTest in one "
                "(7,178): the published test set is PrivateTest, give the folder with fer2013.csv"
            )
        yield face


FER2013 = emotion_task(
    "fer2013",
    "FER2013, seven emotions",
    "fer2013",
    "test",
    "fer2013",
    "PrivateTest with the official labels, seven classes, 3,589 pictures; 3,573 where FER+'s votes lie beside them, "
    "since pictures that its raters call no faces are left out. Repeats of training pictures are kept, as in the "
    "literature: 449 of its faces nearly repeat another picture.",
    faces=private_test,
    shares=SHARES,
)
MINI_FER2013 = emotion_task(
    "mini_fer2013",
    "FEABench-mini: FER2013, seven emotions",
    "fer2013",
    "val",
    "fer2013",
    "PublicTest with the official labels, seven classes, without the 393 pictures known to repeat a training picture. "
    "Not comparable to published numbers, which are of PrivateTest.",
    faces=mini.faces,
    shares=SHARES,
)
