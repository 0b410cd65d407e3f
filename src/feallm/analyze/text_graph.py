"""The language model's graph with its cache: a prompt, then a token at a time.

Shapes: B rows, L new tokens, P tokens in the cache, T text width, V words of the vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import OrtValue

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class Passage:
    """Rows of text that the model has read, kept as its cache; `read` adds to them.

    The cache goes back into the graph as it came out, without a copy.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._inputs = [each.name for each in session.get_inputs() if each.name.startswith("past.")]
        self._outputs = [each.name for each in session.get_outputs()]
        self._cache: list[Any] = []
        self._mask: Ids = np.zeros((0, 0), np.int64)

    @classmethod
    def of(cls, session: onnxruntime.InferenceSession, rows: int) -> "Passage":
        """Nothing read yet."""
        passage = cls(session)
        shapes = [each.shape for each in session.get_inputs() if each.name.startswith("past.")]
        empty = [np.zeros((rows, heads, 0, width), np.float32) for _, heads, _, width in shapes]
        passage._cache = [OrtValue.ortvalue_from_numpy(each) for each in empty]
        passage._mask = np.zeros((rows, 0), np.int64)
        return passage

    def fork(self) -> "Passage":
        """The same text once more, to go on otherwise."""
        other = Passage(self._session)
        other._cache, other._mask = list(self._cache), self._mask
        return other

    def read(self, embeds: Floats, mask: Ids | None = None, kept: Sequence[int] = (-1,)) -> Floats:
        """Embeddings [B, L, T] and their mask [B, L] (None: all count) -> logits [B, len(kept), V] at those places."""
        new = embeds.shape[1]
        fresh = np.ones(embeds.shape[:2], np.int64) if mask is None else mask
        before = self._mask.sum(axis=1, keepdims=True)
        self._mask = np.concatenate([self._mask, fresh], axis=1)
        feeds = {
            "embeds": embeds,
            "attention_mask": self._mask,
            "position_ids": (before + fresh.cumsum(axis=1) - 1).clip(min=0),
            "kept": np.array([place % new for place in kept], np.int64),
        }
        values = {name: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(each)) for name, each in feeds.items()}
        values |= dict(zip(self._inputs, self._cache, strict=True))
        logits, *self._cache = self._session.run_with_ort_values(self._outputs, values)
        found: Floats = logits.numpy()
        return found

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        self._mask = self._mask[list(rows)]
        self._cache = [OrtValue.ortvalue_from_numpy(each.numpy()[list(rows)]) for each in self._cache]
