"""Calibration of the AU-aware head on held-back training faces: temperatures, Platt scales, presence thresholds."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

MIN_POSITIVES = 8
"""Fewer held-back positives than this and an AU keeps its raw logit and a threshold of one half: low support."""


LOWEST_THRESHOLD = 0.3
"""No AU counts as present below this probability, even where F1 would gain: "present" at one in six misleads."""


def temperature(logits: Tensor, targets: Tensor) -> float:
    """The temperature T that minimises the cross-entropy of softmax(logits / T) with the raters' distributions.

    1 where no target is known.
    """
    known = targets.sum(dim=1) > 0
    if not bool(known.any()):
        return 1.0
    grid = torch.exp(torch.linspace(np.log(0.4), np.log(4.0), 200))
    losses = [
        -(targets[known] * F.log_softmax(logits[known] / t, dim=1)).sum(dim=1).mean().item() for t in grid.tolist()
    ]
    return float(grid[int(np.argmin(losses))])


def platt(logits: Tensor, present: Tensor) -> tuple[float, float]:
    """Scale and bias of sigmoid(scale * logit + bias), fitted by logistic regression with a light prior on (1, 0)."""
    parameters = torch.tensor([1.0, 0.0], dtype=torch.double, requires_grad=True)
    x, y = logits.double(), present.double()
    optimizer = torch.optim.LBFGS([parameters], max_iter=100)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(parameters[0] * x + parameters[1], y, reduction="sum")
        loss = loss + (parameters[0] - 1) ** 2 + 0.1 * parameters[1] ** 2
        loss.backward()
        return loss

    optimizer.step(closure)
    scale, bias = parameters.detach().tolist()
    return max(scale, 0.05), bias


def best_threshold(probabilities: NDArray[np.float64], present: NDArray[np.bool_]) -> float:
    """The probability from which "present" gives the best F1; the middle of the best plateau, smoothed over ±0.05."""
    grid = np.linspace(LOWEST_THRESHOLD, 0.75, 46)
    scores = np.array([f1(probabilities >= t, present) for t in grid])
    smooth = np.convolve(np.pad(scores, 5, mode="edge"), np.ones(11) / 11, mode="valid")
    return float(grid[int(np.argmax(smooth))])


def f1(predicted: NDArray[np.bool_], present: NDArray[np.bool_]) -> float:
    """2 TP / (2 TP + FP + FN); 0 where there is nothing to find and nothing found."""
    true = int((predicted & present).sum())
    wrong = int((predicted ^ present).sum())
    return 2 * true / (2 * true + wrong) if true + wrong else 0.0


def calibrate(
    au_logits: Tensor,
    au_targets: Tensor,
    emotion_logits: dict[str, Tensor],
    emotion_targets: dict[str, Tensor],
    units: Sequence[str],
) -> dict[str, object]:
    """Values for `FeallmHeadConfig`: temperatures, au_scales, au_biases, au_thresholds, low_support."""
    values: dict[str, dict[str, float]] = {"au_scales": {}, "au_biases": {}, "au_thresholds": {}}
    low = []
    for column, unit in enumerate(units):
        known = ~torch.isnan(au_targets[:, column])
        logits, present = au_logits[known, column], au_targets[known, column] > 0
        scale, bias, threshold = 1.0, 0.0, 0.5
        if int(present.sum()) >= MIN_POSITIVES:
            scale, bias = platt(logits, present)
            threshold = best_threshold(torch.sigmoid(scale * logits + bias).double().numpy(), present.numpy())
        else:
            low.append(unit)
        values["au_scales"][unit] = round(scale, 4)
        values["au_biases"][unit] = round(bias, 4)
        values["au_thresholds"][unit] = round(threshold, 3)
    temperatures = {name: round(temperature(emotion_logits[name], emotion_targets[name]), 4) for name in emotion_logits}
    return {**values, "temperatures": temperatures, "low_support": low}
