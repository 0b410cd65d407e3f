"""Training recipes: what `configs/train/*.yaml` may hold."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from feallm.data.compose import FAMILIES
from feallm.data.recipe import unknown
from feallm.settings import Strict
from feallm.train.data_recipe import DataRecipe
from feallm.train.rewards import ASKED, Thresholds, Weights

ATTENTION_AND_MLP = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a Llama- or Qwen-like LLM."""


def shares(families: dict[str, float], known: Sequence[str]) -> dict[str, float]:
    """Raises ValueError for a family that is not known, for a share below 0, and where none is above 0."""
    for name, share in families.items():
        if name not in known:
            raise ValueError(unknown("family", name, known))
        if not 0 <= share < math.inf:
            raise ValueError(f"the share of {name} is {share}: give 0 or more")
    if not any(families.values()):
        raise ValueError("no family has a share above 0")
    return families


class AugmentRecipe(Strict):
    """Random changes of a face, in the crop a real detector makes: degrees, shares of the side, probabilities."""

    rotation: float = 12.0
    scale: float = 0.12
    aspect: float = 0.0
    shift: float = 0.06
    flip: float = 0.5
    brightness: float = 0.25
    contrast: float = 0.3
    gamma: float = Field(default=0.0, ge=0, lt=1, description="exponents between 1 - gamma and 1 / (1 - gamma)")
    shade: float = Field(default=0.0, ge=0, lt=1, description="light from one side: gain at the edges up to 1 +- shade")
    coarse: float = Field(default=0.0, ge=0, le=1, description="share of faces seen at half to nearly full resolution")
    blur: float = 0.15
    sharpen: float = 0.0
    noise: float = 0.04
    erase: float = 0.25
    mixup: float = Field(
        default=0.0, ge=0, description="half of a faces batch is mixed with others, shares from Beta(mixup, mixup)"
    )
    hide: float = Field(default=0.0, ge=0, le=1, description="share of faces with the place of one action unit covered")


class ModelRecipe(Strict):
    """The parts of `FeallmConfig`, each as its own keyword arguments; `model_type` picks the tower and the LLM.

    `vision_from` and `text_from` (a folder or a hub id) give trained weights, with the tokenizer and the normalisation
    of pictures that belong to them; `vision` and `text` then repeat their architecture, so that a recipe can be checked
    where the weights are not, and may ask for fewer layers.
    """

    image_size: int
    source_size: int = Field(48, description="side at which training faces are kept before augmentation")
    grayscale: bool = True
    vocab_size: int = 2048
    vision: dict[str, Any] = Field(default_factory=dict)
    text: dict[str, Any] = Field(default_factory=dict)
    vision_from: str | None = None
    text_from: str | None = None
    init_from_llava: str | None = Field(
        None,
        description="a LLaVA checkpoint (folder or hub id) that tower, LLM and projector begin with",
    )
    chat_template: Literal["own", "vicuna", "chatml"] = Field(
        "own", description="how turns are written; a language model that was tuned to chat expects its own form"
    )
    clues: dict[str, Any] = Field(default_factory=dict)
    projector: dict[str, Any] = Field(default_factory=dict)
    head: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _from_somewhere(self) -> "ModelRecipe":
        for part, source in (("vision", self.vision_from), ("text", self.text_from)):
            if source is None and "model_type" not in getattr(self, part):
                raise ValueError(f"{part} needs a model_type (fresh weights), or give {part}_from (trained ones)")
        return self


class LoraRecipe(Strict):
    """Low-rank adapters on the LLM for the length of one stage, merged into its weights at the end.

    `four_bit` keeps the LLM they stand on in 4 bits meanwhile (QLoRA; needs a GPU and bitsandbytes).
    """

    rank: int = Field(128, ge=1)
    alpha: int = Field(256, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = Field(ATTENTION_AND_MLP, min_length=1, description="names of the linear layers")
    four_bit: bool = False
    save: Literal["merged", "both"] = Field("merged", description="both: the adapters in a folder of their own as well")


class QuestionsRecipe(Strict):
    """What is asked about how many faces, for answers that are to be rewarded or verified."""

    faces: int = Field(default=2000, ge=1, description="faces asked about, coded ones and rare classes more often")
    questions_per_face: int = Field(default=1, ge=1)
    families: dict[str, float] = Field(
        default={"emotion": 1.0, "aus": 2.0, "reason": 2.0, "unaided": 1.0, "expression": 1.0, "movements": 1.0},
        min_length=1,
        description="shares of the families of train/rewards.py",
    )

    @field_validator("families")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        return shares(value, list(ASKED))


class ReinforceRecipe(QuestionsRecipe):
    """GRPO: `group` answers to each question; `beta` weighs the KL divergence from the model at the stage's start
    (0: none), `epsilon` clips the ratio where a group of answers is used for several steps (`iterations`)."""

    group: int = Field(default=8, ge=2, description="answers to a question")
    iterations: int = Field(default=1, ge=1)
    beta: float = Field(default=0.02, ge=0)
    epsilon: float = Field(default=0.2, gt=0, lt=1)
    temperature: float = Field(default=1.0, gt=0, description="answers are sampled, and the loss is taken, at it")
    max_completion_length: int = Field(default=160, ge=1, description="tokens of an answer")
    weights: Weights = Weights()


class SelfTrainingRecipe(QuestionsRecipe):
    """Rejection sampling: of `answers` to each question the verified ones are kept, and are what the stage learns."""

    answers: int = Field(default=4, ge=1, description="answers to a question")
    keep: int = Field(default=1, ge=1, description="verified answers kept of each question, different ones")
    max_completion_length: int = Field(default=160, ge=1, description="tokens of an answer")
    thresholds: Thresholds = Thresholds()


class StageRecipe(Strict):
    """One stage: which parts learn, from what, and how.

    `kind`: "faces" (head losses on augmented faces), "text" (composed conversations without faces: gives a fresh LLM
    its words), "conversations" (faces and text; the head's loss beside it where the head, clues or encoder learn),
    "reinforce" (GRPO on answers of the model's own; `batch_size` counts answers).
    """

    name: str
    kind: Literal["faces", "text", "conversations", "reinforce"]
    trainable: list[str]
    epochs: float = Field(gt=0)
    batch_size: int = Field(64, ge=1, description="faces or records of one step, over all devices")
    device_batch: int | None = Field(
        None, ge=1, description="at most so many on one device at a time; gradients add up to the batch"
    )
    learning_rate: float = Field(gt=0)
    image_size: int | None = Field(None, description="another side for the faces of a faces stage: smaller is faster")
    optimizer: Literal["adamw", "sgd"] = Field("adamw", description="sgd: with Nesterov momentum 0.9")
    max_grad_norm: float = 1.0
    average: float | None = Field(None, gt=0, lt=1, description="decay of a running mean of the weights, kept instead")
    teacher: str | None = Field(
        None, description="checkpoint folder whose readings are mixed into a faces stage's targets"
    )
    teacher_weight: float = Field(0.3, ge=0, le=1, description="the teacher's share where there is a label as well")
    weight_decay: float = 0.05
    warmup_ratio: float = 0.05
    lora: LoraRecipe | None = None
    records: int = Field(20000, ge=1, description="conversations of a text stage")
    records_per_face: int = Field(
        1,
        ge=1,
        description="composed by a conversations stage: per view with `views`; else five times as many of coded ones",
    )
    max_steps: int = -1
    views: int = Field(
        0, ge=0, description="a conversations stage looks at so many augmented views of each face, seen once and kept"
    )
    families: dict[str, float] | None = Field(None, description="shares of the conversation families")
    reinforce: ReinforceRecipe | None = None
    self_training: SelfTrainingRecipe | None = Field(
        None, description="a conversations stage learns from verified answers of the model's own, not composed ones"
    )

    @field_validator("families")
    @classmethod
    def _known(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        return None if value is None else shares(value, sorted(FAMILIES))

    @property
    def sees_once(self) -> bool:
        """Whether the faces are seen before the stage begins, and their features kept."""
        return self.kind == "reinforce" or self.views > 0 or self.self_training is not None

    @property
    def seeing(self) -> list[str]:
        """The trainable parts that learn only from faces seen anew: what features are made by, and the head."""
        return [
            part
            for part in self.trainable
            if part.split(".")[0] in {"encoder", "head", "clues"}
            and not part.startswith(("clues.to_projector", "clues.to_text"))
        ]

    @model_validator(mode="after")
    def _fitting(self) -> "StageRecipe":
        """What one kind of stage cannot use is a mistake, not a wish to be ignored."""
        unused: dict[str, dict[str, Any]] = {
            "faces": {"families": self.families, "views": self.views},
            "text": {"teacher": self.teacher, "image_size": self.image_size, "views": self.views},
            "conversations": {"teacher": self.teacher, "image_size": self.image_size},
            "reinforce": {"teacher": self.teacher, "image_size": self.image_size, "average": self.average}
            | {"views": self.views, "families": self.families},
        }
        if self.kind != "reinforce":
            unused[self.kind]["reinforce"] = self.reinforce
        if self.kind != "conversations":
            unused[self.kind]["self_training"] = self.self_training
        elif self.self_training:
            unused[self.kind] |= {"views": self.views, "families": self.families}
        useless = [name for name, value in unused[self.kind].items() if value]
        if useless:
            raise ValueError(
                f"stage {self.name!r}: {', '.join(useless)} cannot be used in a stage of kind {self.kind!r}"
            )
        self._frozen_half()
        return self

    def _frozen_half(self) -> None:
        """A face that is seen once cannot teach what sees it, and groups of answers must fill the batches."""
        if self.sees_once and self.seeing:
            raise ValueError(
                f"stage {self.name!r}: {', '.join(self.seeing)} cannot learn from faces that are seen once: "
                "train the language_model, projector, reading, clues.to_projector or clues.to_text"
            )
        if self.kind == "reinforce":
            group = (self.reinforce or ReinforceRecipe()).group
            if self.batch_size % group or (self.device_batch and self.batch_size % self.device_batch):
                raise ValueError(
                    f"stage {self.name!r}: batch_size {self.batch_size} counts answers and must be a multiple of the "
                    f"group ({group}) and of device_batch"
                )


class MachineRecipe(Strict):
    """How a run uses the machine: a run may go on with other values.

    `frozen_bf16`: where bfloat16 is quick, what is not trained of the LLM is kept in it, which halves its memory.
    `attention`: of the tower and the LLM; without it what the library takes.
    """

    gradient_checkpointing: bool = False
    frozen_bf16: bool = False
    attention: Literal["eager", "sdpa", "flash_attention_2"] | None = None
    compile: bool = False
    workers: int = Field(default=0, ge=0, description="processes that make batches ready")
    report_to: tuple[Literal["tensorboard", "wandb"], ...] = ("tensorboard",)


class TrainRecipe(Strict):
    """A whole training run.

    `zero_shot_claims` are data sets that the model is to be measured on without having learned from their pictures: a
    mixture that holds one of them, or a source with the same pictures, is refused.
    """

    name: str
    output: str
    init_from: str | dict[str, str] | None = Field(
        None, description="checkpoint folder whose weights of the same name and shape are taken; or one for each part"
    )
    tokenizer_from: str | None = Field(
        None,
        description="checkpoint folder whose tokenizer is used, where `init_from` takes an LLM that learned its ids",
    )
    seed: int = 0
    bf16: bool = True
    save_steps: int = 500
    logging_steps: int = 50
    zero_shot_claims: tuple[Literal["rafdb", "affectnet", "bp4d", "disfa"], ...] = ()
    machine: MachineRecipe = MachineRecipe()
    data: DataRecipe
    augment: AugmentRecipe = AugmentRecipe()
    model: ModelRecipe
    stages: list[StageRecipe] = Field(min_length=1)

    @property
    def weights_from(self) -> dict[str, str]:
        """Part ("" for all) -> the checkpoint folder its weights come from."""
        return {"": self.init_from} if isinstance(self.init_from, str) else self.init_from or {}

    def streams(self, stage: StageRecipe) -> bool:
        """Whether a stage learns from the conversations of built stores instead of composed ones."""
        composed = stage.views or stage.self_training is not None
        return bool(self.data.stores) and stage.kind == "conversations" and not composed

    @property
    def streams_alone(self) -> bool:
        """Whether no face has to be in memory but those held back: all stages stream, and there are no sources."""
        return not self.data.sources and all(self.streams(stage) for stage in self.stages)
