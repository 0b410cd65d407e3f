"""A trained FEALLM as teacher: its calibrated readings of the training faces, mixed into their targets."""

from dataclasses import replace

import torch
from torch import Tensor

from feallm.analyze.torch_engine import TorchEngine
from feallm.faces import align_face, whole_picture
from feallm.train.bank import FaceBank


def taught(bank: FaceBank, checkpoint: str, share: float, units: list[str], batch: int = 256) -> FaceBank:
    """The bank with softer targets: of what is labelled the teacher says `share`, of what is not it says all.

    Raises ValueError when the teacher lacks one of the action units or label sets of the bank.
    """
    engine = TorchEngine(checkpoint)
    engine.head.emotion_biases = None  # they favour rare classes, which the sampling of a stage does already
    lacking = [u for u in units if u not in engine.info.action_units]
    lacking += [name for name in bank.emotion_targets if name not in engine.info.label_sets]
    if lacking:
        raise ValueError(f"the teacher {checkpoint} cannot read {', '.join(lacking)}: give one with the same outputs")
    columns = [engine.info.action_units.index(unit) for unit in units]
    presence: list[Tensor] = []
    emotions: dict[str, list[Tensor]] = {name: [] for name in bank.emotion_targets}
    for start in range(0, len(bank), batch):
        pictures = [face.picture() for face in bank.faces[start : start + batch]]
        crops = [align_face(picture, whole_picture(picture), engine.info.face_size) for picture in pictures]
        scores = engine.scores(engine.encode(crops))
        presence.append(torch.from_numpy(scores.presence[:, columns]))
        for name, parts in emotions.items():
            parts.append(torch.from_numpy(scores.emotions[name]))
    mixed = {name: _mix(target, torch.cat(emotions[name]), share) for name, target in bank.emotion_targets.items()}
    said = torch.cat(presence)
    coded = torch.where(torch.isnan(bank.au_presence), said, (1 - share) * bank.au_presence + share * said)
    return replace(bank, emotion_targets=mixed, au_presence=coded)


def _mix(target: Tensor, said: Tensor, share: float) -> Tensor:
    """Rows without a label are the teacher's alone."""
    known = target.sum(dim=1, keepdim=True) > 0
    return torch.where(known, (1 - share) * target + share * said, said)
