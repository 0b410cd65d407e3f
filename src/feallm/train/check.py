"""A recipe is checked before anything loads: its claims, its data, and whether its model fits the device."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import torch
from rich.table import Table
from transformers import AutoTokenizer

from feallm.data.recipe import unknown
from feallm.data.sources import SOURCES
from feallm.model import FeallmForConditionalGeneration
from feallm.model.lora import add_lora
from feallm.model.modeling import PARTS
from feallm.settings import SettingsError, data_path
from feallm.train.bank import bank_settings, labelled_faces
from feallm.train.four_bit import need_four_bit
from feallm.train.lineage import begun, learned_by
from feallm.train.llava_init import need_llava
from feallm.train.machine import processes
from feallm.train.memory import GIB, Memory, PartCount, count_parts, device_memory, estimate, will_be_half
from feallm.train.pretrained import described, part_config
from feallm.train.recipe import StageRecipe, TrainRecipe
from feallm.train.stores import check_stores, learned_sources, open_wanted

log = logging.getLogger(__name__)
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
        SettingsError: the model or a stage is not as the recipe says, a zero-shot claim is broken, a store cannot be
            used, or a stage cannot fit the device.
        FileNotFoundError: a data set or a checkpoint that the recipe starts from is not there.
        ValueError: a data set is not as its owners ship it.
    """
    described(recipe.model, attention=recipe.machine.attention)
    check_claims(recipe)
    check_weights(recipe)
    check_data(recipe)
    check_stores(recipe, bank_settings(recipe.model)["label_sets"])
    found = survey(recipe)
    check_fit(found)
    return found


def check_claims(recipe: TrainRecipe) -> None:
    """Raises SettingsError where the mixture, or a run that weights come from, holds pictures of a claimed set."""
    seen = [(source.source, "data.train") for source in recipe.data.sources]
    unknown_data: list[str] = []
    for wanted in recipe.data.stores:
        of_store = learned_sources(wanted, open_wanted(wanted))
        seen += [(source.source, f"the store in {wanted.store}") for source in of_store]
    for folder in _beginnings(recipe):
        learned = learned_by(Path(folder))
        seen += [(entry["source"], f"the training data of {folder}") for entry in learned.sources]
        unknown_data += learned.unknown
    for missing in dict.fromkeys(unknown_data) if recipe.zero_shot_claims else ():
        log.warning(
            "nothing is known of the training data of %s: no recipe of a run stands with it, so that zero_shot_claims "
            "are not checked for it",
            missing,
        )
    for claim in recipe.zero_shot_claims:
        for source, where in seen:
            if source in SAME_PICTURES[claim]:
                why = "" if source == claim else f", whose pictures are {SOURCES[claim].title}'s"
                raise SettingsError(
                    f"zero_shot_claims names {claim}, but {where} holds {source}{why}: drop the claim, or the source"
                )


def _beginnings(recipe: TrainRecipe) -> list[str]:
    """Folders of the checkpoints that weights or soft labels come from."""
    return begun(recipe.init_from, [stage.teacher for stage in recipe.stages])


def check_weights(recipe: TrainRecipe) -> None:
    """Look at what trained weights are to come from; an id of the hub is taken on trust.

    Raises:
        FileNotFoundError: a checkpoint is not there.
        SettingsError: no such part, neither a folder nor an id of the hub, or weights of another architecture.
        OSError, ValueError: a folder without a config.
    """
    for part in recipe.weights_from:
        if part.partition(".")[0] not in ("", *PARTS):
            raise SettingsError(f"init_from: {unknown('part', part, PARTS)}")
    for folder in _beginnings(recipe):
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"no checkpoint at {folder}: train it first, or name another in the recipe")
    model = recipe.model
    named = {f"model.{key}": getattr(model, key) for key in ("vision_from", "text_from", "init_from_llava")}
    for key, source in {**named, "tokenizer_from": recipe.tokenizer_from}.items():
        if source is None or Path(source).is_dir():
            continue
        if not re.fullmatch(r"\w[\w.-]*/[\w.-]+", source):
            raise SettingsError(f"{key}: no folder at {source}, and an id of the hub is written OWNER/NAME")
    for part in ("vision", "text"):
        if _is_here(getattr(model, f"{part}_from")):
            part_config(model, part, model.vocab_size)
    if _is_here(model.init_from_llava):
        need_llava(model.init_from_llava)
    words = recipe.tokenizer_from or model.text_from or model.init_from_llava
    if _is_here(words):
        try:
            AutoTokenizer.from_pretrained(words)
        except (OSError, ValueError) as error:
            raise SettingsError(f"no tokenizer in {words} that can be read: name another in tokenizer_from") from error


def _is_here(source: str | None) -> TypeGuard[str]:
    return source is not None and Path(source).is_dir()


def check_data(recipe: TrainRecipe) -> None:
    """Raises what reading the first face of each source raises."""
    if not recipe.data.train:
        raise SettingsError("data.train is empty: name a source, or a store that `feallm data build` made")
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
    sizes = None if recipe.model.text_from else recipe.model.vocab_size
    config = described(recipe.model, sizes, recipe.machine.attention)
    with torch.device("meta"):
        try:
            model = FeallmForConditionalGeneration(config)
        except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            reason = str(error).partition("\n")[0]
            raise SettingsError(f"the blocks of model make no network, look at their values: {reason}") from error
        try:
            model.set_trainable(*stage.trainable)
            if stage.lora is not None:
                add_lora(model, rank=stage.lora.rank, alpha=stage.lora.alpha, targets=stage.lora.targets)
        except (KeyError, ValueError) as error:
            raise SettingsError(f"stage {stage.name!r}: {error.args[0]}") from error
    check_learning(stage, model)
    return model


def check_learning(stage: StageRecipe, model: FeallmForConditionalGeneration) -> None:
    """Raises SettingsError for a stage that lacks the head it rests on, or whose loss reaches nothing that learns."""
    if model.model.head is None and (stage.kind == "faces" or stage.sees_once):
        raise SettingsError(f"stage {stage.name!r} rests on the AU-aware head's reading: set model.head.enabled=true")
    reached = {"faces": ("encoder", "clues", "head"), "text": ("language_model",)}.get(stage.kind, PARTS)
    learning = [part.name for part in count_parts(model) if part.trainable and part.name in (*reached, "LoRA")]
    if not (stage.seeing if stage.kind == "faces" else learning):
        raise SettingsError(f"stage {stage.name!r} learns nothing: name in trainable some of {', '.join(reached)}")


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
