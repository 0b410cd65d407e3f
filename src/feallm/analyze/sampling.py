"""Sampling that a seed a face decides: the same face gets the same words, in whatever batch and engine it is read.

The noise comes from numpy's Philox, a counter-based generator whose stream is the same on every machine: one stream a
seed, V numbers a step. Shapes: B faces, V words of the vocabulary. Nothing here imports torch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import TEMPERATURE, TOP_P

if TYPE_CHECKING:
    from torch import Tensor


SURE = 1e-5
"""Where the likeliest word has this much more than the nucleus needs, rounding cannot bring in a second one."""


class Noise:
    """One face's noise, a step [V] at a time."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.Generator(np.random.Philox(key=seed))

    def step(self, words: int) -> NDArray[np.float32]:
        """Uniform numbers [V] of the next step, for `gumbel`."""
        return self._random.random(words, dtype=np.float32)


def gumbel(uniform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gumbel noise: added to the logarithms of shares, it makes the largest a draw by these shares."""
    noise: NDArray[np.float32] = -np.log(-np.log(uniform.clip(1e-9, 1 - 1e-7)))
    return noise


def draw(
    scores: NDArray[np.float32], noise: NDArray[np.float32], temperature: float = TEMPERATURE, top_p: float = TOP_P
) -> int:
    """One word by its scores [V] and a step's `noise` [V], of the `top_p` nucleus of their distribution at
    `temperature`."""
    shares = scores / np.float32(temperature)
    first = int(shares.argmax())
    shares -= shares[first]
    total = np.exp(shares).sum()
    if 1 / total > top_p + SURE:
        return first
    shares -= np.log(total)
    # words with less than this are outside: all of them together have less than 1 - top_p
    likely = np.flatnonzero(shares > np.log(max(1 - top_p, 1e-30) / len(shares)))
    order = likely[np.argsort(-shares[likely], kind="stable")]
    chances = np.exp(shares[order])
    kept = order[np.cumsum(chances) - chances < top_p]
    return int(kept[np.argmax(shares[kept] + gumbel(noise[kept]))])


class SeededSampling:
    """`draw` as a logits processor of transformers: the scores it gives back are largest where the draw falls.

    What lies outside the `top_p` nucleus of the distribution at `temperature` is never drawn.
    """

    def __init__(self, seeds: Sequence[int], temperature: float = TEMPERATURE, top_p: float = TOP_P) -> None:
        self.noise = [Noise(seed) for seed in seeds]
        self.temperature, self.top_p = temperature, top_p

    def __call__(self, input_ids: "Tensor", scores: "Tensor") -> "Tensor":
        shares = (scores.float() / self.temperature).log_softmax(dim=-1)
        ordered, order = shares.sort(dim=-1, descending=True, stable=True)
        before = ordered.exp().cumsum(dim=-1) - ordered.exp()
        kept = (shares > 0).scatter(1, order, before < self.top_p)
        noise = shares.new_tensor(gumbel(np.stack([each.step(scores.shape[1]) for each in self.noise])))
        return (shares + noise).masked_fill(~kept, float("-inf"))
