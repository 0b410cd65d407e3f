"""Runs a recipe: stage after stage with the Hugging Face Trainer, resumable, then calibrates and saves."""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
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
from feallm.analyze.torch_engine import TorchEngine
from feallm.data.compose import compose_corpus, compose_records, compose_words
from feallm.data.records import Record
from feallm.facs.action_units import CODED_AUS
from feallm.model import FeallmConfig, FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.build import build, train_tokenizer
from feallm.model.lora import add_lora, merge_lora
from feallm.settings import SettingsError
from feallm.train.average import Average
from feallm.train.bank import FaceBank, balanced_rows, load_banks
from feallm.train.calibrate import calibrate, f1
from feallm.train.collate import ConversationCollator, FaceCollator, FaceInput, RecordFaces, grouped
from feallm.train.recipe import ModelRecipe, StageRecipe, TrainRecipe
from feallm.train.teacher import taught
from feallm.train.views import see_views, view_records

log = logging.getLogger(__name__)
DONE = "done.json"
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
        pixels = faces(rows).to(model.device)
        output = model.model.read(model.model.see(pixels, mirror=model.config.head_config.mirror))
        units.append(output.au_logits.float().cpu())
        for name, logits in output.emotion_logits.items():
            emotions[name].append(logits.float().cpu())
    return {"au": torch.cat(units), "emotions": {name: torch.cat(parts) for name, parts in emotions.items()}}


def head_scores(outputs: dict[str, Any], bank: FaceBank) -> dict[str, float]:
    """Accuracy and UAR per label set, mean AU F1 at one half, uncalibrated: to watch a run by, not to publish."""
    scores: dict[str, float] = {}
    for name, logits in outputs["emotions"].items():
        truth = bank.hard(name)
        hit = (logits.argmax(1) == truth)[truth >= 0].float()
        scores[f"accuracy_{name}"] = hit.mean().item()
        recalls = [hit[truth[truth >= 0] == number].mean().item() for number in truth.unique().tolist() if number >= 0]
        scores[f"uar_{name}"] = sum(recalls) / max(len(recalls), 1)
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

    def __init__(self, faces: FaceInput, path: Path, average: Average | None) -> None:
        self.faces, self.path, self.average = faces, path, average

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        seen = model if self.average is None else self.average.module
        scores = head_scores(head_outputs(seen, self.faces), self.faces.bank)
        seen.train()
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"epoch": round(state.epoch, 2), "step": state.global_step, **scores}) + "\n")
        log.info("epoch %.2f: %s", state.epoch, scores)


def fast_bf16() -> bool:
    """Whether bfloat16 is quicker here than full precision: a CPU without such instructions takes ten times as long."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    can = torch.cpu.get_capabilities()
    return any(can.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def training_arguments(recipe: TrainRecipe, stage: StageRecipe, folder: Path) -> TrainingArguments:
    """The Trainer's settings for one stage."""
    on_cpu = not torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=stage.epochs,
        max_steps=stage.max_steps,
        per_device_train_batch_size=stage.batch_size if stage.kind == "faces" else 1,  # records come in ready batches
        learning_rate=stage.learning_rate,
        weight_decay=stage.weight_decay,
        warmup_steps=stage.warmup_ratio,
        lr_scheduler_type="cosine",
        optim="sgd" if stage.optimizer == "sgd" else "adamw_torch_fused",
        optim_args="momentum=0.9,nesterov=true" if stage.optimizer == "sgd" else None,
        bf16=recipe.bf16 and fast_bf16(),
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
        max_grad_norm=stage.max_grad_norm,
    )


def stage_items(
    recipe: TrainRecipe,
    stage: StageRecipe,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank,
    held: FaceBank | None,
) -> tuple[Sequence[Any], Any]:
    """What a stage learns from, and the collator that turns it into batches."""
    faces = FaceInput(bank, processor, recipe.augment, recipe.seed, stage.image_size)
    if stage.kind == "faces":
        return balanced_rows(bank, recipe.data, model.config.head_config.default_label_set), FaceCollator(faces)
    if stage.kind == "text":
        records = compose_words(bank.faces, count=stage.records, seed=recipe.seed)
        return grouped(records, stage.batch_size, recipe.seed), ConversationCollator(processor)
    families = stage.families or FAMILIES
    see: Callable[[Sequence[Record]], dict[str, Any]]
    if stage.views:
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        see = views = see_views(TorchEngine.of(model, processor, recipe.name), faces, stage.views)
        records = view_records(views, families, stage.records_per_face, recipe.seed)
    else:
        beside = any(part.split(".")[0] in {"encoder", "head"} or part == "clues" for part in stage.trainable)
        whole = recipe.augment.model_copy(update={"hide": 0.0})  # the answers do not know what would be hidden
        see = RecordFaces(FaceInput(bank, processor, whole, recipe.seed), with_targets=beside)
        records = compose_records(bank.faces, families, per_face=stage.records_per_face, seed=recipe.seed)
    return grouped(records, stage.batch_size, recipe.seed), ConversationCollator(processor, see)


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
    if stage.teacher is not None:
        bank = taught(bank, stage.teacher, stage.teacher_weight, list(model.config.head_config.action_units))
    items, collator = stage_items(recipe, stage, model, processor, bank, held)
    last = get_last_checkpoint(str(folder))
    average = Average(model, stage.average, last) if stage.average is not None else None
    callbacks: list[TrainerCallback] = [average] if average is not None else []
    if stage.kind == "faces" and held is not None:
        callbacks.append(Watch(FaceInput(held, processor, None, 0), folder / "watch.jsonl", average))
    trainer = Trainer(
        model=model,
        args=training_arguments(recipe, stage, folder),
        train_dataset=Items(items),
        data_collator=collator,
        callbacks=callbacks,
    )
    log.info("stage %s: %d items, %s", stage.name, len(items), f"from {last}" if last else "from the start")
    trainer.train(resume_from_checkpoint=last)
    if average is not None:
        average.keep()
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
        {name: held.hard(name) for name in held.emotion_targets},
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
    for part, source in _sources(recipe).items():
        log.info("%d weights taken from %s", take_over(model, Path(source), part), source)
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


def _sources(recipe: TrainRecipe) -> dict[str, str]:
    """Part ("" for all) -> the checkpoint folder its weights come from."""
    return {"": recipe.init_from} if isinstance(recipe.init_from, str) else recipe.init_from or {}


def take_over(model: FeallmForConditionalGeneration, folder: Path, part: str = "") -> int:
    """Copy the weights of a checkpoint that `model` has under the same name and shape; returns how many.

    `part` is one of `model.modeling.PARTS`, or "" for all.

    Raises FileNotFoundError when the folder holds no model.safetensors.
    """
    own = model.state_dict()
    front = part if part in ("", "language_model") else f"model.{part}."
    fitting = {
        name: value
        for name, value in load_file(folder / "model.safetensors").items()
        if name in own and own[name].shape == value.shape and name.startswith(front)
    }
    model.load_state_dict(fitting, strict=False)
    return len(fitting)


def save(model: FeallmForConditionalGeneration, processor: FeallmProcessor, folder: Path) -> None:
    """Weights, config, tokenizer and image processor in the Hugging Face layout."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
