"""The protocol through which `analyze` talks to a model, whatever runs it.

Shapes: B faces, A action units, E classes of a label set. Nothing here imports torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Conversation = list[dict[str, str]]
TEMPERATURE, TOP_P = 0.8, 0.95
"""How words are sampled: from the `TOP_P` nucleus of the distribution at `TEMPERATURE`."""


@dataclass(frozen=True)
class EngineInfo:
    """What a loaded model is: its name, what it can say, and the side in pixels of the aligned faces it takes."""

    model: str
    revision: str
    engine: str
    device: str
    face_size: int
    action_units: tuple[str, ...]
    thresholds: dict[str, float]
    low_support: frozenset[str]
    label_sets: dict[str, tuple[str, ...]]
    default_label_set: str
    preprocessing: dict[str, Any]


@dataclass(frozen=True)
class Scores:
    """The calibrated head: `presence` [B, A] probabilities, `intensity` [B, A] in 0..5, `emotions[set]` [B, E]."""

    presence: NDArray[np.float32]
    intensity: NDArray[np.float32]
    emotions: dict[str, NDArray[np.float32]]


class Engine(Protocol):
    """Encode faces once, then read numbers from them, let the language model speak, or score what it would say."""

    info: EngineInfo

    def encode(self, faces: Sequence[NDArray[np.uint8]]) -> Any:
        """Aligned faces, each [S, S, 3] uint8 RGB -> features in the engine's own form."""
        ...

    def pick(self, encoded: Any, rows: Sequence[int]) -> Any:
        """The features of some of the encoded faces, in the order of `rows`."""
        ...

    def scores(self, encoded: Any) -> Scores:
        """Calibrated numbers of the AU-aware head."""
        ...

    def judge(self, encoded: Any, evidence: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Calibrated emotions [B, K, E] of each label set under K interventions a face on the AU evidence.

        `evidence` [B, K, A] are probabilities of presence, NaN where they stay as they were read.
        """
        ...

    def generate(
        self,
        encoded: Any,
        conversations: Sequence[Conversation],
        max_new_tokens: int,
        *,
        seeds: Sequence[int] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> list[str]:
        """One answer a face to a conversation that ends with a question: greedy, or sampled with a seed a face.

        `on_text` is given the pieces of the answer as they come (one conversation only).
        """
        ...

    def score_labels(
        self, encoded: Any, conversations: Sequence[Conversation], labels: Sequence[str]
    ) -> NDArray[np.float32]:
        """Log-likelihood [B, len(labels)] of each label as the answer."""
        ...
