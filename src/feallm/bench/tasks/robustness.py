"""MINI_ROBUSTNESS: the emotion of 200 faces, clean and under six perturbations at five levels.

Faces are FER2013 validation pictures with a FER+ class. An equal number of each of the eight classes is taken as far
as the rarer ones go (contempt and disgust have some twenty pictures each), the rest from the others; which ones is
settled by a hash of the id, so every copy of the data gives the same. Faces come class by class in turn: the
first few already hold every class.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path

from feallm.bench import mini
from feallm.bench.items import Item, Sample, Truth, picture_digest
from feallm.bench.perturb import PERTURBATIONS, seed_of
from feallm.bench.robustness_scores import CLEAN, robustness_score, robustness_tally
from feallm.bench.tasks.fer2013 import SHARES
from feallm.bench.tasks.task import Task
from feallm.data.records import LabelledFace
from feallm.facs.emotions import LABEL_SETS
from feallm.prompts import ask

FACES = 200
LABEL_SET = "ferplus"
CLASSES = LABEL_SETS[LABEL_SET]
QUESTION = ask("emotion", CLASSES)
SEED = "robustness"


def choose(faces: Iterable[LabelledFace], number: int = FACES) -> list[LabelledFace]:
    """`number` of the faces, or all there are: one of each class in turn, within a class by the hash of the id."""
    by_class: dict[str, list[LabelledFace]] = {name: [] for name in CLASSES}
    for face in faces:
        if LABEL_SET in face.labels:
            by_class[face.labels[LABEL_SET]].append(face)
    for members in by_class.values():
        members.sort(key=lambda face: seed_of(f"{SEED}:{face.id}"))
    turns = chain.from_iterable(zip_longest(*by_class.values()))
    return list(islice((face for face in turns if face is not None), number))


def samples(path: Path, split: str) -> Iterator[Sample]:
    """All views of a face, the clean one first, then the next face.

    Raises ValueError where no face has a FER+ class, and as `data.sources.load` does.
    """
    chosen = choose(mini.faces(path, split))
    if not chosen:
        raise ValueError(
            f"no picture in {path} has a FER+ class: put FER+'s fer2013new.csv beside fer2013.csv, or use "
            f"ferplus_{split}.parquet"
        )
    for face in chosen:
        yield from views(face)


def views(face: LabelledFace) -> Iterator[Sample]:
    """A face's 31 samples. Ids: "fer0032144:clean", "fer0032144:blur:3"."""
    picture = picture_digest(face)
    yield Sample(_item(face, picture, CLEAN, 0), face)
    for name, levels in PERTURBATIONS.items():
        for level, function in enumerate(levels, start=1):
            item = _item(face, picture, name, level)
            yield Sample(item, face, partial(function, key=item.sample))


def _item(face: LabelledFace, picture: str, perturbation: str, level: int) -> Item:
    clean = perturbation == CLEAN
    return Item(
        sample=f"{face.id}:{CLEAN}" if clean else f"{face.id}:{perturbation}:{level}",
        face=face.id,
        kind="emotion",
        question=QUESTION,
        truth=Truth(emotion=face.labels[LABEL_SET]),
        subject=face.subject,
        view="" if clean else f"{perturbation} {level}",
        picture=picture,
        about={"perturbation": perturbation, "level": level},
    )


MINI_ROBUSTNESS = Task(
    name="mini_robustness",
    title="FEABench-mini: emotion under worse pictures",
    family="robustness",
    source="fer2013",
    split=mini.SPLIT,
    samples=samples,
    questions={"emotion": QUESTION},
    tally=robustness_tally,
    score=robustness_score,
    protocol=(
        "FER+ class (8) of 200 FER2013 validation pictures, as many of each class as there are, clean and under blur, "
        "JPEG, noise, rotation, down-scaling and darkness at five levels each. mean_accuracy, which leads, is the mean "
        "accuracy over the 30; relative_accuracy divides it by the accuracy on the clean pictures, and does not lead, "
        "since a constant or random answer loses nothing. Answers that cannot be read are wrong."
    ),
    headline="mean_accuracy",
    classes=CLASSES,
    label_set=LABEL_SET,
    shares=SHARES,
)
