"""What a run leaves beside its weights: which data it saw, what was measured, and a model card made of both."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from feallm._version import __version__
from feallm.data.sources import SOURCES
from feallm.train.bank import FaceBank
from feallm.train.recipe import TrainRecipe
from feallm.train.stores import count_learned, learned_sources, open_wanted

DATA, METRICS, CARD = "data.json", "metrics.json", "README.md"
NAMES = {"accuracy": "accuracy", "uar": "mean recall", "au": "mean F1 of the action units"}


def data_manifest(recipe: TrainRecipe, learned: FaceBank | None, held: FaceBank | None) -> dict[str, Any]:
    """The sources, those of stores too, how many faces were learned from and held back, and a hash of the former.

    The hash is of their ids and labels; without a bank, of the manifests of the stores that were learned from.
    """
    opened = [(wanted, open_wanted(wanted)) for wanted in recipe.data.stores]
    sources = [*recipe.data.sources, *(one for wanted, store in opened for one in learned_sources(wanted, store))]
    stores = [
        {**wanted.model_dump(mode="json"), "name": store.manifest["name"], "records": len(store)}
        for wanted, store in opened
    ]
    digest = hashlib.sha256()
    for face in sorted(learned.faces, key=lambda one: one.id) if learned is not None else ():
        labels = [sorted(face.labels.items()), sorted(face.action_units.items())]
        digest.update(json.dumps([face.id, face.split, labels]).encode())
    if learned is None:
        digest.update(json.dumps([store["sha256"] for store in stores]).encode())
    return {
        "sources": [source.model_dump(mode="json") for source in sources],
        **({"stores": stores} if stores else {}),
        "learned": count_learned(recipe.data) if learned is None else len({face.id for face in learned.faces}),
        "held_back": len(held) if held is not None else 0,
        "sha256": digest.hexdigest(),
    }


def write_card(folder: Path, recipe: TrainRecipe, data: dict[str, Any], metrics: dict[str, float] | None) -> None:
    """`data.json`, `metrics.json` and `README.md` into a checkpoint folder; nothing is said that was not measured.

    `metrics` are None for weights that were never measured themselves.
    """
    (folder / DATA).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    if metrics is not None:
        (folder / METRICS).write_text(json.dumps(metrics, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    (folder / CARD).write_text(card(recipe, data, metrics), encoding="utf-8")


def card(recipe: TrainRecipe, data: dict[str, Any], metrics: dict[str, float] | None) -> str:
    """A model card in Markdown, with the hub's front matter."""
    lines = [
        "---",
        "library_name: feallm",
        "pipeline_tag: image-text-to-text",
        "tags: [facial-expression, action-units, emotion-recognition]",
        "---",
        "",
        f"# {recipe.name}",
        "",
        "Reads a face: the emotion it shows, its facial action units, and why the one follows from the other. "
        f"Trained with FEALLM {__version__}; `feallm analyze photo.jpg --model FOLDER` reads with it.",
        "",
        f"- Visual encoder: {_beginning(recipe, 'vision')}",
        f"- Language model: {_beginning(recipe, 'text')}",
        f"- Stages: {', '.join(_stage(recipe, number) for number in range(len(recipe.stages)))}",
        f"- Data: {data['learned']:,} faces, {data['held_back']:,} more held back; sha256 `{data['sha256'][:16]}…` "
        f"of {'the manifests of the stores' if recipe.streams_alone else 'ids and labels'} (`{DATA}`)",
        *(_store(store) for store in data.get("stores", ())),
        "- Settings: `recipe.yaml`",
        "",
        "| source | split | licence |",
        "|---|---|---|",
        *dict.fromkeys(
            f"| {SOURCES[one['source']].title} | {one['split']} | {SOURCES[one['source']].licence} |"
            for one in data["sources"]
        ),
        "",
        "## Measured",
        "",
    ]
    if metrics:
        lines += [
            "On the held-back training faces, before calibration: good for watching a run, not a test result.",
            "",
            "| | |",
            "|---|---|",
            *(f"| {_named(name)} | {value:.3f} |" for name, value in metrics.items()),
        ]
    elif metrics is None:
        lines.append("Nothing: these weights were merged of a checkpoint and an adapter; the run has its own card.")
    else:
        lines.append("Nothing: no labelled faces were held back, and the head is not calibrated.")
    if recipe.zero_shot_claims:
        titles = ", ".join(SOURCES[claim].title for claim in recipe.zero_shot_claims)
        lines += ["", f"No face of these data sets was learned from, as far as the recipe's sources tell: {titles}."]
    lines += [
        "",
        "What a face shows is not what a person feels. The terms of the data above bind the weights as well.",
        "",
    ]
    return "\n".join(lines)


def _beginning(recipe: TrainRecipe, part: Literal["vision", "text"]) -> str:
    """What the tower or the LLM began with; `init_from` comes last and takes what fits."""
    model, begun = recipe.model, recipe.init_from
    if isinstance(begun, dict):
        begun = begun.get({"vision": "encoder", "text": "language_model"}[part])
    trained = getattr(model, f"{part}_from") or model.init_from_llava
    kind = getattr(model, part).get("model_type")
    if begun is None:
        return trained or f"a {kind} trained from nothing"
    return f"{trained or f'a {kind}'}, begun with what fits of the weights in `{begun}`"


def _stage(recipe: TrainRecipe, number: int) -> str:
    stage = recipe.stages[number]
    learns = [*stage.trainable, *(["LoRA"] if stage.lora else [])]
    return f"{stage.name} ({', '.join(learns)})"


def _store(told: Mapping[str, Any]) -> str:
    return f"- Conversations: the store {told['name']}, {told['records']:,} records, manifest sha256 `{told['sha256']}`"


def _named(name: str) -> str:
    kind, _, label_set = name.partition("_")
    return f"{NAMES.get(kind, kind)}, {label_set}" if kind != "au" else NAMES["au"]
