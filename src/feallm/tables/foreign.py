"""Tables of predictions that other tools write, as rows of one form.

Forms, by their columns (`FORMS`; letter case and blanks around names do not matter):

- pyfeat: py-feat's `Fex.to_csv`. `input`, `frame` (of a still picture: its place in the list), `FaceRectX` …
  `FaceScore`, `AU01` … as probabilities or 0/1 (the svm model), emotions by name: `anger` … `neutral` in its first
  detector, `Neutral`, `Happy` … in its second (20 units and seven emotions, before its release 24 and eight). A face
  that was not found has no box. Its time is minutes and seconds (`approx_time`), too coarse to be used.
- openface: OpenFace 2, a table a picture or video. FeatureExtraction and FaceLandmarkVidMulti write `frame` (from 1),
  `face_id` (not before 2.1), `timestamp` (seconds), `confidence`, `success`, FaceLandmarkImg `face`, `confidence`; then
  `AU06_r` (0..5) and `AU06_c` (0/1), separated by "," or ", ". Its box is drawn around the landmarks `x_0` … `y_67`
  where they were asked for. No emotions, and no name: the file's own is the picture's.
- libreface: LibreFace, a table a picture or video. `facial_expression`, `au_1` … (0/1), `au_1_intensity` … (0..5), in
  videos `frame_idx` (from 0) and `frame_time_in_ms`, which late releases fill with seconds. No box; no name but in its
  first releases.
- deepface: the results of `DeepFace.analyze` flattened (`pandas.json_normalize`), with a column of names:
  `dominant_emotion`, `emotion.angry` … in per cent, `region.x` … `region.h`, `face_confidence`.
- emotiefflib: EmotiEffLib writes no table; a column of names and one for each class (`Anger` …), as probabilities, or
  as the scores that `predict_emotions` returns unless told otherwise, which get a softmax. The columns' names are those
  of its classes, the form of the table is ours.
- feallm: our own tables, whatever their suffix.

A folder is the tables in it. Where tables lack names, a column `input` may be added that gives them, and a table
without rows is a picture without a face. Emotions become shares in the order of `facs.EMOTIONS`, summing to 1 over
those that the tool knows. The column names were taken from each tool's source.
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath

from feallm.tables.foreign_rows import FORMS, ForeignRow, Form
from feallm.tables.reader import read as read_ours
from feallm.tables.segments import refuse_segments
from feallm.tables.writer import SUFFIXES

__all__ = ["FORMS", "ForeignRow", "ForeignTable", "names_of", "of_frames", "read"]

BULK = re.compile(r"(identity|mesh_[xyz]|lm_mp|eye_lmk_[xyz]|[pz])_\d+(_[xyz])?")
"""Columns by the thousand that hold nothing of what is read here."""


@dataclass(frozen=True)
class ForeignTable:
    """Rows in the order of the table, one a face, from the tool `form`; `note` says what its numbers were taken for."""

    form: str
    rows: tuple[ForeignRow, ...]
    note: str


def read(path: str | os.PathLike[str], form: str | None = None) -> ForeignTable:
    """The predictions in a table, or in all tables of a folder. `form` is one of `FORMS`; None finds it out.

    Raises:
        FileNotFoundError: no such table, or a folder without one.
        ValueError: an unknown form, columns of none or of another, or a cell that cannot be; it names file and row.
    """
    path = Path(path)
    if form is not None and form not in FORMS:
        raise ValueError(f"unknown form of table {form!r}: the forms are {', '.join(FORMS)}")
    files = sorted(each for each in path.rglob("*.csv") if each.is_file()) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise FileNotFoundError(f"no table of predictions at {path}: expected a CSV file, or a folder of them")
    rows: list[ForeignRow] = []
    for file in files:
        names, lines = _lines(file)
        found = FORMS[form] if form is not None else _sniff(file, names)
        missing = found.missing(names)
        if missing:
            lacking = re.sub(r"(?:\\d\+?|\(.*?\)\?)+", "…", missing).replace("|", " or ")
            raise ValueError(f"{file} is not a table of {found.name}: it lacks {lacking}; expected {found.expected}")
        form = found.name
        rows += _rows(file, lines, found)
    return ForeignTable(str(form), tuple(rows), FORMS[str(form)].note)


def of_frames(rows: Iterable[ForeignRow]) -> dict[tuple[str, int | None], ForeignRow]:
    """One row for each picture and frame: of several faces the largest box, without boxes the most confident."""
    best: dict[tuple[str, int | None], ForeignRow] = {}
    for row in rows:
        place = (row.picture, row.frame)
        if place not in best or _weight(row) > _weight(best[place]):
            best[place] = row
    return best


def names_of(picture: str) -> Iterator[str]:
    """A path and its ends, the longest first, the last without suffix: what the picture may be called elsewhere."""
    parts = PurePath(picture.replace("\\", "/")).parts
    yield picture
    for start in range(len(parts)):
        yield "/".join(parts[start:])
    if parts:
        yield PurePath(parts[-1]).stem


def _weight(row: ForeignRow) -> tuple[bool, float, float]:
    area = row.box[2] * row.box[3] if row.box is not None else 0.0
    return row.status == "ok", area, row.confidence or 0.0


def _lines(file: Path) -> tuple[frozenset[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns in lower case; line numbers, and cells by column. Own tables come through our own reader."""
    if file.suffix.lower() != ".csv":
        if file.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{file}: expected a CSV file, or one of ours ({', '.join(SUFFIXES)})")
        ours = [_plain(row) for row in read_ours(file)]
        return frozenset(ours[0]) if ours else frozenset(), enumerate(ours, start=1)
    _, cells = next(_cells(file), (0, []))
    names = [name.strip().lower() for name in cells]
    return frozenset(names), _csv_lines(file, names)


def _csv_lines(file: Path, names: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line by line: wide tables of long videos do not fit into memory. Of two columns that differ only in case (of
    OpenFace, pixels `x_0` and millimetres `X_0`) the first counts."""
    places = {name: place for place, name in reversed(list(enumerate(names))) if not BULK.fullmatch(name)}
    for number, cells in islice(_cells(file), 1, None):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise ValueError(f"{file}, line {number}: {len(cells)} cells, expected {len(names)}")
        yield number, {name: cells[place].strip() for name, place in places.items()}


def _cells(file: Path) -> Iterator[tuple[int, list[str]]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        try:
            for cells in reader:
                yield reader.line_num, cells
        except UnicodeDecodeError as error:
            raise ValueError(f"{file} is not text in UTF-8: save it as CSV in that encoding") from error
        except csv.Error as error:
            raise ValueError(f"{file}, line {reader.line_num}: not CSV ({error})") from error


def _plain(row: Mapping[str, object]) -> dict[str, str]:
    return {name.lower(): "" if value is None else str(value) for name, value in row.items()}


def _sniff(file: Path, names: frozenset[str]) -> Form:
    if not names:
        raise ValueError(f"{file} is empty: expected a table with the names of its columns in the first line")
    refuse_segments(file, names)
    for form in FORMS.values():
        if form.sniff(names):
            return form
    expected = "; ".join(f"{form.name}: {form.expected}" for form in FORMS.values())
    raise ValueError(f"{file} is a table of no known tool (columns {', '.join(sorted(names)[:8])} …): {expected}")


def _rows(file: Path, lines: Iterable[tuple[int, dict[str, str]]], form: Form) -> Iterator[ForeignRow]:
    empty = True
    for number, line in lines:
        empty = False
        try:
            yield form.row(line, file)
        except ValueError as error:
            raise ValueError(f"{file}, line {number}: {error}") from error
    if empty and form.file_a_picture:
        yield ForeignRow(file.stem, status="no_face")
