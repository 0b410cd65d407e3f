"""Conversations of built stores as ready batches: read shard by shard, mixed, and never all in memory.

In memory are eight open shards, a bounded buffer of records that wait to be drawn, one pool of batches, and pictures
that stand inside tables (FER2013). Everything is drawn from the recipe's seed and the number of the epoch, so that
every process, every worker and a resumed run read the same batches.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any, TypeVar

import numpy as np
from torch.utils.data import Dataset

from feallm.data.plan import stamp
from feallm.data.records import LabelledFace, Record
from feallm.data.rows import Row, as_record
from feallm.data.store import Store, read_shard
from feallm.model import FeallmProcessor
from feallm.train.bank import bank_settings, fill
from feallm.train.collate import FaceInput, grouped
from feallm.train.data_recipe import StoreRecipe
from feallm.train.recipe import StageRecipe, TrainRecipe
from feallm.train.stores import Tabled, face_of, keeps_back, lot, open_wanted, pictures_in_tables, weight_of

log = logging.getLogger(__name__)
OPEN = 8
"""Shards that are read side by side."""
POOL = 64
"""Batches of records of similar length that are made at a time."""
T = TypeVar("T")


@dataclass(frozen=True)
class Told(Record):
    """A record with the labelled face it is about; `seed` is what its picture is changed by."""

    shown: LabelledFace = field(kw_only=True)
    seed: int = field(kw_only=True)


class Conversations(Dataset[list[Told]]):
    """Ready batches (see `collate.grouped`) of `size` records, in the order of the epoch.

    They are to be asked for in rising order; going forward reads what stands between, without any picture. Raises
    ValueError where the stores hold less than a batch.
    """

    def __init__(self, recipe: TrainRecipe, stage: StageRecipe, size: int) -> None:
        self.data, self.seed, self.size = recipe.data, recipe.seed, size
        self.opened = [(wanted, open_wanted(wanted)) for wanted in recipe.data.stores]
        self.held_back = keeps_back(recipe.data)
        self.factors = family_factors([store for _, store in self.opened], stage.families)
        self.records = 0
        self.tabled: list[Tabled] = [
            pictures_in_tables(store.pictures, self._counted(wanted, store)) for wanted, store in self.opened
        ]
        if self.records < size:
            raise ValueError(
                f"stage {stage.name!r}: the stores hold {self.records} conversations to learn from, less than a batch "
                f"of {size}: build larger ones, or take a smaller batch_size"
            )
        often = ", ".join(f"{name} {factor:.2g}" for name, factor in sorted(self.factors.items()))
        log.info("stage %s: %d records of stores, each of them so many times: %s", stage.name, self.records, often)
        self.epoch, self._at = 0, 0
        self._ahead: Iterator[list[Told]] | None = None

    def __len__(self) -> int:
        return self.records // self.size

    def set_epoch(self, epoch: int) -> None:
        """The Trainer's word for another order."""
        self.epoch, self._at, self._ahead = epoch, 0, None

    def __getitem__(self, index: int) -> list[Told]:
        if self._ahead is None or index < self._at:
            self._at, self._ahead = 0, self._batches()
        batch = next(islice(self._ahead, index - self._at, None))
        self._at = index + 1
        return batch

    def times(self, wanted: StoreRecipe, row: Row) -> int:
        """How often a row comes in an epoch: its weight, what is left of a whole number drawn by lot."""
        weight = weight_of(wanted, row) * self.factors.get(row["family"], 0.0)
        return 0 if not weight or self.held_back(row) else int(weight + lot(self.seed, row))

    def _counted(self, wanted: StoreRecipe, store: Store) -> Iterator[Row]:
        """The rows that are learned from, adding up `records`."""
        for row in store.rows():
            if times := self.times(wanted, row):
                self.records += times
                yield row

    def _batches(self) -> Iterator[list[Told]]:
        rng = Random(f"{self.seed} {self.epoch}")
        shards = [(number, shard) for number, (_, store) in enumerate(self.opened) for shard in _files(store)]
        rng.shuffle(shards)
        told = shuffled(side_by_side((self._read(*shard) for shard in shards), rng), self.data.shuffle_buffer, rng)
        while pool := list(islice(told, POOL * self.size)):
            yield from grouped(pool, self.size, rng.getrandbits(32))

    def _read(self, number: int, file: str) -> Iterator[Told]:
        wanted, store = self.opened[number]
        for row in read_shard(store.path / file):
            if times := self.times(wanted, row):
                record, face = as_record(row), face_of(store, row, self.tabled[number])
                for copy in range(times):
                    seed = stamp(self.seed, self.epoch, row["id"], copy)
                    yield Told(record.face, record.family, record.turns, record.given, shown=face, seed=seed)


def _files(store: Store) -> list[str]:
    return [shard["file"] for shard in store.manifest["shards"]]


def family_factors(stores: Sequence[Store], shares: Mapping[str, float] | None) -> dict[str, float]:
    """Family -> how often its records come, so that families have the shares while the number of records stays.

    Without shares every record comes once, and the families have those that the stores were built with.
    """
    counts = sum((Counter(store.manifest["families"]) for store in stores), Counter[str]())
    if shares is None:
        return dict.fromkeys(counts, 1.0)
    whole, records = sum(shares.values()), counts.total()
    return {name: share / whole * records / counts[name] for name, share in shares.items() if counts[name]}


def side_by_side(readers: Iterator[Iterator[T]], rng: Random) -> Iterator[T]:
    """Items of several readers in turns by lot; a reader is opened when another has ended."""
    reading = list(islice(readers, OPEN))
    while reading:
        place = rng.randrange(len(reading))
        try:
            yield next(reading[place])
        except StopIteration:
            reading[place : place + 1] = islice(readers, 1)


def shuffled(items: Iterator[T], size: int, rng: Random) -> Iterator[T]:
    """Items in random order, `size` of them waiting: each new one takes the place of one that is given out."""
    waiting = list(islice(items, size))
    for item in items:
        place = rng.randrange(size)
        yield waiting[place]
        waiting[place] = item
    rng.shuffle(waiting)
    yield from waiting


class ToldFaces:
    """The faces that records of stores are about, augmented; `with_targets` adds the head's targets, for its loss."""

    def __init__(self, recipe: TrainRecipe, processor: FeallmProcessor, *, with_targets: bool) -> None:
        self.settings, self.sharpen = bank_settings(recipe.model), recipe.data.sharpen
        self.augment = recipe.augment.model_copy(update={"hide": 0.0})  # the answers do not know what would be hidden
        self.processor, self.with_targets = processor, with_targets

    def __call__(self, records: Sequence[Told]) -> dict[str, Any]:
        bank = fill([record.shown for record in records], **self.settings, sharpen=self.sharpen)
        seed = zlib.crc32(np.array([record.seed for record in records]).tobytes())
        rows = range(len(bank))
        pixels = FaceInput(bank, self.processor, self.augment, seed)(rows)
        return {"pixel_values": pixels, **(bank.targets(rows) if self.with_targets else {})}
