"""Where a training run's faces and conversations come from: labelled sources, and stores that are built of them."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from feallm.data.sources import SOURCES
from feallm.settings import Strict


class SourceRecipe(Strict):
    """One data set: its loader, its folder or file, its split, and AU codes to join."""

    source: str
    path: str
    split: str = "train"
    au_codes: str | None = None
    weight: float = Field(1.0, gt=0, description="how often its faces come, beside those of the other sources")

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SOURCES:
            raise ValueError(f"unknown source {value!r}: the sources are {', '.join(SOURCES)}")
        return value


class StoreRecipe(Strict):
    """A store of conversations that `feallm data build` made; its pictures are looked for under `FEALLM_DATA`."""

    store: str = Field(description="its folder, the one with manifest.json")
    split: str = Field("train", description="rows of other splits are kept out")
    weight: float = Field(1.0, gt=0, description="how often its records come, beside those of other stores")
    sources: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="weights of single sources in it, 1 for the others; 0 keeps one out"
    )
    sha256: str | None = Field(
        None, description="of manifest.json: a store with another is refused. A run writes it into its own recipe"
    )


def _kind(entry: Any) -> str:
    told = "store" in entry if isinstance(entry, dict) else isinstance(entry, StoreRecipe)
    return "(store)" if told else "(source)"


Entry = Annotated[
    Annotated[SourceRecipe, Tag("(source)")] | Annotated[StoreRecipe, Tag("(store)")], Discriminator(_kind)
]


class DataRecipe(Strict):
    """Faces to train on. `held_back` is the share kept out, by a hash of the id, to calibrate on.

    Where `train` names stores, stages of kind "conversations" learn from theirs (without `views` or `self_training`).
    Faces come from the sources, and from the stores only where there is no source.
    """

    train: list[Entry]
    exclude_flags: tuple[str, ...] = ("near_copy_in_test", "copy")
    held_back: float = Field(0.06, ge=0.0, lt=0.5)
    coded_repeat: int = Field(2, ge=1, description="how often an AU-coded face is seen for each other face")
    sharpen: float = Field(1.0, gt=0, description="votes are raised to this power: above 1 the plurality weighs more")
    balance: float = Field(0.0, ge=0, le=1, description="0: classes as they come; 1: rare ones as often as the median")
    most_repeats: int = Field(6, ge=1, description="a rare face is seen at most this often in an epoch")
    decode: Literal["once", "on_demand"] = Field(
        "once", description="once: all pixels in memory; on_demand: from their files batch by batch, for large faces"
    )
    shuffle_buffer: int = Field(5000, ge=1, description="records of stores that wait in memory to be drawn at random")

    @property
    def sources(self) -> list[SourceRecipe]:
        return [entry for entry in self.train if isinstance(entry, SourceRecipe)]

    @property
    def stores(self) -> list[StoreRecipe]:
        return [entry for entry in self.train if isinstance(entry, StoreRecipe)]
