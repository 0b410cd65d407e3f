"""AffectNet (Mollahosseini, Hasani & Mahoor, IEEE TAC 2017): the manually annotated part, in both releases.

- CSV: `training.csv`, `validation.csv` (here or in `Manually_Annotated_file_lists/`; columns `COLUMNS`, some copies
  without the line of names) and whole pictures in `Manually_Annotated_Images/` or one of `IMAGES`.
- npy: `train_set/`, `val_set/`, each with `images/N.jpg` (face crops) and `annotations/N_exp.npy`, `_val`, `_aro`.

Codes 0 to 7 are the eight classes in the order of `EMOTIONS`; 8 none, 9 uncertain and 10 non-face are left out. All
eight have a label in "affectnet8", all but contempt one in "affectnet7" too. A valence or arousal of -2 is not given.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources.source import Source
from feallm.facs.emotions import LABEL_SETS, decode

LISTS = {"train": "training.csv", "val": "validation.csv"}
FOLDERS = {"train": "train_set", "val": "val_set"}
COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
IMAGES = (
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
    "Manually_Annotated",
    "Manually_Annotated_compressed",
)
CLASSES = 8
LAST_CODE = 10
NOT_GIVEN = -2.0
AGAIN = "take the row from the owners' release again, or delete it"
PROVENANCE = {"affectnet8": "one trained annotator a picture", "affectnet7": "one trained annotator a picture"}


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """Faces of one split, in the order of the CSV or of the npy release's numbers.

    Raises:
        FileNotFoundError: neither release is there.
        ValueError: an unknown split, or a CSV without the columns.
    """
    if split not in LISTS:
        raise ValueError(f"AffectNet has the splits {', '.join(LISTS)}, not {split!r} (the owners keep the test set)")
    folder = path / FOLDERS[split]
    if (folder / "annotations").is_dir():
        return _from_arrays(folder, split)
    table, images = _table(path, split), _images(path)
    if table is not None and images is not None:
        return _from_csv(table, images, split)
    raise FileNotFoundError(
        f"no AffectNet {split} data in {path}: expected {LISTS[split]} (or Manually_Annotated_file_lists/"
        f"{LISTS[split]}) and {IMAGES[0]}/, or {FOLDERS[split]}/images and {FOLDERS[split]}/annotations"
    )


def layout(path: Path) -> str | None:
    """ "CSV" or "npy"; None for a folder of something else."""
    if any((path / folder / "annotations").is_dir() for folder in FOLDERS.values()):
        return "npy"
    return "CSV" if _images(path) is not None and any(_table(path, split) for split in LISTS) else None


def _table(path: Path, split: str) -> Path | None:
    places = (path / LISTS[split], path / "Manually_Annotated_file_lists" / LISTS[split])
    return next((place for place in places if place.is_file()), None)


def _images(path: Path) -> Path | None:
    return next((path / name for name in IMAGES if (path / name).is_dir()), None)


def _from_csv(table: Path, images: Path, split: str) -> Iterator[LabelledFace | Problem]:
    with table.open(newline="", encoding="utf-8-sig") as stream:
        names: Sequence[str] = ()
        for number, cells in enumerate(csv.reader(stream), start=1):
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            if not names:
                names = _columns(row, table)
                if names == row:
                    continue
            where = f"{table}, line {number}"
            if len(row) != len(names):
                yield Problem(where, f"{len(row)} cells, expected {len(names)}", AGAIN)
                continue
            values = dict(zip(names, row, strict=True))
            file = values["subDirectory_filePath"].replace("\\", "/")
            try:
                face = _face(file, images / file, split, values, _box(values))
            except ValueError as error:
                yield Problem(where, str(error), AGAIN)
                continue
            if face is not None:
                yield face


def _columns(first: list[str], table: Path) -> Sequence[str]:
    """The names in the first row, or the release's own where it has no such row.

    Raises ValueError where it is neither a row of names nor one of data.
    """
    missing = set(COLUMNS) - {"facial_landmarks"} - set(first)
    if not missing:
        return first
    if len(first) == len(COLUMNS) and COLUMNS[0] not in first:
        return COLUMNS
    raise ValueError(f"{table}: missing columns {sorted(missing)}: expected {', '.join(COLUMNS)}")


def _from_arrays(folder: Path, split: str) -> Iterator[LabelledFace | Problem]:
    annotations = folder / "annotations"
    named = {file.name.removesuffix("_exp.npy") for file in annotations.glob("*_exp.npy")}
    for name in sorted(named | {file.stem for file in (folder / "images").glob("*.jpg")}, key=_by_number):
        try:
            values = {
                "expression": _array(annotations / f"{name}_exp.npy"),
                "valence": _array(annotations / f"{name}_val.npy"),
                "arousal": _array(annotations / f"{name}_aro.npy"),
            }
            face = _face(f"{folder.name}/{name}", folder / "images" / f"{name}.jpg", split, values, None)
        except (ValueError, OSError, EOFError) as error:
            yield Problem(f"{annotations}, {name}", str(error), "unpack the owners' archive again")
            continue
        if face is not None:
            yield face


def _by_number(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (1 << 62, name)


def _array(file: Path) -> str:
    """The one value of an array file: a number or a text, depending on the release."""
    return str(np.load(file, allow_pickle=False).item())


def _face(
    identity: str, image: Path, split: str, values: Mapping[str, str], box: tuple[float, float, float, float] | None
) -> LabelledFace | None:
    """A face, None where its code says that it shows none of the classes. Raises ValueError for a wrong value."""
    code = _number("expression", values["expression"])
    if not code.is_integer() or not 0 <= code <= LAST_CODE:
        raise ValueError(f"expression code {values['expression']!r}, expected 0 to {LAST_CODE}")
    if code >= CLASSES:
        return None
    if not identity:
        raise ValueError("no picture is named")
    label = decode("affectnet", int(code))
    sets = [name for name in ("affectnet8", "affectnet7") if label in LABEL_SETS[name]]
    return LabelledFace(
        identity,
        image,
        "affectnet",
        split,
        {name: one_hot(label, LABEL_SETS[name]) for name in sets},
        dict.fromkeys(sets, label),
        valence=_dimension("valence", values["valence"]),
        arousal=_dimension("arousal", values["arousal"]),
        box=box,
        provenance=PROVENANCE,
    )


def _number(name: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{name} {cell!r}, expected a number") from None


def _dimension(name: str, cell: str) -> float | None:
    value = _number(name, cell)
    if value == NOT_GIVEN:
        return None
    if not -1 <= value <= 1:
        raise ValueError(f"{name} {cell!r}, expected -1 to 1, or -2 where it is not given")
    return value


def _box(values: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    """x, y, width, height in pixels; None where the release found no face ("NULL", an empty cell, a width below 1)."""
    cells = [values[name] for name in COLUMNS[1:5]]
    if any(cell.upper() in {"", "NULL"} for cell in cells):
        return None
    x, y, width, height = (_number(name, cell) for name, cell in zip(COLUMNS[1:5], cells, strict=True))
    return (x, y, width, height) if width >= 1 and height >= 1 else None


SOURCE = Source(
    title="AffectNet, manually annotated",
    scan=scan,
    layout=layout,
    splits=tuple(LISTS),
    ask="by a signed agreement of a professor or head of a laboratory at mohammadmahoor.com/pages/databases/affectnet",
    licence="Research only, under the agreement you signed; the pictures may not be passed on.",
    label_sets=("affectnet8", "affectnet7"),
    counts={"train": 287651, "val": 4000},
    unconfirmed="which copies of the CSV files lack the line of names (both forms are read)",
)
