"""Indices of faces (and their conversations) -> batches of tensors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from feallm.data.records import Record
from feallm.model.processing import FeallmProcessor
from feallm.train.augment import augment, plain
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
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, rows: Sequence[int]) -> Tensor:
        faces = self.bank.pixels[torch.tensor(list(rows))]
        ready = (
            plain(faces, self.size) if self.recipe is None else augment(faces, self.size, self.recipe, self.generator)
        )
        pixels: Tensor = (ready.expand(-1, 3, -1, -1) - self.mean) / self.std
        return pixels.contiguous(memory_format=torch.channels_last)


class FaceCollator:
    """Rows of a bank -> pixels and the head's targets."""

    def __init__(self, faces: FaceInput) -> None:
        self.faces = faces

    def __call__(self, rows: Sequence[int]) -> dict[str, Any]:
        index = torch.tensor(list(rows))
        bank = self.faces.bank
        return {
            "pixel_values": self.faces(rows),
            "emotion_targets": {name: target[index] for name, target in bank.emotion_targets.items()},
            "au_targets": bank.au_targets[index],
        }


class ConversationCollator:
    """Records -> token ids and labels on the answers only, with the faces unless `faces` is None (text stage)."""

    def __init__(
        self, processor: FeallmProcessor, faces: FaceInput | None = None, rows: dict[str, int] | None = None
    ) -> None:
        self.processor, self.faces, self.rows = processor, faces, rows or {}

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
            batch["pixel_values"] = self.faces([self.rows[record.face] for record in records])
        return batch

    def encode(self, record: Record) -> tuple[list[int], list[int]]:
        """Token ids of the placeholders and the conversation, and labels: the answers' ids, -100 elsewhere."""
        tokenizer = self.processor.tokenizer
        encoded = tokenizer.apply_chat_template(
            record.conversation(), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
        ids, mask = list(encoded["input_ids"]), list(encoded["assistant_masks"])
        front = tokenizer(self.processor.placeholders, add_special_tokens=False)["input_ids"]
        labels = [token if spoken else IGNORED for token, spoken in zip(ids, mask, strict=True)]
        return front + ids, [IGNORED] * len(front) + labels
