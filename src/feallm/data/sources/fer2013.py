"""FER2013 (Goodfellow et al. 2013) with the FER+ votes (Barsoum et al. 2016), in the layouts they are found in.

- Kaggle CSV: `fer2013.csv` (emotion, pixels, Usage), with FER+'s `fer2013new.csv` beside it where there is one.
- Folders: `train/angry/…`, `test/…` (pictures, no FER+ votes, no validation split).
- Parquet: `ferplus_train.parquet`, `ferplus_val.parquet` (id, image, fer2013, votes_…, ferplus, copy flags).

Splits: train (Training), val (PublicTest), test (PrivateTest). Rows that FER+ calls non-faces (NF leads) are left out.
FER2013 repeats itself: ids known to repeat a picture of another split (`known_repeats.csv`) are flagged where rows
have ids, that is in the CSV and Parquet layouts.
"""

import csv
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources.source import Source
from feallm.facs.emotions import LABEL_SETS, ORDERS, parse_emotion

USAGE = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
VOTES = ORDERS["ferplus"]
SIDE = 48
CODES = {str(code): name for code, name in enumerate(ORDERS["fer2013"])}
AGAIN = "download the file again"
PROVENANCE = {"fer2013": "FER2013 labels", "ferplus": "ten FER+ raters"}


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """Faces of one split from a folder holding any of the layouts, or from the CSV or Parquet file itself.

    Raises:
        FileNotFoundError: none of the layouts is there.
        ValueError: an unknown split, or rows that do not have the layout's form.
    """
    if split not in USAGE:
        raise ValueError(f"FER2013 has the splits {', '.join(USAGE)}, not {split!r}")
    parquet = path if path.suffix == ".parquet" else path / f"ferplus_{split}.parquet"
    table = path if path.suffix == ".csv" else path / "fer2013.csv"
    if parquet.is_file():
        return _from_parquet(parquet, split)
    if table.is_file():
        return _from_csv(table, split)
    if (path / split).is_dir():
        return _from_folders(path / split, split)
    raise FileNotFoundError(
        f"no FER2013 {split} data in {path}: expected fer2013.csv (and fer2013new.csv), "
        f"ferplus_{split}.parquet, or a folder {split}/ with one folder for each emotion"
    )


def ferplus_labels(votes: Sequence[float]) -> tuple[tuple[float, ...] | None, str | None, bool]:
    """Ten FER+ votes -> distribution over the eight classes, the plurality's class, and whether it is a face.

    The class is None on a tie or when "unknown" or "NF" leads; the distribution is None when no rater named an
    emotion. Order of the votes: `ORDERS["ferplus"]`.
    """
    counts = dict(zip(VOTES, votes, strict=True))
    named = [float(counts[name]) for name in LABEL_SETS["ferplus"]]
    total = sum(named)
    leaders = [name for name, count in counts.items() if count == max(votes)]
    label = leaders[0] if len(leaders) == 1 and leaders[0] in LABEL_SETS["ferplus"] else None
    distribution = tuple(count / total for count in named) if total else None
    return distribution, label, leaders != ["NF"]


def _face(
    identity: str,
    image: Any,
    split: str,
    official: str | None,
    votes: Sequence[float] | None,
    flags: frozenset[str],
) -> LabelledFace | None:
    emotions: dict[str, tuple[float, ...]] = {}
    labels: dict[str, str] = {}
    if official is not None:
        emotions["fer2013"] = one_hot(official, LABEL_SETS["fer2013"])
        labels["fer2013"] = official
    if votes is not None:
        distribution, label, is_face = ferplus_labels(votes)
        if not is_face:
            return None
        if distribution is not None:
            emotions["ferplus"] = distribution
        if label is not None:
            labels["ferplus"] = label
    return LabelledFace(identity, image, "fer2013", split, emotions, labels, flags=flags, provenance=PROVENANCE)


def _from_parquet(path: Path, split: str) -> Iterator[LabelledFace]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(batch_size=1024):
        for row in batch.to_pylist():
            flags = {
                "copy": bool(row.get("copy_of")),
                "near_copy_in_test": bool(row.get("near_copy_in_test")),
            }
            face = _face(
                row["id"],
                row["image"],
                split,
                parse_emotion(row["fer2013"]),
                [row[f"votes_{name}"] for name in VOTES],
                frozenset(name for name, is_set in flags.items() if is_set),
            )
            if face is not None:
                yield face


def known_repeats() -> dict[str, frozenset[str]]:
    """id -> flag of the pictures that nearly repeat one of another split, found once over the whole of FER2013."""
    table = resources.files(__package__).joinpath("known_repeats.csv").read_text(encoding="utf-8")
    return {row["id"]: frozenset({row["flag"]}) for row in csv.DictReader(table.splitlines())}


def _from_csv(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    repeats = known_repeats()
    votes_path = path.with_name("fer2013new.csv")
    votes: list[list[float]] | None = None
    if votes_path.is_file():
        with votes_path.open(newline="", encoding="utf-8-sig") as stream:
            votes = [[float(row[name]) for name in VOTES] for row in csv.DictReader(stream)]
    with path.open(newline="", encoding="utf-8-sig") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            if row.get("Usage") != USAGE[split]:
                continue
            where = f"{path}, row {number}"
            values = row["pixels"].split()
            if len(values) != SIDE * SIDE or not all(value.isdigit() and int(value) < 256 for value in values):
                yield Problem(where, f"expected {SIDE * SIDE} pixels in 0..255, got {len(values)}", AGAIN)
                continue
            pixels = np.array(values, dtype=np.uint8)
            if row["emotion"] not in CODES:
                yield Problem(where, f"emotion code {row['emotion']!r}, expected 0 to 6", AGAIN)
                continue
            if votes is not None and number >= len(votes):
                raise ValueError(f"{votes_path} has {len(votes)} rows, {path} has more: they must be of one release")
            identity = f"fer{number:07d}"
            face = _face(
                identity,
                pixels.reshape(SIDE, SIDE),
                split,
                CODES[row["emotion"]],
                votes[number] if votes is not None else None,
                repeats.get(identity, frozenset()),
            )
            if face is not None:
                yield face


def _from_folders(path: Path, split: str) -> Iterator[LabelledFace]:
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        emotion = parse_emotion(folder.name)
        if emotion is None:
            raise ValueError(f"folder {folder}: {folder.name!r} is not the name of an emotion")
        for picture in sorted(folder.iterdir()):
            face = _face(f"{split}/{folder.name}/{picture.name}", picture, split, emotion, None, frozenset())
            if face is not None and picture.suffix.lower() in {".jpg", ".jpeg", ".png"}:
                yield face


def layout(path: Path) -> str | None:
    """The layout found in a folder, or of a file: "CSV", "CSV with FER+ votes", "Parquet", "folders"."""
    if path.suffix == ".parquet" or any((path / f"ferplus_{split}.parquet").is_file() for split in USAGE):
        return "Parquet"
    table = path if path.suffix == ".csv" else path / "fer2013.csv"
    if table.is_file():
        return "CSV with FER+ votes" if table.with_name("fer2013new.csv").is_file() else "CSV"
    emotions = [parse_emotion(folder.name) for folder in (path / "train").glob("*") if folder.is_dir()]
    return "folders" if len(emotions) == len(LABEL_SETS["fer2013"]) and None not in emotions else None


SOURCE = Source(
    title="FER2013 with FER+ votes",
    scan=scan,
    layout=layout,
    splits=tuple(USAGE),
    ask="the Kaggle challenge 'Challenges in Representation Learning: Facial Expression Recognition' (2013); the FER+ "
    "votes are fer2013new.csv of Microsoft's FERPlus repository",
    licence="Challenge data without a licence text: use it for research; FER+ votes are MIT.",
    label_sets=("fer2013", "ferplus"),
    counts={
        "CSV/train": 28709,
        "CSV/val": 3589,
        "CSV/test": 3589,
        "folders/train": 28709,
        "folders/test": 7178,
        "CSV with FER+ votes/train": 28559,
        "CSV with FER+ votes/val": 3578,
        "CSV with FER+ votes/test": 3573,
        "Parquet/train": 28559,
        "Parquet/val": 3578,
    },
)
