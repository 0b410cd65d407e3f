"""Calibration of the AU-aware head on held-back training faces: temperatures, Platt scales, presence thresholds."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

MIN_POSITIVES = 12
"""Fewer held-back positives than this and an AU keeps its raw logit and a threshold of one half: low support."""


PRICE = 0.005
"""Accuracy that may be given for the recall of rare classes."""
LOWEST_THRESHOLD = 0.3
"""No AU counts as present below this probability, even where F1 would gain: "present" at one in six misleads."""


def temperature(logits: Tensor, labels: Tensor, biases: Tensor | None = None) -> float:
    """The temperature T for which softmax((logits + biases) / T) gives the labels the largest likelihood.

    The single labels and not the raters' votes: the leading probability is to be the share of verdicts that are right.
    `labels` [N] are class numbers, -1 where there is none. 1 where no label is known.
    """
    known = labels >= 0
    if not bool(known.any()):
        return 1.0
    added = torch.zeros(logits.shape[1]) if biases is None else biases
    grid = torch.exp(torch.linspace(np.log(0.3), np.log(4.0), 250))
    losses = [F.cross_entropy((logits[known] + added) / t, labels[known]).item() for t in grid.tolist()]
    return float(grid[int(np.argmin(losses))])


def class_biases(logits: Tensor, labels: Tensor) -> Tensor:
    """What to add to the logits so that rare classes are named: a share of minus the log of their frequency.

    The share is the one with the best mean recall among those that cost at most `PRICE` of accuracy: rare classes are
    so few that accuracy alone would hardly name them. Zeros where no label is known.
    """
    known = labels >= 0
    classes = logits.shape[1]
    if not bool(known.any()):
        return torch.zeros(classes)
    truth = labels[known]
    rarity = -torch.log((torch.bincount(truth, minlength=classes).float() + 1) / (len(truth) + classes))
    rarity = (rarity - rarity.min()) * temperature(logits, labels)

    def scores(share: float) -> tuple[float, float]:
        hit = ((logits[known] + share * rarity).argmax(dim=1) == truth).float()
        recalls = [hit[truth == number].mean() for number in truth.unique().tolist()]
        return float(hit.mean()), float(torch.stack(recalls).mean())

    worth = {share: scores(share) for share in (0.05 * step for step in range(13))}
    best = max(accuracy for accuracy, _ in worth.values())
    allowed = [share for share, (accuracy, _) in worth.items() if accuracy >= best - PRICE]
    return max(allowed, key=lambda share: worth[share][1]) * rarity


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


def best_threshold(probabilities: NDArray[np.float64]) -> float:
    """The probability from which "present" has the best expected F1, the probabilities taken at their word.

    That is half of this best F1 (Lipton, Elkan, Narayanaswamy 2014, arXiv 1402.1892). Counting on the few held-back
    faces that show an AU instead follows their chance: it was worse on faces that it was not fitted on (docs/log.md).
    """
    likeliest = np.sort(probabilities)[::-1]
    shown = np.arange(1, len(likeliest) + 1)
    expected = 2 * np.cumsum(likeliest) / (shown + likeliest.sum())
    return max(LOWEST_THRESHOLD, float(expected.max()) / 2)


def f1(predicted: NDArray[np.bool_], present: NDArray[np.bool_]) -> float:
    """2 TP / (2 TP + FP + FN); 0 where there is nothing to find and nothing found."""
    true = int((predicted & present).sum())
    wrong = int((predicted ^ present).sum())
    return 2 * true / (2 * true + wrong) if true + wrong else 0.0


def calibrate(
    au_logits: Tensor,
    au_targets: Tensor,
    emotion_logits: dict[str, Tensor],
    emotion_labels: dict[str, Tensor],
    units: Sequence[str],
) -> dict[str, object]:
    """Values for `FeallmHeadConfig`: temperatures and biases of emotions, scales, biases and thresholds of AUs,
    low_support."""
    values: dict[str, dict[str, float]] = {"au_scales": {}, "au_biases": {}, "au_thresholds": {}}
    low = []
    for column, unit in enumerate(units):
        known = ~torch.isnan(au_targets[:, column])
        logits, present = au_logits[known, column], au_targets[known, column] > 0
        scale, bias, threshold = 1.0, 0.0, 0.5
        if int(present.sum()) >= MIN_POSITIVES:
            scale, bias = platt(logits, present)
            threshold = best_threshold(torch.sigmoid(scale * logits + bias).double().numpy())
        else:
            low.append(unit)
        values["au_scales"][unit] = round(scale, 4)
        values["au_biases"][unit] = round(bias, 4)
        values["au_thresholds"][unit] = round(threshold, 3)
    temperatures, biases = {}, {}
    for name, logits in emotion_logits.items():
        added = class_biases(logits, emotion_labels[name])
        temperatures[name] = round(temperature(logits, emotion_labels[name], added), 4)
        biases[name] = [round(value, 4) for value in added.tolist()]
    return {**values, "temperatures": temperatures, "emotion_biases": biases, "low_support": low}
