"""RAF-DB (Li, Deng & Du, CVPR 2017; Li & Deng, TIP 2019): basic and compound emotions of faces from the internet.

Both sets are shipped as `EmoLabel/list_patition_label.txt` (sic; lines `train_00001.jpg 5`) with the pictures
`Image/aligned/train_00001_aligned.jpg` (crops of 100 x 100) or `Image/original/train_00001.jpg` (whole photographs);
where both are there, the aligned ones are read. The basic set is also found as folders: `DATASET/train/1/…` with
`train_labels.csv` (image, label) beside or in DATASET.

Basic codes: 1 surprise, 2 fear, 3 disgust, 4 happiness, 5 sadness, 6 anger, 7 neutral. Compound codes: `COMPOUND`.
The order of the compound codes is that of public loaders of the two-tab subset, and of the owners' RAF-CE, which
counts from 0 and has "fearfully disgusted" in addition.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources.source import Source
from feallm.facs.emotions import LABEL_SETS, ORDERS, decode

SPLITS = ("train", "test")
BASIC = {code: decode("rafdb", code) for code in range(1, len(ORDERS["rafdb"]) + 1)}
COMPOUND: dict[int, tuple[str, str]] = {
    1: ("happiness", "surprise"),
    2: ("happiness", "disgust"),
    3: ("sadness", "fear"),
    4: ("sadness", "anger"),
    5: ("sadness", "surprise"),
    6: ("sadness", "disgust"),
    7: ("fear", "anger"),
    8: ("fear", "surprise"),
    9: ("anger", "surprise"),
    10: ("anger", "disgust"),
    11: ("disgust", "surprise"),
}
LIST = Path("EmoLabel", "list_patition_label.txt")
CROPS = {"aligned": "_aligned.jpg", "original": ".jpg"}
PICTURES = {".jpg", ".jpeg", ".png"}
AGAIN = "unpack the owners' file again"
PROVENANCE = {"rafdb": "about 40 raters a picture"}


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """Faces of one split of the basic set: seven classes, one each.

    Raises:
        FileNotFoundError: neither layout is there, or the compound set is.
        ValueError: an unknown split.
    """
    _check_split(split)
    home = _home(path, "basic", BASIC)
    if home is not None:
        return _listed(home, split, _basic, BASIC)
    root = _folders(path)
    if root is not None:
        return _from_folders(root, split)
    raise FileNotFoundError(_expected("RAF-DB", path) + ", or folders DATASET/train/1 to 7")


def scan_compound(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """Faces of one split of the compound set: two emotions each, half of `emotions["rafdb"]` on either, no `labels`.

    Raises:
        FileNotFoundError: the layout is not there, or the basic set is.
        ValueError: an unknown split.
    """
    _check_split(split)
    home = _home(path, "compound", COMPOUND)
    if home is None:
        raise FileNotFoundError(_expected("RAF-DB compound", path))
    return _listed(home, split, _two, COMPOUND)


def layout(path: Path) -> str | None:
    """ "aligned", "original" or "folders"; None where the basic set is not there."""
    home = _home(path, "basic", BASIC)
    return _crops(home)[0] if home is not None else "folders" if _folders(path) is not None else None


def layout_compound(path: Path) -> str | None:
    """ "aligned" or "original"; None where the compound set is not there."""
    home = _home(path, "compound", COMPOUND)
    return _crops(home)[0] if home is not None else None


def _check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"RAF-DB has the splits {', '.join(SPLITS)}, not {split!r}")


def _expected(name: str, path: Path) -> str:
    return (
        f"no {name} data in {path}: expected {LIST.as_posix()} with that set's codes, and Image/aligned or "
        "Image/original (both sets have the same file names: give the folder of the one that is meant)"
    )


def _home(path: Path, inner: str, codes: Mapping[int, object]) -> Path | None:
    """`path` or `path/inner`, whichever holds the list and pictures of the set that has these codes."""
    for folder in (path, path / inner):
        if (folder / LIST).is_file() and _crops(folder)[0] and not _other(folder / LIST, codes):
            return folder
    return None


def _other(listing: Path, codes: Mapping[int, object]) -> bool:
    """Whether a list is clearly of the other set: only the compound one has codes above 7, and it has them all."""
    found = {_code(line) for _, line in _lines(listing)}
    above = COMPOUND.keys() - BASIC.keys()
    return above <= found if codes is BASIC else BASIC.keys() <= found and not above & found


def _crops(home: Path) -> tuple[str | None, Path]:
    """The kind of pictures and their folder; an archive unpacked into a folder of its own name is seen through."""
    for kind in CROPS:
        folder = home / "Image" / kind
        if folder.is_dir():
            return kind, folder / kind if (folder / kind).is_dir() else folder
    return None, home


def _lines(listing: Path) -> Iterator[tuple[int, str]]:
    with listing.open(encoding="utf-8-sig") as stream:
        yield from ((number, line.strip()) for number, line in enumerate(stream, start=1) if line.strip())


def _code(line: str) -> int | None:
    """The code at the end of a line, None where there is none."""
    try:
        value = float(line.split()[-1])
    except ValueError:
        return None
    return int(value) if value.is_integer() else None


def _listed(
    home: Path, split: str, face: Callable[[str, Path, str, int], LabelledFace], codes: Mapping[int, object]
) -> Iterator[LabelledFace | Problem]:
    kind, folder = _crops(home)
    for number, line in _lines(home / LIST):
        where = f"{home / LIST}, line {number}"
        name, code = Path(line.split()[0]), _code(line)
        if len(line.split()) != 2 or not name.name.startswith(tuple(f"{known}_" for known in SPLITS)):
            yield Problem(where, f"expected `train_00001.jpg 5` or `test_0001.jpg 5`, got {line!r}", AGAIN)
        elif not name.name.startswith(f"{split}_"):
            continue
        elif code is None or code not in codes:
            yield Problem(where, f"code {line.split()[1]!r}, expected 1 to {len(codes)}", AGAIN)
        else:
            yield face(name.stem, folder / f"{name.stem}{CROPS[kind or 'aligned']}", split, code)


def _basic(identity: str, image: Path, split: str, code: int) -> LabelledFace:
    label = BASIC[code]
    emotions = {"rafdb": one_hot(label, LABEL_SETS["rafdb"])}
    return LabelledFace(identity, image, "rafdb", split, emotions, {"rafdb": label}, provenance=PROVENANCE)


def _two(identity: str, image: Path, split: str, code: int) -> LabelledFace:
    pair = COMPOUND[code]
    emotions = {"rafdb": tuple(0.5 if name in pair else 0.0 for name in LABEL_SETS["rafdb"])}
    # The basic set has pictures of the same names.
    identity = f"compound_{identity}"
    return LabelledFace(identity, image, "rafdb_compound", split, emotions, compound=pair, provenance=PROVENANCE)


def _folders(path: Path) -> Path | None:
    """The folder that holds train/1 … 7, `path` or `path/DATASET`."""
    names = {str(code) for code in BASIC}
    for root in (path, path / "DATASET"):
        found = {folder.name for split in SPLITS for folder in (root / split).glob("*") if folder.is_dir()}
        if {name for name in found if name.isdigit()} == names:
            return root
    return None


def _from_folders(root: Path, split: str) -> Iterator[LabelledFace | Problem]:
    tables = (root / f"{split}_labels.csv", root.parent / f"{split}_labels.csv")
    table = next((table for table in tables if table.is_file()), None)
    if table is not None:
        yield from _from_table(table, root / split, split)
        return
    if not (root / split).is_dir():
        raise FileNotFoundError(f"no {split} pictures: expected folders 1 to {len(BASIC)} in {root / split}")
    for code in BASIC:
        for picture in sorted((root / split / str(code)).glob("*")):
            if picture.suffix.lower() in PICTURES:
                yield _basic(picture.stem.removesuffix("_aligned"), picture, split, code)


def _from_table(table: Path, folder: Path, split: str) -> Iterator[LabelledFace | Problem]:
    with table.open(newline="", encoding="utf-8-sig") as stream:
        for number, cells in enumerate(csv.reader(stream), start=1):
            row = [cell.strip() for cell in cells]
            if not any(row) or (number == 1 and row[-1] == "label"):
                continue
            code = _code(row[-1]) if row[-1] else None
            if len(row) != 2 or not row[0] or code not in BASIC:
                what = f"expected a picture and a code from 1 to {len(BASIC)}, got {row}"
                yield Problem(f"{table}, line {number}", what, "download the file again")
            else:
                name = Path(row[0]).name
                yield _basic(Path(name).stem.removesuffix("_aligned"), folder / str(code) / name, split, code)


ASK = (
    "by a signed form from the owners (Weihong Deng, Beijing University of Posts and Telecommunications) at "
    "www.whdeng.cn/RAF/model1.html"
)
LICENCE = "Non-commercial research only; nothing of the pictures or what is derived from them may be passed on."

SOURCE = Source(
    title="RAF-DB, basic emotions",
    scan=scan,
    layout=layout,
    splits=SPLITS,
    ask=ASK,
    licence=LICENCE,
    label_sets=("rafdb",),
    counts={"train": 12271, "test": 3068},
)
COMPOUND_SOURCE = Source(
    title="RAF-DB, compound emotions",
    scan=scan_compound,
    layout=layout_compound,
    splits=SPLITS,
    ask=ASK,
    licence=LICENCE,
    label_sets=("rafdb",),
    counts={"train": 3162, "test": 792},
    unconfirmed="the owners publish no list of the eleven codes: their order is that of public loaders and of RAF-CE; "
    "the two counts are as papers give them",
)
