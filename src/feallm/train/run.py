"""Runs a recipe: stage after stage, resumable, then calibrates and saves."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoTokenizer, set_seed

from feallm._version import __version__
from feallm.data.compose import compose_corpus
from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.model.build import train_tokenizer
from feallm.settings import SettingsError
from feallm.train.bank import FaceBank, bank_settings, held_back_bank, load_banks
from feallm.train.card import data_manifest, write_card
from feallm.train.check import check
from feallm.train.machine import processes, settle_precision
from feallm.train.pretrained import fresh_model, trained_tokenizer
from feallm.train.recipe import TrainRecipe
from feallm.train.stage import run_stage
from feallm.train.stores import pinned, store_corpus
from feallm.train.watch import calibrated

log = logging.getLogger(__name__)
DONE = "done.json"


def train(recipe: TrainRecipe) -> Path:
    """Run every stage that is not done yet, calibrate; returns the folder of the final checkpoint.

    The output folder holds `recipe.yaml` (as resolved), the tokenizer, a folder a stage, and `final/` in the Hugging
    Face layout.

    Raises:
        SettingsError: the recipe cannot be kept, or the output folder holds a run of another one.
        FileNotFoundError, ValueError: the data are not as the recipe says.
    """
    recipe = pinned(recipe)
    check(recipe)
    output = Path(recipe.output)
    state = processes()
    with state.main_process_first():
        output.mkdir(parents=True, exist_ok=True)
        _same_recipe(recipe, output / "recipe.yaml", write=state.is_main_process)
    set_seed(recipe.seed)
    bank, held = _banks(recipe)
    with state.main_process_first():
        tokenizer = _tokenizer(recipe, bank, output / "tokenizer")
    model, processor = fresh_model(recipe.model, tokenizer, recipe.machine)
    for part, source in recipe.weights_from.items():
        taken = take_over(model, Path(source), part)
        if not taken:
            raise SettingsError(
                f"init_from: no weight in {source} fits {part or 'any part'} of the model: give the blocks of model "
                "the sizes in its config.json, or begin without it"
            )
        log.info("%d weights taken from %s", taken, source)
    for number, stage in enumerate(recipe.stages, start=1):
        folder = output / f"{number}-{stage.name}"
        if (folder / DONE).is_file():
            model.set_trainable(*stage.trainable)
            settle_precision(model, recipe)  # as it was saved: nothing is rounded
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


def _banks(recipe: TrainRecipe) -> tuple[FaceBank | None, FaceBank | None]:
    """The faces to learn from and those held back; only the latter where all others come with their conversations."""
    settings = bank_settings(recipe.model)
    if recipe.streams_alone:
        bank, held = None, held_back_bank(recipe.data, **settings)
    else:
        bank, held = load_banks(recipe.data, **settings)
        log.info("%d faces to learn from", len(bank))
    log.info("%d faces held back", len(held) if held else 0)
    return bank, held


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


def _tokenizer(recipe: TrainRecipe, bank: FaceBank | None, folder: Path) -> Any:
    """The run's tokenizer: trained once, kept beside the stages that learned its ids."""
    if folder.is_dir():
        return AutoTokenizer.from_pretrained(folder)
    if recipe.tokenizer_from:
        tokenizer = AutoTokenizer.from_pretrained(recipe.tokenizer_from)
    elif recipe.model.text_from or recipe.model.init_from_llava:
        tokenizer = trained_tokenizer(recipe.model)
    else:
        texts = store_corpus(recipe.data) if bank is None else compose_corpus(bank.faces, seed=recipe.seed)
        tokenizer = train_tokenizer(texts, recipe.model.vocab_size)
    tokenizer.save_pretrained(folder)
    return tokenizer


def take_over(model: FeallmForConditionalGeneration, folder: Path, part: str = "") -> int:
    """Copy the weights of a checkpoint that `model` has under the same name and shape; returns how many.

    `part` is one of `model.modeling.PARTS`, or "" for all.

    Raises FileNotFoundError when the folder holds no model.safetensors, whole or in numbered files.
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
    processor.tokenizer.backend_tokenizer.no_padding()  # else that of the last batch is saved with it
    processor.save_pretrained(folder)
