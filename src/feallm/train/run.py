"""Runs a recipe: stage after stage with the Hugging Face Trainer, resumable, then calibrates and saves."""

import hashlib
import json
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import Dataset
from transformers import AutoConfig, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from feallm._version import __version__
from feallm.data.compose import compose_corpus, compose_records, compose_words
from feallm.facs.action_units import CODED_AUS
from feallm.model import FeallmConfig, FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.build import build, train_tokenizer
from feallm.model.lora import add_lora, merge_lora
from feallm.settings import SettingsError
from feallm.train.bank import FaceBank, load_banks
from feallm.train.calibrate import calibrate, f1
from feallm.train.collate import ConversationCollator, FaceCollator, FaceInput
from feallm.train.recipe import ModelRecipe, StageRecipe, TrainRecipe

log = logging.getLogger(__name__)
DONE = "done.json"


class Items(Dataset[Any]):
    """A list as a data set: rows of a bank, or records."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def fresh_model(recipe: ModelRecipe, tokenizer: Any) -> tuple[FeallmForConditionalGeneration, FeallmProcessor]:
    """The recipe's model with fresh weights, and its processor."""
    vision, text = dict(recipe.vision), dict(recipe.text)
    config = FeallmConfig(
        vision_config=AutoConfig.for_model(vision.pop("model_type"), **vision),
        text_config=AutoConfig.for_model(text.pop("model_type"), vocab_size=len(tokenizer), **text),
        clue_config=dict(recipe.clues),
        projector_config=dict(recipe.projector),
        head_config=dict(recipe.head),
        image_size=recipe.image_size,
    )
    return build(config, tokenizer, grayscale=recipe.grayscale)


@torch.no_grad()
def head_outputs(model: FeallmForConditionalGeneration, faces: FaceInput, batch: int = 256) -> dict[str, Any]:
    """The uncalibrated head over a whole bank: `au` [N, A] and `emotions[set]` [N, E] logits."""
    model.eval()
    units: list[Tensor] = []
    emotions: dict[str, list[Tensor]] = {name: [] for name in faces.bank.emotion_targets}
    for start in range(0, len(faces.bank), batch):
        rows = range(start, min(start + batch, len(faces.bank)))
        output = model(pixel_values=faces(rows).to(model.device))
        units.append(output.au_logits.float().cpu())
        for name, logits in output.emotion_logits.items():
            emotions[name].append(logits.float().cpu())
    return {"au": torch.cat(units), "emotions": {name: torch.cat(parts) for name, parts in emotions.items()}}


def head_scores(outputs: dict[str, Any], bank: FaceBank) -> dict[str, float]:
    """Accuracy per label set and mean AU F1 at one half, uncalibrated: for watching a run, not for publishing."""
    scores: dict[str, float] = {}
    for name, logits in outputs["emotions"].items():
        target = bank.emotion_targets[name]
        known = target.sum(dim=1) > 0
        scores[f"accuracy_{name}"] = (logits.argmax(1) == target.argmax(1))[known].float().mean().item()
    each = []
    for column in range(bank.au_targets.shape[1]):
        known = ~torch.isnan(bank.au_targets[:, column])
        present = (bank.au_targets[known, column] > 0).numpy()
        if present.sum() >= 8:
            each.append(f1((outputs["au"][known, column] > 0).numpy(), present))
    scores["au_f1"] = sum(each) / max(len(each), 1)
    return {name: round(value, 4) for name, value in scores.items()}


class Watch(TrainerCallback):
    """Scores the head on held-back faces after each epoch and writes a line to the log file."""

    def __init__(self, faces: FaceInput, path: Path) -> None:
        self.faces, self.path = faces, path

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        scores = head_scores(head_outputs(model, self.faces), self.faces.bank)
        model.train()
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"epoch": round(state.epoch, 2), "step": state.global_step, **scores}) + "\n")
        log.info("epoch %.2f: %s", state.epoch, scores)


def training_arguments(recipe: TrainRecipe, stage: StageRecipe, folder: Path) -> TrainingArguments:
    """The Trainer's settings for one stage."""
    on_cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=stage.epochs,
        max_steps=stage.max_steps,
        per_device_train_batch_size=stage.batch_size,
        learning_rate=stage.learning_rate,
        weight_decay=stage.weight_decay,
        warmup_steps=stage.warmup_ratio,
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused",
        bf16=recipe.bf16,
        use_cpu=on_cpu,
        seed=recipe.seed,
        logging_steps=recipe.logging_steps,
        save_steps=recipe.save_steps,
        save_total_limit=1,
        report_to=["tensorboard"],
        remove_unused_columns=False,
        dataloader_drop_last=True,
        dataloader_pin_memory=not on_cpu,
        label_names=["labels"],
        max_grad_norm=1.0,
    )


def stage_items(
    recipe: TrainRecipe, stage: StageRecipe, bank: FaceBank, processor: FeallmProcessor
) -> tuple[Sequence[Any], Any]:
    """What a stage learns from, and the collator that turns it into batches."""
    faces = FaceInput(bank, processor, recipe.augment, recipe.seed)
    if stage.kind == "faces":
        coded = torch.nonzero(bank.coded).flatten().tolist()
        return [*range(len(bank)), *(coded * (recipe.data.coded_repeat - 1))], FaceCollator(faces)
    if stage.kind == "text":
        return compose_words(bank.faces, count=stage.records, seed=recipe.seed), ConversationCollator(processor)
    rows = {face.id: row for row, face in enumerate(bank.faces)}
    records = compose_records(bank.faces, per_face=stage.records_per_face, seed=recipe.seed)
    beside = any(part.split(".")[0] in {"encoder", "head"} or part == "clues" for part in stage.trainable)
    return records, ConversationCollator(processor, faces, rows, with_targets=beside)


def run_stage(
    recipe: TrainRecipe,
    stage: StageRecipe,
    folder: Path,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank,
    held: FaceBank | None,
) -> None:
    """Train one stage into `folder`, going on from its last checkpoint if there is one."""
    set_seed(recipe.seed)
    model.set_trainable(*stage.trainable)
    if stage.lora is not None:
        add_lora(model, rank=stage.lora.rank, alpha=stage.lora.alpha, dropout=stage.lora.dropout)
    items, collator = stage_items(recipe, stage, bank, processor)
    watching = stage.kind == "faces" and held is not None
    callbacks = [Watch(FaceInput(held, processor, None, 0), folder / "watch.jsonl")] if watching and held else []
    trainer = Trainer(
        model=model,
        args=training_arguments(recipe, stage, folder),
        train_dataset=Items(items),
        data_collator=collator,
        callbacks=callbacks,
    )
    last = get_last_checkpoint(str(folder))
    log.info("stage %s: %d items, %s", stage.name, len(items), f"from {last}" if last else "from the start")
    trainer.train(resume_from_checkpoint=last)
    if stage.lora is not None:
        merge_lora(model)


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
        held.emotion_targets,
        model.config.head_config.action_units,
    )
    for name, value in fitted.items():
        setattr(model.config.head_config, name, value)
    return head_scores(outputs, held)


def train(recipe: TrainRecipe) -> Path:
    """Run every stage that is not done yet, calibrate; returns the folder of the final checkpoint.

    The output folder holds `recipe.yaml` (as resolved), the tokenizer, a folder a stage, and `final/` in the Hugging
    Face layout.

    Raises:
        SettingsError: the training extra is not installed, or the output folder holds a run of another recipe.
        FileNotFoundError, ValueError: the data are not as the recipe says.
    """
    _check_installed(recipe)
    output = Path(recipe.output)
    output.mkdir(parents=True, exist_ok=True)
    _same_recipe(recipe, output / "recipe.yaml")
    set_seed(recipe.seed)
    head = recipe.model.head
    bank, held = load_banks(
        recipe.data,
        side=recipe.model.source_size,
        grayscale=recipe.model.grayscale,
        label_sets=list(head.get("label_sets") or ("ferplus", "fer2013")),
        units=list(head.get("action_units") or CODED_AUS),
    )
    log.info("%d faces to learn from, %d held back", len(bank), len(held) if held else 0)
    model, processor = fresh_model(recipe.model, _tokenizer(recipe, bank, output / "tokenizer"))
    if recipe.init_from is not None:
        log.info("%d weights taken from %s", take_over(model, Path(recipe.init_from)), recipe.init_from)
    for number, stage in enumerate(recipe.stages, start=1):
        folder = output / f"{number}-{stage.name}"
        if (folder / DONE).is_file():
            take_over(model, folder / "model")
            log.info("stage %s is done already", stage.name)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        run_stage(recipe, stage, folder, model, processor, bank, held)
        save(model.float(), processor, folder / "model")
        (folder / DONE).write_text(json.dumps({"stage": stage.name}))
    return finish(recipe, output, processor, held)


def finish(recipe: TrainRecipe, output: Path, processor: FeallmProcessor, held: FaceBank | None) -> Path:
    """Calibrate the last stage's model as it will be read (saved, loaded, full precision), and save it in halves."""
    last = output / f"{len(recipe.stages)}-{recipe.stages[-1].name}" / "model"
    model = FeallmForConditionalGeneration.from_pretrained(last, dtype=torch.float32)
    log.info("held-back faces: %s", calibrated(model, processor, held))
    resolved = (output / "recipe.yaml").read_text()
    digest = hashlib.sha256(resolved.encode()).hexdigest()[:8]
    model.config.revision_note = f"{recipe.name}, feallm {__version__}, recipe {digest}"
    final = output / "final"
    save(model.half(), processor, final)
    (final / "recipe.yaml").write_text(resolved)
    return final


def _check_installed(recipe: TrainRecipe) -> None:
    wanted = ["accelerate", "tensorboard", "pyarrow"]
    wanted += ["peft"] if any(stage.lora for stage in recipe.stages) else []
    absent = [name for name in wanted if find_spec(name) is None]
    if absent:
        raise SettingsError(f"training needs {', '.join(absent)}: pip install 'feallm[train]'")


def _same_recipe(recipe: TrainRecipe, path: Path) -> None:
    """Write the resolved recipe, or see that a run to be resumed is of the same one."""
    resolved = recipe.model_dump(mode="json")
    if path.is_file():
        before = yaml.safe_load(path.read_text())
        changed = [key for key in resolved if before.get(key) != resolved[key]]
        if changed:
            raise SettingsError(
                f"{path.parent} holds a run of another recipe ({', '.join(changed)} differ): "
                "give another output, or remove that folder"
            )
    path.write_text(yaml.safe_dump(resolved, sort_keys=False))


def _tokenizer(recipe: TrainRecipe, bank: FaceBank, folder: Path) -> Any:
    """The run's tokenizer: trained once, kept beside the stages that learned its ids."""
    if folder.is_dir():
        return AutoTokenizer.from_pretrained(folder)
    tokenizer = train_tokenizer(compose_corpus(bank.faces, seed=recipe.seed), recipe.model.vocab_size)
    tokenizer.save_pretrained(folder)
    return tokenizer


def take_over(model: FeallmForConditionalGeneration, folder: Path) -> int:
    """Copy the weights of a checkpoint that `model` has under the same name and shape; returns how many.

    Raises FileNotFoundError when the folder holds no model.safetensors.
    """
    own = model.state_dict()
    fitting = {
        name: value
        for name, value in load_file(folder / "model.safetensors").items()
        if name in own and own[name].shape == value.shape
    }
    model.load_state_dict(fitting, strict=False)
    return len(fitting)


def save(model: FeallmForConditionalGeneration, processor: FeallmProcessor, folder: Path) -> None:
    """Weights, config, tokenizer and image processor in the Hugging Face layout."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
