"""Indices of faces (and their conversations) -> batches of tensors."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from feallm.data.records import Record
from feallm.faces import align_face, whole_picture
from feallm.model.processing import FeallmProcessor
from feallm.train.augment import augment
from feallm.train.bank import FaceBank
from feallm.train.recipe import AugmentRecipe

IGNORED = -100


class FaceInput:
    """Turns rows of a bank into `pixel_values` [B, 3, S, S], augmented unless `recipe` is None."""

    def __init__(self, bank: FaceBank, processor: FeallmProcessor, recipe: AugmentRecipe | None, seed: int) -> None:
        images = processor.image_processor
        self.bank, self.recipe = bank, recipe
        self.size = int(images.size["height"])
        self.mean = torch.tensor(images.image_mean).view(1, 3, 1, 1)
        self.std = torch.tensor(images.image_std).view(1, 3, 1, 1)
        self.processor, self.seed = processor, seed

    def __call__(self, rows: Sequence[int]) -> Tensor:
        faces = self.bank.pixels[torch.tensor(list(rows))]
        if self.recipe is None:
            return self.as_read(faces)
        # seeded by what is in the batch, so that a resumed run sees what an uninterrupted one would have seen
        generator = torch.Generator().manual_seed(zlib.crc32(np.array([self.seed, *rows]).tobytes()))
        ready = augment(faces, self.size, self.recipe, generator)
        pixels: Tensor = (ready.expand(-1, 3, -1, -1) - self.mean) / self.std
        return pixels.contiguous(memory_format=torch.channels_last)

    def as_read(self, faces: Tensor) -> Tensor:
        """uint8 [B, C, s, s] -> pixel_values exactly as a reading makes them, by the one crop function."""
        pictures = [face.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy() for face in faces]
        crops = [align_face(picture, whole_picture(picture), self.size) for picture in pictures]
        pixels: Tensor = self.processor.pixels(crops)
        return pixels


class FaceCollator:
    """Rows of a bank -> pixels and the head's targets."""

    def __init__(self, faces: FaceInput) -> None:
        self.faces = faces

    def __call__(self, rows: Sequence[int]) -> dict[str, Any]:
        return {"pixel_values": self.faces(rows), **self.faces.bank.targets(rows)}


class ConversationCollator:
    """Records -> token ids and labels on the answers only, with the faces unless `faces` is None (text stage).

    `with_targets` adds the head's targets: the AU-aware loss beside the language loss.
    """

    def __init__(
        self,
        processor: FeallmProcessor,
        faces: FaceInput | None = None,
        rows: dict[str, int] | None = None,
        *,
        with_targets: bool = False,
    ) -> None:
        self.processor, self.faces, self.rows, self.with_targets = processor, faces, rows or {}, with_targets

    def __call__(self, records: Sequence[Record]) -> dict[str, Any]:
        encoded = [self.encode(record) for record in records]
        length = max(len(ids) for ids, _ in encoded)
        pad = self.processor.tokenizer.pad_token_id
        batch: dict[str, Any] = {
            "input_ids": torch.tensor([ids + [pad] * (length - len(ids)) for ids, _ in encoded]),
            "labels": torch.tensor([labels + [IGNORED] * (length - len(labels)) for _, labels in encoded]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (length - len(ids)) for ids, _ in encoded]),
        }
        if self.faces is not None:
            rows = [self.rows[record.face] for record in records]
            batch["pixel_values"] = self.faces(rows)
            if self.with_targets:
                batch |= self.faces.bank.targets(rows)
        return batch

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
        placeholders = self.processor.placeholders if self.faces is not None else ""
        front = tokenizer(placeholders, add_special_tokens=False)["input_ids"]
        labels = [token if spoken else IGNORED for token, spoken in zip(ids, mask, strict=True)]
        return front + ids, [IGNORED] * len(front) + labels
