"""What is fitted on held-back faces: on drawn data whose true values are known."""

import numpy as np
import pytest
import torch

from feallm.train.calibrate import LOWEST_THRESHOLD, best_threshold, class_biases, f1, platt, temperature

RNG = np.random.default_rng(0)


def drawn(scale, bias, count=40_000):
    """Logits and what they come with, where sigmoid(scale * logit + bias) is the true probability."""
    logits = RNG.normal(0, 2, count)
    chances = 1 / (1 + np.exp(-(scale * logits + bias)))
    return logits, chances, RNG.random(count) < chances


@pytest.mark.parametrize(("scale", "bias"), [(1.5, 0.5), (1.5, -1.0), (3.0, -2.0)])
def test_no_other_threshold_has_a_better_f1(scale, bias):
    _, chances, present = drawn(scale, bias)
    threshold = best_threshold(chances)
    scores = {t: f1(chances >= t, present) for t in np.linspace(0.05, 0.95, 91)}
    assert f1(chances >= threshold, present) > max(scores.values()) - 0.003
    assert threshold == pytest.approx(max(scores.values()) / 2, abs=0.01)


def test_what_is_hardly_ever_there_is_not_called_present_at_a_tenth():
    _, chances, _ = drawn(0.7, -4.0)
    assert best_threshold(chances) == LOWEST_THRESHOLD


def test_the_true_probabilities_are_found_again():
    logits, _, present = drawn(0.6, -1.2)
    assert platt(torch.tensor(logits), torch.tensor(present)) == pytest.approx((0.6, -1.2), abs=0.05)


def test_the_true_temperature_is_found_again():
    logits = torch.tensor(RNG.normal(0, 3, (20_000, 4)))
    labels = torch.multinomial((logits / 2.5).softmax(1), 1, generator=torch.Generator().manual_seed(0)).squeeze(1)
    labels[:1000] = -1  # without a label
    assert temperature(logits, labels) == pytest.approx(2.5, rel=0.05)


def test_a_rare_class_is_named_more_often_and_accuracy_hardly_falls():
    labels = torch.tensor(RNG.choice(3, 5000, p=(0.6, 0.37, 0.03)))
    logits = torch.nn.functional.one_hot(labels, 3) * 1.5 + torch.tensor(RNG.normal(0, 1, (5000, 3)))
    logits += torch.tensor([1.0, 0.5, -1.5])
    added = class_biases(logits, labels)

    def accuracy(scores):
        return (scores.argmax(1) == labels).double().mean()

    def recall(scores):
        return (scores.argmax(1) == 2)[labels == 2].double().mean()

    assert recall(logits + added) > recall(logits)
    assert accuracy(logits + added) > accuracy(logits) - 0.005 - 1e-9
