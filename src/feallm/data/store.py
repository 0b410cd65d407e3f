"""A store: a folder with shards of records, a manifest, and a card that says what they are and where they come from.

`records-00000.jsonl` (or `.parquet`) …, `manifest.json` (counts, checksums, the recipe, licences), `README.md` and
`plots/` (the card). `rows.py` says what a row holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feallm._version import __version__
from feallm.data.card import write_card
from feallm.data.pictures import Pictures
from feallm.data.recipe import BuildRecipe
from feallm.data.rows import LAYOUT, Row, mappings
from feallm.data.shards import MANIFEST, PROGRESS, ShardWriter, replace_text, sha256, writing
from feallm.data.sources import SOURCES
from feallm.data.stats import Tally, tally
from feallm.settings import SettingsError, data_path


@dataclass(frozen=True)
class Store:
    """A finished store: `len(store)` records, `store.rows()` to read them."""

    path: Path
    manifest: dict[str, Any]
    pictures: Pictures

    def __len__(self) -> int:
        return sum(shard["records"] for shard in self.manifest["shards"])

    def rows(self) -> Iterator[Row]:
        """All rows in order, as `rows.py` describes them; one at a time."""
        for shard in self.manifest["shards"]:
            yield from read_shard(self.path / shard["file"])

    def damaged(self) -> list[str]:
        """Names of shards whose bytes are not those that were written."""
        return [one["file"] for one in self.manifest["shards"] if sha256(self.path / one["file"]) != one["sha256"]]


def open_store(path: str | Path, root: str | Path | None = None) -> Store:
    """Open a store; its pictures are looked for under `root`, or under `FEALLM_DATA`.

    Raises SettingsError: no store there, one of another version or not finished, or one that lacks a shard.
    """
    path = Path(path).expanduser()
    if root is not None and not Path(root).is_dir():
        raise SettingsError(f"no folder at {root}: give the folder that holds the data sets as root")
    if not (path / MANIFEST).is_file():
        if (path / PROGRESS).is_file():
            raise SettingsError(f"the store in {path} is not finished: run its `feallm data build` again")
        raise SettingsError(f"no store in {path}: expected a folder with {MANIFEST}, made by `feallm data build`")
    manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    if manifest.get("row_layout", LAYOUT) != LAYOUT:
        raise SettingsError(
            f"the store in {path} was built by FEALLM {manifest['feallm']}, whose rows are of layout "
            f"{manifest['row_layout']}; this is FEALLM {__version__}, which reads layout {LAYOUT}: build the store anew"
        )
    gone = [shard["file"] for shard in manifest["shards"] if not (path / shard["file"]).is_file()]
    if gone:
        raise SettingsError(f"the store in {path} lacks {', '.join(gone)}: copy it again, or build it anew")
    return Store(path, manifest, Pictures(manifest["sources"], None if root is None else Path(root)))


def read_shard(path: Path) -> Iterator[Row]:
    """The rows of one shard, in order."""
    if path.suffix == ".parquet":
        yield from _read_parquet(path)
        return
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise SettingsError(f"{path}, line {number} is damaged ({error}): copy it again") from error


def _read_parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise SettingsError("this store is Parquet and needs pyarrow: pip install 'feallm[data]'") from error
    for batch in pq.ParquetFile(path).iter_batches(batch_size=1024):
        for row in batch.to_pylist():
            for holder, name in mappings(row):
                holder[name] = dict(holder[name])
            yield row


def finish(writer: ShardWriter, recipe: BuildRecipe) -> Store:
    """Count what was written, and write the manifest and the card. Raises ValueError where there are no records."""
    if not writer.shards:
        raise ValueError(
            "no record came of these sources: none of their faces has the labels that the families need "
            f"({', '.join(recipe.families)}), or all have a flag of exclude_flags"
        )
    found = tally(row for shard in writer.shards for row in read_shard(writer.folder / shard.file))
    manifest = {
        "name": recipe.name,
        "feallm": __version__,
        "row_layout": LAYOUT,
        "format": recipe.format,
        "seed": recipe.seed,
        **found.to_json(),
        "sources": [_source(recipe, number, found) for number in range(len(recipe.sources))],
        "shards": [asdict(shard) for shard in writer.shards],
        "recipe": recipe.of_the_records(),
    }
    with writing(writer.folder):
        write_card(writer.folder, manifest, found)
        replace_text(writer.folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        (writer.folder / PROGRESS).unlink(missing_ok=True)
    return open_store(writer.folder)


def _source(recipe: BuildRecipe, number: int, found: Tally) -> dict[str, Any]:
    """What a manifest says about a source: what it is, where to ask for it, what it forbids, who gave the labels."""
    wanted = recipe.sources[number]
    source = SOURCES[wanted.source]
    name = f"{wanted.source} {wanted.split}"
    return {
        **wanted.model_dump(mode="json"),
        "title": source.title,
        "layout": source.layout(data_path(wanted.path)),
        "licence": source.licence,
        "ask": source.ask,
        "records": found.sources[name],
        "provenance": sorted(found.provenance.get(name, ())),
    }
