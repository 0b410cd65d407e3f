"""The reinforce stage: GRPO (arXiv 2402.03300) by TRL's GRPOTrainer, with rewards that can be verified.

Faces are seen once (`train.views`), questions and their truths come from `train.asked`, rewards from `train.rewards`.
TRL samples a group of answers to each question, and those that earn more than their group become likelier.
"""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from transformers import TrainingArguments

from feallm.analyze.torch_engine import TorchEngine
from feallm.model import FeallmForConditionalGeneration, FeallmProcessor
from feallm.train.asked import Asked, ask_all
from feallm.train.bank import FaceBank, balanced_rows
from feallm.train.collate import FaceInput
from feallm.train.machine import check_enough, spread, training_arguments
from feallm.train.pace import watch_pace
from feallm.train.policy import Policy, ViewProcessor, reference_of
from feallm.train.recipe import QuestionsRecipe, ReinforceRecipe, StageRecipe, TrainRecipe
from feallm.train.resume import last_checkpoint
from feallm.train.rewards import REWARDS, Reward, applies
from feallm.train.views import Views, see_views

log = logging.getLogger(__name__)


def draw_faces(recipe: TrainRecipe, bank: FaceBank, label_set: str, count: int) -> FaceBank:
    """At most `count` faces to ask about, coded ones and rare classes more often, each once. Same seed, same faces."""
    rows = balanced_rows(bank, recipe.data, label_set)
    Random(recipe.seed).shuffle(rows)
    return bank.subset(list(dict.fromkeys(rows))[:count])


def questions(
    recipe: TrainRecipe,
    settings: QuestionsRecipe,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank,
) -> tuple[Views, list[Asked]]:
    """The views of the faces drawn, augmented but not covered (what is hidden is still in the labels), and what is
    asked about them."""
    drawn = draw_faces(recipe, bank, model.config.head_config.default_label_set, settings.faces)
    whole = recipe.augment.model_copy(update={"hide": 0.0})
    engine = TorchEngine.of(model, processor, recipe.name)
    views = see_views(engine, FaceInput(drawn, processor, whole, recipe.seed), 1)
    asked = ask_all(
        drawn.faces, views.readings, settings.families, per_face=settings.questions_per_face, seed=recipe.seed
    )
    return views, asked


def reward_functions(asked: Sequence[Asked]) -> list[Callable[..., list[float | None]]]:
    """A function for each reward as TRL calls it, named for its log. None where a reward does not apply."""

    def as_trl(name: str, reward: Reward) -> Callable[..., list[float | None]]:
        def judge(completions: Sequence[Any], question: Sequence[int], **_: Any) -> list[float | None]:
            texts = [completion[0]["content"].strip() for completion in completions]
            truths = [asked[number].truth for number in question]
            return [
                reward(text, truth) if applies(name, truth) else None for text, truth in zip(texts, truths, strict=True)
            ]

        judge.__name__ = name
        return judge

    return [as_trl(name, reward) for name, reward in REWARDS.items()]


def grpo_arguments(
    arguments: TrainingArguments, stage: StageRecipe, settings: ReinforceRecipe, silent: list[int]
) -> Any:
    """The stage's training arguments with those of GRPO. Tokens in `silent` are never sampled."""
    from trl import GRPOConfig

    shared = {
        field.name: getattr(arguments, field.name) for field in dataclasses.fields(TrainingArguments) if field.init
    }
    size, times = spread(stage, arguments.world_size)
    own = {
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": times,
        "num_generations": settings.group,
        "num_iterations": settings.iterations,
        "max_completion_length": settings.max_completion_length,
        "temperature": settings.temperature,
        "top_k": 0,
        "epsilon": settings.epsilon,
        "beta": 0.0,  # the reference is set by hand: TRL would load it from a folder, without the views
        "reward_weights": [getattr(settings.weights, name) for name in REWARDS],
        "generation_kwargs": {"suppress_tokens": silent},
    }
    return GRPOConfig(**shared | own)


def build_trainer(
    stage: StageRecipe,
    settings: ReinforceRecipe,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    views: Views,
    asked: Sequence[Asked],
    arguments: TrainingArguments,
) -> Any:
    """TRL's trainer over the policy, with the model as it is now as the reference where there is a `beta`."""
    from datasets import Dataset
    from trl import GRPOTrainer
    from trl.trainer.utils import add_fused_lm_head

    trainer = GRPOTrainer(
        model=Policy.of(model, views),
        reward_funcs=reward_functions(asked),
        args=grpo_arguments(arguments, stage, settings, list(model.config.placeholder_ids)),
        train_dataset=Dataset.from_list(
            [
                {"prompt": list(each.conversation), "image": each.row, "question": number}
                for number, each in enumerate(asked)
            ]
        ),
        processing_class=ViewProcessor.of(processor),
    )
    if settings.beta:
        trainer.beta, trainer.ref_model = settings.beta, reference_of(model, views)
        add_fused_lm_head(trainer.ref_model, temperature=settings.temperature)
    return trainer


def run_reinforce(
    recipe: TrainRecipe,
    stage: StageRecipe,
    folder: Path,
    model: FeallmForConditionalGeneration,
    processor: FeallmProcessor,
    bank: FaceBank,
) -> Any:
    """Train one reinforce stage into `folder`, going on from its last checkpoint if there is one; returns its trainer.

    What may learn is as `model.set_trainable` and adapters left it; the head's calibration must be fitted already.

    Raises:
        SettingsError: there are fewer answers than a batch.
        ValueError: the model has no AU-aware head, whose reading the answers are held against.
    """
    settings = stage.reinforce or ReinforceRecipe()
    views, asked = questions(recipe, settings, model, processor, bank)
    check_enough(stage, len(asked) * settings.group, "answers")
    arguments = training_arguments(recipe, stage, folder)
    trainer = build_trainer(stage, settings, model, processor, views, asked, arguments)
    watch_pace(trainer, stage)
    last = last_checkpoint(folder)
    log.info("stage %s: %d questions, %s", stage.name, len(asked), f"from {last}" if last else "from the start")
    trainer.train(resume_from_checkpoint=last)
    return trainer
