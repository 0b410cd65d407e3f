"""An analyzer that threads may use: what it wants of the engine, the reader's thread does, together with others'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from feallm.analyze import Analyzer, FaceReading
from feallm.analyze.analyzer import Slot
from feallm.serve.batching import Reader, Wish


class Shared(Analyzer):
    """`reader`'s analyzer for one other thread, which it keeps waiting until its faces are read."""

    def __init__(self, reader: Reader, wish: Wish, detector: str) -> None:
        own = reader.analyzer.like(label_set=wish.label_set, min_confidence=wish.min_confidence, detector=detector)
        vars(self).update(vars(own))
        self._reader = reader

    def read(self, slots: Sequence[Slot], explain: bool, evidence: bool) -> Iterator[FaceReading]:
        wish = Wish(explain, evidence, self.label_set, self.min_confidence)
        yield from self._reader.read(slots, wish).result()

    def tell(self, slots: Sequence[Slot], explain: bool, evidence: bool) -> list[FaceReading]:
        wish = Wish(explain, evidence, self.label_set, self.min_confidence, numbered=True)
        return self._reader.read(slots, wish).result()
