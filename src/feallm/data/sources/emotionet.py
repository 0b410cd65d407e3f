"""EmotioNet (Fabian Benitez-Quiroz, Srinivasan & Martinez, CVPR 2016; challenges of 2017 and 2018): AUs in the wild.

The owners send lists, not pictures: `dataFile_0001.txt` …, tab-separated and without names, each row the picture's
URL, its original URL, and AU 1 to 60 as 0, 1 or 999 (unknown). Lists from `dataFile_1000.txt` on are coded by hand
("val"), those before by the owners' algorithm ("train"). A `.csv` with a row of names (a URL column, `AU 1` …), which
a sheet of the hand-coded workbook can be saved as, is read as "val" too.

Pictures are what the user downloaded, anywhere below the folder: a row's is the file that is named as its first URL,
suffix and case aside; of several the one in a folder named as in the URL, or as the list. Rows without a picture are
left out: many addresses are dead.

AUs other than `UNITS` count where a list has at least one 1 for them: a column of zeros is one nobody looked for.
"""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from feallm.data.records import LabelledFace, Problem
from feallm.data.sources.source import Source
from feallm.facs.action_units import ACTION_UNITS, parse_au

SPLITS = ("train", "val")
UNITS = tuple(f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 9, 12, 17, 20, 25, 26, 43))
LAST_UNIT = 60
FIRST_MANUAL = 1000
VALUES = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "999": None, "999.0": None, "": None}
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}
CODERS = {"train": "an algorithm of the owners", "val": "coders of the owners"}
AGAIN = "take the list from the owners' archive again"


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """Faces of one split whose pictures are below the folder, in the order of the lists.

    Raises:
        FileNotFoundError: no list of this split is there.
        ValueError: an unknown split, or a list with other columns.
    """
    if split not in SPLITS:
        raise ValueError(f"EmotioNet has the splits {', '.join(SPLITS)}, not {split!r}")
    lists = _lists(path, split)
    if not lists:
        kind = "numbers from 1000" if split == "val" else "numbers below 1000"
        raise FileNotFoundError(
            f"no EmotioNet {split} data in {path}: expected lists dataFile_0001.txt … ({kind}) "
            "and, anywhere below the folder, the pictures downloaded from the URLs in them"
        )
    return _from_lists(path, lists, split)


def layout(path: Path) -> str | None:
    """ "lists" where there is at least one; None for a folder of something else."""
    return "lists" if any(_lists(path, split) for split in SPLITS) else None


def _lists(path: Path, split: str) -> list[Path]:
    texts = [file for folder in ("", "*/") for file in path.glob(f"{folder}dataFile_*.txt")]
    found = [file for file in texts if _manual(file) == (split == "val")]
    if split == "val":
        found += [file for file in path.glob("*.csv") if _names_units(file)]
    return sorted(found)


def _manual(file: Path) -> bool:
    number = file.stem.removeprefix("dataFile_")
    return not number.isdecimal() or int(number) >= FIRST_MANUAL


def _names_units(file: Path) -> bool:
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        first = [cell.strip().lower() for cell in next(csv.reader(stream), [])]
    return any("url" in cell for cell in first) and any(cell.startswith("au") and parse_au(cell) for cell in first)


def _from_lists(path: Path, lists: Sequence[Path], split: str) -> Iterator[LabelledFace | Problem]:
    pictures = _pictures(path)
    rows = faces = 0
    for file in lists:
        for item in _from_list(file, pictures, split):
            rows += 1
            if item is not None:
                faces += 1
                yield item
    if rows and not faces:
        yield Problem(
            str(path),
            f"none of the {rows} rows has its picture below this folder",
            "download the pictures from the URLs in the lists, under the names they have there",
        )


def _pictures(path: Path) -> dict[str, list[Path]]:
    """File name without suffix, lower-case -> the pictures of that name below a folder."""
    found: dict[str, list[Path]] = {}
    for folder, folders, files in os.walk(path):
        folders.sort()
        for file in sorted(files):
            stem, suffix = os.path.splitext(file)
            if suffix.lower() in PICTURES:
                found.setdefault(stem.lower(), []).append(Path(folder, file))
    return found


def _from_list(file: Path, pictures: Mapping[str, list[Path]], split: str) -> Iterator[LabelledFace | Problem | None]:
    """A face for each row, a Problem for a broken one, None for one without a picture."""
    rows = _rows(file)
    address, columns = _columns(rows.pop(0)[1] if rows and not _is_data(rows[0][1]) else None, file)
    width = max(columns.values()) + 1
    ones = {
        unit for unit, column in columns.items() if any(row[column : column + 1] in (["1"], ["1.0"]) for _, row in rows)
    }
    looked_for = {unit: column for unit, column in columns.items() if unit in ones.union(UNITS)}
    for number, row in rows:
        where = f"{file}, line {number}"
        if len(row) < width:
            yield Problem(where, f"{len(row)} cells, expected at least {width}", AGAIN)
            continue
        wrong = [f"{unit} {row[column]!r}" for unit, column in looked_for.items() if row[column] not in VALUES]
        if wrong:
            yield Problem(where, f"{', '.join(wrong)}: expected 0, 1 or 999", AGAIN)
            continue
        url = PurePosixPath(unquote(urlsplit(row[address].strip("'\"")).path))
        found = pictures.get(url.stem.lower(), [])
        found = [one for one in found if one.parent.name in (url.parent.name, file.stem)] or found
        if len(found) > 1:
            what = f"{len(found)} pictures could be {url.name}: {', '.join(map(str, found[:3]))}"
            yield Problem(where, what, "keep the one that the labels are for below the folder")
        else:
            units = {unit: VALUES[row[column]] for unit, column in looked_for.items()}
            known = {unit: value for unit, value in units.items() if value is not None}
            yield _face(url.stem, found[0], split, known) if found else None


def _rows(file: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, with their line numbers."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        reader = (
            csv.reader(stream) if file.suffix == ".csv" else csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        )
        rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(reader, start=1)]
    return [(number, row) for number, row in rows if any(row)]


def _is_data(row: Sequence[str]) -> bool:
    return "://" in row[0]


def _columns(names: Sequence[str] | None, file: Path) -> tuple[int, dict[str, int]]:
    """The column of the URL, and of each AU that the FACS table knows. Raises ValueError where there are none."""
    if names is None:
        numbered = {f"AU{number:02d}": number + 1 for number in range(1, LAST_UNIT + 1)}
        return 0, {unit: column for unit, column in numbered.items() if unit in ACTION_UNITS}
    addresses = [column for column, name in enumerate(names) if "url" in name.lower()]
    units = {
        unit: column for column, name in enumerate(names) if name.lower().startswith("au") and (unit := parse_au(name))
    }
    if not addresses or not units:
        raise ValueError(f"{file}: expected a row of names with URL and AU 1 to {LAST_UNIT}, or none, got {names[:4]}")
    return addresses[0], units


def _face(identity: str, image: Path, split: str, units: Mapping[str, float]) -> LabelledFace:
    return LabelledFace(
        identity,
        image,
        "emotionet",
        split,
        action_units=units,
        graded=False,
        provenance={"action_units": CODERS[split]},
    )


SOURCE = Source(
    title="EmotioNet",
    scan=scan,
    layout=layout,
    splits=SPLITS,
    ask="from the Computational Biology and Cognitive Science Lab, Ohio State University "
    "(cbcsl.ece.ohio-state.edu/EmotionNetChallenge), for the lists; the pictures are downloaded from the URLs in them",
    licence="Research and non-commercial use; the pictures' rights stay with those who published them.",
    action_units=UNITS,
    unconfirmed="that lists from dataFile_1000.txt on are the hand-coded ones, and which AUs beside the twelve were "
    "looked for in each list; published sizes (950,000 and 25,000 pictures) are round and many addresses are dead, so "
    "there is no number to count against",
    splits_by="",
)
