"""Aff-Wild2 (Kollias and Zafeiriou 2019) as the ABAW competitions ship it: videos from the wild, labelled by the frame.

Three sources share the pictures; each reads the annotations of one challenge, a text file for each video (or person in
it: `VIDEO_left.txt`), with a header and then a row for each frame:
- "affwild2_expr", `EXPR_Recognition_Challenge`: 0 neutral, 1 anger, 2 disgust, 3 fear, 4 happiness, 5 sadness,
  6 surprise, 7 other, -1 none. "Other" and -1 name no emotion: such frames are left out.
- "affwild2_au", `AU_Detection_Challenge`: 0 or 1 for each unit of the header, -1 unknown.
- "affwild2_va", `VA_Estimation_Challenge`: valence and arousal in -1..1, -5 unknown.

Folders `Train_Set` and `Validation_Set`; the test labels are not given out. Pictures are face crops,
`cropped_aligned/VIDEO/00001.jpg`, row 1 being frame 1. Frames in which the owners found no face have no picture, and
are left out without a word. People are not named: `subject` is the video.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from feallm.data.frames import numbered_pictures
from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources.source import Source
from feallm.facs.action_units import parse_au
from feallm.facs.emotions import LABEL_SETS, ORDERS, parse_emotion

LABEL_SET = "affwild2"
FOLDERS = {"train": "Train_Set", "val": "Validation_Set"}
UNITS = tuple(f"AU{number:02d}" for number in (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26))
AGAIN = "take the annotations of the competition again"


@dataclass(frozen=True)
class _Labels:
    """What a row says of its frame; nothing where it says that nothing is known."""

    emotion: str | None = None
    units: Mapping[str, float] = field(default_factory=dict)
    valence: float | None = None
    arousal: float | None = None


@dataclass(frozen=True)
class _Challenge:
    """One challenge: its source, its folder in this and older competitions, how its header and rows are read.

    `check(header)` says what is wrong with a header, "" where it is right; `read(header, row)` raises ValueError with
    what is wrong with a row, and gives None where nothing is known of the frame.
    """

    name: str
    folders: tuple[str, ...]
    check: Callable[[list[str]], str]
    read: Callable[[list[str], list[str]], _Labels | None]
    about: str


def _check_expression(header: list[str]) -> str:
    classes = [parse_emotion(cell) or cell.lower() for cell in header]
    order = list(ORDERS[LABEL_SET])
    return "" if classes in (order, order[:-1]) else f"expected the classes {', '.join(order)} in the first row"


def _expression(header: list[str], row: list[str]) -> _Labels | None:
    order = ORDERS[LABEL_SET]
    codes = {str(code): name for code, name in enumerate(order)}
    code = row[0].removesuffix(".0")
    if len(row) != 1 or code not in {*codes, "-1"}:
        raise ValueError(f"expected one code, 0 to {len(order) - 1} or -1 (none)")
    name = codes.get(code)
    return _Labels(emotion=name) if name in LABEL_SETS[LABEL_SET] else None


def _check_units(header: list[str]) -> str:
    units = [parse_au(cell) for cell in header]
    right = None not in units and len(set(units)) == len(units)
    return "" if right else "expected the names of action units in the first row, such as AU1,AU2"


def _units(header: list[str], row: list[str]) -> _Labels | None:
    codes = [cell.removesuffix(".0") for cell in row]
    if len(codes) != len(header) or not set(codes) <= {"0", "1", "-1"}:
        raise ValueError(f"expected {len(header)} codes, 0, 1 or -1 (unknown)")
    known = {parse_au(name) or "": float(code) for name, code in zip(header, codes, strict=True) if code != "-1"}
    return _Labels(units=known) if known else None


def _check_affect(header: list[str]) -> str:
    return (
        "" if [cell.lower() for cell in header] == ["valence", "arousal"] else "expected the first row valence,arousal"
    )


def _affect(header: list[str], row: list[str]) -> _Labels | None:
    wrong = "expected valence and arousal in -1..1, or -5 (unknown)"
    try:
        valence, arousal = (float(cell) for cell in row)
    except ValueError as error:
        raise ValueError(wrong) from error
    if valence == -5 or arousal == -5:
        return None
    if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
        raise ValueError(wrong)
    return _Labels(valence=valence, arousal=arousal)


EXPR = _Challenge(
    "affwild2_expr",
    ("EXPR_Recognition_Challenge", "EXPR_Classification_Challenge", "EXPR_Set"),
    _check_expression,
    _expression,
    "annotators of Aff-Wild2",
)
AU = _Challenge(
    "affwild2_au",
    ("AU_Detection_Challenge", "AU_Set"),
    _check_units,
    _units,
    "annotators of Aff-Wild2, helped by a detector",
)
VA = _Challenge(
    "affwild2_va",
    ("VA_Estimation_Challenge", "VA_Set"),
    _check_affect,
    _affect,
    "annotators of Aff-Wild2",
)


def scan(path: Path, split: str, challenge: _Challenge) -> Iterator[LabelledFace | Problem]:
    """The labelled frames of one split that have a picture, by video and frame.

    Raises:
        FileNotFoundError: the annotations of the challenge or the pictures are not there.
        ValueError: an unknown split.
    """
    if split not in FOLDERS:
        raise ValueError(f"Aff-Wild2 has the splits {', '.join(FOLDERS)}, not {split!r}")
    annotations, pictures = _annotations(path, challenge), _pictures(path)
    if annotations is None or not (annotations / FOLDERS[split]).is_dir() or not pictures:
        labels = f"{challenge.folders[0]}/{FOLDERS[split]}/VIDEO.txt"
        has_labels = annotations is not None and (annotations / FOLDERS[split]).is_dir()
        missing = "cropped_aligned/VIDEO/00001.jpg" if has_labels else labels
        raise FileNotFoundError(
            f"no Aff-Wild2 {split} data in {path}: expected files such as {missing}; give the folder that holds "
            "annotations and pictures"
        )
    return _faces(annotations / FOLDERS[split], pictures, challenge, split)


def layout(path: Path, challenge: _Challenge) -> str | None:
    """The folder of the challenge's annotations as it is named there, None for a folder of something else."""
    annotations = _annotations(path, challenge)
    return annotations.name if annotations is not None and _pictures(path) else None


def _annotations(path: Path, challenge: _Challenge) -> Path | None:
    for name in challenge.folders:
        for folder in sorted([*path.glob(name), *path.glob(f"*/{name}")]):
            if any((folder / part).is_dir() for part in FOLDERS.values()):
                return folder
    return None


def _pictures(path: Path) -> list[Path]:
    """Folders with a folder for each video: `cropped_aligned`, and those of later batches beside or around it."""
    patterns = ("cropped_aligned*", "*/cropped_aligned*", "*/*/cropped_aligned*")
    return [folder for pattern in patterns for folder in sorted(path.glob(pattern)) if folder.is_dir()]


def _faces(
    annotations: Path, pictures: list[Path], challenge: _Challenge, split: str
) -> Iterator[LabelledFace | Problem]:
    for file in sorted(annotations.glob("*.txt")):
        folder = next((place / file.stem for place in pictures if (place / file.stem).is_dir()), None)
        if folder is None:
            fix = "unpack cropped_aligned of every batch"
            yield Problem(str(file), f"no folder {file.stem} with pictures of this video", fix)
            continue
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream)]
        header = rows[0] if rows else []
        if wrong := challenge.check(header):
            yield Problem(str(file), wrong, AGAIN)
            continue
        yield from _video(file, header, rows[1:], numbered_pictures(folder), challenge, split)


def _video(
    file: Path,
    header: list[str],
    rows: list[list[str]],
    pictures: Mapping[int, Path],
    challenge: _Challenge,
    split: str,
) -> Iterator[LabelledFace | Problem]:
    for frame, row in enumerate(rows, start=1):
        if not any(row):
            continue
        try:
            labels = challenge.read(header, row)
        except ValueError as error:
            yield Problem(f"{file}, frame {frame}", f"{error}, got {','.join(row)!r}", AGAIN)
            continue
        if labels is None or frame not in pictures:
            continue
        emotion = labels.emotion
        yield LabelledFace(
            f"{file.stem}/{frame:05d}",
            pictures[frame],
            challenge.name,
            split,
            {LABEL_SET: one_hot(emotion, LABEL_SETS[LABEL_SET])} if emotion else {},
            {LABEL_SET: emotion} if emotion else {},
            action_units=labels.units,
            subject=file.stem,
            graded=False,
            valence=labels.valence,
            arousal=labels.arousal,
            provenance={challenge.name: challenge.about},
        )


def _source(challenge: _Challenge, what: str) -> Source:
    return Source(
        title=f"Aff-Wild2, {what}",
        scan=partial(scan, challenge=challenge),
        layout=partial(layout, challenge=challenge),
        splits=tuple(FOLDERS),
        ask="Dimitrios Kollias, Queen Mary University of London (the ABAW competition's page); a signed agreement",
        licence="Non-commercial research only, no redistribution. The three Aff-Wild2 sources share their videos, and "
        "a training video of one challenge may be a validation video of another.",
        label_sets=(LABEL_SET,) if challenge is EXPR else (),
        action_units=UNITS if challenge is AU else (),
        splits_by="subject",
    )


SOURCE_EXPR = _source(EXPR, "expressions")
SOURCE_AU = _source(AU, "action units")
SOURCE_VA = _source(VA, "valence and arousal")
