"""What FEALLM's parts cost beside a plain LLaVA of the same tower and LLM: training steps, memory, generation.

    python benchmarks/full_size.py                            # CPU: feallm-7b at reduced sizes, and it says so
    python benchmarks/full_size.py --recipe configs/train/feallm-7b.yaml     # with a GPU: full size

Weights are random: speed and memory do not depend on them. Steps of the two models are measured in turn, so that a
machine that slows down slows both; ratios are of medians. The operations of a forward pass are counted at full size on
any machine (meta device). A step of `reinforce` is what GRPO does for a group of answers about a face. MFU is the share
that the operations of a step's forward and backward pass have of what one large matrix product reaches in the same
time on the same device and in the same precision, not of what a data sheet says.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from full_size_models import NEW_TOKENS, Contestant, answer, contestants, prepare, work_of
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from feallm.model import FeallmForConditionalGeneration
from feallm.settings import load_recipe
from feallm.train.memory import GIB
from feallm.train.recipe import LoraRecipe, TrainRecipe

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
STAGES = ("align", "instruct", "reinforce")


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


def matmul_rate(half: bool) -> float:
    """Floating-point operations a second of one large matrix product here: the median of five."""
    side = 8192 if torch.cuda.is_available() else 2048
    device = "cuda" if torch.cuda.is_available() else "cpu"
    one = torch.randn(side, side, device=device, dtype=torch.bfloat16 if half else torch.float32)
    seconds = []
    for _ in range(6):
        _wait()
        start = time.perf_counter()
        one @ one
        _wait()
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / statistics.median(seconds[1:])


def peak_memory(recipe: TrainRecipe, stage: int, which: int, batch: int, answers: Any) -> None:
    """Peak bytes of a process of its own that does one step of one contestant."""
    one = contestants(recipe, batch, "cpu")[which]
    prepare(one, recipe.stages[stage], half=False, checkpointing=False)
    work_of(recipe.stages[stage])(one, False)
    answers.put(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def peaks(recipe: TrainRecipe, stage: int, ones: list[Contestant], batch: int, half: bool) -> dict[str, float]:
    """Peak memory of a step in GiB: of the device on a GPU (model, optimiser and step), of the process on a CPU."""
    found = {}
    for which, one in enumerate(ones):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            work_of(recipe.stages[stage])(one, half)
            found[one.name] = (torch.cuda.max_memory_allocated() - before + _kept(one)) / GIB
            continue
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        child = context.Process(target=peak_memory, args=(recipe, stage, which, batch, queue))
        child.start()
        found[one.name] = queue.get() / GIB
        child.join()
    return found


def _kept(one: Contestant) -> int:
    """Bytes that stay between two steps: weights, buffers, and the optimiser's moments."""
    moments = one.optimizer.state.values() if one.optimizer is not None else ()
    held = [*one.model.parameters(), *one.model.buffers()]
    held += [value for state in moments for value in state.values() if isinstance(value, Tensor)]
    return sum(value.numel() * value.element_size() for value in held)


def stages_of(recipe: TrainRecipe, names: tuple[str, ...], rank: int | None) -> TrainRecipe:
    """The recipe with the stages `names` only; adapters of another rank where one is given."""
    chosen = [stage for stage in recipe.stages if stage.name in names]
    if rank is not None:
        narrow = LoraRecipe(rank=rank, alpha=2 * rank, dropout=0.0)
        chosen = [stage if stage.lora is None else stage.model_copy(update={"lora": narrow}) for stage in chosen]
    return recipe.model_copy(update={"stages": chosen})


def measure_stage(recipe: TrainRecipe, number: int, batch: int, steps: int, rate: float) -> dict[str, Any]:
    """A row for the stage, and one for generation where it is the last."""
    gpu = torch.cuda.is_available()
    stage = recipe.stages[number]
    ones = contestants(recipe, batch, "cuda" if gpu else "cpu")
    for one in ones:
        prepare(one, stage, half=gpu, checkpointing=gpu and recipe.machine.gradient_checkpointing)
    seconds = in_turn(ones, lambda one: work_of(stage)(one, gpu), steps)
    row: dict[str, Any] = {"batch": batch, "seconds": seconds, "ratio": seconds["FEALLM"] / seconds["LLaVA"]}
    row["tokens_per_s"] = {one.name: one.batch["input_ids"].numel() / seconds[one.name] for one in ones}
    row["peak_gib"] = peaks(recipe, number, ones, batch, gpu)
    if stage.kind != "reinforce":  # most of whose time is the sampling
        row["mfu"] = {one.name: one.operations / seconds[one.name] / rate for one in ones}
    _say(f"{stage.name}, batch {batch}", row, "training")
    if number + 1 < len(recipe.stages):
        return {stage.name: row}
    seconds = in_turn(ones, lambda one: answer(one, gpu), steps)
    told: dict[str, Any] = {"seconds": seconds, "ratio": seconds["FEALLM"] / seconds["LLaVA"]}
    told["tokens_per_s"] = {name: NEW_TOKENS / value for name, value in seconds.items()}
    _say(f"a face seen and {NEW_TOKENS} tokens generated", told, "generation")
    return {stage.name: row, "generation": told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=CONFIGS / "feallm-7b.yaml")
    parser.add_argument(
        "--batch", type=int, default=None, help="faces (answers) a step: 2 on a CPU, the stage's on a GPU"
    )
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--stage", choices=STAGES, action="append")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    gpu = torch.cuda.is_available()
    full = load_recipe(TrainRecipe, options.recipe)
    results: dict[str, Any] = {"operations": {"recipe": full.name, **_compared(full, "full size")}}
    names = tuple(options.stage or STAGES)
    recipe = stages_of(full, names, None)
    if not gpu:
        recipe = stages_of(load_recipe(TrainRecipe, CONFIGS / "feallm-7b.yaml", REDUCED), names, 16)
        print(f"no GPU: what follows is {recipe.name} at REDUCED sizes on the CPU, in full precision")
        results["operations_reduced"] = {"recipe": recipe.name, **_compared(recipe, "the reduced size")}
    rate = matmul_rate(gpu)
    print(f"a large matrix product: {rate / 1e12:.2f} TFLOP/s")
    results |= {"recipe": recipe.name, "reduced": not gpu, "matmul_flops": rate}
    for number, stage in enumerate(recipe.stages):
        batch = options.batch or (stage.device_batch if gpu and stage.device_batch else 2)
        results |= measure_stage(recipe, number, batch, options.steps, rate)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def _compared(recipe: TrainRecipe, size: str) -> dict[str, float]:
    counted = operations(recipe)
    ratio = counted["FEALLM"] / counted["LLaVA"]
    print(f"{recipe.name}, one forward pass at {size}: {ratio:.3f} times the operations of LLaVA")
    return {**counted, "ratio": ratio}


def _say(what: str, row: dict[str, Any], kind: str) -> None:
    verdict = "within" if row["ratio"] <= TARGETS[kind] else "ABOVE"
    print(f"{what}: FEALLM takes {row['ratio']:.3f} times as long as LLaVA ({verdict} the target {TARGETS[kind]:.2f})")
    for name, seconds in row["seconds"].items():
        parts = [f"{seconds:.3f} s", f"{row['tokens_per_s'][name]:.0f} tokens/s"]
        parts += [f"MFU {row['mfu'][name]:.2f}"] if "mfu" in row else []
        parts += [f"peak {row['peak_gib'][name]:.2f} GiB"] if "peak_gib" in row else []
        print(f"  {name}: {', '.join(parts)}")


if __name__ == "__main__":
    main()
