"""Multi-perspective Projector (paper, figure 2).

    H1 = CrossAttn(q = F_L, kv = F_s)            (no residual is drawn; `residual_first` adds one)
    H2 = H1 + CrossAttn(q = H1, kv = F'_local)
    H3 = H2 + SelfAttn(H2)
    V  = MLP(H3)

Shapes: B faces, N_L tokens of F_L, N_s of F_s, K clues, D projector width, T text width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from feallm.model.encoder import TapShape
from feallm.model.layers import Attention, FeedForward


class TapFusion(nn.Module):
    """Taps F_1 … F_{L-1} -> F_s [B, N_s, D]: each pooled to the grid of F_L, projected, concatenated."""

    def __init__(self, taps: list[TapShape], last: TapShape, size: int, axis: str, pool: bool) -> None:
        super().__init__()
        if axis == "channels" and not pool:
            raise ValueError("tap_axis='channels' needs pool_taps=True: the taps must share one grid")
        self.axis = axis
        self.grid = (last.height, last.width) if pool else None
        if axis == "channels":
            self.project = nn.ModuleList([nn.Linear(sum(tap.channels for tap in taps), size)])
            counts = [last.tokens]
        else:
            self.project = nn.ModuleList(nn.Linear(tap.channels, size) for tap in taps)
            counts = [last.tokens if pool else tap.tokens for tap in taps]
        self.position = nn.ParameterList(nn.Parameter(torch.zeros(count, size)) for count in counts)

    def forward(self, taps: list[Tensor]) -> Tensor:
        maps = [F.adaptive_avg_pool2d(tap, self.grid) if self.grid else tap for tap in taps]
        if self.axis == "channels":
            maps = [torch.cat(maps, dim=1)]
        tokens = [
            project(tokens_of(tap)) + position
            for project, tap, position in zip(self.project, maps, self.position, strict=True)
        ]
        return torch.cat(tokens, dim=1)


def tokens_of(feature_map: Tensor) -> Tensor:
    """[B, C, h, w] -> [B, h*w, C]."""
    return feature_map.flatten(2).transpose(1, 2)


class MultiPerspectiveProjector(nn.Module):
    """F_L [B, N_L, C_L], taps and F'_local [B, K, D] -> visual tokens V [B, N_L, T]."""

    def __init__(
        self,
        shapes: list[TapShape],
        *,
        hidden_size: int,
        num_attention_heads: int,
        mlp_ratio: float,
        use_taps: bool,
        use_clues: bool,
        tap_axis: str,
        pool_taps: bool,
        residual_first: bool,
        dropout: float,
        text_size: int,
    ) -> None:
        super().__init__()
        *taps, last = shapes
        if use_taps and not taps:
            raise ValueError("use_taps needs a tower with more than one tap: widen out_features or tap_layers")
        self.residual_first = residual_first
        self.project = nn.Linear(last.channels, hidden_size)
        self.position = nn.Parameter(torch.zeros(last.tokens, hidden_size))
        self.fuse = TapFusion(taps, last, hidden_size, tap_axis, pool_taps) if use_taps else None
        self.cross_taps = Attention(hidden_size, num_attention_heads, dropout) if use_taps else None
        self.cross_clues = Attention(hidden_size, num_attention_heads, dropout) if use_clues else None
        self.self_attention = Attention(hidden_size, num_attention_heads, dropout)
        self.mlp = FeedForward(hidden_size, mlp_ratio, text_size, dropout)

    def forward(self, taps: list[Tensor], clues: Tensor | None) -> Tensor:
        hidden = self.project(tokens_of(taps[-1])) + self.position
        if self.fuse is not None and self.cross_taps is not None:
            crossed = self.cross_taps(hidden, self.fuse(taps[:-1]))
            hidden = hidden + crossed if self.residual_first else crossed
        if self.cross_clues is not None and clues is not None:
            hidden = hidden + self.cross_clues(hidden, clues)
        hidden = hidden + self.self_attention(hidden, hidden)
        visual: Tensor = self.mlp(hidden)
        return visual


class ReadingTokens(nn.Module):
    """The AU-aware head's numbers [B, N] -> F_read [B, n, T], tokens for the LLM (ours; see `HeadOutput.numbers`)."""

    def __init__(self, numbers: int, tokens: int, text_size: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.layers = nn.Sequential(nn.Linear(numbers, text_size), nn.GELU(), nn.Linear(text_size, tokens * text_size))

    def forward(self, numbers: Tensor) -> Tensor:
        told: Tensor = self.layers(numbers)
        return told.view(numbers.shape[0], self.tokens, -1)


class MlpProjector(nn.Module):
    """LLaVA-style baseline: two linear layers on F_L; taps and clues are not seen."""

    def __init__(self, shapes: list[TapShape], *, text_size: int) -> None:
        super().__init__()
        channels = shapes[-1].channels
        self.layers = nn.Sequential(nn.Linear(channels, text_size), nn.GELU(), nn.Linear(text_size, text_size))

    def forward(self, taps: list[Tensor], clues: Tensor | None) -> Tensor:
        visual: Tensor = self.layers(tokens_of(taps[-1]))
        return visual
