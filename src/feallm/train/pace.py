"""How fast a stage learns and what memory it takes: on the progress line, and wherever a run reports to."""

import resource
import sys
import time
from typing import Any

import torch
from transformers import TrainerCallback

from feallm.train.memory import GIB
from feallm.train.recipe import StageRecipe

SAMPLES = "train_samples_per_second"


def watch_pace(trainer: Any, stage: StageRecipe) -> None:
    """Have a trainer log its `Pace` with the loss, ahead of what shows and writes the log."""
    trainer.callback_handler.callbacks.insert(0, Pace(stage))


class Pace(TrainerCallback):
    """Adds to each line of the log, all devices together and since the line before:

    - `faces_per_second`: the faces of the batches, one for each conversation or sampled answer; none in `text` stages
    - `tokens_per_second`: all tokens of the conversations, placeholders of the face too, without padding; in
      `reinforce` those of the questions and of the sampled answers; none in `faces` stages
    - `memory_gib`: the most that the first process has held, of its GPU or, without one, of the computer's memory
    """

    def __init__(self, stage: StageRecipe) -> None:
        self.stage = stage
        self.then, self.steps, self.tokens = 0.0, 0, 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._start(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if SAMPLES in logs:  # the last line, of the whole stage; a ready batch was counted as one sample
            counted = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
            logs[SAMPLES] = round(logs[SAMPLES] * self.stage.batch_size / counted, 3)
        elif state.global_step > self.steps:
            logs.pop("train_runtime", None)  # the Trainer's means since the start, where it counts tokens
            logs.pop("train_tokens_per_second", None)
            seconds = time.perf_counter() - self.then
            if self.stage.kind != "text":
                faces = (state.global_step - self.steps) * self.stage.batch_size
                logs["faces_per_second"] = round(faces / seconds, 2)
            if self.stage.kind != "faces":
                logs["tokens_per_second"] = round((state.num_input_tokens_seen - self.tokens) / seconds, 1)
            self._start(state)
        logs["memory_gib"] = round(most_memory() / GIB, 3)

    def _start(self, state: Any) -> None:
        self.then, self.steps, self.tokens = time.perf_counter(), state.global_step, state.num_input_tokens_seen


def most_memory() -> int:
    """The most bytes that this process has held so far: of its GPU, or resident where there is none."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most  # bytes there, KiB elsewhere
