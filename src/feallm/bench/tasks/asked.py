"""Items and tasks of the two closed questions: which emotion out of a set, and which action units out of a list."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from feallm.bench.emotion_scores import emotion_score, emotion_tally
from feallm.bench.items import Item, Kind, Sample, Truth, picture_digest
from feallm.bench.tasks.by_fold import Folds, score_with_folds
from feallm.bench.tasks.task import Task
from feallm.bench.unit_scores import unit_score, unit_tally
from feallm.data.records import LabelledFace
from feallm.data.sources import load
from feallm.facs.action_units import ACTION_UNITS
from feallm.facs.emotions import LABEL_SETS
from feallm.prompts import ask

Faces = Callable[[Path, str], Iterator[LabelledFace]]
"""The faces of a split (`data.sources.load`, and what is left out of it). Raises as `load` does."""
Passes = Callable[[LabelledFace], Sequence[Mapping[str, float]]]
"""A face's action units as each of its coders saw them."""


def emotion_task(
    name: str,
    title: str,
    source: str,
    split: str,
    label_set: str,
    protocol: str,
    *,
    faces: Faces | None = None,
    shares: tuple[str, ...] = (),
) -> Task:
    """A task that asks for one of the classes of a label set, of pictures that are face crops."""
    classes = LABEL_SETS[label_set]
    question = ask("emotion", classes)
    return Task(
        name=name,
        title=title,
        family="emotion",
        source=source,
        split=split,
        samples=partial(emotion_samples, faces=faces or partial(load, source), label_set=label_set, question=question),
        questions={"emotion": question},
        tally=partial(emotion_tally, classes=classes),
        score=partial(emotion_score, classes=classes),
        protocol=protocol,
        headline="accuracy",
        classes=classes,
        label_set=label_set,
        shares=shares,
    )


def unit_task(
    name: str,
    title: str,
    source: str,
    split: str,
    units: tuple[str, ...],
    protocol: str,
    *,
    faces: Faces | None = None,
    passes: Passes | None = None,
    question: str | None = None,
    positive: float = 0.5,
    graded: bool = False,
    is_crop: bool = False,
    shares: tuple[str, ...] = (),
    parts: Folds | None = None,
) -> Task:
    """A task that asks which action units are there: of `units`, each named in the question, unless it is given.

    `parts`, the people of each published fold, add a table of the scores by fold (see `by_fold`).
    """
    score = partial(unit_score, units=units, positive=positive, graded=graded)
    if parts is not None:
        score = partial(score_with_folds, units=units, positive=positive, graded=graded, parts=parts)
    question = question or ask("aus_among", [ACTION_UNITS[unit].short for unit in units])
    return Task(
        name=name,
        title=title,
        family="au",
        source=source,
        split=split,
        samples=partial(
            unit_samples,
            faces=faces or partial(load, source),
            units=units,
            question=question,
            passes=passes or one_pass,
        ),
        questions={"aus": question},
        tally=partial(unit_tally, units=units, positive=positive),
        score=score,
        protocol=protocol,
        headline="mean_f1",
        units=units,
        positive=positive,
        graded=graded,
        is_crop=is_crop,
        shares=shares,
    )


def emotion_samples(path: Path, split: str, *, faces: Faces, label_set: str, question: str) -> Iterator[Sample]:
    """The faces that have a class of the label set, in the order of the source."""
    for face in faces(path, split):
        label = face.labels.get(label_set)
        if label is not None:
            yield _sample(face, "emotion", question, Truth(emotion=label))


def unit_samples(
    path: Path, split: str, *, faces: Faces, units: Sequence[str], question: str, passes: Passes
) -> Iterator[Sample]:
    """The faces of which at least one of the units is known, in the order of the source."""
    for face in faces(path, split):
        known = ({unit: one[unit] for unit in units if unit in one} for one in passes(face))
        truths = tuple(one for one in known if one)
        if truths:
            yield _sample(face, "aus", question, Truth(units=truths))


def one_pass(face: LabelledFace) -> Sequence[Mapping[str, float]]:
    """The units of a set that ships one coding a face."""
    return (face.action_units,)


def _sample(face: LabelledFace, kind: Kind, question: str, truth: Truth) -> Sample:
    item = Item(face.id, face.id, kind, question, truth, face.subject, picture=picture_digest(face))
    return Sample(item, face)
