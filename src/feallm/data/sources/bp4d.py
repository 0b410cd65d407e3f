"""BP4D-Spontaneous (Zhang et al. 2014): 41 people at 8 tasks, action units coded frame by frame.

- Codes: `AUCoding/AU_OCC/F001_T1.csv`. The first row holds the AU numbers, the first column the frame, counted from 1;
  0 absent, 1 present, 9 unknown. Only the coded stretch of each task is listed.
- Intensities, where the release has them: `AUCoding/AU_INT/AU06/F001_T1_AU06.csv`, rows `frame,intensity` in 0..5
  (9 unknown), for AUs 6, 10, 12, 14 and 17. They grade the units that the occurrence codes call present.
- Pictures: `Sequences(2D+3D)/F001/T1/0023.jpg`, or any other folder with a folder for each subject; numbers padded to
  two, three or four digits. Where a folder has a picture 0, coded frame 1 is picture 0.

`graded` is True for a frame whose present units all have intensities. Splits: `folds.py`.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from feallm.data.frames import PICTURES, frame_pictures
from feallm.data.records import LabelledFace, Problem
from feallm.data.sources import folds
from feallm.data.sources.source import Source
from feallm.facs.action_units import parse_au

UNITS = tuple(f"AU{number:02d}" for number in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24))
GRADED = ("AU06", "AU10", "AU12", "AU14", "AU17")
UNKNOWN = 9
PROVENANCE = {"action_units": "FACS coders of BP4D"}
AGAIN = "take the file from the release again"
_TASK = re.compile(r"([FM]\d{3})_(T\d)")
_SUBJECT = re.compile(r"[FM]\d{3}")
_USUAL = ("Sequences(2D+3D)", "Sequences", "2D+3D")


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """The coded frames of one split, by subject, task and frame. A frame of which no unit is known is left out.

    Raises:
        FileNotFoundError: the codes or the pictures are not there.
        ValueError: an unknown split.
    """
    wanted = folds.subjects(folds.BP4D, split)
    codes, pictures = _codes(path), _pictures(path)
    if codes is None or pictures is None:
        missing = "AUCoding/AU_OCC/F001_T1.csv" if codes is None else "Sequences(2D+3D)/F001/T1/0023.jpg"
        raise FileNotFoundError(f"no BP4D in {path}: expected files such as {missing}; give the folder that holds both")
    return _faces(codes, pictures, split, wanted)


def layout(path: Path) -> str | None:
    """ "AU occurrence" or "AU occurrence and intensity" of a BP4D folder, None for another."""
    codes = _codes(path)
    if codes is None or _pictures(path) is None:
        return None
    return "AU occurrence and intensity" if (codes.parent / "AU_INT").is_dir() else "AU occurrence"


def _codes(path: Path) -> Path | None:
    for name in ("AUCoding/AU_OCC", "AU_OCC", "AUCoding"):
        if any(_TASK.fullmatch(file.stem) for file in (path / name).glob("*.csv")):
            return path / name
    return None


def _pictures(path: Path) -> Path | None:
    """The folder with the folders of the subjects: a usual one, else the first that holds F001/T1/….jpg."""
    if not path.is_dir():
        return None
    others = sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name not in _USUAL)
    for folder in [path, *(path / name for name in _USUAL), *others]:
        tasks = (task for subject in folder.glob("[FM]???") for task in subject.glob("T?"))
        if any(file.suffix.lower() in PICTURES for task in tasks if task.is_dir() for file in task.iterdir()):
            return folder
    return None


def _faces(codes: Path, pictures: Path, split: str, wanted: frozenset[str]) -> Iterator[LabelledFace | Problem]:
    everyone = folds.subjects(folds.BP4D, "all")
    for file in sorted(codes.glob("*.csv")):
        named = _TASK.fullmatch(file.stem)
        if named is None or named[1] not in everyone:
            yield Problem(
                str(file), "not the codes of one of BP4D's 41 subjects", "move it away (BP4D+ is another set)"
            )
        elif named[1] in wanted:
            yield from _task(file, pictures / named[1] / named[2], named[1], f"{named[1]}/{named[2]}", split)


def _task(file: Path, folder: Path, subject: str, name: str, split: str) -> Iterator[LabelledFace | Problem]:
    header, *rows = _rows(file) or [[]]
    columns = {place: unit for place, cell in enumerate(header) if place and (unit := _unit(cell))}
    if not set(UNITS) <= set(columns.values()):
        wrong = f"expected a first row of AU numbers with {', '.join(unit[2:] for unit in UNITS)}"
        yield Problem(str(file), wrong, AGAIN)
        return
    pictures = frame_pictures(folder)
    if not pictures:
        yield Problem(str(folder), "no pictures of a coded task", "unpack the 2D pictures of this task")
        return
    intensities: dict[str, dict[int, float]] = {}
    for item in _intensities(file.parent.parent / "AU_INT", file.stem):
        if isinstance(item, Problem):
            yield item
        else:
            intensities[item[0]] = item[1]
    missing: list[int] = []
    for row in rows:
        where, number = f"{file}, frame {row[0]}", row[0].removesuffix(".0")
        if not number.isdigit() or len(row) < len(header):
            yield Problem(where, f"expected a frame and {len(header) - 1} codes, got {len(row) - 1}", AGAIN)
            continue
        occurrence = _occurrence(row, columns)
        if isinstance(occurrence, str):
            yield Problem(where, occurrence, AGAIN)
        elif occurrence and int(number) not in pictures:
            missing.append(int(number))
        elif occurrence:
            frame = int(number)
            known = {unit: grades[frame] for unit, grades in intensities.items() if frame in grades}
            yield LabelledFace(
                f"{name}/{frame:04d}",
                pictures[frame],
                "bp4d",
                split,
                action_units=_strengths(occurrence, known),
                subject=subject,
                graded=bool(intensities) and all(known.get(unit, 0) > 0 for unit, code in occurrence.items() if code),
                provenance=PROVENANCE,
            )
    if missing:
        wrong = f"{len(missing)} coded frames have no picture, the first is {missing[0]}"
        yield Problem(str(folder), wrong, "unpack the 2D pictures of this task again")


def _rows(file: Path) -> list[list[str]]:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        return [[cell.strip() for cell in row] for row in csv.reader(stream) if any(cell.strip() for cell in row)]


def _unit(cell: str) -> str | None:
    return parse_au(cell.removesuffix(".0"))


def _occurrence(row: list[str], columns: Mapping[int, str]) -> dict[str, int] | str:
    """Unit -> 0 or 1 of the units that are known, or what is wrong with the row."""
    found = {}
    for place, unit in columns.items():
        cell = row[place].removesuffix(".0")
        if cell not in {"0", "1", "9"}:
            return f"{unit} is {row[place]!r}, expected 0, 1 or 9 (unknown)"
        if int(cell) != UNKNOWN:
            found[unit] = int(cell)
    return found


def _strengths(occurrence: Mapping[str, int], known: Mapping[str, float]) -> dict[str, float]:
    """Presence is what the occurrence codes say; an intensity above 0 tells how strong a present unit is."""
    return {unit: float(known.get(unit) or 1.0) if code else 0.0 for unit, code in occurrence.items()}


def _intensities(folder: Path, stem: str) -> Iterator[tuple[str, dict[int, float]] | Problem]:
    """(unit, frame -> intensity) of the graded units that the release has for a task, and what is wrong with them."""
    for unit in GRADED:
        file = folder / unit / f"{stem}_{unit}.csv"
        if not file.is_file():
            continue
        grades: dict[int, float] = {}
        for row in _rows(file):
            frame, cell = row[0].removesuffix(".0"), row[-1].removesuffix(".0")
            if frame.isdigit() and cell in {"0", "1", "2", "3", "4", "5"}:
                grades[int(frame)] = float(cell)
            elif frame.isdigit() and cell != str(UNKNOWN):
                yield Problem(f"{file}, frame {frame}", f"intensity {cell!r}, expected 0 to 5 or 9 (unknown)", AGAIN)
        yield unit, grades


SOURCE = Source(
    title="BP4D-Spontaneous",
    scan=scan,
    layout=layout,
    splits=folds.SPLITS,
    ask="Lijun Yin, Binghamton University (cs.binghamton.edu/~lijun/Research/3DFE/3DFE_Analysis.html); an agreement "
    "signed by the institution",
    licence="Research of the signing institution only, no redistribution. The challenges FERA 2015 and 2017 "
    "train on these 41 people: a model trained there is no zero-shot model here.",
    action_units=UNITS,
    counts={"all": 146847},
    unconfirmed="whether coded frame 1 is the picture numbered 0 in every release: it is taken so where a folder has a "
    "picture 0, as public readers of BP4D and BP4D+ do, while the lists of ME-GraphAU take the number as it stands; "
    "the names of the intensity files are those of BP4D+; the number of frames is the literature's",
    splits_by="subject",
)
