"""The parts of the network that become graphs: seeing and reading, judging, looking words up, speaking.

Each wraps the whole model as `model`, so that a weight keeps its name behind `model.`. Shapes: B faces, S side of the
face in pixels, A action units, E classes of a label set, K interventions, n tokens of the prefix, T text width,
L new tokens, P tokens that stand in the cache.
"""

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from feallm.model import FeallmForConditionalGeneration
from feallm.model.modeling import FaceFeatures

Cache = list[tuple[Tensor, Tensor]]


class Part(nn.Module):
    """A part of `model`, with the names of what goes in and comes out."""

    def __init__(self, model: FeallmForConditionalGeneration) -> None:
        super().__init__()
        self.model = model
        self.label_sets = tuple(model.config.head_config.label_sets)

    @property
    def outputs(self) -> list[str]:
        raise NotImplementedError


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
    """embeds [B, L, T] behind a cache of P tokens -> logits at the places `kept`, and the cache with L tokens more.

    `attention_mask` [B, P + L] is 0 where a row is padded, on the left; `position_ids` [B, L].
    """

    @property
    def outputs(self) -> list[str]:
        return ["logits", *cache_names("present", self.layers)]

    @property
    def layers(self) -> int:
        return int(self.model.config.text_config.num_hidden_layers)

    def forward(
        self, embeds: Tensor, attention_mask: Tensor, position_ids: Tensor, kept: Tensor, past: Cache
    ) -> tuple[Tensor, Cache]:
        spoken = self.model.language_model(
            inputs_embeds=embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=DynamicCache(past),
            use_cache=True,
            logits_to_keep=kept,
        )
        return spoken.logits.float(), [(layer.keys, layer.values) for layer in spoken.past_key_values.layers]


def cache_names(kind: str, layers: int) -> list[str]:
    """The names of a cache's tensors in the graph: `past.0.key`, `past.0.value`, `past.1.key`, …"""
    return [f"{kind}.{layer}.{half}" for layer in range(layers) for half in ("key", "value")]
