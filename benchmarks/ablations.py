"""The paper's missing ablation table, at the scale of FEALLM-tiny: each part left out in turn, several seeds each.

    python benchmarks/ablations.py --data DIR [--runs 3] [--steps N] [--encoder DIR] [--words DIR] [--table FILE.md]

Every run has the same data, the same frozen tower, the same language model to begin with and as many steps; clues,
projector and head start from nothing (configs/train/ablation.yaml). What is scored is what the language model answers
unaided on validation faces without repeats, and the AU-aware head beside it where there is one. Finished runs are read
from --out, so a stopped table goes on: those with the same steps, faces, limit and weights to begin with. --encoder and
--words are the checkpoints that the tower and the language model come from, by default the packaged one. Its language
model has read faces through another projector and the reading tokens; runs/tiny/2-words/model has seen none.
"""

import argparse
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from common import batches, coding_passes, is_copy, unit_scores, validation
from torch import Tensor, nn
from transformers import AutoTokenizer, set_seed

from feallm.analyze.checkpoints import PACKAGED
from feallm.analyze.evidence import question
from feallm.data.records import LabelledFace
from feallm.faces import align_face, make_detector, whole_picture
from feallm.faces.align import TEMPLATE
from feallm.faces.face import resize
from feallm.facs.action_units import CODED_AUS
from feallm.facs.answers import read_answer
from feallm.facs.emotions import LABEL_SETS
from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.settings import load_recipe
from feallm.train.bank import FaceBank, load_banks
from feallm.train.pretrained import fresh_model
from feallm.train.recipe import TrainRecipe
from feallm.train.run import take_over
from feallm.train.stage import run_stage
from feallm.train.watch import calibrated

RECIPE = Path(__file__).parent.parent / "configs" / "train" / "ablation.yaml"
VARIANTS: dict[str, tuple[str, list[str]]] = {
    "full": ("FEALLM as in the paper's figure, with our AU-aware head", []),
    "no clues": ("no crops: neither F'_local nor F_local", ["model.clues.enabled=false"]),
    "no taps": ("no cross-attention to the tower's earlier taps", ["model.projector.use_taps=false"]),
    "no F_local": ("crops reach the projector only", ["model.clues.use_local_token=false"]),
    "no AU-aware head": ("language loss alone", ["model.head.enabled=false"]),
    "LLaVA-style": ("two linear layers on F_L, no crops", ["model.clues.enabled=false", "model.projector.style=mlp"]),
    "EmoLA-style": ("two linear layers on F_L and one token from the five points", ["model.projector.style=mlp"]),
    "F_read": ("the figure's model, and the LLM reads the head's numbers as tokens", ["model.head.reading_tokens=4"]),
    "residual_first": ("H1 = F_L + CrossAttn(F_L, F_s)", ["model.projector.residual_first=true"]),
}
LANDMARKS = "EmoLA-style"


class LandmarkClues(nn.Module):
    """Ten coordinates -> one token, in the place of the Local Clue Aggregator (after EmoLA's landmark projector)."""

    def __init__(self, width: int, text_size: int) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(10, width), nn.GELU(), nn.Linear(width, width))
        self.to_projector = nn.Linear(width, width)
        self.to_text = nn.Linear(width, text_size)
        self.points = torch.empty(0)

    def attend(self, pixel_values: Tensor) -> Tensor:
        """[B, 3, S, S] -> [B, 1, D], from the points that were set for these faces."""
        embedded: Tensor = self.embed(2 * self.points.flatten(1) - 1).unsqueeze(1)
        return embedded

    def forward(self, attended: Tensor) -> tuple[Tensor, Tensor]:
        return self.to_projector(attended), self.to_text(attended)


class LandmarkModel(FeallmForConditionalGeneration):
    """FEALLM whose clues are landmarks: `landmarks` [B, 5, 2] in fractions of the face."""

    def use_landmarks(self) -> "LandmarkModel":
        width, text = self.config.clue_config.hidden_size, self.config.text_config.hidden_size
        self.model.clues = LandmarkClues(width, text)
        return self

    def forward(self, *args: Any, landmarks: Tensor | None = None, **kwargs: Any) -> Any:
        if landmarks is not None:
            self.model.clues.points = landmarks
        return super().forward(*args, **kwargs)


@dataclass(frozen=True)
class LandmarkBank(FaceBank):
    """A bank that gives each face's points with its targets."""

    points: Tensor

    def targets(self, rows: Sequence[int]) -> dict[str, object]:
        return super().targets(rows) | {"landmarks": self.points[torch.tensor(list(rows))]}


def find_points(faces: Sequence[LabelledFace], cache: Path) -> dict[str, np.ndarray]:
    """Five points of each face in fractions of its picture, by the default detector; where it fails, the template."""
    known = dict(np.load(cache)) if cache.is_file() else {}
    detector = make_detector("mtcnn")
    missing = [face for face in faces if face.id not in known]
    for chunk in batches(missing, 500):
        for face in chunk:
            picture = face.picture()
            side = picture.shape[0]
            found = detector.detect(resize(picture, 4 * side, 4 * side))
            known[face.id] = found[0].points / (4 * side) if found and found[0].points is not None else TEMPLATE
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, **known)
    return known


def with_points(bank: FaceBank, points: dict[str, np.ndarray]) -> LandmarkBank:
    stacked = torch.tensor(np.stack([points[face.id] for face in bank.faces]), dtype=torch.float32)
    return LandmarkBank(**{field.name: getattr(bank, field.name) for field in fields(FaceBank)}, points=stacked)


@torch.inference_mode()
def answers(
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    faces: Sequence[LabelledFace],
    asked: list[dict[str, str]],
    points: dict[str, np.ndarray] | None,
    length: int,
) -> Iterator[str]:
    """What the language model says to one question about each face, greedily."""
    for chunk in batches(faces, 128):
        pictures = [face.picture() for face in chunk]
        crops = [align_face(picture, whole_picture(picture), model.config.image_size) for picture in pictures]
        if points is not None:
            model.model.clues.points = torch.tensor(np.stack([points[face.id] for face in chunk]), dtype=torch.float32)
        features = model.model.see(processor.pixels(crops))
        inputs = processor(text=processor.chat([asked] * len(chunk)))
        embeds = model.embed(inputs["input_ids"], features)
        tokens = model.generate(
            inputs_embeds=embeds, attention_mask=inputs["attention_mask"], max_new_tokens=length, do_sample=False
        )
        yield from processor.tokenizer.batch_decode(tokens, skip_special_tokens=True)


def evaluate(
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    data: Path,
    limit: int,
    points: dict[str, np.ndarray] | None,
) -> dict[str, float]:
    """Accuracy in both label sets and mean AU F1, of the answers."""
    model.eval()
    everything = validation(data)
    scores = {}
    for label_set in ("ferplus", "fer2013"):
        faces = [face for face in everything if label_set in face.labels and not is_copy(face)][:limit]
        asked = question("emotion", LABEL_SETS[label_set])
        said = answers(model, processor, faces, asked, points, 12)
        found = [read_answer(text, LABEL_SETS[label_set]).emotion for text in said]
        scores[label_set] = float(np.mean([f.labels[label_set] == e for f, e in zip(faces, found, strict=True)]))
    codes = coding_passes(data, everything)
    coded = [face for face in everything if face.id in codes and not is_copy(face)]
    listed = answers(model, processor, coded, question("aus"), points, 96)
    units = {face.id: set(read_answer(text).aus) for face, text in zip(coded, listed, strict=True)}
    return scores | {"au_f1": unit_scores({face.id: codes[face.id] for face in coded}, units)["mean_f1"]}


@cache
def banks(count: int) -> tuple[FaceBank, FaceBank | None]:
    """`count` faces to learn from, those with AU codes first, and those held back, the same for every run."""
    data = load_recipe(TrainRecipe, RECIPE, []).data
    bank, held = load_banks(data, side=48, grayscale=True, label_sets=["ferplus", "fer2013"], units=list(CODED_AUS))
    order = Random(0).sample(range(len(bank)), len(bank))
    return bank.subset(sorted(order, key=lambda row: not bank.faces[row].action_units)[:count]), held


def run(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train and score one variant."""
    folder = options.folder / f"{name.replace(' ', '-')}-{seed}"
    recipe = load_recipe(TrainRecipe, RECIPE, [*VARIANTS[name][1], f"seed={seed}", f"output={folder}"])
    folder.mkdir(parents=True, exist_ok=True)
    bank, held = banks(options.faces)
    sources = {"encoder": options.encoder, "language_model": options.words}
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(options.words)
    points = None
    model, processor = fresh_model(recipe.model, tokenizer)
    if name == LANDMARKS:
        model = LandmarkModel(model.config).use_landmarks()
        everything = [*bank.faces, *validation(options.data)]
        points = find_points(everything, options.folder / "points.npz")
        bank, held = with_points(bank, points), None
    for part, source in sources.items():
        if not take_over(model, source, part):
            raise SystemExit(f"{source} has no weights of the part {part!r} that fit")
    inside = {part: getattr(model.model, part) is not None for part in ("clues", "head", "reading")}
    stage = recipe.stages[0]
    trainable = [part for part in stage.trainable if inside.get(part, True)]
    stage = stage.model_copy(update={"trainable": trainable, "max_steps": options.steps})
    run_stage(recipe, stage, folder, model, processor, bank, None)
    shutil.rmtree(folder, ignore_errors=True)
    scores = evaluate(model.float(), processor, options.data, options.limit, points)
    if held is not None and model.model.head is not None:
        scores |= {f"head_{key}": value for key, value in calibrated(model, processor, held).items()}
    return {"variant": name, "seed": seed, **setting(options), **scores}


def setting(options: argparse.Namespace) -> dict[str, Any]:
    """What runs must have in common to stand in one table."""
    begun = {"encoder": weights_digest(options.encoder), "words": weights_digest(options.words)}
    return {"steps": options.steps, **begun, "faces": options.faces, "limit": options.limit}


@cache
def weights_digest(checkpoint: Path) -> str:
    """Twelve hexadecimal digits of SHA-256 over a checkpoint's weights."""
    grown, files = hashlib.sha256(), sorted(checkpoint.glob("*.safetensors"))
    if not files:
        raise SystemExit(f"{checkpoint} holds no .safetensors file: give the folder of a checkpoint")
    for file in files:
        grown.update(file.read_bytes())
    return grown.hexdigest()[:12]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Mean and spread (standard deviation over seeds) of each variant, as Markdown."""
    lines = ["| variant | FER+ | FER2013 | AU F1 | runs |", "|---|---|---|---|---|"]
    for name in VARIANTS:
        several = [row for row in rows if row["variant"] == name]
        if not several:
            continue
        cells = []
        for key in ("ferplus", "fer2013", "au_f1"):
            values = np.array([row[key] for row in several])
            spread = f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.3f}{spread}")
        lines.append(f"| {name} | {' | '.join(cells)} | {len(several)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3, help="seeds of each variant")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--faces", type=int, default=8000, help="training faces")
    parser.add_argument("--encoder", type=Path, default=PACKAGED, help="checkpoint of the tower")
    parser.add_argument("--words", type=Path, default=PACKAGED, help="that of the LLM")
    parser.add_argument("--limit", type=int, default=1000, help="validation faces a label set")
    parser.add_argument("--folder", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--out", type=Path, default=Path("runs/ablations.jsonl"))
    parser.add_argument("--table", type=Path, default=None)
    options = parser.parse_args()
    os.environ["FEALLM_DATA"] = str(options.data)
    lines = options.out.read_text().splitlines() if options.out.is_file() else []
    alike = setting(options).items()
    rows = [row for row in map(json.loads, lines) if alike <= row.items()]
    for seed in range(options.runs):
        for name in VARIANTS:
            if any((row["variant"], row["seed"]) == (name, seed) for row in rows):
                continue
            rows.append(run(name, seed, options))
            options.out.parent.mkdir(parents=True, exist_ok=True)
            with options.out.open("a") as stream:
                stream.write(json.dumps(rows[-1]) + "\n")
            print(json.dumps(rows[-1]), flush=True)
    text = table(rows)
    print(text)
    if options.table:
        options.table.write_text(text + "\n")


if __name__ == "__main__":
    main()
