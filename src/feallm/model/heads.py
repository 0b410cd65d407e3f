"""The AU-aware head: every AU's presence and intensity, and one emotion distribution per label set.

Two readings are added. Learned queries, one per AU and one per label set, attend over F_attn (and F_L where the
config says so), so each output can look at the crops that carry it; and one linear layer reads their means, which
makes training from scratch fast. The verdict rests on two things that are added: what the picture shows (queries and
means) and the evidence, a linear reading of the AU probabilities, which an intervention can change.
Shapes: B faces, A action units, E_s classes of label set s, D head width.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from feallm.facs.prototypes import opposing_aus, supporting_aus
from feallm.model.layers import Attention, FeedForward

MAX_INTENSITY = 5.0
DROPPED, TURNED = 0.15, 0.05
"""Shares of the evidence that training drops, and turns round."""
LEAST_CHANGE = 0.3
"""What the presence of one of an emotion's units should add to its log-odds at the least; an unrelated one, half."""


@dataclass
class HeadOutput:
    """`au_logits` [B, A]; `au_intensity` [B, A] in 0..5; `emotion_logits[label set]` [B, E_s]. Uncalibrated.

    `picture_logits` are the emotion logits before the evidence is added, `evidence` [B, A] the AU probabilities that
    were taken as evidence.
    """

    au_logits: Tensor
    au_intensity: Tensor
    emotion_logits: dict[str, Tensor] = field(default_factory=dict)
    picture_logits: dict[str, Tensor] = field(default_factory=dict)
    evidence: Tensor = field(default_factory=lambda: torch.empty(0))

    def pick(self, rows: Tensor) -> "HeadOutput":
        """The same of some faces: `rows` are their places in the batch."""
        return HeadOutput(
            self.au_logits[rows],
            self.au_intensity[rows],
            {name: each[rows] for name, each in self.emotion_logits.items()},
            {name: each[rows] for name, each in self.picture_logits.items()},
            self.evidence[rows],
        )

    def numbers(self) -> Tensor:
        """What the head says in one row [B, 3 A + 2 E] of numbers between -2 and 2, for the LLM: each AU's
        probability, logit and strength, each emotion's probability and its logarithm. No gradient passes: what the
        head says is taught by its own labels."""
        rows = [self.evidence, (self.au_logits / 4).clamp(-2, 2), self.au_intensity / MAX_INTENSITY]
        for logits in self.emotion_logits.values():
            rows += [logits.softmax(dim=1), (logits.log_softmax(dim=1) / 4).clamp(min=-2)]
        return torch.cat([row.float() for row in rows], dim=1).detach()


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
        self.dropout = nn.Dropout(dropout)
        self.au_weight = nn.Parameter(torch.randn(2, len(self.action_units), hidden_size) * 0.02)
        self.au_bias = nn.Parameter(torch.zeros(2, len(self.action_units)))
        self.direct = nn.Linear((clue_size or 0) + (global_size or 0), 2 * len(self.action_units))
        self.direct_emotions = nn.ModuleDict(
            {name: nn.Linear((clue_size or 0) + (global_size or 0), len(c)) for name, c in label_sets.items()}
        )
        self.emotions = nn.ModuleDict({name: nn.Linear(hidden_size, len(c)) for name, c in label_sets.items()})
        self.supporting = {name: _table(supporting_aus, c, self.action_units) for name, c in label_sets.items()}
        self.opposing = {name: _table(opposing_aus, c, self.action_units) for name, c in label_sets.items()}
        self.evidence = nn.ModuleDict(
            {name: nn.Linear(len(self.action_units), len(c)) for name, c in label_sets.items()}
        )

    def judge(self, picture_logits: Mapping[str, Tensor], evidence: Tensor) -> dict[str, Tensor]:
        """Emotion logits of a picture with this evidence [B, A] (probabilities of presence)."""
        return {name: logits + self.evidence[name](evidence).float() for name, logits in picture_logits.items()}

    def forward(self, attended: Tensor | None, last: Tensor, evidence: Tensor | None = None) -> HeadOutput:
        """`attended` F_attn or None, `last` F_L as tokens [B, N_L, C_L].

        `evidence` [B, A] intervenes: the verdict rests on these probabilities instead of those read, which stand
        where it is NaN.
        """
        tokens, means = [], []
        if self.from_clues is not None and attended is not None:
            tokens.append(self.from_clues(attended))
            means.append(attended.mean(dim=1))
        if self.from_global is not None:
            projected = self.from_global(last)
            tokens += [projected, projected.mean(dim=1, keepdim=True)]
            means.append(last.mean(dim=1))
        context, summary = torch.cat(tokens, dim=1), self.dropout(torch.cat(means, dim=1))
        queries = self.queries.expand(context.shape[0], -1, -1)
        hidden = queries + self.attention(queries, context)
        hidden = self.norm(hidden + self.feed_forward(hidden)).float()
        count = len(self.action_units)
        presence, strength = (torch.einsum("bad,kad->kba", hidden[:, :count], self.au_weight.float())).unbind(0)
        direct_presence, direct_strength = self.direct(summary).float().chunk(2, dim=1)
        presence = presence + direct_presence + self.au_bias[0]
        intensity = MAX_INTENSITY * torch.sigmoid(strength + direct_strength + self.au_bias[1])
        picture = {
            name: classify(hidden[:, count + i]).float() + self.direct_emotions[name](summary).float()
            for i, (name, classify) in enumerate(self.emotions.items())
        }
        return self._judged(presence, intensity, picture, evidence)

    def _judged(
        self, presence: Tensor, intensity: Tensor, picture: dict[str, Tensor], evidence: Tensor | None
    ) -> HeadOutput:
        probabilities = presence.detach().sigmoid()
        if evidence is not None:
            probabilities = torch.where(torch.isnan(evidence), probabilities, evidence.to(probabilities))
        return HeadOutput(presence, intensity, self.judge(picture, probabilities), picture, probabilities)

    def mean(self, one: HeadOutput, other: HeadOutput, evidence: Tensor | None = None) -> HeadOutput:
        """One reading of two views of the same faces, `evidence` as in `forward`."""
        picture = {name: (logits + other.picture_logits[name]) / 2 for name, logits in one.picture_logits.items()}
        presence = (one.au_logits + other.au_logits) / 2
        return self._judged(presence, (one.au_intensity + other.au_intensity) / 2, picture, evidence)

    def intervention_loss(self, output: HeadOutput, emotion_targets: Mapping[str, Tensor]) -> Tensor:
        """Teaches the verdict to rest on the evidence as well as on the picture.

        The evidence alone, some of it dropped or turned round, must give the emotion. Where it is another face's, the
        verdict must lie half-way between the two faces' emotions. Where units that FACS says make the emotion are
        taken away, the emotion must become less likely; where a unit that has nothing to do with it is put in, it must
        stay. Only the reading of the evidence learns from this: what the picture shows is not to be changed by
        evidence that is false.
        """
        seen = output.evidence
        chance = torch.rand_like(seen)
        noisy = torch.where(chance < DROPPED, 0.0, torch.where(chance > 1 - TURNED, 1 - seen, seen))
        alone = self.judge({name: torch.zeros_like(logits) for name, logits in output.picture_logits.items()}, noisy)
        pictures = {name: logits.detach() for name, logits in output.picture_logits.items()}
        contradicted = self.judge(pictures, seen.roll(1, dims=0))
        losses = []
        for name, target in emotion_targets.items():
            other = target.roll(1, dims=0)
            both = (target.sum(dim=1) > 0) & (other.sum(dim=1) > 0)
            losses.append(_cross_entropy(alone[name], target))
            losses.append(_cross_entropy(contradicted[name], torch.where(both.unsqueeze(1), (target + other) / 2, 0.0)))
            losses.append(self._direction_loss(name, pictures[name], seen, target))
        return torch.stack(losses).sum()

    def _direction_loss(self, name: str, picture: Tensor, seen: Tensor, target: Tensor) -> Tensor:
        """FACS's direction of one label set's evidence, for the emotion that each face has (rows of zeros: none)."""
        emotion = target.argmax(dim=1)
        rows = F.one_hot(emotion, target.shape[1]).bool()
        supporting = torch.tensor(self.supporting[name], device=seen.device)[emotion]
        unrelated = 1 - torch.maximum(supporting, torch.tensor(self.opposing[name], device=seen.device)[emotion])
        counted = (target.sum(dim=1) > 0).float() * supporting.amax(dim=1)

        def log_odds(evidence: Tensor) -> Tensor:
            logits = picture + self.evidence[name](evidence).float()
            rest = logits.masked_fill(rows, float("-inf")).logsumexp(dim=1)
            odds: Tensor = logits[rows] - rest
            return odds

        def change(among: Tensor) -> Tensor:
            """What one unit of those makes of the log-odds, present against absent."""
            one = F.one_hot((torch.rand_like(seen) * (among + 1e-6)).argmax(dim=1), seen.shape[1]).to(seen)
            return log_odds(torch.maximum(seen, one)) - log_odds(seen * (1 - one))

        losses = F.relu(LEAST_CHANGE - change(supporting)) + F.relu(change(unrelated).abs() - LEAST_CHANGE / 2)
        loss: Tensor = (losses * counted).mean()
        return loss


def _table(units_of: Callable[[str], Sequence[str]], classes: Sequence[str], units: Sequence[str]) -> list[list[float]]:
    """[E][A]: one where FACS ties a unit to an emotion."""
    return [[float(unit in units_of(name)) for unit in units] for name in classes]


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the rows of `target` [B, E] that are distributions; rows of zeros do not count."""
    weight = target.sum(dim=1).clamp(max=1.0)
    losses = -(target * F.log_softmax(logits, dim=1)).sum(dim=1)
    mean: Tensor = (losses * weight).sum() / weight.sum().clamp(min=1.0)
    return mean


def head_loss(
    output: HeadOutput,
    emotion_targets: Mapping[str, Tensor] | None,
    au_targets: Tensor | None,
    au_presence: Tensor | None = None,
    *,
    au_weight: float = 1.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of the head and its parts.

    `emotion_targets[label set]` [B, E_s] are distributions (the raters' votes); a row of zeros is a face without a
    label in that set. `au_targets` [B, A] are strengths 0..5, NaN where unknown. Unknown is never punished.
    `au_presence` [B, A], NaN where unknown, are probabilities of presence; without them any strength is presence.
    """
    parts: dict[str, Tensor] = {}
    for name, target in (emotion_targets or {}).items():
        parts[f"emotion_{name}"] = _cross_entropy(output.emotion_logits[name], target)
    if au_targets is not None:
        known = ~torch.isnan(au_targets)
        strength = torch.where(known, au_targets, 0.0)
        count = known.sum().clamp(min=1)
        told = torch.where(known, (strength > 0).float(), au_targets) if au_presence is None else au_presence
        present = ~torch.isnan(told)
        losses = F.binary_cross_entropy_with_logits(output.au_logits, torch.where(present, told, 0.0), reduction="none")
        parts["au"] = au_weight * (losses * present).sum() / present.sum().clamp(min=1)
        gap = F.smooth_l1_loss(output.au_intensity, strength, reduction="none")
        parts["intensity"] = 0.2 * (gap * known).sum() / count
    total = torch.stack(list(parts.values())).sum() if parts else output.au_logits.sum() * 0.0
    return total, parts
