"""Faces of a training run in memory: pixels, targets, and which of them are held back for calibration."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from feallm.data.records import LabelledFace
from feallm.data.sources import load
from feallm.data.sources.au_codes import read_codes, with_codes
from feallm.faces import align_face, whole_picture
from feallm.facs.action_units import CODED_AUS
from feallm.facs.emotions import LABEL_SETS
from feallm.settings import data_path
from feallm.train.data_recipe import DataRecipe, SourceRecipe
from feallm.train.recipe import ModelRecipe
from feallm.train.stores import is_held_back, keeps_back, store_faces


@dataclass(frozen=True)
class OnDemand:
    """Pixels that are decoded when they are asked for: `[rows]` -> uint8 [len(rows), C, side, side]."""

    faces: list[LabelledFace]
    side: int
    grayscale: bool

    def __len__(self) -> int:
        return len(self.faces)

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        index = torch.arange(len(self))[rows].tolist()
        return torch.from_numpy(np.stack([_square(self.faces[row], self.side, self.grayscale) for row in index]))


@dataclass(frozen=True)
class FaceBank:
    """N faces: `pixels` uint8 [N, C, s, s], or `OnDemand`; `emotion_targets[set]` [N, E] (zero rows where unknown);
    `au_targets` [N, A] strengths, NaN where unknown; `au_presence` [N, A] probabilities of presence, NaN where
    unknown (of the codes, or a teacher's); `units` the names of the A; `faces` the labels they came from."""

    faces: list[LabelledFace]
    pixels: Tensor | OnDemand
    emotion_targets: dict[str, Tensor]
    au_targets: Tensor
    au_presence: Tensor
    units: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def coded(self) -> Tensor:
        """[N] bool: faces with action-unit codes."""
        return ~torch.isnan(self.au_targets).all(dim=1)

    def targets(self, rows: Sequence[int]) -> dict[str, Any]:
        """The head's targets of some faces, as `FeallmForConditionalGeneration.forward` takes them."""
        index = torch.tensor(list(rows), dtype=torch.long)
        emotions = {name: target[index] for name, target in self.emotion_targets.items()}
        return {
            "emotion_targets": emotions,
            "au_targets": self.au_targets[index],
            "au_presence": self.au_presence[index],
        }

    def hard(self, label_set: str) -> Tensor:
        """[N] class numbers of the single labels, -1 where a face has none."""
        classes = LABEL_SETS[label_set]
        return torch.tensor([classes.index(f.labels[label_set]) if label_set in f.labels else -1 for f in self.faces])

    def subset(self, chosen: Sequence[int]) -> "FaceBank":
        index = torch.tensor(list(chosen), dtype=torch.long)
        faces = [self.faces[i] for i in chosen]
        pixels = self.pixels
        return FaceBank(
            faces,
            replace(pixels, faces=faces) if isinstance(pixels, OnDemand) else pixels[index],
            {name: target[index] for name, target in self.emotion_targets.items()},
            self.au_targets[index],
            self.au_presence[index],
            self.units,
        )


def labelled_faces(source: SourceRecipe) -> Iterator[LabelledFace]:
    """The faces of one source of a recipe, with their AU codes joined."""
    faces = load(source.source, data_path(source.path), source.split)
    return faces if source.au_codes is None else with_codes(faces, read_codes(data_path(source.au_codes)))


def all_faces(data: DataRecipe) -> list[tuple[LabelledFace, float]]:
    """The faces of all sources with their weights; of several sources, ids begin with the number of the source.

    Without sources they are those of the stores.
    """
    if not data.sources:
        return list(store_faces(data))
    several = len(data.sources) > 1
    return [
        (replace(face, id=f"{number}:{face.id}") if several else face, source.weight)
        for number, source in enumerate(data.sources)
        for face in labelled_faces(source)
    ]


def mixture(weights: Sequence[float]) -> list[int]:
    """Numbers of faces, each as often as its weight says; what is left of a whole number is drawn by lot."""
    lots = torch.rand(len(weights), generator=torch.Generator().manual_seed(0)).tolist()
    return [number for number, weight in enumerate(weights) for _ in range(int(weight + lots[number]))]


def fill(
    faces: Iterable[LabelledFace],
    side: int,
    grayscale: bool,
    label_sets: Sequence[str],
    units: Sequence[str],
    *,
    sharpen: float = 1.0,
    on_demand: bool = False,
) -> FaceBank:
    """Decode faces to `side` x `side`; vote shares are raised to the power `sharpen`. Raises ValueError for none."""
    kept = list(faces)
    if not kept:
        raise ValueError("no faces to load: check the paths, the split and the excluded flags of the recipe")
    later = OnDemand(kept, side, grayscale)
    pixels = later if on_demand else later[:]
    emotions = {
        name: torch.tensor([face.emotions.get(name, (0.0,) * len(LABEL_SETS[name])) for face in kept])
        for name in label_sets
    }
    emotions = {name: F.normalize(target**sharpen, p=1, dim=1) for name, target in emotions.items()}
    strengths = torch.tensor([[face.action_units.get(unit, float("nan")) for unit in units] for face in kept])
    presence = torch.where(torch.isnan(strengths), strengths, (strengths > 0).float())
    graded = torch.tensor([face.graded for face in kept]).unsqueeze(1)
    strengths = torch.where(graded | (strengths == 0), strengths, float("nan"))
    return FaceBank(kept, pixels, emotions, strengths, presence, tuple(units))


def _square(face: LabelledFace, side: int, grayscale: bool) -> NDArray[np.uint8]:
    """The whole picture, which already is a face crop, by the one crop function: [C, side, side]."""
    picture = face.picture()
    picture = align_face(picture, whole_picture(picture), side)
    if grayscale:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[None], dtype=np.uint8)
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def bank_settings(model: ModelRecipe) -> dict[str, Any]:
    """What a bank for a model must know of it: the keyword arguments of `load_banks` and `fill`."""
    return {
        "side": model.source_size,
        "grayscale": model.grayscale,
        "label_sets": list(model.head.get("label_sets") or ("ferplus", "fer2013")),
        "units": list(model.head.get("action_units") or CODED_AUS),
    }


def load_banks(
    data: DataRecipe, *, side: int, grayscale: bool, label_sets: Sequence[str], units: Sequence[str]
) -> tuple[FaceBank, FaceBank | None]:
    """The faces to learn from and those held back (None when there is none).

    Held-back faces that nearly repeat a face learned from are left out of both: FER2013 repeats itself, and a
    calibration on faces known by heart would be overconfident.

    Raises ValueError when a label set has no labelled face: its output would stay untrained.
    """
    chosen = [(face, weight) for face, weight in all_faces(data) if not face.flags & set(data.exclude_flags)]
    usable, weights = [face for face, _ in chosen], [weight for _, weight in chosen]
    on_demand = data.decode == "on_demand"
    bank = fill(usable, side, grayscale, label_sets, units, sharpen=data.sharpen, on_demand=on_demand)
    held = [i for i, face in enumerate(bank.faces) if is_held_back(face.id, data.held_back)]
    learn = sorted(set(range(len(bank))) - set(held))
    learn = [learn[number] for number in mixture([weights[row] for row in learn])]
    for name, target in bank.emotion_targets.items():
        if not bool((target.sum(dim=1) > 0).any()):
            raise ValueError(
                f"no face has a label in the label set {name!r}: give a source that has (FER+ votes stand in "
                "fer2013new.csv), or name the sets there are in model.head.label_sets"
            )
    learned = bank.subset(learn)
    if not held:
        return learned, None
    kept = torch.nonzero(~repeats(bank.subset(held).pixels, learned.pixels)).flatten().tolist()
    return learned, bank.subset([held[i] for i in kept]) if kept else None


def held_back_bank(data: DataRecipe, **settings: Any) -> FaceBank | None:
    """The held-back faces of stores alone, for runs that keep no others in memory. Repeats are not looked for."""
    faces = [face for face, _ in store_faces(data, keeps_back(data))]
    on_demand = data.decode == "on_demand"
    return fill(faces, **settings, sharpen=data.sharpen, on_demand=on_demand) if faces else None


def balanced_rows(bank: FaceBank, data: DataRecipe, label_set: str) -> list[int]:
    """The rows of an epoch: AU-coded faces and faces of rare classes of `label_set` stand there several times."""
    labels = bank.hard(label_set)
    counts = torch.bincount(labels[labels >= 0], minlength=1).float()
    median = counts[counts > 0].median()
    times = ((median / counts.clamp(min=1)) ** data.balance).round().clamp(1, data.most_repeats)
    by_class = torch.where(labels >= 0, times[labels.clamp(min=0)], torch.ones(()))
    by_codes = torch.where(bank.coded, float(data.coded_repeat), 1.0)
    return torch.repeat_interleave(torch.maximum(by_class, by_codes).long()).tolist()


def repeats(pixels: Tensor | OnDemand, others: Tensor | OnDemand, threshold: float = 0.95) -> Tensor:
    """[N] bool: which of `pixels` [N, C, s, s] nearly repeat one of `others`, as they are or mirrored.

    Nearly: the correlation of their 16 x 16 grey versions reaches `threshold`.
    """

    def signature(faces: Tensor | OnDemand) -> Tensor:
        parts = [faces[start : start + 1024] for start in range(0, len(faces), 1024)]
        small = torch.cat([F.adaptive_avg_pool2d(part.float().mean(dim=1, keepdim=True), 16) for part in parts])
        centred = small - small.mean(dim=(2, 3), keepdim=True)
        length: Tensor = torch.linalg.vector_norm(centred, dim=(1, 2, 3), keepdim=True)
        return centred / length.clamp(min=1e-6)

    mine, theirs = signature(pixels), signature(others).flatten(1)
    found = torch.zeros(len(pixels), dtype=torch.bool)
    for start in range(0, len(pixels), 256):
        part = mine[start : start + 256]
        for view in (part, part.flip(3)):
            found[start : start + 256] |= (view.flatten(1) @ theirs.T).amax(dim=1) >= threshold
    return found
