"""What FEALLM sees by (arXiv 2505.13419): visual encoder, Local Clue Aggregator, projector and AU-aware head.

Shapes: B faces, S side of the face in pixels, K crops, N_L visual tokens, T text width.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, initialization
from transformers.modeling_outputs import ModelOutput

from feallm.model.clues import LocalClueAggregator
from feallm.model.configuration import FeallmConfig
from feallm.model.encoder import TapShape, VisualEncoder, tap_shapes
from feallm.model.heads import AUAwareHead, HeadOutput
from feallm.model.projector import MlpProjector, MultiPerspectiveProjector, ReadingTokens, tokens_of


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
