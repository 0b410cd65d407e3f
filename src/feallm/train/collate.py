"""Indices of faces (and their conversations) -> batches of tensors."""

import zlib
from collections.abc import Callable, Sequence
from copy import copy
from random import Random
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from feallm.data.records import Record
from feallm.faces import align_face, whole_picture
from feallm.model.processing import FeallmProcessor
from feallm.train.augment import augment, hide_regions
from feallm.train.bank import FaceBank
from feallm.train.recipe import AugmentRecipe

IGNORED = -100
R = TypeVar("R", bound=Record)


class FaceInput:
    """Turns rows of a bank into `pixel_values` [B, 3, S, S], augmented unless `recipe` is None."""

    def __init__(
        self,
        bank: FaceBank,
        processor: FeallmProcessor,
        recipe: AugmentRecipe | None,
        seed: int,
        size: int | None = None,
    ) -> None:
        images = processor.image_processor
        self.bank, self.recipe = bank, recipe
        self.size = size or int(images.size["height"])
        self.mean = torch.tensor(images.image_mean).view(1, 3, 1, 1)
        self.std = torch.tensor(images.image_std).view(1, 3, 1, 1)
        self.processor, self.seed = processor, seed

    def __call__(self, rows: Sequence[int]) -> Tensor:
        return self.look(rows)[0]

    def look(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Pixels, and which of the head's action units were covered in each face [B, A]."""
        faces = self.bank.pixels[torch.tensor(list(rows))]
        if self.recipe is None:
            return self.as_read(faces), torch.zeros(len(faces), len(self.bank.units), dtype=torch.bool)
        generator = self.generator(rows, "augment")
        ready = augment(faces, self.size, self.recipe, generator)
        ready, hidden = hide_regions(ready, self.bank.units, self.recipe, generator)
        pixels: Tensor = (ready.expand(-1, 3, -1, -1) - self.mean) / self.std
        return pixels.contiguous(memory_format=torch.channels_last), hidden

    def with_seed(self, seed: int) -> "FaceInput":
        """The same faces, changed at random in another way."""
        other = copy(self)
        other.seed = seed
        return other

    def generator(self, rows: Sequence[int], purpose: str) -> torch.Generator:
        """Seeded by what is in the batch, so that a resumed run sees what an uninterrupted one would have seen."""
        return torch.Generator().manual_seed(zlib.crc32(np.array([self.seed, *rows]).tobytes() + purpose.encode()))

    def as_read(self, faces: Tensor) -> Tensor:
        """uint8 [B, C, s, s] -> pixel_values exactly as a reading makes them, by the one crop function."""
        pictures = [face.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy() for face in faces]
        crops = [align_face(picture, whole_picture(picture), self.size) for picture in pictures]
        pixels: Tensor = self.processor.pixels(crops)
        return pixels


class FaceCollator:
    """Rows of a bank -> pixels and the head's targets; an action unit that was covered is absent."""

    def __init__(self, faces: FaceInput) -> None:
        self.faces = faces

    def __call__(self, rows: Sequence[int]) -> dict[str, Any]:
        pixels, hidden = self.faces.look(rows)
        targets = self.faces.bank.targets(rows)
        for name in ("au_targets", "au_presence"):
            known = targets[name]
            targets[name] = torch.where(hidden & ~torch.isnan(known), 0.0, known)
        recipe = self.faces.recipe
        if recipe is None or not recipe.mixup:
            return {"pixel_values": pixels, **targets}
        return mix({"pixel_values": pixels, **targets}, recipe.mixup, self.faces.generator(rows, "mixup"))


def mix(batch: dict[str, Any], alpha: float, generator: torch.Generator) -> dict[str, Any]:
    """Mix every other face of a batch with the one after it, pixels and targets alike (mixup).

    What is known of one of the two alone becomes unknown, and so does the strength of action units.
    """
    count = len(batch["pixel_values"])
    beta = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator))).beta(alpha, alpha, count)
    share = torch.tensor(np.maximum(beta, 1 - beta), dtype=torch.float32)
    share[1::2] = 1.0

    def mixed(values: Tensor) -> Tensor:
        own = share.view(-1, *[1] * (values.dim() - 1))
        return torch.where(own == 1.0, values, own * values + (1 - own) * values.roll(-1, dims=0))

    labelled = {name: (target.sum(dim=1) > 0) for name, target in batch["emotion_targets"].items()}
    both = {name: known & (known.roll(-1) | (share == 1.0)) for name, known in labelled.items()}
    emotions = {name: mixed(target) * both[name].unsqueeze(1) for name, target in batch["emotion_targets"].items()}
    strengths = torch.where((share < 1.0).unsqueeze(1), float("nan"), batch["au_targets"])
    return {
        "pixel_values": mixed(batch["pixel_values"]).contiguous(memory_format=torch.channels_last),
        "emotion_targets": emotions,
        "au_targets": strengths,
        "au_presence": mixed(batch["au_presence"]),
    }


class RecordFaces:
    """The faces that records are about, augmented; `with_targets` adds the head's targets, for its loss beside."""

    def __init__(self, faces: FaceInput, *, with_targets: bool) -> None:
        self.faces, self.with_targets = faces, with_targets
        self.rows = {face.id: row for row, face in enumerate(faces.bank.faces)}

    def __call__(self, records: Sequence[Record]) -> dict[str, Any]:
        rows = [self.rows[record.face] for record in records]
        targets = self.faces.bank.targets(rows) if self.with_targets else {}
        return {"pixel_values": self.faces(rows), **targets}


class ConversationCollator:
    """Ready batches of records (see `grouped`) -> token ids and labels on the answers only.

    `see` gives the model's inputs for the faces of a batch's records; without it there is no face in the text. What is
    `given` in a record is not learned from.
    """

    def __init__(
        self, processor: FeallmProcessor, see: Callable[[Sequence[Any]], dict[str, Any]] | None = None
    ) -> None:
        self.processor, self.see = processor, see

    def __call__(self, batches: Sequence[Sequence[Record]]) -> dict[str, Any]:
        records = [record for batch in batches for record in batch]
        encoded = [self.encode(record) for record in records]
        length = max(len(ids) for ids, _ in encoded)
        pad = self.processor.tokenizer.pad_token_id
        batch: dict[str, Any] = {
            "input_ids": torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in encoded]),
            "labels": torch.tensor([labels + [IGNORED] * (length - len(labels)) for _, labels in encoded]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (length - len(ids)) for ids, _ in encoded]),
        }
        return batch if self.see is None else batch | self.see(records)

    def encode(self, record: Record) -> tuple[list[int], list[int]]:
        """Token ids of the placeholders (where there is a face) and the conversation; labels: the answers' ids.

        Raises ValueError where the tokenizer's chat template does not mark the answers.
        """
        tokenizer = self.processor.tokenizer
        encoded = tokenizer.apply_chat_template(
            record.conversation(), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
        ids, mask = list(encoded["input_ids"]), list(encoded["assistant_masks"])
        if not any(mask):
            raise ValueError(
                "no answer could be told from its question: the chat template needs {% generation %} around answers"
            )
        placeholders = self.processor.placeholders if self.see is not None else ""
        front = tokenizer(placeholders, add_special_tokens=False)["input_ids"]
        ends = [at + 1 for at, spoken in enumerate(mask) if spoken and not any(mask[at + 1 : at + 2])]
        told = ends[record.given - 1] if record.given else 0
        mask = [0] * told + mask[told:]
        labels = [token if spoken else IGNORED for token, spoken in zip(ids, mask, strict=True)]
        return front + ids, [IGNORED] * len(front) + labels


def grouped(records: Sequence[R], size: int, seed: int) -> list[list[R]]:
    """Batches of records of about the same length, in random order, so that little is padded."""
    rng = Random(seed)
    order = sorted(records, key=lambda record: sum(len(turn.question) + len(turn.answer) for turn in record.turns))
    batches = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    rng.shuffle(batches)
    return batches
