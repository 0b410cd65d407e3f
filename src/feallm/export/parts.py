"""The parts of the network that become graphs: seeing and reading, judging, looking words up, speaking.

Each wraps the whole model as `model`, so that a weight keeps its name behind `model.`. Shapes: B faces, S side of the
face in pixels, A action units, E classes of a label set, K interventions, n tokens of the prefix, T text width,
L new tokens, P places of the cache, H heads of keys and values (G of queries to each), D their width.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, DynamicCache

from feallm.model import FeallmForConditionalGeneration
from feallm.model.seeing import FaceFeatures

Cache = list[tuple[Tensor, Tensor]]


class Part(nn.Module, ABC):
    """A part of `model`, with the names of what goes in and comes out."""

    def __init__(self, model: FeallmForConditionalGeneration) -> None:
        super().__init__()
        self.model = model
        self.label_sets = tuple(model.config.head_config.label_sets)

    @property
    @abstractmethod
    def outputs(self) -> list[str]:
        """The names of what comes out, in order."""


class Seeing(Part):
    """pixel_values [B, 3, S, S] -> the head's raw reading, and the face's prefix [B, n, T]: V, F_local, F_read.

    Where the head reads the mirror image too, both are seen as one batch.
    """

    @property
    def outputs(self) -> list[str]:
        names = ["au_logits", "au_intensity", "evidence", "prefix"]
        return names + [f"{kind}.{name}" for kind in ("picture", "emotion") for name in self.label_sets]

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, ...]:
        see = self.model.model
        features = self._mirrored(pixel_values) if self.model.config.head_config.mirror else see.see(pixel_values)
        head = see.read(features)
        features.numbers = head.numbers()
        visual, local = see.project(features)
        prefix = [part for part in (visual, local, see.tell(features)) if part is not None]
        return (
            head.au_logits,
            head.au_intensity,
            head.evidence,
            torch.cat(prefix, dim=1),
            *(head.picture_logits[name] for name in self.label_sets),
            *(head.emotion_logits[name] for name in self.label_sets),
        )

    def _mirrored(self, pixel_values: Tensor) -> FaceFeatures:
        both = self.model.model.see(torch.cat([pixel_values, pixel_values.flip(3)]))
        faces = pixel_values.shape[0]

        def half(rows: slice) -> FaceFeatures:
            attended = None if both.attended is None else both.attended[rows]
            return FaceFeatures(taps=[tap[rows] for tap in both.taps], attended=attended)

        features = half(slice(None, faces))
        features.mirrored = half(slice(faces, None))
        return features


class Judging(Part):
    """picture logits [B, E] of each label set and evidence [B, K, A] -> emotion logits [B, K, E]."""

    @property
    def outputs(self) -> list[str]:
        return [f"emotion.{name}" for name in self.label_sets]

    def forward(self, evidence: Tensor, *pictures: Tensor) -> tuple[Tensor, ...]:
        logits = {name: picture.unsqueeze(1) for name, picture in zip(self.label_sets, pictures, strict=True)}
        judged = self.model.model.require_head().judge(logits, evidence)
        return tuple(judged[name] for name in self.label_sets)


class LookingUp(Part):
    """input_ids [B, L] -> embeddings [B, L, T]."""

    @property
    def outputs(self) -> list[str]:
        return ["embeds"]

    def forward(self, input_ids: Tensor) -> Tensor:
        embeds: Tensor = self.model.get_input_embeddings()(input_ids)
        return embeds


class Speaking(Part):
    """embeds [B, L, T] behind a cache of P places -> logits at the places `kept`, and what the L tokens add to it.

    The cache is read where it lies and never copied: keys [B, H, D, P] and values [B, H, P, D] of each layer come in,
    keys [B, H, D, L] and values [B, H, L, D] of the new tokens go out. `attention_mask` [B, P + L] is 0 where a place
    is padding or not used yet; `position_ids` [B, L].
    """

    @property
    def outputs(self) -> list[str]:
        return ["logits", *cache_names("new", self.layers)]

    @property
    def layers(self) -> int:
        return int(self.model.config.text_config.num_hidden_layers)

    def forward(
        self, embeds: Tensor, attention_mask: Tensor, position_ids: Tensor, kept: Tensor, past: Cache
    ) -> tuple[Tensor, Cache]:
        new, old = embeds.shape[1], past[0][1].shape[2]
        behind = torch.ones(new, old, dtype=embeds.dtype)
        seen = torch.cat([behind, torch.ones(new, new, dtype=embeds.dtype).tril()], dim=1)
        seen = seen * attention_mask[:, None, None].to(embeds.dtype)
        notes = Notes(past)
        spoken = self.model.language_model(
            inputs_embeds=embeds,
            attention_mask=(1 - seen) * torch.finfo(embeds.dtype).min,
            position_ids=position_ids,
            past_key_values=notes,
            use_cache=True,
            logits_to_keep=kept,
        )
        return spoken.logits.float(), [(keys.transpose(2, 3), values) for keys, values in notes.added]


class Notes(DynamicCache):
    """A cache for `beside_past`: gives attention the new keys and values alone, and notes them."""

    def __init__(self, past: Cache) -> None:
        super().__init__()
        self.past = past
        self.added: Cache = []

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        self.added.append((key_states, value_states))
        return (key_states, self.past[layer_idx][0]), (value_states, self.past[layer_idx][1])

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return int(self.past[layer_idx][1].shape[2])


def beside_past(
    module: nn.Module, query: Tensor, key: Any, value: Any, attention_mask: Tensor, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """Attention over the past and the new tokens without putting them together: their scores are, which are small.

    query [B, H G, L, D], key and value: pairs of the new and the past ones (`Notes`), H heads each -> [B, L, H G, D].
    """
    (new_key, past_key), (new_value, past_value) = key, value
    rows, heads, new, width = query.shape
    groups = heads // new_key.shape[1]
    asked = query.reshape(rows, new_key.shape[1], groups * new, width) * scaling
    scores = torch.cat([asked @ past_key, asked @ new_key.transpose(2, 3)], dim=-1)
    scores = scores.reshape(rows, heads, new, -1) + attention_mask
    shares = scores.softmax(dim=-1).reshape(rows, new_key.shape[1], groups * new, -1)
    old = past_value.shape[2]
    found = shares[..., :old] @ past_value + shares[..., old:] @ new_value
    return found.reshape(rows, heads, new, width).transpose(1, 2), None


AttentionInterface.register("beside_past", beside_past)


def cache_names(kind: str, layers: int) -> list[str]:
    """The names of a cache's tensors in the graph: `past.0.key`, `past.0.value`, `past.1.key`, …"""
    return [f"{kind}.{layer}.{half}" for layer in range(layers) for half in ("key", "value")]
