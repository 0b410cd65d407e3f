"""FEA-20K (Wu et al., Facial-R1, 2025): reasons from action units to the emotion, about faces of seven data sets.

JSONL files, one object a line: `id`, `dataset`, `image`, `question`, `AUs` ["AU1", …], `labels` ["sadness"],
`description` (the reasoning), `meta_info`. Files with "train" in the name belong to the training set, those with "test"
to the test set. The release has training files of three stages: those of stage 1 together are the training set.

Pictures are those of FABA-Instruct, BP4D, DISFA, RAF-AU, FER2013, AffectNet and RAF-DB and do not come with it. They
are looked for in `images` beside the files, or in a folder for each set where there is one: `images/RAF-DB`,
`images/RAF-DB-Train`, `RAF-DB-Train`.

`references` are "reason" where the row has an emotion, else "movements". AUs that a row lists are present; those that
it does not list are unknown, since no row says that its list is complete. Rows with `is_valid: false` are left out.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from feallm.data.records import LabelledFace, Problem, one_hot
from feallm.data.sources.json_rows import read_rows
from feallm.data.sources.source import Source
from feallm.facs.action_units import parse_au
from feallm.facs.answers import read_answer
from feallm.facs.emotions import LABEL_SETS, parse_emotion

SPLITS = ("train", "test")
SETS: dict[str, tuple[str, str | None]] = {
    "faba": ("FABA", "faba"),
    "bp4d": ("BP4D", None),
    "disfa": ("DISFA", None),
    "rafau": ("RAF-AU", None),
    "fer2013": ("FER2013", "fer2013"),
    "affectnet": ("AffectNet", "affectnet8"),
    "rafdb": ("RAF-DB", "rafdb"),
}
"""Data set, without signs and capitals -> its name, and the label set of its emotions."""
FIELDS = frozenset({"image", "AUs", "labels", "description"})
READ = "read from the text"
GIVEN = "FEA-20K labels"
AGAIN = "take the file from the release again"


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """The faces of one split, from the folder of the JSONL files.

    Raises:
        FileNotFoundError: no file of the split is there.
        ValueError: an unknown split.
    """
    if split not in SPLITS:
        raise ValueError(f"FEA-20K has the splits {', '.join(SPLITS)}, not {split!r}")
    files = _files(path, split)
    if not files:
        raise FileNotFoundError(
            f"no FEA-20K {split} data in {path}: expected JSONL files with '{split}' in their names, such as "
            f"FABA-{split.capitalize()}.jsonl, whose lines have the fields {', '.join(sorted(FIELDS))}"
        )
    return (item for file in files for item in _rows(file, split))


def _files(path: Path, split: str) -> list[Path]:
    files = [*path.glob("*.jsonl"), *path.glob("*/*.jsonl")] if path.is_dir() else []
    names = {file: str(file.relative_to(path)).lower() for file in sorted(files)}
    chosen = [file for file, name in names.items() if split in name and _is_ours(file)]
    staged = [file for file in chosen if "stage" in names[file]]
    if split == "train" and staged:
        return [file for file in staged if re.search(r"stage[\W_]?1(?!\d)", names[file])]
    return chosen


def _is_ours(file: Path) -> bool:
    first = next(iter(read_rows(file)), None)
    return isinstance(first, tuple) and set(first[1]) >= FIELDS


def _rows(file: Path, split: str) -> Iterator[LabelledFace | Problem]:
    folders: dict[str, Path] = {}
    for item in read_rows(file):
        if isinstance(item, Problem):
            yield item
            continue
        where, row = item
        if row.get("is_valid", True) is False:
            continue
        name = re.sub(r"[^a-z0-9]", "", (str(row.get("dataset") or "") or file.stem).lower())
        known = next((key for key in SETS if name.startswith(key)), None)
        if known is None:
            fix = f"give one of {', '.join(title for title, _ in SETS.values())}"
            yield Problem(where, f"data set {row.get('dataset')!r} is not one of FEA-20K's", fix)
            continue
        if known not in folders:
            folders[known] = _folder(file.parent, SETS[known][0], split)
        found = _face(row, known, folders[known], split)
        yield Problem(where, found, AGAIN) if isinstance(found, str) else found


def _folder(beside: Path, title: str, split: str) -> Path:
    """Where the pictures of one data set lie."""
    names = (f"{title}-{split.capitalize()}", title)
    places = [place / name for place in (beside, beside / "images", beside.parent / "images") for name in names]
    places += [beside / "images", beside.parent / "images"]
    return next((place for place in places if place.is_dir()), beside / "images")


def _face(row: Mapping[str, Any], name: str, folder: Path, split: str) -> LabelledFace | str:
    """One row, or what is wrong with it."""
    missing = sorted(FIELDS - set(row))
    if missing or not row["image"]:
        return f"no {', '.join(missing or ['image'])}"
    text, label_set = str(row["description"] or "").strip(), SETS[name][1]
    emotion, said_by = _emotion(row["labels"], text, label_set)
    if label_set is not None and emotion is not None and emotion not in LABEL_SETS[label_set]:
        return f"label {emotion!r}, expected one of {', '.join(LABEL_SETS[label_set])}"
    units = _units(row["AUs"])
    if units is None:
        return f"action units {row['AUs']!r}, expected a list such as ['AU1', 'AU4']"
    provenance = {"action_units": GIVEN if units else READ}
    units = units or (dict.fromkeys(read_answer(text).aus, 1.0) if text else {})
    labelled = label_set is not None and emotion is not None
    family = "reason" if labelled else "movements"
    return LabelledFace(
        f"{name}/{row.get('id') or row['image']}",
        folder / str(row["image"]).replace("\\", "/").lstrip("/"),
        "fea20k",
        split,
        {label_set: one_hot(emotion, LABEL_SETS[label_set])} if label_set and emotion else {},
        {label_set: emotion} if label_set and emotion else {},
        action_units=units,
        graded=False,
        references={family: text} if text else {},
        provenance=(provenance if units else {}) | ({label_set: said_by} if label_set and labelled else {}),
    )


def _emotion(labels: Any, text: str, label_set: str | None) -> tuple[str | None, str]:
    """The emotion and who says so; a label that is no emotion is returned as it stands, for the caller to refuse."""
    given = [str(label).strip() for label in ([labels] if isinstance(labels, str) else labels or ())]
    if len(given) == 1:
        return parse_emotion(given[0]) or given[0], GIVEN
    if given or label_set is None or not text:
        return None, READ  # several emotions are no single label
    return read_answer(text, LABEL_SETS[label_set]).emotion, READ


def _units(listed: Any) -> dict[str, float] | None:
    """The listed AUs as present; those outside the project's FACS table are passed over. None for what is no AU."""
    cells = listed if isinstance(listed, list) else [] if listed is None else None
    if cells is None:
        return None
    numbers = [re.fullmatch(r"(?:AU)?\s*0*(\d+)(?:\.0)?", str(cell).strip(), re.IGNORECASE) for cell in cells]
    if not all(numbers):
        return None
    units = (parse_au(int(number[1])) for number in numbers if number)
    return dict.fromkeys(sorted(unit for unit in units if unit is not None), 1.0)


def layout(path: Path) -> str | None:
    """ "JSONL" for a folder of FEA-20K, "JSONL, stage 1" where its training files name stages, None for another."""
    train, test = _files(path, "train"), _files(path, "test")
    if not train and not test:
        return None
    return "JSONL, stage 1" if any("stage" in str(file.relative_to(path)).lower() for file in train) else "JSONL"


SOURCE = Source(
    title="FEA-20K",
    scan=scan,
    layout=layout,
    splits=SPLITS,
    ask="the annotations: FEA-20K of Facial-R1 (github.com/RobitsG/Facial-R1); the pictures: the owners of "
    "FABA-Instruct, BP4D, DISFA, RAF-AU, FER2013, AffectNet and RAF-DB, each by its own agreement",
    licence="Annotations only; every picture stays under its own set's agreement. The reasons were written by "
    "language models. Training on it breaks a zero-shot claim on all seven sets.",
    label_sets=("faba", "fer2013", "affectnet8", "rafdb"),
    counts={"train": 17737, "test": 1688},
    unconfirmed="the names of the files and of `dataset` (those of the authors' scripts are read), where pictures lie, "
    "and whether a list of AUs holds every AU that was looked for",
)
