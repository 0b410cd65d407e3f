"""What FEALLM's parts cost beside a plain LLaVA of the same tower and LLM: training steps, memory, generation.

    python benchmarks/full_size.py                            # CPU: reduced sizes, and it says so
    python benchmarks/full_size.py --recipe configs/train/feallm-7b.yaml     # with a GPU: full size

Weights are random: speed and memory do not depend on them. Steps of the two models are measured in turn, so that a
machine that slows down slows both; ratios are of medians. The operations of a forward pass are counted at full size on
any machine (meta device).
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlavaConfig, LlavaForConditionalGeneration

from feallm.model import FeallmConfig, FeallmForConditionalGeneration
from feallm.model.lora import add_lora
from feallm.settings import load_recipe
from feallm.train.memory import GIB
from feallm.train.pretrained import described
from feallm.train.recipe import LoraRecipe, StageRecipe, TrainRecipe

CONFIGS = Path(__file__).parent.parent / "configs" / "train"
TARGETS = {"training": 1.10, "generation": 1.05}
"""FEALLM may take at most so many times as long as the plain model."""
REDUCED = [
    "model.image_size=168",
    *[f"model.vision.{key}" for key in ("hidden_size=256", "intermediate_size=1024", "num_hidden_layers=8")],
    *[f"model.vision.{key}" for key in ("num_attention_heads=8", "image_size=168")],
    *[f"model.text.{key}" for key in ("hidden_size=768", "intermediate_size=2048", "num_hidden_layers=8")],
    *[f"model.text.{key}" for key in ("num_attention_heads=12", "num_key_value_heads=12", "vocab_size=8192")],
    *[f"model.clues.{key}" for key in ("hidden_size=96", "conv_channels=[8, 16, 32]", "crop_size=48")],
    *[f"model.projector.{key}" for key in ("hidden_size=256", "num_attention_heads=8", "mlp_ratio=3.0")],
    "model.head.hidden_size=96",
]
"""Of feallm-7b: a sixtieth of its weights, with about the same shares of tower, projector, clues and LLM."""
ANSWER = 96
NEW_TOKENS = 32


@dataclass
class Contestant:
    """A model, what one step is given, and its optimiser."""

    name: str
    model: nn.Module
    batch: dict[str, Any]
    prompt: dict[str, Tensor]
    optimizer: torch.optim.Optimizer | None = None


def plain(config: FeallmConfig) -> LlavaForConditionalGeneration:
    """LLaVA with the same tower and LLM."""
    strategy = "default" if config.vision_config.model_type.startswith("clip") else "full"
    told = LlavaConfig(
        vision_config=config.vision_config,
        text_config=config.text_config,
        image_token_index=config.image_token_id,
        vision_feature_layer=-1,
        vision_feature_select_strategy=strategy,
    )
    return LlavaForConditionalGeneration(told)


def contestants(recipe: TrainRecipe, batch: int, device: str) -> list[Contestant]:
    """FEALLM and the plain model, with random batches of the same faces and answers."""
    config = described(recipe.model)
    config.text_config.pad_token_id = config.text_config.eos_token_id = None
    with torch.device(device):
        ours, theirs = FeallmForConditionalGeneration(config), plain(config)
    with torch.device("cpu" if device == "meta" else device):
        pixels = torch.randn(batch, 3, config.image_size, config.image_size)
        words = torch.randint(10, 1000, (batch, ANSWER))
    pixels, words = pixels.to(device), words.to(device)
    seen = ours.model.num_visual_tokens
    own = [config.image_token_id] * seen + [config.clue_token_id] * ours.model.has_local_token
    own += [config.reading_token_id] * ours.model.num_reading_tokens
    made = []
    for name, model, front in (("FEALLM", ours, own), ("LLaVA", theirs, [config.image_token_id] * seen)):
        ids = torch.cat([torch.tensor([front] * batch, device=words.device), words], 1)
        labels = torch.where(torch.arange(ids.shape[1], device=ids.device) < len(front) + ANSWER // 2, -100, ids)
        given = {"input_ids": ids, "pixel_values": pixels, "labels": labels, "attention_mask": torch.ones_like(ids)}
        prompt = {key: value[:1] for key, value in given.items() if key != "labels"}
        made.append(Contestant(name, model, given, prompt))
    if ours.model.head is not None:
        made[0].batch |= head_targets(config, batch, device)
    return made


def head_targets(config: FeallmConfig, batch: int, device: str) -> dict[str, Any]:
    """Random labels of faces for the AU-aware head's loss."""
    head = config.head_config
    sets = {name: torch.full((batch, len(classes)), 1 / len(classes)) for name, classes in head.label_sets.items()}
    units = torch.zeros(batch, len(head.action_units))
    return {
        "emotion_targets": {name: value.to(device) for name, value in sets.items()},
        "au_targets": units.to(device),
        "au_presence": units.to(device),
    }


def prepare(one: Contestant, stage: StageRecipe, *, half: bool, checkpointing: bool) -> None:
    """Freeze and unfreeze as the stage says (LLaVA: its projector), put adapters on, make the optimiser."""
    model: Any = one.model
    lora = stage.lora
    if isinstance(model, FeallmForConditionalGeneration):
        model.set_trainable(*stage.trainable)
        if lora is not None:
            add_lora(model, rank=lora.rank, alpha=lora.alpha, targets=lora.targets)
    else:
        model.requires_grad_(False)
        model.model.multi_modal_projector.requires_grad_(True)
        if lora is not None:
            settings = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets))
            inject_adapter_in_model(settings, model.model.language_model)
        model.model.vision_tower.requires_grad_(False)
    for parameter in model.parameters():
        if half:
            parameter.data = parameter.data.to(torch.float32 if parameter.requires_grad else torch.bfloat16)
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    one.optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)


def step(one: Contestant, half: bool) -> None:
    device = one.batch["input_ids"].device.type
    with torch.autocast(device, torch.bfloat16, enabled=half):
        loss = one.model(**one.batch).loss
    loss.backward()
    if one.optimizer is not None:
        one.optimizer.step()
        one.optimizer.zero_grad(set_to_none=True)


@torch.inference_mode()
def answer(one: Contestant, half: bool) -> None:
    model: Any = one.model.eval()
    with torch.autocast(one.prompt["input_ids"].device.type, torch.bfloat16, enabled=half):
        made = model.generate(**one.prompt, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, do_sample=False)
    assert made.shape[1] >= NEW_TOKENS


def in_turn(ones: list[Contestant], work: Callable[[Contestant], None], times: int) -> dict[str, float]:
    """Median seconds of `work` for each, measured in turn after one unmeasured round."""
    seconds: dict[str, list[float]] = {one.name: [] for one in ones}
    for number in range(times + 1):
        for one in ones:
            _wait()
            start = time.perf_counter()
            work(one)
            _wait()
            if number:
                seconds[one.name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def operations(recipe: TrainRecipe) -> dict[str, float]:
    """Floating-point operations of one forward pass about one face, at the recipe's own size (meta device)."""
    counted = {}
    for one in contestants(recipe, 1, "meta"):
        pixels, length = one.batch["pixel_values"], one.batch["input_ids"].shape[1]
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            _meta_forward(one.model.eval().requires_grad_(False), pixels, length)
        counted[one.name] = float(counter.get_total_flops())
    return counted


def _meta_forward(model: Any, pixels: Tensor, length: int) -> None:
    """Both halves apart: placeholders cannot be counted without data."""
    if isinstance(model, FeallmForConditionalGeneration):
        features = model.model.see(pixels)
        model.model.project(features)
        model.model.tell(features)
        width = model.config.text_config.hidden_size
        model.language_model(inputs_embeds=torch.empty(1, length, width, device="meta"))
        return
    model.get_image_features(pixels, vision_feature_layer=-1, vision_feature_select_strategy="full")
    width = model.config.text_config.hidden_size
    states = model.model.language_model(inputs_embeds=torch.empty(1, length, width, device="meta")).last_hidden_state
    model.lm_head(states)


def peak_memory(recipe: TrainRecipe, stage: int, which: int, batch: int, answers: Any) -> None:
    """Peak bytes of a process of its own that does one step of one contestant."""
    one = contestants(recipe, batch, "cpu")[which]
    prepare(one, recipe.stages[stage], half=False, checkpointing=False)
    step(one, False)
    answers.put(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def peaks(recipe: TrainRecipe, stage: int, ones: list[Contestant], batch: int, half: bool) -> dict[str, float]:
    """Peak memory of a step in GiB: of the device on a GPU (model and step), of the process on a CPU."""
    found = {}
    for which, one in enumerate(ones):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            step(one, half)
            kept = sum(value.numel() * value.element_size() for value in one.model.parameters())
            found[one.name] = (torch.cuda.max_memory_allocated() - before + kept) / GIB
            continue
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        child = context.Process(target=peak_memory, args=(recipe, stage, which, batch, queue))
        child.start()
        found[one.name] = queue.get() / GIB
        child.join()
    return found


def stages_of(recipe: TrainRecipe, names: tuple[str, ...], rank: int | None) -> TrainRecipe:
    """The recipe with the stages `names` only; adapters of another rank where one is given."""
    chosen = [stage for stage in recipe.stages if stage.name in names]
    if rank is not None:
        narrow = LoraRecipe(rank=rank, alpha=2 * rank, dropout=0.0)
        chosen = [stage if stage.lora is None else stage.model_copy(update={"lora": narrow}) for stage in chosen]
    return recipe.model_copy(update={"stages": chosen})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=CONFIGS / "feallm-7b.yaml")
    parser.add_argument("--batch", type=int, default=None, help="faces a step: 2 on a CPU, the stage's on a GPU")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--stage", choices=["align", "instruct"], action="append")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    gpu = torch.cuda.is_available()
    full = load_recipe(TrainRecipe, options.recipe)
    counted = operations(full)
    ratio = counted["FEALLM"] / counted["LLaVA"]
    print(f"{full.name}, one forward pass at full size: {ratio:.3f} times the operations of LLaVA")
    results: dict[str, Any] = {"recipe": full.name, "reduced": not gpu, "operations": counted | {"ratio": ratio}}
    names = tuple(options.stage or ("align", "instruct"))
    recipe = stages_of(full, names, None)
    if not gpu:
        print("no GPU: what follows is measured at REDUCED sizes on the CPU, in full precision")
        recipe = stages_of(load_recipe(TrainRecipe, CONFIGS / "feallm-7b.yaml", REDUCED), names, 16)
        small = operations(recipe)
        ratio = small["FEALLM"] / small["LLaVA"]
        results["operations_reduced"] = small | {"ratio": ratio}
        print(f"one forward pass at the reduced size: {ratio:.3f} times the operations")
    for number, stage in enumerate(recipe.stages):
        batch = options.batch or (stage.device_batch if gpu and stage.device_batch else 2)
        ones = contestants(recipe, batch, "cuda" if gpu else "cpu")
        for one in ones:
            prepare(one, stage, half=gpu, checkpointing=gpu and recipe.machine.gradient_checkpointing)
        seconds = in_turn(ones, lambda one: step(one, gpu), options.steps)
        tokens = {one.name: one.batch["input_ids"].numel() / seconds[one.name] for one in ones}
        row = {"seconds": seconds, "tokens_per_s": tokens, "peak_gib": peaks(recipe, number, ones, batch, gpu)}
        row["ratio"] = seconds["FEALLM"] / seconds["LLaVA"]
        results[stage.name] = row
        _say(f"{stage.name}, batch {batch}", row, "training")
        if number + 1 == len(recipe.stages):
            seconds = in_turn(ones, lambda one: answer(one, gpu), options.steps)
            row = {"seconds": seconds, "ratio": seconds["FEALLM"] / seconds["LLaVA"]}
            results["generation"] = row
            _say(f"face and {NEW_TOKENS} tokens", row, "generation")
        del ones
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def _say(what: str, row: dict[str, Any], kind: str) -> None:
    verdict = "within" if row["ratio"] <= TARGETS[kind] else "ABOVE"
    print(f"{what}: FEALLM takes {row['ratio']:.3f} times as long as LLaVA ({verdict} the target {TARGETS[kind]:.2f})")
    for name, seconds in row["seconds"].items():
        more = (
            f", {row['tokens_per_s'][name]:.0f} tokens/s, peak {row['peak_gib'][name]:.2f} GiB" if len(row) > 2 else ""
        )
        print(f"  {name}: {seconds:.3f} s{more}")


if __name__ == "__main__":
    main()
