"""The visual encoder: any Hugging Face vision model or backbone, seen as taps F_1 … F_{L-1} and the last output F_L.

Shapes: B faces, S side of the face in pixels, (h, w) the grid of a tap, C its channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import AutoBackbone, AutoModel, PretrainedConfig
from transformers.backbone_utils import BackboneConfigMixin


@dataclass(frozen=True)
class TapShape:
    """Grid and channels of one tap."""

    height: int
    width: int
    channels: int

    @property
    def tokens(self) -> int:
        return self.height * self.width


class VisualEncoder(nn.Module):
    """Runs the tower and returns its taps as feature maps [B, C, h, w], the last one being F_L.

    A backbone gives the maps of its `out_features`. Any other vision model gives hidden states, of which
    `tap_layers` (default: a quarter, a half and three quarters of the depth) are tapped beside the last; class and
    register tokens are left out. What is frozen of it stays in evaluation mode, so that batch statistics do not drift.
    """

    def __init__(self, config: PretrainedConfig, tap_layers: list[int] | None) -> None:
        super().__init__()
        self.is_backbone = isinstance(config, BackboneConfigMixin)
        if self.is_backbone:
            self.tower = AutoBackbone.from_config(config)
            return
        self.tower = AutoModel.from_config(config)
        depth = config.num_hidden_layers
        layers = tap_layers if tap_layers is not None else sorted({max(1, depth * k // 4) for k in (1, 2, 3)})
        bad = [layer for layer in layers if not 0 <= layer < depth]
        if bad:
            raise ValueError(f"tap_layers must lie in 0..{depth - 1} (0 is the patch embedding), got {bad}")
        self.layers = [*layers, depth]

    def train(self, mode: bool = True) -> "VisualEncoder":
        super().train(mode)
        for module in self.modules():
            if all_frozen(module):
                for inner in module.modules():
                    inner.training = False
        return self

    def forward(self, pixel_values: Tensor) -> list[Tensor]:
        """pixel_values [B, 3, S, S] -> taps, a list of [B, C, h, w]."""
        if self.is_backbone:
            return list(self.tower(pixel_values).feature_maps)
        states = self.tower(pixel_values, output_hidden_states=True).hidden_states
        return [_as_map(states[layer]) for layer in self.layers]


def all_frozen(module: nn.Module) -> bool:
    """Whether a module has parameters and none of them learns."""
    learns = [parameter.requires_grad for parameter in module.parameters()]
    return bool(learns) and not any(learns)


def _as_map(state: Tensor) -> Tensor:
    """[B, extra + h*w, C] or [B, C, h, w] -> [B, C, h, w]; extra (class, register) tokens stand first."""
    if state.dim() == 4:
        return state
    side = int(state.shape[1] ** 0.5)
    patches = state[:, state.shape[1] - side * side :]
    return patches.transpose(1, 2).reshape(patches.shape[0], -1, side, side)


def tap_shapes(config: PretrainedConfig, image_size: int, tap_layers: list[int] | None) -> list[TapShape]:
    """The shapes of the taps, found by one forward pass without data (meta device), whatever the tower is.

    Raises:
        ValueError: if the tower cannot take pictures of `image_size`.
    """
    with torch.device("meta"):
        probe = VisualEncoder(config, tap_layers).eval()
        try:
            maps = probe(torch.empty(1, 3, image_size, image_size))
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"the vision tower {config.model_type!r} cannot take {image_size} x {image_size} pictures: {error}"
            ) from error
    return [TapShape(m.shape[2], m.shape[3], m.shape[1]) for m in maps]
