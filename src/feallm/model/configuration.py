"""Configuration of the FEALLM architecture (arXiv 2505.13419, figure 2).

What the paper's figure fixes is in the code; every choice it leaves open is a value here.
"""

from typing import Any, ClassVar, Literal

from transformers import AutoConfig, PretrainedConfig
from transformers.configuration_utils import SubConfigSpec

from feallm.facs.action_units import ACTION_UNITS, CODED_AUS
from feallm.facs.emotions import LABEL_SETS


class FeallmClueConfig(PretrainedConfig):
    """Local Clue Aggregator: sixteen crops, a conv block each, self-attention (the crops' geometry: `faces.crops`).

    `conv_channels` are the widths of the stride-2 convolutions of one conv block (ours; the figure shows one block
    a crop and no depth). `enabled=False` removes F'_local and F_local, as in the LLaVA-style baseline.
    """

    model_type = "feallm_clues"
    base_config_key = "clue_config"

    enabled: bool = True
    use_local_token: bool = True
    crop_size: int = 32
    conv_channels: list[int] | tuple[int, ...] = (16, 32, 64)
    hidden_size: int = 128
    num_attention_heads: int = 4
    num_hidden_layers: int = 1
    dropout: float = 0.0


class FeallmProjectorConfig(PretrainedConfig):
    """Multi-perspective Projector: cross, cross + residual, self + residual, MLP.

    `use_taps=False` removes the first cross-attention (H1 = F_L). `tap_axis` says along which axis the taps are
    concatenated to F_s, `pool_taps` pools each to the grid of F_L first. `residual_first` gives H1 the residual
    that the figure does not draw. `style="mlp"` is LLaVA's two-layer projector on F_L alone.
    """

    model_type = "feallm_projector"
    base_config_key = "projector_config"

    style: Literal["multi_perspective", "mlp"] = "multi_perspective"
    hidden_size: int = 256
    num_attention_heads: int = 4
    mlp_ratio: float = 2.0
    use_taps: bool = True
    tap_layers: list[int] | None = None
    tap_axis: Literal["tokens", "channels"] = "tokens"
    pool_taps: bool = True
    residual_first: bool = False
    dropout: float = 0.0


class FeallmHeadConfig(PretrainedConfig):
    """The AU-aware head: AU presence and intensity, one emotion output per label set, and its calibration.

    `use_global` lets the head read F_L beside F_attn (needed when the clues are off). `mirror`: readings are the mean
    of the face and its mirror image (training sees one at a time). `reading_tokens`: how many tokens F_read tell the
    LLM the head's numbers, after F_local (ours; 0 keeps to the figure). `au_loss_weight` and `intervention_weight` (see
    `AUAwareHead.intervention_loss`) weigh parts of the head's loss. The calibration values are
    fitted after training on held-back training pictures: `emotion_biases[label set]` are added to the emotion
    logits class by class, `temperatures[label set]` then divide them, and for each AU a scale and a bias on its logit
    (Platt) and the probability from which it counts as present.
    """

    model_type = "feallm_head"
    base_config_key = "head_config"

    enabled: bool = True
    use_global: bool = True
    hidden_size: int = 128
    num_attention_heads: int = 4
    action_units: list[str] | tuple[str, ...] = CODED_AUS
    label_sets: dict[str, Any] | None = None
    default_label_set: str = "ferplus"
    low_support: list[str] | tuple[str, ...] = ()
    dropout: float = 0.0
    mirror: bool = False
    reading_tokens: int = 0
    loss_weight: float = 1.0
    au_loss_weight: float = 1.0
    intervention_weight: float = 0.0
    temperatures: dict[str, float] | None = None
    emotion_biases: dict[str, Any] | None = None
    au_scales: dict[str, float] | None = None
    au_biases: dict[str, float] | None = None
    au_thresholds: dict[str, float] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.label_sets is None:
            self.label_sets = {name: list(LABEL_SETS[name]) for name in ("ferplus", "fer2013")}
        if self.default_label_set not in self.label_sets:
            raise ValueError(
                f"default_label_set {self.default_label_set!r} is none of the label sets {sorted(self.label_sets)}"
            )
        if unknown := [unit for unit in self.action_units if unit not in ACTION_UNITS]:
            raise ValueError(f"action_units: FACS has no {', '.join(map(str, unknown))}; units are written as in AU04")
        # the head numbers its queries by this order, and a saved config comes back with its keys sorted
        first = self.default_label_set
        self.label_sets = {
            name: self.label_sets[name] for name in sorted(self.label_sets, key=lambda n: (n != first, n))
        }


class FeallmConfig(PretrainedConfig):
    """Config of `FeallmForConditionalGeneration`.

    `vision_config`: any Hugging Face vision model (hidden states are tapped) or backbone (feature maps of its
    `out_features` are tapped, the last is F_L). `text_config`: any causal LM. `image_size`: side in pixels of the
    aligned face given to the encoder (0: the tower's own). `image_token_id`, `clue_token_id` and
    `reading_token_id` are the placeholders of V, F_local and F_read. `revision_note` names the training run.
    """

    model_type = "feallm"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="clip_vision_model"),
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
        "clue_config": SubConfigSpec(config_class=FeallmClueConfig),
        "projector_config": SubConfigSpec(config_class=FeallmProjectorConfig),
        "head_config": SubConfigSpec(config_class=FeallmHeadConfig),
    }

    vision_config: Any = None
    text_config: Any = None
    clue_config: Any = None
    projector_config: Any = None
    head_config: Any = None
    image_size: int = 0
    image_token_id: int = 4
    clue_token_id: int = 5
    reading_token_id: int = 6
    tie_word_embeddings: bool = False
    revision_note: str = ""

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if not self.image_size:
            self.image_size = getattr(self.vision_config, "image_size", None) or 224
        if len(set(self.placeholder_ids)) < 3:
            raise ValueError(
                "image_token_id, clue_token_id and reading_token_id must differ: V, F_local and F_read have their own "
                "placeholders"
            )

    @property
    def placeholder_ids(self) -> list[int]:
        """The ids of V, F_local and F_read, which are no words."""
        return [self.image_token_id, self.clue_token_id, self.reading_token_id]
