"""A recipe is checked before anything loads: its claims, its data, and whether its model fits the device."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from rich.table import Table

from feallm.data.sources import SOURCES
from feallm.model import FeallmForConditionalGeneration
from feallm.model.lora import add_lora
from feallm.settings import SettingsError, data_path
from feallm.train.bank import bank_settings, labelled_faces
from feallm.train.card import DATA
from feallm.train.four_bit import need_four_bit
from feallm.train.machine import processes
from feallm.train.memory import GIB, Memory, PartCount, count_parts, device_memory, estimate, will_be_half
from feallm.train.pretrained import described
from feallm.train.recipe import StageRecipe, TrainRecipe
from feallm.train.stores import check_stores, learned_sources, open_wanted

SAME_PICTURES = {
    "rafdb": ("rafdb", "rafdb_compound", "rafau"),
    "affectnet": ("affectnet", "faba"),
    "bp4d": ("bp4d",),
    "disfa": ("disfa", "disfa_right"),
}
"""Claim -> the sources whose pictures are of that data set (docs/data.md)."""


@dataclass(frozen=True)
class StageCheck:
    """A stage's parts and what it needs of a device."""

    name: str
    parts: list[PartCount]
    memory: Memory


@dataclass(frozen=True)
class Checked:
    """What a check found; `device` and its memory in bytes."""

    stages: list[StageCheck]
    device: str
    memory: int


def check(recipe: TrainRecipe) -> Checked:
    """Look at a recipe without loading a picture or a weight.

    Raises:
        SettingsError: a zero-shot claim is broken, a store cannot be used, or a stage cannot fit the device.
        FileNotFoundError: a data set or a checkpoint that the recipe starts from is not there.
        ValueError: a data set is not as its owners ship it.
    """
    check_claims(recipe)
    check_data(recipe)
    check_stores(recipe, bank_settings(recipe.model)["label_sets"])
    found = survey(recipe)
    check_fit(found)
    return found


def check_claims(recipe: TrainRecipe) -> None:
    """Raises SettingsError where the mixture, or a run that weights come from, holds pictures of a claimed set."""
    seen = [(source.source, "data.train") for source in recipe.data.sources]
    for wanted in recipe.data.stores:
        learned = learned_sources(wanted, open_wanted(wanted))
        seen += [(source.source, f"the store in {wanted.store}") for source in learned]
    for folder in _beginnings(recipe):
        seen += [(source, f"the training data of {folder}") for source in _learned_by(Path(folder))]
    for claim in recipe.zero_shot_claims:
        for source, where in seen:
            if source in SAME_PICTURES[claim]:
                why = "" if source == claim else f", whose pictures are {SOURCES[claim].title}'s"
                raise SettingsError(
                    f"zero_shot_claims names {claim}, but {where} holds {source}{why}: drop the claim, or the source"
                )


def _beginnings(recipe: TrainRecipe) -> list[str]:
    """Folders of the checkpoints that weights or soft labels come from."""
    return _begun(recipe.init_from, [stage.teacher for stage in recipe.stages])


def _begun(weights: str | dict[str, str] | None, teachers: Iterable[str | None]) -> list[str]:
    folders = [weights] if isinstance(weights, str) else list((weights or {}).values())
    return [*folders, *(teacher for teacher in teachers if teacher)]


def _learned_by(folder: Path) -> Iterator[str]:
    """The sources that a checkpoint, and those it began from, learned from, by the recipes saved with them.

    A checkpoint may stand where the one it began from stood, and so name its own folder.
    """
    waiting, known = [folder], set()
    while waiting:
        folder = waiting.pop().resolve()
        saved = folder / "recipe.yaml"
        if folder in known or not saved.is_file():
            continue
        known.add(folder)
        told = yaml.safe_load(saved.read_text(encoding="utf-8"))
        listed = folder / DATA  # it has the sources of stores as well
        found = json.loads(listed.read_text(encoding="utf-8"))["sources"] if listed.is_file() else told["data"]["train"]
        yield from (source["source"] for source in found if "source" in source)
        teachers = [stage.get("teacher") for stage in told.get("stages", [])]
        waiting += [Path(before) for before in _begun(told.get("init_from"), teachers)]


def check_data(recipe: TrainRecipe) -> None:
    """Raises what reading the first face of each source raises, and FileNotFoundError for a missing checkpoint."""
    if not recipe.data.train:
        raise SettingsError("data.train is empty: name a source, or a store that `feallm data build` made")
    for folder in _beginnings(recipe):
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"no checkpoint at {folder}: train it first, or name another in the recipe")
    for source in recipe.data.sources:
        try:
            if next(labelled_faces(source), None) is None:
                raise FileNotFoundError(f"no face in {data_path(source.path)}, split {source.split!r}")
        except FileNotFoundError as error:
            about, place = SOURCES[source.source], data_path(source.path)
            hint = f"`feallm data check {source.source} {place}` says more; get it {about.ask}"
            raise FileNotFoundError(f"data.train: {about.title}: {error} ({hint})") from error


def meta_model(recipe: TrainRecipe, stage: StageRecipe) -> FeallmForConditionalGeneration:
    """The recipe's model as a stage trains it, without weights (meta device).

    Raises SettingsError where the recipe does not describe it, or a stage names a part that is not there.
    """
    config = described(recipe.model, None if recipe.model.text_from else recipe.model.vocab_size)
    with torch.device("meta"):
        model = FeallmForConditionalGeneration(config)
        try:
            model.set_trainable(*stage.trainable)
        except (KeyError, ValueError) as error:
            raise SettingsError(f"stage {stage.name!r}: {error.args[0]}") from error
        if stage.lora is not None:
            add_lora(model, rank=stage.lora.rank, alpha=stage.lora.alpha, targets=stage.lora.targets)
    return model


def survey(recipe: TrainRecipe) -> Checked:
    """Parts and memory of every stage, whether they fit or not. Raises SettingsError for 4 bits without a GPU."""
    device, most = device_memory()
    half = will_be_half(recipe)
    stages = []
    for stage in recipe.stages:
        if stage.lora is not None and stage.lora.four_bit:
            need_four_bit(stage.name)
        model = meta_model(recipe, stage)
        memory = estimate(recipe, stage, model, devices=processes().num_processes, half=half)
        stages.append(StageCheck(stage.name, count_parts(model), memory))
    return Checked(stages, device, most)


def check_fit(found: Checked) -> None:
    """Raises SettingsError for a stage whose weights, gradients and optimiser alone exceed the device."""
    for stage in found.stages:
        if stage.memory.least > found.memory:
            raise SettingsError(
                f"stage {stage.name!r} cannot fit: weights, gradients and optimiser take "
                f"{stage.memory.least / GIB:.1f} GiB, {found.device} has {found.memory / GIB:.1f} GiB; try "
                "machine.frozen_bf16=true, a smaller lora.rank, lora.four_bit=true, or several GPUs with "
                "configs/accelerate/fsdp2.yaml"
            )


def tables(found: Checked) -> list[Table]:
    """What was found, to be shown: parameters by part, and memory by stage."""
    names = list(dict.fromkeys(part.name for stage in found.stages for part in stage.parts))
    parts = Table("part", "parameters", *(f"learns in {stage.name}" for stage in found.stages), title="Parameters")
    for name in names:
        each = [next((part for part in stage.parts if part.name == name), None) for stage in found.stages]
        most = max(part.parameters for part in each if part is not None)
        parts.add_row(name, f"{most:,}", *("-" if part is None else f"{part.trainable:,}" for part in each))
    memory = Table(
        "stage", "weights", "gradients", "optimiser", "activations", "total", title=f"Memory in GiB, estimated; "
        f"{found.device} has {found.memory / GIB:.1f}"
    )  # fmt: skip
    for stage in found.stages:
        needs = stage.memory
        values = (needs.weights, needs.gradients, needs.optimizer, needs.activations, needs.total)
        memory.add_row(stage.name, *(f"{value / GIB:.2f}" for value in values))
    return [parts, memory]
