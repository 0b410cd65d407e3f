"""Training recipes: what `configs/train/*.yaml` may hold."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from feallm.data.sources import SOURCES
from feallm.settings import Strict


class SourceRecipe(Strict):
    """One data set: its loader, its folder or file, its split, and AU codes to join."""

    source: str
    path: str
    split: str = "train"
    au_codes: str | None = None

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SOURCES:
            raise ValueError(f"unknown source {value!r}: the sources are {', '.join(SOURCES)}")
        return value


class DataRecipe(Strict):
    """Faces to train on. `held_back` is the share kept out, by a hash of the id, to calibrate on."""

    train: list[SourceRecipe]
    exclude_flags: tuple[str, ...] = ("near_copy_in_test", "copy")
    held_back: float = Field(0.06, ge=0.0, lt=0.5)
    coded_repeat: int = Field(2, ge=1, description="how often an AU-coded face is seen for each other face")
    sharpen: float = Field(1.0, gt=0, description="votes are raised to this power: above 1 the plurality weighs more")
    balance: float = Field(0.0, ge=0, le=1, description="0: classes as they come; 1: rare ones as often as the median")
    most_repeats: int = Field(6, ge=1, description="a rare face is seen at most this often in an epoch")


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
    """The parts of `FeallmConfig`, each as its own keyword arguments; `model_type` picks the tower and the LLM."""

    image_size: int
    source_size: int = Field(48, description="side at which training faces are kept before augmentation")
    grayscale: bool = True
    vocab_size: int = 2048
    vision: dict[str, Any]
    text: dict[str, Any]
    clues: dict[str, Any] = Field(default_factory=dict)
    projector: dict[str, Any] = Field(default_factory=dict)
    head: dict[str, Any] = Field(default_factory=dict)


class LoraRecipe(Strict):
    """Low-rank adapters on the LLM for the length of one stage, merged into its weights at the end."""

    rank: int = Field(128, ge=1)
    alpha: int = Field(256, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)


class StageRecipe(Strict):
    """One stage: which parts learn, from what, and how.

    `kind`: "faces" (head losses on augmented faces), "text" (composed conversations without faces: gives a fresh LLM
    its words), "conversations" (faces and text; the head's loss beside it where the head, clues or encoder learn).
    """

    name: str
    kind: Literal["faces", "text", "conversations"]
    trainable: list[str]
    epochs: float = Field(gt=0)
    batch_size: int = Field(64, ge=1)
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
        description="of a conversations stage: per view with `views`; else five times as many of AU-coded ones",
    )
    max_steps: int = -1
    views: int = Field(
        0, ge=0, description="a conversations stage looks at so many augmented views of each face, seen once and kept"
    )
    families: dict[str, float] | None = Field(None, description="shares of the conversation families")

    @model_validator(mode="after")
    def _fitting(self) -> "StageRecipe":
        """What one kind of stage cannot use is a mistake, not a wish to be ignored."""
        unused: dict[str, dict[str, Any]] = {
            "faces": {"families": self.families, "views": self.views},
            "text": {"teacher": self.teacher, "image_size": self.image_size, "views": self.views},
            "conversations": {"teacher": self.teacher, "image_size": self.image_size},
        }
        useless = [name for name, value in unused[self.kind].items() if value]
        if useless:
            raise ValueError(
                f"stage {self.name!r}: {', '.join(useless)} cannot be used in a stage of kind {self.kind!r}"
            )
        return self


class TrainRecipe(Strict):
    """A whole training run."""

    name: str
    output: str
    init_from: str | dict[str, str] | None = Field(
        None, description="checkpoint folder whose weights of the same name and shape are taken; or one for each part"
    )
    seed: int = 0
    bf16: bool = True
    save_steps: int = 500
    logging_steps: int = 50
    data: DataRecipe
    augment: AugmentRecipe = AugmentRecipe()
    model: ModelRecipe
    stages: list[StageRecipe]
