"""How a stage uses the machine: the Trainer's settings, precision, and how a batch is spread over devices.

Processes are those that `torchrun` or `accelerate launch` started; one alone without them. The Trainer does the rest.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env
from transformers import TrainingArguments

from feallm.model import FeallmForConditionalGeneration
from feallm.settings import SettingsError
from feallm.train.recipe import StageRecipe, TrainRecipe

CHECKPOINTING: dict[str, Any] = {
    "gradient_checkpointing": True,
    "gradient_checkpointing_kwargs": {"use_reentrant": False},
    "ddp_find_unused_parameters": True,  # the Trainer leaves it off; parts of the head have no gradient in some batches
}
PATIENCE = timedelta(hours=12)
"""How long processes wait for the first, which trains the tokenizer, or samples answers, for all."""


def processes() -> PartialState:
    """The processes of this run: `num_processes`, `is_main_process`, `main_process_first()`, `device`."""
    return PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)


def spread(stage: StageRecipe, devices: int) -> tuple[int, int]:
    """How a stage's batch is worked off: the size one device takes at a time, and how many times it does.

    Raises SettingsError where the batch cannot be shared out evenly.
    """
    size = stage.device_batch or stage.batch_size // devices
    if not size or stage.batch_size % (size * devices):
        at_a_time = f"{devices} processes with {size} at a time each" if stage.device_batch else f"{devices} processes"
        raise SettingsError(
            f"stage {stage.name!r}: a batch of {stage.batch_size} cannot be shared out evenly over {at_a_time}: "
            "give a batch_size that is a multiple, another device_batch, or start fewer processes"
        )
    return size, stage.batch_size // (size * devices)


def check_enough(stage: StageRecipe, found: int, what: str) -> None:
    """Raises SettingsError where there are fewer faces, conversations or answers to learn from than make one batch."""
    devices = processes().num_processes
    least = stage.batch_size if stage.kind == "reinforce" else spread(stage, devices)[0] * devices
    if found < least:
        raise SettingsError(
            f"stage {stage.name!r}: {found} {what} to learn from, less than a batch of {least}: give it more, or take "
            "a smaller batch_size"
        )


def sharers(devices: int) -> int:
    """How many processes share out weights, gradients and optimiser between them: all of them under FSDP or ZeRO-3, as
    accelerate's launcher says in the environment; else each has the whole."""
    zero_stage = os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE")
    zero_3 = parse_flag_from_env("ACCELERATE_USE_DEEPSPEED") and zero_stage == "3"
    return devices if zero_3 or parse_flag_from_env("ACCELERATE_USE_FSDP") else 1


def fast_bf16() -> bool:
    """Whether bfloat16 is quicker here than full precision: a CPU without such instructions takes ten times as long."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    can = torch.cpu.get_capabilities()
    return any(can.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def training_arguments(recipe: TrainRecipe, stage: StageRecipe, folder: Path) -> TrainingArguments:
    """The Trainer's settings for one stage."""
    on_cpu, machine = not torch.cuda.is_available(), recipe.machine
    size, times = spread(stage, processes().num_processes)
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=stage.epochs,
        max_steps=stage.max_steps,
        per_device_train_batch_size=size if stage.kind == "faces" else 1,  # records come in ready batches
        gradient_accumulation_steps=times,
        learning_rate=stage.learning_rate,
        weight_decay=stage.weight_decay,
        warmup_steps=stage.warmup_ratio,
        lr_scheduler_type="cosine",
        optim="sgd" if stage.optimizer == "sgd" else "adamw_torch_fused",
        optim_args="momentum=0.9,nesterov=true" if stage.optimizer == "sgd" else None,
        bf16=recipe.bf16 and fast_bf16(),
        use_cpu=on_cpu,
        torch_compile=machine.compile,
        seed=recipe.seed,
        logging_steps=recipe.logging_steps,
        save_steps=recipe.save_steps,
        save_total_limit=1,
        report_to=list(machine.report_to),
        run_name=f"{recipe.name} {stage.name}",
        include_num_input_tokens_seen="non_padding" if stage.kind in ("text", "conversations") else "no",
        remove_unused_columns=False,
        train_sampling_strategy="sequential" if recipe.streams(stage) else "random",  # a stream has its own order
        dataloader_drop_last=True,
        dataloader_num_workers=machine.workers,
        dataloader_pin_memory=not on_cpu,
        label_names=["labels"],
        max_grad_norm=stage.max_grad_norm,
        **(CHECKPOINTING if machine.gradient_checkpointing else {}),
    )


def settle_precision(model: FeallmForConditionalGeneration, recipe: TrainRecipe) -> None:
    """With `frozen_bf16`, where bfloat16 is quick: what is frozen of the LLM in bfloat16, what learns of it in full.

    What sees is in full precision always (`fresh_model`): it is asked outside of the Trainer too, where nothing mixes.
    """
    if not recipe.machine.frozen_bf16:
        return
    half = recipe.bf16 and fast_bf16()
    for parameter in model.language_model.parameters():
        if parameter.is_floating_point() and not hasattr(parameter, "quant_type"):
            wanted = torch.bfloat16 if half and not parameter.requires_grad else torch.float32
            parameter.data = parameter.data.to(wanted)
