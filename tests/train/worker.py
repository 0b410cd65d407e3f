"""A whole training run on drawn faces in a process of its own: what `torchrun` starts and `kill -9` ends.

python -m tests.train.worker OUTPUT [KEY=VALUE ...] [--die-at STEP] [--as-shipped]
"""

import argparse
import os
import signal
from dataclasses import replace

import torch
from transformers import TrainerCallback

from feallm.data.sources import SOURCES
from feallm.model.build import train_tokenizer
from feallm.settings import load_recipe
from feallm.train import run, stage
from feallm.train.recipe import TrainRecipe

from .test_train_run import ALL, ALONE, RECIPE, drawn_faces

ONE_STAGE = {
    "faces": "stages=[{name: only, kind: faces, trainable: [encoder, clues, head], epochs: 3, batch_size: 8, "
    "device_batch: 4, max_steps: 6, learning_rate: 0.002}]",
    "lora": "stages=[{name: only, kind: conversations, trainable: [projector, head], epochs: 1, batch_size: 8, "
    "device_batch: 4, max_steps: 6, learning_rate: 0.002, lora: {rank: 4, alpha: 8, dropout: 0, save: both}}]",
}


class Die(TrainerCallback):
    """Ends this process as `kill -9` does, after a step."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def tiny_recipe(output, overrides):
    sources = "data.train=[{source: fer2013, path: .}]"
    return load_recipe(TrainRecipe, RECIPE, [*ALL, *ALONE, sources, f"output={output}", *overrides])


def with_tokenizer(recipe):
    """The recipe, with a small tokenizer in its output folder: training one takes longer than a tiny run."""
    train_tokenizer(["Which emotion does this face show? Happiness, for the cheeks are raised."], 400).save_pretrained(
        f"{recipe.output}/tokenizer"
    )
    return recipe


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--die-at", type=int, default=None)
    parser.add_argument("--as-shipped", action="store_true", help="read FER2013 as it is shipped, under FEALLM_DATA")
    options = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    if not options.as_shipped:
        SOURCES["fer2013"] = replace(SOURCES["fer2013"], scan=drawn_faces)
    if options.die_at is not None:
        whole = stage.Trainer

        class Dying(whole):
            def __init__(self, *args, callbacks=(), **kwargs):
                super().__init__(*args, callbacks=[*callbacks, Die(options.die_at)], **kwargs)

        stage.Trainer = Dying
    run.train(tiny_recipe(options.output, options.overrides))


if __name__ == "__main__":
    main()
