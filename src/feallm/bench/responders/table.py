"""Predictions that another tool has written to a table, as answers (see `tables.foreign` for the forms)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feallm.bench.items import How, Kind, Request, Response, digest
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo
from feallm.tables.foreign import ForeignRow, ForeignTable, names_of, of_frames, read

Frames = Mapping[int | None, ForeignRow]


@dataclass(frozen=True)
class _Shelf:
    """The frames of each picture by the names that a request may give it; None for a name of several pictures."""

    pictures: Mapping[str, Frames | None]

    @classmethod
    def of(cls, rows: Sequence[ForeignRow]) -> "_Shelf":
        by_picture: dict[str, dict[int | None, ForeignRow]] = {}
        for (picture, frame), row in of_frames(rows).items():
            by_picture.setdefault(picture, {})[frame] = row
        shelf: dict[str, Frames | None] = {}
        for picture, frames in by_picture.items():
            for name in names_of(picture):
                shelf[name] = None if name in shelf and shelf[name] is not frames else frames
        return cls(shelf | by_picture)

    def find(self, request: Request) -> ForeignRow | str:
        """The row of a request's picture, or why there is none."""
        for name in dict.fromkeys(end for each in request.names for end in names_of(each)):
            if name not in self.pictures:
                continue
            frames = self.pictures[name]
            if frames is None:
                return f"not in the table: {name} is the name of several pictures there"
            if request.frame is not None:
                return frames.get(request.frame, f"not in the table: it has no frame {request.frame} of {name}")
            if len(frames) > 1:
                return f"not in the table: it has {len(frames)} frames of {name}, which is a still picture here"
            return next(iter(frames.values()))
        return f"not in the table: {', '.join(request.names) or 'a picture without a name'}"


class TableResponder:
    """Looks pictures up in a table.

    A picture is known by any of `Request.names` and by the ends of paths ("faces/1.png" is "/data/faces/1.png", "1.png"
    and "1"); a name that several pictures share is none. Of several faces the largest box wins, without boxes the most
    confident. A picture that the table does not hold is "unreadable", with the reason in `error`, and so counted; what
    the table itself calls a picture without a face is "no_face".
    """

    def __init__(self, model: str, revision: str, table: ForeignTable, options: Options) -> None:
        self._shelf = _Shelf.of(table.rows)
        self.info = ResponderInfo(
            name="table",
            model=model,
            revision=revision,
            kinds=kinds_of(table.rows),
            decoding={"method": f"read from a table of {table.form}"},
            trained_on=options.trained_on,
            independent=True,
            note=f"{table.note}; {RESTRICTED}",
        )

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        found = [self._shelf.find(request) for request in requests]
        return [
            Response("unreadable", error=row) if isinstance(row, str) else answer(row, request)
            for request, row in zip(requests, found, strict=True)
        ]


RESTRICTED = "emotions are restricted to the task's classes and renormalised where the tool gives their probabilities"


def open_table(what: str, options: Options) -> TableResponder:
    """`what`: a table or a folder of tables, of `Options.form`. Raises ResponderError where it cannot be read."""
    if not what:
        raise ResponderError("table needs its file: table:PREDICTIONS.csv")
    path = Path(what)
    try:
        table = read(path, options.form)
    except (FileNotFoundError, ValueError) as error:
        raise ResponderError(str(error)) from error
    if not table.rows:
        raise ResponderError(f"{path} holds no predictions")
    files = sorted(each for each in path.rglob("*.csv")) if path.is_dir() else [path]
    revision = digest("".join(digest(file.read_bytes()) for file in files))
    return TableResponder(f"{table.form} table {path.name}", revision, table, options)


def kinds_of(rows: Sequence[ForeignRow]) -> frozenset[Kind]:
    """What a table can answer: emotions, action units, and with explanations in it why and what is seen."""
    kinds: list[Kind] = []
    if any(row.emotion or row.scores for row in rows):
        kinds.append("emotion")
    if any(row.present for row in rows):
        kinds.append("aus")
    if any(row.text for row in rows):
        kinds += ["describe_emotion", "describe_aus", "reason"]
    return frozenset(kinds)


def answer(row: ForeignRow, request: Request, how: How = "table") -> Response:
    """A row as the answer to a request. The tool's own label stands where it is one of the request's classes; else the
    scores, restricted to the classes, name the emotion; without scores the label lies outside of them."""
    if row.status != "ok":
        return Response(row.status, how, error=row.error)
    if request.kind not in ("emotion", "aus"):
        return Response(how=how, text=row.text)
    labels: dict[str, Any] = {
        "present": tuple(unit for unit, there in row.present.items() if there) if row.present else None,
        "presence": row.probability or None,
        "intensity": row.intensity or None,
    }
    inside = {name: row.scores.get(name, 0.0) for name in request.classes}
    total = sum(inside.values())
    if not total:
        return Response(how=how, emotion=row.emotion, **labels)
    scores = {name: share / total for name, share in inside.items()}
    emotion = row.emotion if row.emotion in inside else max(scores, key=lambda name: scores[name])
    return Response(how=how, emotion=emotion, scores=scores, **labels)
