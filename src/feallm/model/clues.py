"""Local Clue Aggregator (paper, figure 2): sixteen crops, a conv block each, self-attention, two ways out.

Shapes: B faces, K = 16 crops, S side of the face, c side of a crop after resizing, D clue width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from feallm.faces.crops import CLUE_CROPS, crop_boxes
from feallm.model.layers import SelfAttentionLayer


def take_crops(pixel_values: Tensor, size: int) -> Tensor:
    """[B, 3, S, S] -> [B, K, 3, c, c]: the sixteen crops of `faces.crops`, each resized to `size` with antialiasing."""
    height, width = pixel_values.shape[-2:]
    boxes = crop_boxes(width, height)
    pixels = pixel_values.float().contiguous()
    crops = [
        F.interpolate(
            pixels[:, :, top:bottom, left:right],
            (size, size),
            mode="bilinear",
            antialias=True,
            align_corners=False,
        )
        for left, top, right, bottom in boxes
    ]
    return torch.stack(crops, dim=1).to(pixel_values.dtype)


class ConvBlocks(nn.Module):
    """One conv block per crop, all sixteen run as one grouped convolution: [B, K, 3, c, c] -> R [B, K, D]."""

    def __init__(self, channels: list[int] | tuple[int, ...], hidden_size: int) -> None:
        super().__init__()
        crops = len(CLUE_CROPS)
        layers: list[nn.Module] = []
        before = 3
        for width in channels:
            layers += [
                nn.Conv2d(crops * before, crops * width, 3, stride=2, padding=1, groups=crops, bias=False),
                nn.GroupNorm(crops, crops * width),
                nn.GELU(),
            ]
            before = width
        self.blocks = nn.Sequential(*layers)
        self.out = nn.Conv2d(crops * before, crops * hidden_size, 1, groups=crops)

    def forward(self, crops: Tensor) -> Tensor:
        features = self.blocks(crops.flatten(1, 2)).mean(dim=(2, 3), keepdim=True)
        vectors: Tensor = self.out(features).view(crops.shape[0], crops.shape[1], -1)
        return vectors


class LocalClueAggregator(nn.Module):
    """R^1 … R^16 -> self-attention -> F_attn; Linear -> F'_local; flatten, Linear -> the single token F_local."""

    def __init__(
        self,
        *,
        crop_size: int,
        conv_channels: list[int] | tuple[int, ...],
        hidden_size: int,
        num_attention_heads: int,
        num_hidden_layers: int,
        dropout: float,
        projector_size: int,
        text_size: int,
    ) -> None:
        super().__init__()
        self.crop_size = crop_size
        self.conv_blocks = ConvBlocks(conv_channels, hidden_size)
        self.crop_embedding = nn.Embedding(len(CLUE_CROPS), hidden_size)
        self.attention = nn.ModuleList(
            SelfAttentionLayer(hidden_size, num_attention_heads, dropout) for _ in range(num_hidden_layers)
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.to_projector = nn.Linear(hidden_size, projector_size)
        self.to_text = nn.Linear(len(CLUE_CROPS) * hidden_size, text_size)

    def attend(self, pixel_values: Tensor) -> Tensor:
        """[B, 3, S, S] -> F_attn [B, K, D]."""
        clues: Tensor = self.conv_blocks(take_crops(pixel_values, self.crop_size))
        clues = clues + self.crop_embedding.weight
        for layer in self.attention:
            clues = layer(clues)
        attended: Tensor = self.norm(clues)
        return attended

    def forward(self, attended: Tensor) -> tuple[Tensor, Tensor]:
        """F_attn [B, K, D] -> F'_local [B, K, projector], F_local [B, 1, text]."""
        return self.to_projector(attended), self.to_text(attended.flatten(1)).unsqueeze(1)
