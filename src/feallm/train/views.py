"""Faces seen once: the frozen half's features of augmented views, and what the head reads in each.

The language stages learn from these. The answers are the head's own readings of the very view, so that the words
follow what the model sees. Shapes: R rows (views of all faces), taps [R, C, h, w], K clues of width D.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from feallm.analyze.numbers import read_numbers
from feallm.analyze.reading import FaceReading
from feallm.analyze.torch_engine import TorchEngine
from feallm.data.compose import compose
from feallm.data.records import LabelledFace, Record
from feallm.facs.wording import Verdict
from feallm.model.seeing import FaceFeatures
from feallm.train.collate import FaceInput

KEPT = ("taps", "attended", "numbers")
"""What is kept of a view's features: the model's inputs of that name."""
NOTHING = np.zeros((1, 1), np.uint8)


@dataclass(frozen=True)
class Views:
    """`taps` and `attended` of R views (half precision), the head's `numbers`, and the reading in each label set."""

    taps: list[Tensor]
    attended: Tensor | None
    numbers: Tensor
    readings: list[dict[str, FaceReading]]

    def __call__(self, records: Sequence[Record]) -> dict[str, object]:
        """The model's inputs for the views that records are about."""
        features = self.features(torch.tensor([int(record.face) for record in records]))
        return {name: getattr(features, name) for name in KEPT if getattr(features, name) is not None}

    def features(self, rows: Tensor, device: torch.device | str = "cpu") -> FaceFeatures:
        """The features of the views `rows` [B], in full precision."""
        index = rows.flatten().cpu()
        attended = None if self.attended is None else self.attended[index].float().to(device)
        taps = [tap[index].float().to(device) for tap in self.taps]
        return FaceFeatures(taps=taps, attended=attended, numbers=self.numbers[index].to(device))


@torch.inference_mode()
def see_views(engine: TorchEngine, faces: FaceInput, count: int, batch: int = 256) -> Views:
    """See each face of a bank `count` times, each time augmented anew."""
    model = engine.model.model.eval()
    grid = (model.shapes[-1].height, model.shapes[-1].width)
    pool = bool(model.config.projector_config.pool_taps)
    parts: list[FaceFeatures] = []
    readings: list[dict[str, FaceReading]] = []
    for view in range(count):
        again = faces.with_seed(faces.seed + 1009 * (view + 1))
        for start in range(0, len(faces.bank), batch):
            rows = range(start, min(start + batch, len(faces.bank)))
            features = model.see(again(rows).to(engine.device), mirror=engine.head.mirror)
            features = replace(features, reading=model.read(features))
            blanks = [FaceReading(faces.bank.faces[row].id) for row in rows]
            each = {name: read_numbers(engine, features, blanks, name) for name in engine.info.label_sets}
            readings += [{name: several[i] for name, several in each.items()} for i in range(len(rows))]
            pooled = [F.adaptive_avg_pool2d(tap, grid) if pool else tap for tap in features.taps]
            attended = None if features.attended is None else features.attended.half().cpu()
            numbers = model.read(features).numbers().cpu()
            parts.append(FaceFeatures(taps=[tap.half().cpu() for tap in pooled], attended=attended, numbers=numbers))
    taps = [torch.cat([part.taps[level] for part in parts]) for level in range(len(parts[0].taps))]
    seen = [part.attended for part in parts if part.attended is not None]
    numbers = torch.cat([part.numbers for part in parts if part.numbers is not None])
    return Views(taps, torch.cat(seen) if seen else None, numbers, readings)


def view_records(views: Views, families: Mapping[str, float], per_view: int, seed: int) -> list[Record]:
    """`per_view` conversations about each view, of families drawn by their shares; `Record.face` is the view's row."""
    rng = Random(seed)
    names, shares = list(families), list(families.values())
    records = []
    for row, readings in enumerate(views.readings):
        face, verdicts = _labelled(str(row), readings)
        for family in rng.choices(names, shares, k=per_view):
            record = compose(face, family, rng, verdicts)
            if record is not None:
                records.append(record)
    return records


def _labelled(identity: str, readings: Mapping[str, FaceReading]) -> tuple[LabelledFace, dict[str, Verdict]]:
    """A view as a face that is labelled with what the head reads in it."""
    verdicts = {name: reading.verdict for name, reading in readings.items()}
    first = next(iter(readings.values()))
    units = {unit: max(au.intensity, 0.1) if au.present else 0.0 for unit, au in first.action_units.items()}
    labels = {name: verdict.emotion for name, verdict in verdicts.items()}
    return LabelledFace(identity, NOTHING, "view", "train", labels=labels, action_units=units), verdicts
