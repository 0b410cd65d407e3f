"""FEALLM (arXiv 2505.13419): what sees (`model.seeing`) and a language model that is told what was seen.

The LLM reads, in order, [V] [F_local] [F_read] [text]. V, F_local and F_read, the head's numbers as tokens (ours, off
unless the config asks for it), stand in the text as placeholders, one `image_token_id` per visual token, one
`clue_token_id` and `reading_tokens` times `reading_token_id`, which are replaced by the features after a count check.
Shapes: B faces, S side of the face in pixels, N_L visual tokens, T text width, L sequence length.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GenerationMixin

from feallm.model.configuration import FeallmConfig
from feallm.model.heads import head_loss
from feallm.model.seeing import FaceFeatures, FeallmModel, FeallmOutput, FeallmPreTrainedModel

PARTS = ("encoder", "clues", "projector", "head", "reading", "language_model")


class FeallmForConditionalGeneration(FeallmPreTrainedModel, GenerationMixin):
    """The whole model: face and text in, text and numbers out."""

    def __init__(self, config: FeallmConfig) -> None:
        super().__init__(config)
        self.model = FeallmModel(config)
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self.post_init()

    def get_input_embeddings(self) -> Any:
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> Any:
        return self.language_model.get_output_embeddings()

    def set_output_embeddings(self, value: nn.Module) -> None:
        self.language_model.set_output_embeddings(value)

    def part(self, name: str) -> nn.Module:
        """One of `PARTS`, or a module inside one (`clues.to_text`).

        Raises KeyError for an unknown name and ValueError for a part that is switched off.
        """
        root, _, inner = name.partition(".")
        if root not in PARTS:
            raise KeyError(f"unknown part {name!r}: the parts are {', '.join(PARTS)}")
        part = self.language_model if root == "language_model" else getattr(self.model, root)
        if part is None:
            raise ValueError(f"the part {root!r} is switched off in this model's config")
        try:
            module: nn.Module = part.get_submodule(inner)
        except AttributeError as error:
            raise KeyError(f"part {root!r} has no module {inner!r}") from error
        return module

    def set_trainable(self, *names: str) -> None:
        """Train the named parts, freeze the rest (the paper: encoder and LLM frozen, LoRA added by PEFT)."""
        wanted = [self.part(name) for name in names]
        self.requires_grad_(False)
        for module in wanted:
            module.requires_grad_(True)
        self.model.encoder.train(self.model.training)  # which leaves out what is frozen of it

    def _place(self, input_ids: Tensor, embeds: Tensor, token: int, features: Tensor, name: str) -> Tensor:
        """Put features [B', n, T] at the placeholders of `embeds` [B, L, T]. Raises ValueError on a count mismatch."""
        mask = input_ids == token
        expected, found = features.shape[0] * features.shape[1], int(mask.sum())
        if expected != found:
            raise ValueError(
                f"{name}: {features.shape[0]} faces give {expected} tokens, the text has {found} placeholders "
                f"(id {token}); build the text with FeallmProcessor and do not truncate it"
            )
        return embeds.masked_scatter(mask.unsqueeze(-1), features.to(embeds.dtype))

    def embed(self, input_ids: Tensor, features: FaceFeatures | None) -> Tensor:
        """Text [B, L] with its placeholders filled -> embeddings [B, L, T]."""
        embeds: Tensor = self.get_input_embeddings()(input_ids)
        if features is None:
            if torch.isin(input_ids, torch.tensor(self.config.placeholder_ids, device=input_ids.device)).any():
                raise ValueError("the text has placeholders of a face, but no face was given: pass pixel_values")
            return embeds
        visual, local = self.model.project(features)
        embeds = self._place(input_ids, embeds, self.config.image_token_id, visual, "visual tokens V")
        if local is not None:
            embeds = self._place(input_ids, embeds, self.config.clue_token_id, local, "clue token F_local")
        told = self.model.tell(features)
        if told is not None:
            embeds = self._place(input_ids, embeds, self.config.reading_token_id, told, "reading tokens F_read")
        return embeds

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        emotion_targets: dict[str, Tensor] | None = None,
        au_targets: Tensor | None = None,
        au_presence: Tensor | None = None,
        taps: list[Tensor] | None = None,
        attended: Tensor | None = None,
        numbers: Tensor | None = None,
        logits_to_keep: int | Tensor = 0,
        **kwargs: Any,
    ) -> FeallmOutput:
        """One pass over text and faces.

        Without text (`input_ids` and `inputs_embeds` both None) only the head reads. `labels` [B, L] (-100 where
        not scored) gives the language loss. `taps`, `attended` and `numbers` (see `FaceFeatures`) stand for a face
        that was seen before, instead of `pixel_values`. `emotion_targets`, `au_targets` and `au_presence` (see
        `heads.head_loss`) the head's.

        Raises:
            ValueError: nothing given, a wrong face size, or placeholders that do not match the faces.
        """
        if input_ids is None and inputs_embeds is None and pixel_values is None:
            raise ValueError("give input_ids, inputs_embeds or pixel_values")
        losses: dict[str, Tensor] = {}
        output = FeallmOutput(losses=losses)
        features = self.model.see(pixel_values) if pixel_values is not None else None
        if features is None and taps is not None:
            features = FaceFeatures(taps=taps, attended=attended, numbers=numbers)
        if pixel_values is not None and features is not None and self.model.head is not None:
            losses.update(self._read_head(output, features, emotion_targets, au_targets, au_presence))
        if input_ids is not None or inputs_embeds is not None:
            if inputs_embeds is None and input_ids is not None:
                inputs_embeds = self.embed(input_ids, features)
            text = self.language_model(
                inputs_embeds=inputs_embeds,
                attention_mask=attention_mask,
                position_ids=position_ids,
                past_key_values=past_key_values,
                labels=labels,
                logits_to_keep=logits_to_keep,
                **kwargs,
            )
            output.logits, output.past_key_values = text.logits, text.past_key_values
            output.hidden_states, output.attentions = text.hidden_states, text.attentions
            if text.loss is not None:
                losses["language"] = text.loss
                if output.loss is not None and kwargs.get("num_items_in_batch") is not None and labels is not None:
                    # the language loss is a sum over this part of a batch, divided by the answers' tokens of all of it
                    # (gradients add up over parts and devices): the head's loss counts by the same share
                    output.loss = output.loss * (labels[:, 1:] != -100).sum() / kwargs["num_items_in_batch"]
                output.loss = text.loss if output.loss is None else output.loss + text.loss
        return output

    def _read_head(
        self,
        output: FeallmOutput,
        features: FaceFeatures,
        emotion_targets: dict[str, Tensor] | None,
        au_targets: Tensor | None,
        au_presence: Tensor | None,
    ) -> dict[str, Tensor]:
        """Put the head's reading, and its loss where there are targets, into `output`; returns the loss's parts."""
        head = self.model.read(features)
        features.numbers = head.numbers()
        output.au_logits, output.au_intensity = head.au_logits, head.au_intensity
        output.emotion_logits = head.emotion_logits
        if emotion_targets is None and au_targets is None:
            return {}
        config = self.config.head_config
        loss, parts = head_loss(head, emotion_targets, au_targets, au_presence, au_weight=config.au_loss_weight)
        if self.training and config.intervention_weight and emotion_targets:
            intervention = self.model.require_head().intervention_loss(head, emotion_targets)
            parts["intervention"] = config.intervention_weight * intervention
            loss = loss + parts["intervention"]
        output.loss = config.loss_weight * loss
        return parts
