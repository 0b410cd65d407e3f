"""RAF-AU (Yan et al. 2020): 4,601 pictures from the wild with action units by FACS coders.

- `RAFAU_label.txt`: a picture and its units in each line, `0001.jpg 1+2+L12+25` or `0002.jpg null` where no unit is
  there. A letter before a number says where a one-sided unit is: L, R, and T, B for its upper and lower half.
- `aligned/0001_aligned.jpg`: the face crops.

A unit that a line does not name is absent where it is one of `UNITS`, those that published readers of the file list;
any other unit is known only where it is named. A unit named on both sides, or without a side too, has no side. There
is no split: all pictures are "all".
"""

import re
from collections.abc import Iterator
from pathlib import Path

from feallm.data.records import LabelledFace, Problem
from feallm.data.sources.source import Source
from feallm.facs.action_units import parse_au

UNITS = tuple(
    f"AU{number:02d}" for number in (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27)
)
PROVENANCE = {"action_units": "FACS coders of RAF-AU"}
AGAIN = "take RAFAU_label.txt from the release again"
_CODE = re.compile(r"([LRTB]*)(\d{1,2})", re.IGNORECASE)


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """The faces in the order of the label file.

    Raises:
        FileNotFoundError: the label file or the folder of aligned pictures is not there.
        ValueError: an unknown split.
    """
    if split != "all":
        raise ValueError(f"RAF-AU has no published splits, only 'all', not {split!r}")
    table, pictures = _table(path), _aligned(path)
    if table is None or pictures is None:
        missing = "RAFAU_label.txt" if table is None else "aligned/0001_aligned.jpg"
        raise FileNotFoundError(f"no RAF-AU in {path}: expected {missing}; give the folder that holds both")
    return _faces(table, pictures)


def layout(path: Path) -> str | None:
    """ "aligned" for a folder of RAF-AU, None for another."""
    return "aligned" if _table(path) and _aligned(path) else None


def _table(path: Path) -> Path | None:
    return next(iter(sorted([*path.glob("RAFAU_label.txt"), *path.glob("*/RAFAU_label.txt")])), None)


def _aligned(path: Path) -> Path | None:
    """The folder of aligned pictures; the archive may unpack into a folder of its own name."""
    for pattern in ("aligned", "aligned/aligned", "*/aligned", "*/aligned/aligned"):
        for folder in sorted(path.glob(pattern)):
            if any(folder.glob("*_aligned.jpg")):
                return folder
    return None


def _faces(table: Path, pictures: Path) -> Iterator[LabelledFace | Problem]:
    seen: set[str] = set()
    for number, line in enumerate(table.read_text(encoding="utf-8-sig").splitlines(), start=1):
        name, *codes = line.split()[:2] or [""]
        if not name:
            continue
        where, stem = f"{table}, line {number}", Path(name).stem.removesuffix("_aligned").zfill(4)
        labels = _units(codes[0]) if codes else "no action units, expected codes such as 1+2+L12, or null"
        if stem in seen:
            labels = f"picture {name} a second time"
        seen.add(stem)
        if isinstance(labels, str):
            yield Problem(where, labels, AGAIN)
            continue
        units, sides = labels
        yield LabelledFace(
            stem,
            pictures / f"{stem}_aligned.jpg",
            "rafau",
            "all",
            action_units=units,
            graded=False,
            sides=sides,
            provenance=PROVENANCE,
        )


def _units(codes: str) -> tuple[dict[str, float], dict[str, str]] | str:
    """Units (1 present, 0 absent) and sides of "1+L12+R12", or what is wrong with it.

    FACS codes outside our table (32, bite; 39, nostril compressor) are passed over.
    """
    named: dict[str, set[str]] = {}
    for code in [] if codes.lower() == "null" else codes.split("+"):
        match = _CODE.fullmatch(code)
        if match is None:
            return f"action unit {code!r}, expected codes such as 1+2+L12, or null"
        unit = parse_au(int(match[2]))
        if unit is not None:
            named.setdefault(unit, set()).add(match[1].upper())
    units = dict.fromkeys(UNITS, 0.0) | dict.fromkeys(sorted(named), 1.0)
    sides = {unit: where for unit, (where, *more) in named.items() if not more and len(where) == 1}
    return units, sides


SOURCE = Source(
    title="RAF-AU",
    scan=scan,
    layout=layout,
    splits=("all",),
    ask="Weihong Deng, Beijing University of Posts and Telecommunications (whdeng.cn/RAF); a signed agreement",
    licence="Non-commercial research only, no redistribution. Its pictures are those of RAF-ML, and some stand in "
    "RAF-DB too: training on RAF-AU breaks a zero-shot claim on RAF-DB and RAF-ML.",
    action_units=UNITS,
    counts={"all": 4601},
    unconfirmed="which units the coders looked for beyond those that the published readers list: one that is never "
    "counted as absent there is unknown here",
    splits_by="",
)
