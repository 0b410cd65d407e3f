"""FEALLM (arXiv 2505.13419): visual encoder, Local Clue Aggregator, Multi-perspective Projector, LLM, AU-aware head.

The LLM reads, in order, [V] [F_local] [F_read] [text]. V, F_local and F_read, the head's numbers as tokens (ours, off
unless the config asks for it), stand in the text as placeholders, one `image_token_id` per visual token, one
`clue_token_id` and `reading_tokens` times `reading_token_id`, which are replaced by the features after a count check.
Shapes: B faces, S side of the face in pixels, N_L visual tokens, T text width, L sequence length.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GenerationMixin, PreTrainedModel, initialization
from transformers.modeling_outputs import ModelOutput

from feallm.model.clues import LocalClueAggregator
from feallm.model.configuration import FeallmConfig
from feallm.model.encoder import TapShape, VisualEncoder, tap_shapes
from feallm.model.heads import AUAwareHead, HeadOutput, head_loss
from feallm.model.projector import MlpProjector, MultiPerspectiveProjector, ReadingTokens, tokens_of

PARTS = ("encoder", "clues", "projector", "head", "reading", "language_model")


@dataclass
class FaceFeatures(ModelOutput):
    """What one face gives: `taps` list of [B, C, h, w] (the last is F_L), `attended` F_attn [B, K, D] or None.

    `mirrored`: the same of the mirrored face, where the head is to read both. Where the head was asked before,
    `reading` is what it said, and `numbers` [B, N] the same in rows (`HeadOutput.numbers`).
    """

    taps: list[Tensor] = field(default_factory=list)
    attended: Tensor | None = None
    mirrored: Any = None
    numbers: Tensor | None = None
    reading: Any = None

    def pick(self, rows: Tensor) -> "FaceFeatures":
        """The features of some faces: `rows` are their places in the batch."""
        return FaceFeatures(
            taps=[tap[rows] for tap in self.taps],
            attended=None if self.attended is None else self.attended[rows],
            mirrored=None if self.mirrored is None else self.mirrored.pick(rows),
            numbers=None if self.numbers is None else self.numbers[rows],
            reading=None if self.reading is None else self.reading.pick(rows),
        )


@dataclass
class FeallmOutput(ModelOutput):
    """`loss` is the language loss plus the weighted head loss, of those asked for; `losses` holds the parts."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any = None
    hidden_states: Any = None
    attentions: Any = None
    au_logits: Tensor | None = None
    au_intensity: Tensor | None = None
    emotion_logits: dict[str, Tensor] | None = None
    losses: dict[str, Tensor] | None = None


class FeallmPreTrainedModel(PreTrainedModel):
    """Weight initialisation and what the library must know of the model."""

    config_class = FeallmConfig
    base_model_prefix = "model"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _skip_keys_device_placement = ("past_key_values",)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d):
            initialization.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.ParameterList):  # the positions of `TapFusion`, which has no weights of its own
            for position in module:
                initialization.zeros_(position)
        elif isinstance(module, MultiPerspectiveProjector):
            initialization.zeros_(module.position)
        elif isinstance(module, AUAwareHead):
            initialization.normal_(module.queries, std=0.02)
            initialization.normal_(module.au_weight, std=0.02)
            initialization.zeros_(module.au_bias)


class FeallmModel(FeallmPreTrainedModel):
    """The seeing half: face -> taps, F_attn, V, F_local and the head's reading."""

    def __init__(self, config: FeallmConfig) -> None:
        super().__init__(config)
        clues, projector, head = config.clue_config, config.projector_config, config.head_config
        text_size = config.text_config.hidden_size
        self.shapes: list[TapShape] = tap_shapes(config.vision_config, config.image_size, projector.tap_layers)
        self.encoder = VisualEncoder(config.vision_config, projector.tap_layers)
        self.clues = (
            LocalClueAggregator(
                crop_size=clues.crop_size,
                conv_channels=clues.conv_channels,
                hidden_size=clues.hidden_size,
                num_attention_heads=clues.num_attention_heads,
                num_hidden_layers=clues.num_hidden_layers,
                dropout=clues.dropout,
                projector_size=projector.hidden_size,
                text_size=text_size,
            )
            if clues.enabled
            else None
        )
        self.projector = (
            MlpProjector(self.shapes, text_size=text_size)
            if projector.style == "mlp"
            else MultiPerspectiveProjector(
                self.shapes,
                hidden_size=projector.hidden_size,
                num_attention_heads=projector.num_attention_heads,
                mlp_ratio=projector.mlp_ratio,
                use_taps=projector.use_taps,
                use_clues=clues.enabled,
                tap_axis=projector.tap_axis,
                pool_taps=projector.pool_taps,
                residual_first=projector.residual_first,
                dropout=projector.dropout,
                text_size=text_size,
            )
        )
        self.head = (
            AUAwareHead(
                clue_size=clues.hidden_size if clues.enabled else None,
                global_size=self.shapes[-1].channels if head.use_global else None,
                hidden_size=head.hidden_size,
                num_attention_heads=head.num_attention_heads,
                action_units=head.action_units,
                label_sets=head.label_sets,
                dropout=head.dropout,
            )
            if head.enabled
            else None
        )
        if head.reading_tokens and not head.enabled:
            raise ValueError("reading_tokens are the AU-aware head's: with head.enabled=False there are none to read")
        classes = sum(len(names) for names in head.label_sets.values())
        self.reading = (
            ReadingTokens(3 * len(head.action_units) + 2 * classes, head.reading_tokens, text_size)
            if head.reading_tokens
            else None
        )
        self.post_init()

    @property
    def num_visual_tokens(self) -> int:
        """How many tokens V has: the grid of F_L."""
        return self.shapes[-1].tokens

    @property
    def has_local_token(self) -> bool:
        return self.clues is not None and bool(self.config.clue_config.use_local_token)

    @property
    def num_reading_tokens(self) -> int:
        """How many tokens F_read has."""
        return 0 if self.reading is None else self.reading.tokens

    def see(self, pixel_values: Tensor, *, mirror: bool = False) -> FaceFeatures:
        """pixel_values [B, 3, S, S] -> taps and F_attn; `mirror` adds those of the mirrored face."""
        size = self.config.image_size
        shape = tuple(pixel_values.shape[1:])
        square = pixel_values.dim() == 4 and shape == (3, shape[1], shape[1])
        if not square or (shape[1] != size and not self.training):  # training may vary the size
            raise ValueError(
                f"pixel_values must be [faces, 3, {size}, {size}], got {list(pixel_values.shape)}: "
                "pass the faces through FeallmProcessor"
            )
        attended = self.clues.attend(pixel_values) if self.clues is not None else None
        mirrored = self.see(pixel_values.flip(3)) if mirror else None
        return FaceFeatures(taps=self.encoder(pixel_values), attended=attended, mirrored=mirrored)

    def read(self, features: FaceFeatures, evidence: Tensor | None = None) -> HeadOutput:
        """The AU-aware head's reading, with AU evidence [B, A] changed where it is not NaN.

        Where the mirrored face was seen too, the reading is the mean of both: a face means the same in a mirror.
        What it has read already (`FaceFeatures.reading`) it does not read again. Raises ValueError where the config has
        no head.
        """
        if evidence is None and isinstance(features.reading, HeadOutput):
            return features.reading
        head = self.require_head()
        output: HeadOutput = head(features.attended, tokens_of(features.taps[-1]), evidence)
        if features.mirrored is None:
            return output
        return head.mean(output, self.read(features.mirrored), evidence)

    def require_head(self) -> AUAwareHead:
        """The head. Raises ValueError where the config has none."""
        if self.head is None:
            raise ValueError("this model has no AU-aware head (head_config.enabled is False)")
        return self.head

    def project(self, features: FaceFeatures) -> tuple[Tensor, Tensor | None]:
        """V [B, N_L, T] and F_local [B, 1, T] (None where it is switched off)."""
        if self.clues is None or features.attended is None:
            return self.projector(features.taps, None), None
        to_projector, local = self.clues(features.attended)
        return self.projector(features.taps, to_projector), local if self.has_local_token else None

    def tell(self, features: FaceFeatures) -> Tensor | None:
        """F_read [B, n, T]: what the head reads, for the LLM; None where it is switched off."""
        if self.reading is None:
            return None
        numbers = self.read(features).numbers() if features.numbers is None else features.numbers
        told: Tensor = self.reading(numbers.to(self.dtype))
        return told

    def forward(self, pixel_values: Tensor, **_: Any) -> FeallmOutput:
        """The head's reading of aligned faces [B, 3, S, S]."""
        head = self.read(self.see(pixel_values))
        return FeallmOutput(
            au_logits=head.au_logits, au_intensity=head.au_intensity, emotion_logits=head.emotion_logits
        )


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
        self.model.encoder.freeze(not any(module is self.model.encoder for module in wanted))

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
