"""Faces of a training run in memory: pixels, targets, and which of them are held back for calibration."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from feallm.data.records import LabelledFace
from feallm.data.sources import SOURCES
from feallm.data.sources.au_codes import read_codes, with_codes
from feallm.facs.emotions import LABEL_SETS
from feallm.settings import data_path
from feallm.train.recipe import DataRecipe, SourceRecipe


@dataclass(frozen=True)
class FaceBank:
    """N faces: `pixels` uint8 [N, C, s, s]; `emotion_targets[set]` [N, E] (zero rows where unknown);
    `au_targets` [N, A] strengths, NaN where unknown; `faces` the labels they came from."""

    faces: list[LabelledFace]
    pixels: Tensor
    emotion_targets: dict[str, Tensor]
    au_targets: Tensor

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def coded(self) -> Tensor:
        """[N] bool: faces with action-unit codes."""
        return ~torch.isnan(self.au_targets).all(dim=1)

    def subset(self, chosen: Sequence[int]) -> "FaceBank":
        index = torch.tensor(list(chosen), dtype=torch.long)
        return FaceBank(
            [self.faces[i] for i in chosen],
            self.pixels[index],
            {name: target[index] for name, target in self.emotion_targets.items()},
            self.au_targets[index],
        )


def labelled_faces(source: SourceRecipe) -> Iterator[LabelledFace]:
    """The faces of one source of a recipe, with their AU codes joined."""
    faces = SOURCES[source.source](data_path(source.path), source.split)
    return faces if source.au_codes is None else with_codes(faces, read_codes(data_path(source.au_codes)))


def fill(
    faces: Iterable[LabelledFace], side: int, grayscale: bool, label_sets: Sequence[str], units: Sequence[str]
) -> FaceBank:
    """Decode faces to `side` x `side`. Raises ValueError when there is none."""
    kept = list(faces)
    if not kept:
        raise ValueError("no faces to load: check the paths, the split and the excluded flags of the recipe")
    pixels = torch.from_numpy(np.stack([_square(face, side, grayscale) for face in kept]))
    emotions = {
        name: torch.tensor([face.emotions.get(name, (0.0,) * len(LABEL_SETS[name])) for face in kept])
        for name in label_sets
    }
    strengths = torch.tensor([[face.action_units.get(unit, float("nan")) for unit in units] for face in kept])
    return FaceBank(kept, pixels, emotions, strengths)


def _square(face: LabelledFace, side: int, grayscale: bool) -> np.ndarray:
    picture = face.picture()
    if picture.shape[:2] != (side, side):
        picture = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if grayscale:
        return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[None]
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def is_held_back(identity: str, share: float) -> bool:
    """The same faces on every machine and in every run: decided by a hash of the id."""
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def load_banks(
    data: DataRecipe, *, side: int, grayscale: bool, label_sets: Sequence[str], units: Sequence[str]
) -> tuple[FaceBank, FaceBank | None]:
    """The faces to learn from and those held back (None when the recipe holds none back)."""
    faces = [face for source in data.train for face in labelled_faces(source)]
    usable = [face for face in faces if not face.flags & set(data.exclude_flags)]
    bank = fill(usable, side, grayscale, label_sets, units)
    held = [i for i, face in enumerate(bank.faces) if is_held_back(face.id, data.held_back)]
    learn = sorted(set(range(len(bank))) - set(held))
    return bank.subset(learn), bank.subset(held) if held else None
