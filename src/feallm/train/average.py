"""A running mean of the weights of a stage, which generalises better than the last step's and is what is kept."""

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

FILE = "average.pt"


class Average(TrainerCallback):
    """Follows the weights after each step, is saved and resumed with the Trainer's checkpoints."""

    def __init__(self, model: nn.Module, decay: float, resume_from: str | None) -> None:
        self.model = model
        self.mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        if resume_from is not None:
            self.mean.load_state_dict(torch.load(Path(resume_from) / FILE, weights_only=True))

    @property
    def module(self) -> Any:
        """The model with the mean weights."""
        return self.mean.module

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.mean.update_parameters(self.model)
        if control.should_save and args.should_save:  # ahead of the Trainer's files: the last of them makes it whole
            folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            folder.mkdir(exist_ok=True)
            torch.save(self.mean.state_dict(), folder / FILE)

    def keep(self) -> None:
        """Put the mean weights into the model itself."""
        self.model.load_state_dict(self.module.state_dict())
