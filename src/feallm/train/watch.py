"""The head over a bank: its scores while a run goes on, and its calibration after."""

import json
import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.train.average import Average
from feallm.train.bank import FaceBank
from feallm.train.calibrate import calibrate, f1
from feallm.train.collate import FaceInput

log = logging.getLogger(__name__)


@torch.no_grad()
def head_outputs(model: FeallmForConditionalGeneration, faces: FaceInput, batch: int = 256) -> dict[str, Any]:
    """The uncalibrated head over a whole bank: `au` [N, A] and `emotions[set]` [N, E] logits."""
    model.eval()
    units: list[Tensor] = []
    emotions: dict[str, list[Tensor]] = {name: [] for name in faces.bank.emotion_targets}
    for start in range(0, len(faces.bank), batch):
        rows = range(start, min(start + batch, len(faces.bank)))
        pixels = faces(rows).to(model.device)
        output = model.model.read(model.model.see(pixels, mirror=model.config.head_config.mirror))
        units.append(output.au_logits.float().cpu())
        for name, logits in output.emotion_logits.items():
            emotions[name].append(logits.float().cpu())
    return {"au": torch.cat(units), "emotions": {name: torch.cat(parts) for name, parts in emotions.items()}}


def head_scores(outputs: dict[str, Any], bank: FaceBank) -> dict[str, float]:
    """Accuracy and UAR per label set, mean AU F1 at one half, uncalibrated: to watch a run by, not to publish.

    A label set without labels, and units that too few faces show, have no score.
    """
    scores: dict[str, float] = {}
    for name, logits in outputs["emotions"].items():
        truth = bank.hard(name)
        if not bool((truth >= 0).any()):
            continue
        hit = (logits.argmax(1) == truth)[truth >= 0].float()
        scores[f"accuracy_{name}"] = hit.mean().item()
        recalls = [hit[truth[truth >= 0] == number].mean().item() for number in truth.unique().tolist() if number >= 0]
        scores[f"uar_{name}"] = sum(recalls) / len(recalls)
    each = []
    for column in range(bank.au_targets.shape[1]):
        known = ~torch.isnan(bank.au_targets[:, column])
        present = (bank.au_targets[known, column] > 0).numpy()
        if present.sum() >= 8:
            each.append(f1((outputs["au"][known, column] > 0).numpy(), present))
    if each:
        scores["au_f1"] = sum(each) / len(each)
    return {name: round(value, 4) for name, value in scores.items()}


class Watch(TrainerCallback):
    """Scores the head on held-back faces after each epoch and writes a line to the log file."""

    def __init__(self, faces: FaceInput, path: Path, average: Average | None) -> None:
        self.faces, self.path, self.average = faces, path, average

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        seen = model if self.average is None else self.average.module
        scores = head_scores(head_outputs(seen, self.faces), self.faces.bank)
        seen.train()
        if not state.is_world_process_zero:
            return
        row = {"epoch": round(state.epoch, 2), "step": state.global_step, **scores}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, allow_nan=False) + "\n")
        log.info("epoch %.2f: %s", state.epoch, scores)


def calibrated(
    model: FeallmForConditionalGeneration, processor: FeallmProcessor, held: FaceBank | None
) -> dict[str, float]:
    """Fit the head's calibration on held-back faces into the model's config; returns their scores."""
    if held is None:
        return {}
    outputs = head_outputs(model, FaceInput(held, processor, None, 0))
    fitted = calibrate(
        outputs["au"],
        held.au_targets,
        outputs["emotions"],
        {name: held.hard(name) for name in held.emotion_targets},
        model.config.head_config.action_units,
    )
    for name, value in fitted.items():
        setattr(model.config.head_config, name, value)
    return head_scores(outputs, held)
