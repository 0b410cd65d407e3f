"""Items and tasks of questions that are answered with a text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from feallm.bench.items import Item, Kind, Sample, Truth, picture_digest
from feallm.bench.tasks.task import Family, Task
from feallm.bench.text_scores import POSITIVE, About, text_score, text_tally
from feallm.data.records import LabelledFace
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import LABEL_SETS

Faces = Callable[[Path, str], Iterator[LabelledFace]]
Reference = Callable[[LabelledFace], str | None]
Passes = Callable[[LabelledFace], tuple[Mapping[str, float], ...]]


@dataclass(frozen=True)
class Faced:
    """Where a task's faces come from. `passes(face)` are a face's codes, `reference(face)` its reference text."""

    source: str
    split: str
    label_set: str
    faces: Faces
    passes: Passes
    reference: Reference
    shares: tuple[str, ...] = ()


def text_task(
    name: str,
    title: str,
    kind: Kind,
    question: str,
    protocol: str,
    faced: Faced,
    headline: str,
    *,
    as_published: bool = False,
) -> Task:
    """A task that asks for a text about pictures that are face crops. Faces without a reference are left out."""
    about: About = "emotion" if kind == "describe_emotion" else "aus" if kind == "describe_aus" else "reason"
    family: Family = "reason" if kind == "reason" else "describe"
    return Task(
        name=name,
        title=title,
        family=family,
        source=faced.source,
        split=faced.split,
        samples=partial(text_samples, faced=faced, kind=kind, question=question),
        questions={kind: question},
        tally=partial(text_tally, about=about, headline=headline),
        score=partial(text_score, about=about, headline=headline, as_published=as_published),
        protocol=protocol,
        headline=headline,
        classes=LABEL_SETS[faced.label_set],
        label_set=faced.label_set,
        units=CODED_AUS,
        positive=POSITIVE,
        shares=faced.shares,
    )


def text_samples(path: Path, split: str, *, faced: Faced, kind: Kind, question: str) -> Iterator[Sample]:
    """The faces that have a reference, in the order of the source.

    Raises ValueError where none has.
    """
    found = False
    for face in faced.faces(path, split):
        text = faced.reference(face)
        if text is not None:
            found = True
            truth = Truth(face.labels.get(faced.label_set), faced.passes(face), text)
            item = Item(face.id, face.id, kind, question, truth, face.subject, picture=picture_digest(face))
            yield Sample(item, face)
    if not found:
        raise ValueError(
            f"no face in {path} has what a reference text needs: labels of {faced.label_set!r} beside the pictures"
            if faced.source == "fer2013"
            else f"no face in {path} has a reference text of this kind: give the folder with both annotation lists"
        )
