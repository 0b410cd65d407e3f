"""Finding the pictures of a store's rows again, wherever the data sets lie now.

A row names its picture relative to its source's folder, and the recipe names that folder relative to `FEALLM_DATA`;
`root` takes the place of `FEALLM_DATA` where the data have moved. Pictures inside tables (Parquet, CSV) are read by
scanning the source again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.data.records import LabelledFace, VideoFrame
from feallm.data.rows import FRAME, Row
from feallm.data.sources import SOURCES
from feallm.settings import data_root

Pixels = NDArray[np.uint8]


class Pictures:
    """The pictures of the sources of a manifest, looked for under `root` or, without it, under `FEALLM_DATA`."""

    def __init__(self, sources: Sequence[Mapping[str, Any]], root: Path | None = None) -> None:
        self.root = data_root() if root is None else root
        self._paths: dict[tuple[str, str], list[Path]] = {}
        for source in sources:
            self._paths.setdefault((source["source"], source["split"]), []).append(Path(source["path"]))

    def folders(self, row: Row) -> list[Path]:
        """Where a row's picture is looked for: the source's folder under the root, and the root itself."""
        return [_folder(base) for base in self._bases(row["source"], row["split"])]

    def find(self, row: Row) -> Path | None:
        """The file of a row's picture (a video for a frame), None where it is not there or stands in a table."""
        if inside(row):
            return None
        name = row["image"].partition(FRAME)[0]
        places = (folder / name for folder in self.folders(row))
        return next((place for place in places if place.is_file()), None)

    def relative(self, row: Row) -> str | None:
        """A row's file as a path relative to the root, or absolute where it lies elsewhere."""
        path = self.find(row)
        if path is None:
            return None
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path.absolute()).as_posix()

    def read(self, rows: Iterable[Row]) -> Iterator[tuple[Row, Pixels | None]]:
        """Rows with their pictures as [H, W, 3] uint8 RGB, None where there is none; tables are scanned once."""
        tabled: dict[tuple[str, str], dict[str, list[Row]]] = {}
        for row in rows:
            if inside(row):
                tabled.setdefault((row["source"], row["split"]), {}).setdefault(row["face"], []).append(row)
            else:
                yield row, self._pixels(row)
        for (source, split), wanted in tabled.items():
            for face in self.faces(source, split, wanted):
                pixels = face.picture()
                yield from ((row, pixels) for row in wanted.pop(face.id, ()))
            yield from ((row, None) for rows_of in wanted.values() for row in rows_of)

    def faces(self, source: str, split: str, wanted: Collection[str]) -> Iterator[LabelledFace]:
        """The faces of a source, of those ids; scanning ends with the last of them. None where it is not there."""
        left = set(wanted)
        for base in self._bases(source, split):
            try:
                for face in SOURCES[source].scan(base, split):
                    if isinstance(face, LabelledFace) and face.id in left:
                        left.discard(face.id)
                        yield face
                        if not left:
                            return
            except FileNotFoundError:
                continue

    def image(self, row: Row) -> Path | VideoFrame | None:
        """What a row's picture is read from, None where it is not there or stands in a table."""
        path = self.find(row)
        _, is_frame, number = row["image"].partition(FRAME)
        return VideoFrame(path, int(number)) if path is not None and is_frame else path

    def _pixels(self, row: Row) -> Pixels | None:
        image = self.image(row)
        if image is None:
            return None
        try:
            return LabelledFace(row["face"], image, row["source"], row["split"]).picture()
        except OSError:
            return None

    def _bases(self, source: str, split: str) -> list[Path]:
        known = self._paths.get((source, split), [])
        return list(dict.fromkeys([*(self.root / path for path in known), self.root]))


def inside(row: Row) -> bool:
    """Whether a row's picture stands inside a table of its source."""
    return bool(row["image"] == f"{row['source']}:{row['face']}")


def _folder(base: Path) -> Path:
    return base.parent if base.is_file() else base
