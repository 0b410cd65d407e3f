"""A store in the forms that training codes read: `EXPORTS[name]` writes one file for each split into a folder.

- `llava`: LLaVA's JSON, `id, image, conversations: [{from: human | gpt, value}]`, "<image>" before the first question
- `llamafactory`: LLaMA-Factory's ShareGPT form with `messages: [{role, content}]` and `images`, and the
  `dataset_info.json` that names its columns and tags (data/README.md of that project)
- `facial-r1`: Facial-R1's JSONL, `id, dataset, image, question, AUs, labels, description, meta_info` (its README)
- `hf`: JSONL with a card that `datasets.load_dataset(folder)` reads, pictures by reference

Pictures are named by paths relative to one folder: that of the data sets, or, with `write_images`, the export's own,
where every picture is then copied, and pictures out of tables and videos become PNG files.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from PIL import Image

from feallm.data.pictures import inside
from feallm.data.recipe import unknown
from feallm.data.rows import FRAME, Row
from feallm.data.shards import writing
from feallm.data.store import Store
from feallm.facs.action_units import ACTION_UNITS
from feallm.settings import SettingsError

IMAGE = "<image>"
IMAGES = "images"
NAMED = 5
"""How many missing pictures an error names."""


@dataclass
class Exported:
    """What was written: files, records, pictures; `unresolved` records name pictures that stand inside a table."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    records: int = 0
    images: int = 0
    unresolved: int = 0

    def sentence(self) -> str:
        """ "120 records in 1 file in out; …", with what is wanting."""
        text = f"{self.records:,} records in {len(self.files)} file{'s' * (len(self.files) != 1)} in {self.folder}"
        if self.images:
            text += f"; {self.images:,} pictures in {self.folder / IMAGES}"
        if self.unresolved:
            text += (
                f"; {self.unresolved:,} records name pictures inside a table or a video (by reference only): "
                "--write-images writes them out as PNG files"
            )
        return text


def export(store: Store, to: str, folder: str | Path, *, write_images: bool = False) -> Exported:
    """Write a store to `folder` in the form `to`.

    Raises:
        SettingsError: an unknown form, or pictures that are not where they were; the message says where it looked.
        OutputError: the folder cannot be written.
    """
    if to not in EXPORTS:
        raise SettingsError(unknown("form", to, list(EXPORTS)))
    folder = Path(folder).expanduser()
    done = Exported(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        images = _written(store, done) if write_images else _referred(store, done)
        rows = ((row, images[_place(row)]) for row in store.rows())
        EXPORTS[to](store, rows, done)
    return done


Named = Iterator[tuple[Row, str]]
"""Rows with the path of their pictures."""


def _place(row: Row) -> tuple[str, str]:
    return row["source"], row["image"]


def _referred(store: Store, done: Exported) -> dict[tuple[str, str], str]:
    """Each picture's path under the folder of the data sets; what stands inside a table keeps its reference."""
    paths: dict[tuple[str, str], str] = {}
    gone: list[Row] = []
    for row in store.rows():
        if _place(row) not in paths:
            path = row["image"] if inside(row) else store.pictures.relative(row)
            if path is None:
                gone.append(row)
            elif FRAME in row["image"] and not inside(row):
                path += FRAME + row["image"].partition(FRAME)[2]
            paths[_place(row)] = path or ""
        done.unresolved += inside(row) or FRAME in row["image"]
    _refuse(store, gone)
    return paths


def _written(store: Store, done: Exported) -> dict[tuple[str, str], str]:
    """Copy or draw every picture into the export's folder; its path there."""
    paths: dict[tuple[str, str], str] = {}
    wanted: list[Row] = []
    for row in store.rows():
        if _place(row) not in paths:
            paths[_place(row)] = _name(row)
            wanted.append({name: row[name] for name in ("source", "split", "face", "image")})
    (done.folder / IMAGES).mkdir(exist_ok=True)
    gone = []
    read = []
    for row in wanted:
        path = None if FRAME in row["image"] else store.pictures.find(row)
        if path is None:
            read.append(row)
        else:
            shutil.copyfile(path, done.folder / paths[_place(row)])
    for row, pixels in store.pictures.read(read):
        if pixels is None:
            gone.append(row)
        else:
            Image.fromarray(pixels).save(done.folder / paths[_place(row)])
    _refuse(store, gone)
    done.images = len(paths)
    return paths


def _name(row: Row) -> str:
    """A file name for a picture: its own where that is plain, PNG for what has no file."""
    path = Path(row["image"])
    drawn = inside(row) or FRAME in row["image"]
    plain = re.sub(r"[^\w.-]+", "_", row["face"] if inside(row) else row["image"]).strip("._")
    stem = plain if drawn else plain.removesuffix(path.suffix)
    if stem != (row["face"] if drawn else row["image"].removesuffix(path.suffix)):
        stem += "-" + blake2b(row["image"].encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return f"{IMAGES}/{row['source']}-{row['split']}-{stem}{'.png' if drawn else path.suffix}"


def _refuse(store: Store, gone: list[Row]) -> None:
    if not gone:
        return
    names = ", ".join(row["image"] for row in gone[:NAMED]) + (" …" if len(gone) > NAMED else "")
    looked = dict.fromkeys(str(folder) for row in gone[:NAMED] for folder in store.pictures.folders(row))
    raise SettingsError(
        f"{len(gone)} of the store's pictures are not there: {names}; looked for in {', '.join(looked)}: "
        "set --root (or FEALLM_DATA) to the folder that holds the data sets now"
    )


def llava(store: Store, rows: Named, done: Exported) -> None:
    _json_lists(rows, done, lambda row, image: {"id": row["id"], "image": image, "conversations": _chat(row)})


def llamafactory(store: Store, rows: Named, done: Exported) -> None:
    _json_lists(rows, done, lambda row, image: {"messages": _chat(row, "role", "content"), "images": [image]})
    described = {
        f"{store.manifest['name']}_{path.stem}": {
            "file_name": path.name,
            "formatting": "sharegpt",
            "columns": {"messages": "messages", "images": "images"},
            "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
        }
        for path in done.files
    }
    (done.folder / "dataset_info.json").write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n")


def facial_r1(store: Store, rows: Named, done: Exported) -> None:
    """One line a record: the last question and answer; the emotion told, or that of the first label set."""

    def line(row: Row, image: str) -> dict[str, Any]:
        *before, last = row["turns"]
        told = next((turn["claims"]["emotion"] for turn in row["turns"] if turn["claims"]["emotion"]), None)
        labels = row["labels"]
        emotion = told or next((labels["emotions"][name] for name in sorted(labels["emotions"])), None)
        return {
            "id": row["id"],
            "dataset": row["source"],
            "image": image,
            "question": last["question"],
            "AUs": [ACTION_UNITS[unit].short for unit in labels["present"]],
            "labels": [emotion] if emotion else [],
            "description": last["answer"],
            "meta_info": {"split": row["split"], "family": row["family"], "turns_before": len(before)},
        }

    _lines(rows, done, line)


def hf(store: Store, rows: Named, done: Exported) -> None:
    """Columns that every row has, of types that the card names: a split without codes would leave them to a guess."""

    def line(row: Row, image: str) -> dict[str, Any]:
        labels = row["labels"]
        return {
            "id": row["id"],
            "image": image,
            "source": row["source"],
            "family": row["family"],
            "messages": _chat(row, "role", "content", mark=False),
            "emotions": [{"label_set": name, "emotion": emotion} for name, emotion in labels["emotions"].items()],
            "action_units": [{"unit": unit, "strength": value} for unit, value in labels["action_units"].items()],
            "present": labels["present"],
        }

    _lines(rows, done, line, "data/")
    files = "".join(f"      - split: {path.stem}\n        path: data/{path.name}\n" for path in done.files)
    head = f"---\nconfigs:\n  - config_name: default\n    data_files:\n{files}{HF_FEATURES}---\n\n"
    text = head + HF_CARD.format(store=store.manifest["name"])
    licences = "\n".join(f"- {one['title']}: {one['licence']}" for one in store.manifest["sources"])
    (done.folder / "README.md").write_text(f"{text}\n## Licences of the sources\n\n{licences}\n", encoding="utf-8")


HF_FEATURES = """dataset_info:
  features:
    - {name: id, dtype: string}
    - {name: image, dtype: string}
    - {name: source, dtype: string}
    - {name: family, dtype: string}
    - {name: messages, list: [{name: role, dtype: string}, {name: content, dtype: string}]}
    - {name: emotions, list: [{name: label_set, dtype: string}, {name: emotion, dtype: string}]}
    - {name: action_units, list: [{name: unit, dtype: string}, {name: strength, dtype: float64}]}
    - {name: present, sequence: string}
"""
HF_CARD = """# {store}

Instruction records made by FEALLM. `image` is a path relative to the folder that holds the pictures:

```python
from datasets import Image, load_dataset

data = load_dataset(FOLDER)
data = data.map(lambda row: {{"image": f"{{PICTURES}}/{{row['image']}}"}}).cast_column("image", Image())
```
"""

EXPORTS: dict[str, Callable[[Store, Named, Exported], None]] = {
    "llava": llava,
    "llamafactory": llamafactory,
    "facial-r1": facial_r1,
    "hf": hf,
}


def _chat(row: Row, role: str = "from", content: str = "value", *, mark: bool = True) -> list[dict[str, str]]:
    """The turns in chat form, with the image's mark before the first question."""
    asks, answers = ("human", "gpt") if role == "from" else ("user", "assistant")
    turns: list[dict[str, str]] = []
    for turn in row["turns"]:
        first = f"{IMAGE}\n" if mark and not turns else ""
        turns += [{role: asks, content: first + turn["question"]}, {role: answers, content: turn["answer"]}]
    return turns


def _split(name: str) -> str:
    """A split's name as file names and Hugging Face take it."""
    return re.sub(r"\W+", "_", name)


Line = Callable[[Row, str], dict[str, Any]]


def _json_lists(rows: Named, done: Exported, line: Line) -> None:
    """One JSON list a split, written row by row."""
    streams: dict[str, IO[str]] = {}
    try:
        for row, image in rows:
            name = _split(row["split"])
            fresh = name not in streams
            if fresh:
                streams[name] = _open(done, f"{name}.json")
            streams[name].write(("[\n" if fresh else ",\n") + json.dumps(line(row, image), ensure_ascii=False))
            done.records += 1
        for stream in streams.values():
            stream.write("\n]\n")
    finally:
        for stream in streams.values():
            stream.close()


def _lines(rows: Named, done: Exported, line: Line, folder: str = "") -> None:
    streams: dict[str, IO[str]] = {}
    try:
        for row, image in rows:
            name = _split(row["split"])
            if name not in streams:
                streams[name] = _open(done, f"{folder}{name}.jsonl")
            streams[name].write(json.dumps(line(row, image), ensure_ascii=False) + "\n")
            done.records += 1
    finally:
        for stream in streams.values():
            stream.close()


def _open(done: Exported, name: str) -> IO[str]:
    path = done.folder / name
    path.parent.mkdir(exist_ok=True)
    done.files.append(path)
    return path.open("w", encoding="utf-8", errors="backslashreplace")
