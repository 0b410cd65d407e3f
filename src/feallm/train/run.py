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
from transformers import AutoTokenizer, Trainer, TrainerCallback, set_seed
from transformers.trainer_utils import get_last_checkpoint

from feallm._version import __version__
from feallm.analyze.torch_engine import TorchEngine
from feallm.data.compose import compose_corpus, compose_records, compose_words
from feallm.data.records import Record
from feallm.facs.action_units import CODED_AUS
from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.build import train_tokenizer
from feallm.model.lora import add_lora, merge_lora
from feallm.settings import SettingsError
from feallm.train.adapters import rebuilt, save_adapter
from feallm.train.average import Average
from feallm.train.bank import FaceBank, balanced_rows, load_banks
from feallm.train.calibrate import calibrate, f1
from feallm.train.card import data_manifest, write_card
from feallm.train.check import check
from feallm.train.collate import ConversationCollator, FaceCollator, FaceInput, RecordFaces, grouped
from feallm.train.four_bit import from_four_bit, to_four_bit
from feallm.train.machine import processes, settle_precision, spread, training_arguments
from feallm.train.pretrained import fresh_model, trained_tokenizer
from feallm.train.recipe import StageRecipe, TrainRecipe
from feallm.train.reinforce import questions, run_reinforce
from feallm.train.self_training import FILE, own_records
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
        if not state.is_world_process_zero:
            return
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"epoch": round(state.epoch, 2), "step": state.global_step, **scores}) + "\n")
        log.info("epoch %.2f: %s", state.epoch, scores)


def stage_items(
    recipe: TrainRecipe,
    stage: StageRecipe,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank,
    held: FaceBank | None,
    folder: Path,
) -> tuple[Sequence[Any], Any]:
    """What a stage learns from, and the collator that turns it into batches."""
    faces = FaceInput(bank, processor, recipe.augment, recipe.seed, stage.image_size)
    size, _ = spread(stage, processes().num_processes)
    if stage.kind == "faces":
        return balanced_rows(bank, recipe.data, model.config.head_config.default_label_set), FaceCollator(faces)
    if stage.kind == "text":
        records = compose_words(bank.faces, count=stage.records, seed=recipe.seed)
        return grouped(records, size, recipe.seed), ConversationCollator(processor)
    families = stage.families or FAMILIES
    see: Callable[[Sequence[Record]], dict[str, Any]]
    if stage.self_training is not None:
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        see, asked = questions(recipe, stage.self_training, model, processor, bank)
        engine = TorchEngine.of(model, processor, recipe.name)
        records = own_records(folder / FILE, engine, see, asked, stage.self_training, recipe.seed)
    elif stage.views:
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        see = views = see_views(TorchEngine.of(model, processor, recipe.name), faces, stage.views)
        records = view_records(views, families, stage.records_per_face, recipe.seed)
    else:
        beside = any(part.split(".")[0] in {"encoder", "head"} or part == "clues" for part in stage.trainable)
        whole = recipe.augment.model_copy(update={"hide": 0.0})  # the answers do not know what would be hidden
        see = RecordFaces(FaceInput(bank, processor, whole, recipe.seed), with_targets=beside)
        records = compose_records(bank.faces, families, per_face=stage.records_per_face, seed=recipe.seed)
    return grouped(records, size, recipe.seed), ConversationCollator(processor, see)


def run_stage(
    recipe: TrainRecipe,
    stage: StageRecipe,
    folder: Path,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank,
    held: FaceBank | None,
) -> FeallmForConditionalGeneration:
    """Train one stage into `folder`, going on from its last checkpoint if there is one; returns the trained model.

    That is `model` itself, unless its weights were spread over devices (FSDP, ZeRO-3).
    """
    set_seed(recipe.seed)
    model.set_trainable(*stage.trainable)
    if stage.lora is not None:
        lora = stage.lora
        kept = to_four_bit(model, lora.targets) if lora.four_bit else {}
        add_lora(model, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=lora.targets)
    settle_precision(model, recipe)
    if stage.kind == "reinforce":
        log.info("stage %s: held-back faces: %s", stage.name, calibrated(model, processor, held))
        run_reinforce(recipe, stage, folder, model, processor, bank)
        if stage.lora is not None:
            merge_lora(model)
        return model
    if stage.teacher is not None:
        bank = taught(bank, stage.teacher, stage.teacher_weight, list(model.config.head_config.action_units))
    items, collator = stage_items(recipe, stage, model, processor, bank, held, folder)
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
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        trainer.save_model(str(folder / "gathered"))
        processes().wait_for_everyone()
        model = rebuilt(model, stage, load_file(folder / "gathered" / "model.safetensors"))
    if average is not None:
        average.keep()
    if stage.lora is not None:
        if stage.lora.save == "both" and processes().is_main_process:
            save_adapter(model, stage, folder / "adapter")
        from_four_bit(model, kept)
        merge_lora(model)
    return model


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
    check(recipe)
    output = Path(recipe.output)
    state = processes()
    with state.main_process_first():
        output.mkdir(parents=True, exist_ok=True)
        _same_recipe(recipe, output / "recipe.yaml", write=state.is_main_process)
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
    with state.main_process_first():
        tokenizer = _tokenizer(recipe, bank, output / "tokenizer")
    model, processor = fresh_model(recipe.model, tokenizer, recipe.machine)
    for part, source in _sources(recipe).items():
        log.info("%d weights taken from %s", take_over(model, Path(source), part), source)
    for number, stage in enumerate(recipe.stages, start=1):
        folder = output / f"{number}-{stage.name}"
        if (folder / DONE).is_file():
            take_over(model, folder / "model")
            log.info("stage %s is done already", stage.name)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        model = run_stage(recipe, stage, folder, model, processor, bank, held)
        if state.is_main_process:
            save(model if recipe.machine.frozen_bf16 else model.float(), processor, folder / "model")
            (folder / DONE).write_text(json.dumps({"stage": stage.name}))
        state.wait_for_everyone()
    if state.is_main_process:
        finish(recipe, output, processor, held, data_manifest(recipe, bank, held))
    state.wait_for_everyone()
    return output / "final"


def finish(
    recipe: TrainRecipe, output: Path, processor: FeallmProcessor, held: FaceBank | None, data: dict[str, Any]
) -> Path:
    """Calibrate the last stage's model as it will be read (saved, loaded, full precision), and save it in halves."""
    last = output / f"{len(recipe.stages)}-{recipe.stages[-1].name}" / "model"
    model = FeallmForConditionalGeneration.from_pretrained(last, dtype="auto")
    model.model.to("cuda" if torch.cuda.is_available() else "cpu", torch.float32)
    metrics = calibrated(model, processor, held)
    log.info("held-back faces: %s", metrics)
    resolved = (output / "recipe.yaml").read_text()
    digest = hashlib.sha256(resolved.encode()).hexdigest()[:8]
    model.config.revision_note = f"{recipe.name}, feallm {__version__}, recipe {digest}"
    final = output / "final"
    save(model.to(torch.bfloat16 if recipe.machine.frozen_bf16 else torch.float16), processor, final)
    (final / "recipe.yaml").write_text(resolved)
    write_card(final, recipe, data, metrics)
    if (last.parent / "adapter").is_dir():
        model.config.save_pretrained(last.parent / "adapter")  # with the calibration
    return final


def _check_installed(recipe: TrainRecipe) -> None:
    wanted = ["accelerate", "tensorboard", "pyarrow"]
    wanted += ["peft"] if any(stage.lora for stage in recipe.stages) else []
    wanted += ["trl", "datasets"] if any(stage.kind == "reinforce" for stage in recipe.stages) else []
    absent = [name for name in wanted if find_spec(name) is None]
    if absent:
        raise SettingsError(f"training needs {', '.join(absent)}: pip install 'feallm[train]'")


def _same_recipe(recipe: TrainRecipe, path: Path, *, write: bool) -> None:
    """Write the resolved recipe, or see that a run to be resumed is of the same one; the machine may be another."""
    resolved = recipe.model_dump(mode="json")
    if path.is_file():
        before = TrainRecipe.model_validate(yaml.safe_load(path.read_text())).model_dump(mode="json")
        changed = [key for key in resolved if key != "machine" and before.get(key) != resolved[key]]
        if changed:
            raise SettingsError(
                f"{path.parent} holds a run of another recipe ({', '.join(changed)} differ): "
                "give another output, or remove that folder"
            )
    if write:
        path.write_text(yaml.safe_dump(resolved, sort_keys=False))


def _tokenizer(recipe: TrainRecipe, bank: FaceBank, folder: Path) -> Any:
    """The run's tokenizer: trained once, kept beside the stages that learned its ids."""
    if folder.is_dir():
        return AutoTokenizer.from_pretrained(folder)
    if recipe.tokenizer_from:
        tokenizer = AutoTokenizer.from_pretrained(recipe.tokenizer_from)
    elif recipe.model.text_from or recipe.model.init_from_llava:
        tokenizer = trained_tokenizer(recipe.model)
    else:
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
        for file in sorted(folder.glob("model-*.safetensors")) or [folder / "model.safetensors"]
        for name, value in load_file(file).items()
        if name in own and own[name].shape == value.shape and name.startswith(front)
    }
    model.load_state_dict(fitting, strict=False)
    return len(fitting)


def save(model: FeallmForConditionalGeneration, processor: FeallmProcessor, folder: Path) -> None:
    """Weights, config, tokenizer and image processor in the Hugging Face layout."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
