"""Any table of pictures with emotions or action units: CSV, JSONL or Parquet, one's own or a tool's.

FEALLM's own tables are read, and those of OpenFace, py-feat and LibreFace once they name pictures. Columns, whatever
their case and the blanks around them (OpenFace writes " AU06_r"):

- the picture: one of `IMAGE`; a relative path starts at the table's folder. A video with a column `frame` (from 0) is
  that frame of it.
- the emotion by name: one of `EMOTION`. Shares: a column for each class (`anger` or `Angry` …), of any sum. In a
  table without names the largest share names it. Whose classes they are: the column `label_set`, else the `.meta.json`
  that FEALLM writes beside its tables, else "affectnet8" where the table knows contempt and "affectnet7" where not.
- action units: `AU06_r` and `au_6_intensity` are strengths in 0..5, `AU06_c` presence, plain `AU06` presence or
  probability within 0..1 and a strength otherwise; which one counts where several are there: `table_units`.
- optional: `id`, `split`, `valence`, `arousal`, `status`, one of `SUBJECT`, and `FaceRectX` … `FaceRectHeight`.

Rows without a face (`status`, OpenFace's `success`), or with nothing known, are left out.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from feallm.data.records import LabelledFace, Problem, VideoFrame, one_hot
from feallm.data.sources.source import Source
from feallm.data.sources.table_rows import FORMATS, first, number, read_rows, text, within
from feallm.data.sources.table_units import Scale, read_units, scale_of, unit_columns
from feallm.facs.emotions import LABEL_SETS, parse_emotion
from feallm.tables import meta_path

IMAGE = (
    "image",
    "input",
    "image_path",
    "path",
    "file",
    "file_path",
    "filename",
    "file_name",
    "img",
    "picture",
    "frame",
)
EMOTION = ("emotion", "facial_expression", "expression", "label")
SUBJECT = ("subject", "subject_id", "participant", "person")
BOX = ("facerectx", "facerecty", "facerectwidth", "facerectheight")
VIDEOS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg"}
NO_FACE = {"no_face", "unreadable", "error"}
EVERY = "all"
FIX = "correct the row, or leave the cell empty where nothing is known"


@dataclass(frozen=True)
class Survey:
    """What holds for a whole table, from one pass over it. `classes`: the label set of rows that name none."""

    splits: tuple[str, ...]
    classes: str
    scale: Scale


def scan(path: Path, split: str) -> Iterator[LabelledFace | Problem]:
    """Faces of one split of a table, or of a folder's only table, in its order; "all" is every row.

    Raises:
        FileNotFoundError: no such table, several, or one without pictures or labels.
        ValueError: an unknown split.
    """
    file = _file(path)
    if file is None or not _usable(file):
        raise FileNotFoundError(_expected(path))
    survey = _survey(file)
    if split not in survey.splits:
        raise ValueError(f"{file} has the splits {', '.join(survey.splits)}, not {split!r}")
    return _faces(file, split, survey)


def layout(path: Path) -> str | None:
    """ "CSV", "JSONL" or "Parquet"; None where there is no table, several, or one without pictures or labels."""
    file = _file(path)
    return FORMATS[file.suffix.lower()] if file is not None and _usable(file) else None


def _file(path: Path) -> Path | None:
    """The table itself, or a folder's only one."""
    found = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else []
    tables = [file for file in found if file.is_file() and file.suffix.lower() in FORMATS]
    return tables[0] if len(tables) == 1 else None


def _expected(path: Path) -> str:
    return (
        f"no table of labelled pictures at {path}: expected one {', '.join(FORMATS)} file, or a folder with just one, "
        f"that has a column of pictures ({', '.join(IMAGE[:5])} …) and emotions ({', '.join(EMOTION)}, or a column for "
        "each class) or action units (AU06, AU06_r, AU06_c, au_6_intensity)"
    )


def _usable(file: Path) -> bool:
    """Whether the first good row has a picture and a column of labels."""
    row = next((row for _, row in read_rows(file) if not isinstance(row, str)), {})
    image = first(row, IMAGE)
    if image is None or (image == "frame" and text(row[image]).replace(".", "").isdecimal()):
        return False
    return bool(unit_columns(tuple(row))) or first(row, EMOTION) is not None or len(_shares(row)) > 1


def _survey(file: Path) -> Survey:
    names: dict[str, None] = {}
    splits = {EVERY: None}
    contempt = plain_strengths = False
    for _, row in read_rows(file):
        if isinstance(row, str):
            continue
        names.update(dict.fromkeys(row))
        if split := text(row.get("split")):
            splits[split] = None
        column = first(row, EMOTION)
        contempt |= bool(column and parse_emotion(text(row[column])) == "contempt")
        contempt |= text(row.get(_shares(row).get("contempt", ""))) != ""
        plain_strengths |= any(_is_strength(row[name]) for name, _, kind in unit_columns(tuple(row)) if kind == "plain")
    usual = _described(file) or ("affectnet8" if contempt else "affectnet7")
    return Survey(tuple(splits), usual, scale_of(names, plain_strengths))


def _described(file: Path) -> str | None:
    """The label set that FEALLM's description of a table names; None where there is none."""
    try:
        found = json.loads(meta_path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    chosen = found.get("label_set") if isinstance(found, dict) else None
    return chosen if chosen in LABEL_SETS else None


def _is_strength(cell: Any) -> bool:
    """Above what presence can be; above 5 it is neither (999 of some tables is "unknown")."""
    try:
        return 1 < (number("", cell) or 0.0) <= 5
    except ValueError:
        return False


def _faces(file: Path, split: str, survey: Survey) -> Iterator[LabelledFace | Problem]:
    place = "row" if file.suffix.lower() == ".parquet" else "line"
    for count, row in read_rows(file):
        where = f"{file}, {place} {count}"
        if isinstance(row, str):
            yield Problem(where, row, FIX)
            continue
        if split != EVERY and text(row.get("split")) != split:
            continue
        if text(row.get("status")) in NO_FACE or text(row.get("success")) in {"0", "0.0"}:
            continue
        try:
            face = _face(file, row, survey)
        except ValueError as error:
            yield Problem(where, str(error), FIX)
            continue
        if face.labels or face.emotions or face.action_units or face.valence is not None or face.arousal is not None:
            yield face


def _face(file: Path, row: Mapping[str, Any], survey: Survey) -> LabelledFace:
    """Raises ValueError for a cell that cannot be."""
    identity, image = _picture(file, row)
    emotions, labels = _emotions(row, survey.classes)
    subject = first(row, SUBJECT)
    return LabelledFace(
        text(row.get("id")) or identity,
        image,
        "table",
        text(row.get("split")) or EVERY,
        emotions,
        labels,
        read_units(row, survey.scale),
        subject=(text(row[subject]) or None) if subject else None,
        graded=survey.scale.strengths,
        valence=within("valence", row.get("valence"), -1, 1),
        arousal=within("arousal", row.get("arousal"), -1, 1),
        box=_box(row),
        provenance=dict.fromkeys([*labels, "action_units"], file.name),
    )


def _box(row: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    corners = [value for name in BOX if (value := number(name, row.get(name))) is not None]
    return (corners[0], corners[1], corners[2], corners[3]) if len(corners) == len(BOX) else None


def _picture(file: Path, row: Mapping[str, Any]) -> tuple[str, Path | VideoFrame]:
    column = first(row, IMAGE)
    name = text(row[column]) if column else ""
    if not name or "://" in name:
        raise ValueError(f"{column or IMAGE[0]} is {name!r}, expected the path of a picture")
    face = text(row.get("face_id")).removesuffix(".0")
    which = f"#{face}" if face not in {"", "0"} else ""
    if Path(name).suffix.lower() not in VIDEOS:
        return name + which, file.parent / name
    frame = number("frame", row.get("frame"))
    if frame is None or frame < 0 or not frame.is_integer():
        raise ValueError(f"frame is {row.get('frame')!r}, expected the number of a frame of {name} from 0")
    return f"{name}@{int(frame)}{which}", VideoFrame(file.parent / name, int(frame))


def _emotions(row: Mapping[str, Any], usual: str) -> tuple[dict[str, tuple[float, ...]], dict[str, str]]:
    """Distribution and label, both under the row's label set."""
    chosen = text(row.get("label_set")) or usual
    if chosen not in LABEL_SETS:
        raise ValueError(f"label_set is {chosen!r}, expected one of {', '.join(LABEL_SETS)}")
    classes, column = LABEL_SETS[chosen], first(row, EMOTION)
    word = text(row[column]) if column else ""
    label = parse_emotion(word) if word else None
    if word and label not in classes:
        hint = " (codes differ from set to set)" if word.isdecimal() else ""
        raise ValueError(f"{column} is {word!r}, expected one of {', '.join(classes)}{hint}")
    shares = _distribution(row, classes)
    if column is None and shares is not None and shares.count(max(shares)) == 1:
        label = classes[shares.index(max(shares))]
    if shares is None and label is not None:
        shares = one_hot(label, classes)
    return {chosen: shares} if shares else {}, {chosen: label} if label else {}


def _distribution(row: Mapping[str, Any], classes: tuple[str, ...]) -> tuple[float, ...] | None:
    """The shares of the classes, of sum 1; None where the table has not all of them or the row has none."""
    columns = _shares(row)
    if not set(classes) <= set(columns):
        return None
    found = [number(columns[name], row[columns[name]]) for name in classes]
    if all(value is None for value in found):
        return None
    values = [-1.0 if value is None else value for value in found]
    if min(values) < 0 or not sum(values) > 0:
        raise ValueError(f"the shares of {', '.join(classes)} are {found}, expected numbers from 0, one above it")
    return tuple(value / sum(values) for value in values)


def _shares(row: Mapping[str, Any]) -> Mapping[str, str]:
    """Emotion -> the column of its share."""
    return _share_columns(tuple(row))


@lru_cache(maxsize=64)
def _share_columns(names: tuple[str, ...]) -> Mapping[str, str]:
    return {emotion: name for name in names if (emotion := parse_emotion(name)) is not None}


SOURCE = Source(
    title="A table of your own",
    scan=scan,
    layout=layout,
    splits=(EVERY,),
    ask="nobody: it is yours, or what another tool wrote about your pictures",
    licence="Whatever holds for its pictures and labels.",
    label_sets=("affectnet8", "affectnet7"),
    splits_by="",
)
