"""One stage of a recipe: what it learns from, and the Trainer that trains it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, set_seed

from feallm.analyze.torch_engine import TorchEngine
from feallm.data.compose import compose_records, compose_words
from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.lora import add_lora, merge_lora
from feallm.train.adapters import rebuilt, save_adapter
from feallm.train.average import Average
from feallm.train.bank import FaceBank, balanced_rows
from feallm.train.collate import ConversationCollator, FaceCollator, FaceInput, RecordFaces, grouped
from feallm.train.four_bit import from_four_bit, to_four_bit
from feallm.train.machine import check_enough, processes, settle_precision, spread, training_arguments
from feallm.train.pace import watch_pace
from feallm.train.recipe import StageRecipe, TrainRecipe
from feallm.train.reinforce import questions, run_reinforce
from feallm.train.resume import last_checkpoint
from feallm.train.self_training import FILE, own_records
from feallm.train.stream import Conversations, ToldFaces
from feallm.train.teacher import taught
from feallm.train.views import see_views, view_records
from feallm.train.watch import Watch, calibrated

log = logging.getLogger(__name__)
FAMILIES = {
    "emotion": 6.0,
    "aus": 5.0,
    "reason": 1.0,
    "unit": 0.5,
    "why_not": 0.5,
    "area": 0.5,
    "expression": 0.5,
    "movements": 0.5,
}
"""Shares of the families where a stage names none: the closed questions are short and come often."""


class Items(Dataset[Any]):
    """A list as a data set: rows of a bank, or records."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def stage_items(
    recipe: TrainRecipe,
    stage: StageRecipe,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank | None,
    held: FaceBank | None,
    folder: Path,
) -> tuple[Items | Conversations, Any]:
    """What a stage learns from, and the collator that turns it into batches."""
    size, _ = spread(stage, processes().num_processes)
    beside = bool(stage.seeing)
    if bank is None or recipe.streams(stage):
        told = ToldFaces(recipe, processor, with_targets=beside)
        return Conversations(recipe, stage, size), ConversationCollator(processor, told)
    faces = FaceInput(bank, processor, recipe.augment, recipe.seed, stage.image_size)
    if stage.kind == "faces":
        rows = balanced_rows(bank, recipe.data, model.config.head_config.default_label_set)
        check_enough(stage, len(rows), "faces")
        return Items(rows), FaceCollator(faces)
    if stage.kind == "text":
        records = compose_words(bank.faces, count=stage.records, seed=recipe.seed)
        check_enough(stage, len(records), "conversations")
        return Items(grouped(records, size, recipe.seed)), ConversationCollator(processor)
    families = stage.families or FAMILIES
    see: Callable[[Sequence[Any]], dict[str, Any]]
    if stage.self_training is not None:
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        see, asked = questions(recipe, stage.self_training, model, processor, bank)
        engine = TorchEngine.of(model, processor, recipe.name)
        with processes().main_process_first():  # one samples, all learn from its answers
            records = own_records(folder / FILE, engine, see, asked, stage.self_training, recipe.seed)
    elif stage.views:
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        see = views = see_views(TorchEngine.of(model, processor, recipe.name), faces, stage.views)
        records = view_records(views, families, stage.records_per_face, recipe.seed)
    else:
        whole = recipe.augment.model_copy(update={"hide": 0.0})  # the answers do not know what would be hidden
        see = RecordFaces(FaceInput(bank, processor, whole, recipe.seed), with_targets=beside)
        records = compose_records(bank.faces, families, per_face=stage.records_per_face, seed=recipe.seed)
    check_enough(stage, len(records), "conversations")
    return Items(grouped(records, size, recipe.seed)), ConversationCollator(processor, see)


def run_stage(
    recipe: TrainRecipe,
    stage: StageRecipe,
    folder: Path,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank | None,
    held: FaceBank | None,
) -> FeallmForConditionalGeneration:
    """Train one stage into `folder`, going on from its last checkpoint if there is one; returns the trained model:
    `model` itself, unless its weights were spread over devices (FSDP, ZeRO-3).

    `bank` may be None where the recipe's stages learn from stores alone (`TrainRecipe.streams_alone`).
    """
    set_seed(recipe.seed)
    model.set_trainable(*stage.trainable)
    if stage.lora is not None:
        lora = stage.lora
        kept = to_four_bit(model, lora.targets) if lora.four_bit else {}
        add_lora(model, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=lora.targets)
    settle_precision(model, recipe)
    if stage.sees_once:
        model.to(processes().device)  # where the Trainer would put it: the faces are seen before there is one
    if stage.kind == "reinforce" and bank is not None:
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        trainer = run_reinforce(recipe, stage, folder, model, processor, bank)
    else:
        trainer = run_supervised(recipe, stage, folder, model, processor, bank, held)
    for name in ("forward", "_original_forward"):  # the Trainer leaves its mixed precision round what it trained
        model.__dict__.pop(name, None)
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(folder / "gathered"))
        processes().wait_for_everyone()
        model = rebuilt(model, stage, load_file(folder / "gathered" / "model.safetensors"))
    if stage.lora is not None:
        if stage.lora.save == "both" and processes().is_main_process:
            save_adapter(model, stage, folder / "adapter")
        from_four_bit(model, kept)
        merge_lora(model)
    return model


def run_supervised(
    recipe: TrainRecipe,
    stage: StageRecipe,
    folder: Path,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank | None,
    held: FaceBank | None,
) -> Trainer:
    """Train a stage that learns from faces or texts with their answers; returns its trainer, which is done."""
    if stage.teacher is not None and bank is not None:
        bank = taught(bank, stage.teacher, stage.teacher_weight, list(model.config.head_config.action_units))
    items, collator = stage_items(recipe, stage, model, processor, bank, held, folder)
    last = last_checkpoint(folder)
    average = Average(model, stage.average, last) if stage.average is not None else None
    callbacks: list[TrainerCallback] = [average] if average is not None else []
    if stage.kind == "faces" and held is not None:
        callbacks.append(Watch(FaceInput(held, processor, None, 0), folder / "watch.jsonl", average))
    trainer = Trainer(
        model=model,
        args=training_arguments(recipe, stage, folder),
        train_dataset=items,
        data_collator=collator,
        callbacks=callbacks,
    )
    watch_pace(trainer, stage)
    log.info("stage %s: %d items, %s", stage.name, len(items), f"from {last}" if last else "from the start")
    trainer.train(resume_from_checkpoint=last)
    if average is not None:
        average.keep()
    return trainer
