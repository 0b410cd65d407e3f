"""The two ends between TRL's GRPOTrainer and FEALLM: a processor and a model that take rows of `Views` for pictures.

TRL passes on what stands in its image column, as `pixel_values`, through sampling, the reference and the loss. Here
that is the row [B, 1] of a view, so that a face is seen once instead of 3 G times, with the mirrored reading that
`analyze` makes of it. TRL itself is used as it is: its overridable parts are private.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import BatchFeature
from transformers.modeling_outputs import BaseModelOutputWithPast

from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.seeing import FeallmOutput
from feallm.train.views import KEPT, Views


class ViewProcessor(FeallmProcessor):
    """FeallmProcessor for rows of views: what stands where a picture would is a row."""

    @classmethod
    def of(cls, processor: FeallmProcessor) -> "ViewProcessor":
        """One with the parts of another."""
        return cls(
            image_processor=processor.image_processor,
            tokenizer=processor.tokenizer,
            num_visual_tokens=processor.num_visual_tokens,
            use_local_token=processor.use_local_token,
            num_reading_tokens=processor.num_reading_tokens,
            grayscale=processor.grayscale,
        )

    def pixels(self, images: Any) -> Tensor:
        """Rows, one or several lists of one each -> [B, 1]."""
        return torch.tensor(images, dtype=torch.long).reshape(-1, 1)

    def apply_chat_template(self, conversation: Any, *, tokenize: bool = False, **kwargs: Any) -> Any:
        """Conversations in TRL's blocks (`{"type": "image", "image": row}`, `{"type": "text", "text": …}`), one or
        several -> their texts with placeholders or, with `tokenize`, `input_ids` (not padded) and the rows."""
        single = bool(conversation) and isinstance(conversation[0], dict)
        several = [conversation] if single else conversation
        texts = self.chat([[_plain(turn) for turn in turns] for turns in several])
        if not tokenize:
            return texts[0] if single else texts
        rows = [block["image"] for turns in several for block in _blocks(turns) if block["type"] == "image"]
        ids = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return BatchFeature(data={"input_ids": ids, "pixel_values": self.pixels(rows)})


def _blocks(turns: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [block for turn in turns if not isinstance(turn["content"], str) for block in turn["content"]]


def _plain(turn: dict[str, Any]) -> dict[str, str]:
    """A turn with the text of its blocks as its content."""
    content = turn["content"]
    if not isinstance(content, str):
        content = "".join(block["text"] for block in content if block["type"] == "text")
    return {"role": turn["role"], "content": content}


class Policy(FeallmForConditionalGeneration):
    """A FEALLM whose `pixel_values` are rows of views. It shares all modules with the model it is made of."""

    views: Views

    @classmethod
    def of(cls, model: FeallmForConditionalGeneration, views: Views) -> "Policy":
        """The same model, reading views: what one learns, the other knows."""
        policy = cls.__new__(cls)
        policy.__dict__.update(model.__dict__)
        policy.views = views
        return policy

    @property
    def base_model(self) -> Any:
        """What gives the hidden states of the text: TRL's fused head asks it for them, and multiplies by the head."""
        return self.hidden

    def hidden(
        self, input_ids: Tensor, attention_mask: Tensor, pixel_values: Tensor, use_cache: bool = False, **_: Any
    ) -> BaseModelOutputWithPast:
        """Text [B, L] and rows [B, 1] -> `last_hidden_state` [B, L, T]."""
        embeds = self.embed(input_ids, self.views.features(pixel_values, input_ids.device))
        backbone = self.language_model.base_model
        output: BaseModelOutputWithPast = backbone(
            inputs_embeds=embeds, attention_mask=attention_mask, use_cache=use_cache
        )
        return output

    def forward(  # type: ignore[override]  # by keywords alone
        self, input_ids: Tensor | None = None, pixel_values: Tensor | None = None, **kwargs: Any
    ) -> FeallmOutput:
        """As FEALLM's own by keywords, with rows [B, 1] for `pixel_values`."""
        if pixel_values is not None and input_ids is not None:
            features = self.views.features(pixel_values, input_ids.device)
            kwargs |= {name: getattr(features, name) for name in KEPT}
        output: FeallmOutput = super().forward(input_ids=input_ids, **kwargs)
        return output


def reference_of(model: FeallmForConditionalGeneration, views: Views) -> Policy:
    """A frozen policy with the weights that the model has now. Only what can learn is copied; the rest is shared.

    With adapters that is their fresh zero: the model without them.
    """
    shared = {id(parameter): parameter for parameter in model.parameters() if not parameter.requires_grad}
    frozen = copy.deepcopy(model, shared)
    for parameter in frozen.parameters():
        if id(parameter) not in shared:
            parameter.requires_grad_(False)
    return Policy.of(frozen.eval(), views)
