"""The faces of FEABench-mini: FER2013's validation pictures and, for 300 of them, our action-unit codes.

Anyone with a copy of FER2013 (best with FER+'s `fer2013new.csv` beside it) can run the benchmark on them. The codes
are in the package: two independent passes a face, model-coded (see `data.sources.au_codes`). Pictures known to repeat
one that models train on are left out.
"""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from feallm.data.records import LabelledFace
from feallm.data.sources import load
from feallm.data.sources.au_codes import CodingPass, read_codes, with_codes

SPLIT = "val"


@cache
def codes() -> dict[str, list[CodingPass]]:
    """id -> the coding passes of a validation picture."""
    with resources.as_file(resources.files("feallm.bench") / "codes" / "fea_au_val.csv") as path:
        return read_codes(path)


def faces(path: Path, split: str = SPLIT) -> Iterator[LabelledFace]:
    """The faces of a split of FER2013 without known repeats. Raises as `data.sources.load` does."""
    return (face for face in load("fer2013", path, split) if "copy" not in face.flags)


def coded(path: Path, split: str = SPLIT) -> Iterator[LabelledFace]:
    """Those of `faces` that have codes, each with the mean of its passes as `action_units`; the passes: `codes()`.

    Raises ValueError where none has: a copy of FER2013 in folders has no row numbers to know the pictures by.
    """
    found = False
    for face in with_codes(faces(path, split), codes()):
        if face.action_units:
            found = True
            yield face
    if not found:
        raise ValueError(
            f"no picture in {path} is one of the coded ones: FEABench-mini needs FER2013's {split} split with its row "
            "numbers, that is fer2013.csv or ferplus_val.parquet"
        )
