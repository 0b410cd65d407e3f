"""Stores that a recipe names: what may be learned from their rows, the faces in them, and what is refused before."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from feallm.data.pictures import Pictures, inside
from feallm.data.plan import stamp
from feallm.data.records import LabelledFace, VideoFrame
from feallm.data.rows import Row, as_face
from feallm.data.shards import MANIFEST
from feallm.data.shards import sha256 as sha256_of
from feallm.data.sources import SOURCES
from feallm.data.store import Store, open_store, read_shard
from feallm.settings import SettingsError
from feallm.train.data_recipe import DataRecipe, SourceRecipe, StoreRecipe
from feallm.train.recipe import TrainRecipe

Key = tuple[str, str, str]
Tabled = dict[Key, Any]
"""Pictures of faces that stand inside tables, encoded as the source has them."""


def key_of(row: Row) -> Key:
    return row["source"], row["split"], row["face"]


def open_wanted(wanted: StoreRecipe) -> Store:
    """The store of an entry. Raises SettingsError where it is not there, or not the one the recipe means."""
    store = open_store(wanted.store)
    found = manifest_hash(store)
    if wanted.sha256 not in (None, found):
        raise SettingsError(
            f"the store in {wanted.store} is not the one that this recipe was made for: the SHA-256 of its {MANIFEST} "
            f"is {found[:12]}…, not {str(wanted.sha256)[:12]}…; bring that store back, or train into another output"
        )
    return store


def manifest_hash(store: Store) -> str:
    """SHA-256 of the manifest, which holds that of every shard."""
    return sha256_of(store.path / MANIFEST)


def pinned(recipe: TrainRecipe) -> TrainRecipe:
    """The recipe with the hashes of its stores' manifests, so that a run cannot go on with other conversations.

    Raises SettingsError where a shard is not what the manifest says.
    """
    entries: list[SourceRecipe | StoreRecipe] = []
    for entry in recipe.data.train:
        if isinstance(entry, StoreRecipe):
            store = open_wanted(entry)
            if damaged := store.damaged():
                raise SettingsError(f"the store in {entry.store}: {', '.join(damaged)} is damaged: copy it again")
            entry = entry.model_copy(update={"sha256": manifest_hash(store)})
        entries.append(entry)
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"train": entries})})


def learned_sources(wanted: StoreRecipe, store: Store) -> list[SourceRecipe]:
    """The sources whose records are learned from, by the manifest."""
    return [
        SourceRecipe(source=one["source"], path=one["path"], split=one["split"], weight=wanted.weight)
        for one in store.manifest["sources"]
        if one["split"] == wanted.split and wanted.sources.get(one["source"], 1.0) > 0
    ]


def check_stores(recipe: TrainRecipe, label_sets: Iterable[str]) -> None:
    """Raises SettingsError for stores that the recipe cannot learn from, by their manifests and first pictures."""
    stages = [stage for stage in recipe.stages if recipe.streams(stage)]
    if recipe.data.stores and recipe.data.sources and not stages:
        raise SettingsError(
            "data.train names a store beside sources, but no stage learns from its conversations: that needs a stage "
            "of kind 'conversations' without views and self_training"
        )
    opened = [(wanted, open_wanted(wanted)) for wanted in recipe.data.stores]
    for wanted, store in opened:
        _check_store(wanted, store, recipe.data)
    families = {name for _, store in opened for name in store.manifest["families"]}
    for stage in stages:
        if absent := sorted(name for name, share in (stage.families or {}).items() if share and name not in families):
            raise SettingsError(
                f"stage {stage.name!r}: families names {', '.join(absent)}, which no store of data.train holds: they "
                f"have {', '.join(sorted(families))}"
            )
    known = {name for _, store in opened for name in store.manifest["emotions"]}
    if not recipe.data.sources and (unlabelled := [name for name in label_sets if name not in known]):
        raise SettingsError(
            f"no face of the stores has a label in the label set {unlabelled[0]!r}: name the sets there are in "
            f"model.head.label_sets ({', '.join(sorted(known)) or 'none'})"
        )


def _check_store(wanted: StoreRecipe, store: Store, data: DataRecipe) -> None:
    where = f"the store in {wanted.store}"
    sources = store.manifest["sources"]
    names = {one["source"] for one in sources}
    if unknown := sorted(names - set(SOURCES)):
        raise SettingsError(f"{where} is made of {', '.join(unknown)}, which this FEALLM does not know: update it")
    if strange := sorted(set(wanted.sources) - names):
        raise SettingsError(f"{where} holds no {', '.join(strange)}: its sources are {', '.join(sorted(names))}")
    if not learned_sources(wanted, store):
        splits = ", ".join(sorted({one["split"] for one in sources}))
        raise SettingsError(f"{where} has no split {wanted.split!r} to learn from: its splits are {splits}")
    if kept := sorted(set(data.exclude_flags) - set(store.manifest["recipe"]["exclude_flags"])):
        raise SettingsError(
            f"{where} was built with faces that are flagged {', '.join(kept)}, and its rows do not say which: build it "
            f"with exclude_flags=[{', '.join(data.exclude_flags)}]"
        )
    for row in first_rows(store):
        if row["split"] == wanted.split and not _has_picture(store, row):
            about = SOURCES[row["source"]]
            raise SettingsError(
                f"{where} names pictures but holds none, and that of {row['face']} ({about.title}) is not under "
                f"{store.pictures.root}: set FEALLM_DATA to the folder with your own copy (ask: {about.ask})"
            )


def first_rows(store: Store) -> Iterator[Row]:
    """The first row of each source, without reading what stands before it."""
    at, shards = 0, store.manifest["shards"]
    counts = {(one["source"], one["split"]): one["records"] for one in store.manifest["sources"]}
    for count in counts.values():
        left = at
        for shard in shards:
            if left < shard["records"]:
                yield from islice(read_shard(store.path / shard["file"]), left, left + 1)
                break
            left -= shard["records"]
        at += count


def _has_picture(store: Store, row: Row) -> bool:
    if inside(row):
        return next(store.pictures.faces(row["source"], row["split"], [row["face"]]), None) is not None
    return store.pictures.find(row) is not None


def is_held_back(identity: str, share: float) -> bool:
    """The same faces on every machine and in every run: decided by a hash of the id."""
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < share


def keeps_back(data: DataRecipe) -> Callable[[Row], bool]:
    """Tells the rows about faces that are held back: as faces of the recipe's sources, or as faces of the store."""
    fronts: dict[str, list[str]] = {}
    for number, source in enumerate(data.sources):
        fronts.setdefault(source.source, []).append(f"{number}:" if len(data.sources) > 1 else "")

    def kept(row: Row) -> bool:
        names = [front + row["face"] for front in fronts.get(row["source"], [])] or ["/".join(key_of(row))]
        return any(is_held_back(name, data.held_back) for name in names)

    return kept


def weight_of(wanted: StoreRecipe, row: Row) -> float:
    """How often a row comes, by its entry: 0 for another split, or a source that is kept out."""
    return wanted.weight * wanted.sources.get(row["source"], 1.0) if row["split"] == wanted.split else 0.0


def lot(seed: int, row: Row) -> float:
    """A number in [0, 1) that stays with the row."""
    return stamp(seed, row["id"]) / 2**63


def pictures_in_tables(pictures: Pictures, rows: Iterable[Row]) -> Tabled:
    """The pictures of those rows whose pictures stand inside tables: each table is read once."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if inside(row):
            wanted.setdefault((row["source"], row["split"]), set()).add(row["face"])
    return {
        (source, split, face.id): face.image
        for (source, split), faces in wanted.items()
        for face in pictures.faces(source, split, faces)
    }


def face_of(store: Store, row: Row, tabled: Tabled) -> LabelledFace:
    """The labelled face of a row. Raises FileNotFoundError where its picture is gone."""
    image: Path | VideoFrame | None = tabled.get(key_of(row)) if inside(row) else store.pictures.image(row)
    if image is None:
        raise FileNotFoundError(
            f"no picture {row['image']} of {row['source']} under {store.pictures.root}: FEALLM_DATA must be the folder "
            "that holds the data sets"
        )
    return as_face(row, image)


def store_faces(data: DataRecipe, keep: Callable[[Row], bool] = lambda _: True) -> Iterator[tuple[LabelledFace, float]]:
    """The faces of the recipe's stores that are learned from, each once, with their weights; ids are whole keys."""
    seen: set[Key] = set()
    for wanted in data.stores:
        store = open_wanted(wanted)
        tabled = pictures_in_tables(store.pictures, _faces_of(wanted, store, keep))
        for row in _faces_of(wanted, store, keep):
            if (key := key_of(row)) not in seen:
                seen.add(key)
                yield replace(face_of(store, row, tabled), id="/".join(key)), weight_of(wanted, row)


def _faces_of(wanted: StoreRecipe, store: Store, keep: Callable[[Row], bool]) -> Iterator[Row]:
    """The first of the rows about each face, which stand side by side."""
    last = None
    for row in store.rows():
        if key_of(row) != last and weight_of(wanted, row) and keep(row):
            yield row
        last = key_of(row)


def count_learned(data: DataRecipe) -> int:
    """How many faces of the stores are learned from, each counted once in each store."""
    held = keeps_back(data)
    return sum(1 for wanted in data.stores for _ in _faces_of(wanted, open_wanted(wanted), lambda row: not held(row)))


def store_corpus(data: DataRecipe, limit: int = 20000) -> Iterator[str]:
    """Texts to train a tokenizer on: those of the first rows of the stores."""
    for wanted in data.stores:
        for row in islice(open_wanted(wanted).rows(), limit):
            yield from (text for turn in row["turns"] for text in (turn["question"], turn["answer"]))
