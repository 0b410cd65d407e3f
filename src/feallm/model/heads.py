"""The AU-aware head: every AU's presence and intensity, and one emotion distribution per label set.

Two readings are added. Learned queries, one per AU and one per label set, attend over F_attn (and F_L where the
config says so), so each output can look at the crops that carry it; and one linear layer reads their means, which
makes training from scratch fast. The emotion output also sees the AU probabilities: the verdict rests on the
evidence. Shapes: B faces, A action units, E_s classes of label set s, D head width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from feallm.model.layers import Attention, FeedForward

MAX_INTENSITY = 5.0


@dataclass
class HeadOutput:
    """`au_logits` [B, A]; `au_intensity` [B, A] in 0..5; `emotion_logits[label set]` [B, E_s]. Uncalibrated."""

    au_logits: Tensor
    au_intensity: Tensor
    emotion_logits: dict[str, Tensor] = field(default_factory=dict)


class AUAwareHead(nn.Module):
    """F_attn [B, K, D_c] and/or F_L [B, N_L, C_L] -> `HeadOutput`."""

    def __init__(
        self,
        *,
        clue_size: int | None,
        global_size: int | None,
        hidden_size: int,
        num_attention_heads: int,
        action_units: Sequence[str],
        label_sets: Mapping[str, Sequence[str]],
        dropout: float,
    ) -> None:
        super().__init__()
        if clue_size is None and global_size is None:
            raise ValueError("the AU-aware head needs the clues or use_global=True: with neither it sees nothing")
        self.action_units = list(action_units)
        self.from_clues = nn.Linear(clue_size, hidden_size) if clue_size else None
        self.from_global = nn.Linear(global_size, hidden_size) if global_size else None
        self.queries = nn.Parameter(torch.randn(len(self.action_units) + len(label_sets), hidden_size) * 0.02)
        self.attention = Attention(hidden_size, num_attention_heads, dropout)
        self.feed_forward = FeedForward(hidden_size, 2.0, dropout=dropout)
        self.norm = nn.LayerNorm(hidden_size)
        self.au_weight = nn.Parameter(torch.randn(2, len(self.action_units), hidden_size) * 0.02)
        self.au_bias = nn.Parameter(torch.zeros(2, len(self.action_units)))
        self.direct = nn.Linear((clue_size or 0) + (global_size or 0), 2 * len(self.action_units))
        self.direct_emotions = nn.ModuleDict(
            {name: nn.Linear((clue_size or 0) + (global_size or 0), len(c)) for name, c in label_sets.items()}
        )
        self.emotions = nn.ModuleDict({name: nn.Linear(hidden_size, len(c)) for name, c in label_sets.items()})
        self.evidence = nn.ModuleDict(
            {name: nn.Linear(len(self.action_units), len(c), bias=False) for name, c in label_sets.items()}
        )

    def forward(self, attended: Tensor | None, last: Tensor) -> HeadOutput:
        """`attended` F_attn or None, `last` F_L as tokens [B, N_L, C_L]."""
        tokens, means = [], []
        if self.from_clues is not None and attended is not None:
            tokens.append(self.from_clues(attended))
            means.append(attended.mean(dim=1))
        if self.from_global is not None:
            projected = self.from_global(last)
            tokens += [projected, projected.mean(dim=1, keepdim=True)]
            means.append(last.mean(dim=1))
        context, summary = torch.cat(tokens, dim=1), torch.cat(means, dim=1)
        queries = self.queries.expand(context.shape[0], -1, -1)
        hidden = queries + self.attention(queries, context)
        hidden = self.norm(hidden + self.feed_forward(hidden)).float()
        count = len(self.action_units)
        presence, strength = (torch.einsum("bad,kad->kba", hidden[:, :count], self.au_weight.float())).unbind(0)
        direct_presence, direct_strength = self.direct(summary).float().chunk(2, dim=1)
        presence = presence + direct_presence + self.au_bias[0]
        intensity = MAX_INTENSITY * torch.sigmoid(strength + direct_strength + self.au_bias[1])
        probabilities = presence.detach().sigmoid()
        emotions = {
            name: classify(hidden[:, count + i]).float()
            + self.direct_emotions[name](summary).float()
            + self.evidence[name](probabilities).float()
            for i, (name, classify) in enumerate(self.emotions.items())
        }
        return HeadOutput(presence, intensity, emotions)


def head_loss(
    output: HeadOutput, emotion_targets: Mapping[str, Tensor] | None, au_targets: Tensor | None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of the head and its parts.

    `emotion_targets[label set]` [B, E_s] are distributions (the raters' votes); a row of zeros is a face without a
    label in that set. `au_targets` [B, A] are strengths 0..5, NaN where unknown. Unknown is never punished.
    """
    parts: dict[str, Tensor] = {}
    for name, target in (emotion_targets or {}).items():
        weight = target.sum(dim=1).clamp(max=1.0)
        losses = -(target * F.log_softmax(output.emotion_logits[name], dim=1)).sum(dim=1)
        parts[f"emotion_{name}"] = (losses * weight).sum() / weight.sum().clamp(min=1.0)
    if au_targets is not None:
        known = ~torch.isnan(au_targets)
        strength = torch.where(known, au_targets, 0.0)
        count = known.sum().clamp(min=1)
        present = (strength > 0).float()
        losses = F.binary_cross_entropy_with_logits(output.au_logits, present, reduction="none")
        parts["au"] = (losses * known).sum() / count
        gap = F.smooth_l1_loss(output.au_intensity, strength, reduction="none")
        parts["intensity"] = 0.2 * (gap * known).sum() / count
    total = torch.stack(list(parts.values())).sum() if parts else output.au_logits.sum() * 0.0
    return total, parts
