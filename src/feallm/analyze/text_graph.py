"""The language model's graph with its cache: a prompt, then a token at a time, until every row has ended.

Shapes: B rows, L new tokens, P tokens in the cache, T text width, V words of the vocabulary.
"""

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime import OrtValue

from feallm.analyze.sampling import Noise, draw

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
FULL = 0.8
"""Rows that have ended are carried along until fewer than this share of them go on: leaving them out copies the cache
of the others."""
ROOM = 48
"""Places of the cache that are made ready at a time: most explanations fit into one or two such rooms."""
LEAST_ROWS = 4
"""Fewer rows than this are not worth a thread of their own."""


class Passage:
    """Rows of text that the model has read, kept as its cache; `read` adds to them.

    The cache lies in buffers with room for more (`feallm.export.parts.Speaking` says how): new keys and values are
    written into them before the next token is read, and the graph reads them where they are.
    """

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._inputs = [each.name for each in session.get_inputs() if each.name.startswith("past.")]
        self._outputs = [each.name for each in session.get_outputs()]
        self._buffers: list[Floats] = []
        self._bound: dict[str, Any] = {}
        self._mask: Ids = np.zeros((0, 0), np.int64)
        self._used = 0
        self._new: list[Floats] = []
        self._fresh: Ids = np.zeros((0, 0), np.int64)
        self._shared = False

    @classmethod
    def of(cls, session: onnxruntime.InferenceSession, rows: int) -> "Passage":
        """Nothing read yet."""
        passage = cls(session)
        shapes = [each.shape for each in session.get_inputs() if each.name.startswith("past.")]
        passage._mask = np.zeros((rows, 0), np.int64)
        passage._fresh = np.zeros((rows, 0), np.int64)
        empty = [[rows, *(side if isinstance(side, int) else 0 for side in shape[1:])] for shape in shapes]
        passage._bind([np.zeros(shape, np.float32) for shape in empty])
        return passage

    def fork(self) -> "Passage":
        """The same text once more, to go on otherwise."""
        other = Passage(self._session)
        other.__dict__.update(self.__dict__)
        self._shared = other._shared = True
        return other

    def read(self, embeds: Floats, mask: Ids | None = None, kept: Sequence[int] = (-1,)) -> Floats:
        """Embeddings [B, L, T] and their mask [B, L] (None: all count) -> logits [B, len(kept), V] at those places."""
        self._settle()
        new = embeds.shape[1]
        fresh = np.ones(embeds.shape[:2], np.int64) if mask is None else mask
        before = self._mask.sum(axis=1, keepdims=True)
        feeds = {
            "embeds": embeds,
            "attention_mask": np.concatenate([self._mask, fresh], axis=1),
            "position_ids": (before + fresh.cumsum(axis=1) - 1).clip(min=0),
            "kept": np.array([place % new for place in kept], np.int64),
        }
        values = {name: OrtValue.ortvalue_from_numpy(np.ascontiguousarray(each)) for name, each in feeds.items()}
        logits, *added = self._session.run_with_ort_values(self._outputs, values | self._bound)
        self._new, self._fresh = [each.numpy() for each in added], fresh
        found: Floats = logits.numpy()
        return found

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows alone."""
        chosen = list(rows)
        self._mask, self._fresh = self._mask[chosen], self._fresh[chosen]
        self._new = [each[chosen] for each in self._new]
        self._bind([each[chosen] for each in self._buffers])

    def _settle(self) -> None:
        """Write what the last reading added into the buffers."""
        if not self._new:
            return
        first, last = self._used, self._used + self._fresh.shape[1]
        if last > self._mask.shape[1] or self._shared:
            self._make_room(last + ROOM)
        for number, (buffer, new) in enumerate(zip(self._buffers, self._new, strict=True)):
            if number % 2:
                buffer[:, :, first:last] = new
            else:
                buffer[:, :, :, first:last] = new
        self._mask[:, first:last] = self._fresh
        self._used, self._new = last, []

    def _make_room(self, places: int) -> None:
        wider = []
        for number, buffer in enumerate(self._buffers):
            shape, axis = list(buffer.shape), 2 if number % 2 else 3
            kept = buffer.take(range(self._used), axis=axis)
            shape[axis] = places - self._used
            wider.append(np.concatenate([kept, np.zeros(shape, np.float32)], axis=axis))
        self._bind(wider)
        unused = np.zeros((len(self._mask), places - self._used), np.int64)
        self._mask = np.concatenate([self._mask[:, : self._used], unused], axis=1)

    def _bind(self, buffers: list[Floats]) -> None:
        self._buffers, self._shared = buffers, False
        values = [OrtValue.ortvalue_from_numpy(each) for each in buffers]
        self._bound = dict(zip(self._inputs, values, strict=True))


@dataclass(frozen=True)
class Speech:
    """How answers go on: `look_up` gives tokens their embeddings, `ends` end an answer, `silent` are never said."""

    look_up: Callable[[Ids], Floats]
    ends: Collection[int]
    silent: Sequence[int]

    def answers(
        self,
        passage: Passage,
        logits: Floats,
        noise: Sequence[Noise | None],
        max_new_tokens: int,
        take: Callable[[int], None] | None = None,
    ) -> list[list[int]]:
        """The tokens of each row's answer, its end included, from the `logits` [B, V] behind its prompt.

        Drawn with a row's noise, the likeliest without. `take` is given the first row's tokens as they come.
        """
        said: list[list[int]] = [[] for _ in noise]
        rows = list(range(len(noise)))
        open_rows = set(rows)
        while True:
            tokens = [
                self._next(scores, noise[row], row in open_rows) for row, scores in zip(rows, logits, strict=True)
            ]
            for row, token in zip(rows, tokens, strict=True):
                if row in open_rows:
                    said[row].append(token)
            open_rows -= {row for row, token in zip(rows, tokens, strict=True) if token in self.ends}
            if take is not None:
                take(tokens[0])
            if not open_rows or len(said[min(open_rows)]) == max_new_tokens:
                return said
            if len(open_rows) <= FULL * len(rows):
                going = [place for place, row in enumerate(rows) if row in open_rows]
                passage.keep(going)
                rows, tokens = [rows[place] for place in going], [tokens[place] for place in going]
            logits = passage.read(self.look_up(np.array(tokens, np.int64)[:, None]))[:, -1]

    def _next(self, scores: Floats, noise: Noise | None, is_open: bool) -> int:
        """A token by its scores [V]; any will do for a row that has ended."""
        if not is_open:
            return next(iter(self.ends))
        scores[self.silent] = -np.inf
        return int(scores.argmax()) if noise is None else draw(scores, noise.step(len(scores)))


def shares(rows: int, threads: int) -> list[slice]:
    """`rows` in at most `threads` parts of about one size, none under `LEAST_ROWS` if there are several."""
    count = max(1, min(threads, rows // LEAST_ROWS))
    edges = [rows * part // count for part in range(count + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(edges)]
