"""Words are drawn with a seed a face: the same face, the same words, alone or among others."""

import numpy as np
import torch

from feallm.analyze.sampling import Noise, SeededSampling, draw

SCORES = torch.tensor([3.0, 2.5, 2.0, -6.0])


def draws(seed, count=4000):
    sampling = SeededSampling([seed])
    return torch.tensor([int(sampling(torch.zeros(1, 0), SCORES[None]).argmax()) for _ in range(count)])


def test_draws_follow_the_distribution_and_stay_in_its_nucleus():
    shares = torch.bincount(draws(1), minlength=4) / 4000
    expected = (SCORES[:3] / 0.8).softmax(0)
    assert torch.allclose(shares[:3], expected, atol=0.03)
    assert shares[3] == 0


def test_a_seed_decides_whatever_stands_beside_it():
    together = SeededSampling([5, 6])
    alone = SeededSampling([6])
    rows = [together(torch.zeros(2, 0), SCORES.expand(2, -1)).argmax(1) for _ in range(50)]
    assert [int(row[1]) for row in rows] == [int(alone(torch.zeros(1, 0), SCORES[None]).argmax()) for _ in range(50)]
    assert [int(row[0]) for row in rows] != [int(row[1]) for row in rows]


def test_numpy_draws_what_torch_draws():
    random = np.random.default_rng(0)
    scores = (random.standard_normal((300, 50)) * random.uniform(0.1, 9, (300, 1))).astype(np.float32)
    scores[:20, 7] = 60.0  # nothing else is in these nuclei
    noise, sampling = Noise(3), SeededSampling([3])
    drawn = [draw(row, noise.step(50)) for row in scores]
    assert drawn == [int(sampling(torch.zeros(1, 0), torch.from_numpy(row)[None]).argmax()) for row in scores]
    assert set(drawn[:20]) == {7}
