"""Sampling that a seed a face decides: the same face gets the same words, in whatever batch it is read."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from feallm.analyze.engine import TEMPERATURE, TOP_P


class SeededSampling(LogitsProcessor):
    """Adds each face's own Gumbel noise to its scores, so that taking the largest is drawing a sample.

    What lies outside the `top_p` nucleus of the distribution at `temperature` is never drawn.
    """

    def __init__(self, seeds: Sequence[int], temperature: float = TEMPERATURE, top_p: float = TOP_P) -> None:
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.temperature, self.top_p = temperature, top_p

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        shares = (scores.float() / self.temperature).log_softmax(dim=-1)
        ordered, order = shares.sort(dim=-1, descending=True)
        before = ordered.exp().cumsum(dim=-1) - ordered.exp()
        kept = torch.zeros_like(shares, dtype=torch.bool).scatter(1, order, before < self.top_p)
        noise = torch.stack([torch.rand(scores.shape[1], generator=g) for g in self.generators]).to(scores.device)
        gumbel = -torch.log(-torch.log(noise.clamp(1e-9, 1 - 1e-7)))
        return torch.where(kept, shares + gumbel, float("-inf"))
