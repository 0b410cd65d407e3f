"""Build recipes: what `configs/data/*.yaml` may hold."""

import difflib
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from feallm.data.compose import FAMILIES
from feallm.data.describe_recipe import DescribeRecipe
from feallm.data.sources import SOURCES
from feallm.settings import Strict

NOT_THE_RECORDS = ("output", "engine", "workers")
"""Keys that say where and how a store is built; no record depends on them."""
HOW_ASKED = (
    "cache",
    "base_url",
    "api_key_env",
    "concurrency",
    "timeout",
    "retries",
    "backoff",
    "longest_wait",
    "give_up_after",
    "price_in",
    "price_out",
)
"""Such keys of `describe`."""


def unknown(kind: str, value: str, known: Sequence[str]) -> str:
    """ "unknown family 'reasn': did you mean 'reason'? The families are …"."""
    near = difflib.get_close_matches(value, known, n=1)
    plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
    hint = f"did you mean {near[0]!r}? The" if near else "the"
    return f"unknown {kind} {value!r}: {hint} {plural} are {', '.join(known)}"


class BuildSource(Strict):
    """One data set: its loader, its folder or file under `FEALLM_DATA`, its split, and AU codes to join."""

    source: str
    path: str
    split: str = "train"
    au_codes: str | None = None
    present_at: float | None = Field(None, gt=0, le=5, description="this source's own value of the recipe's key")

    @field_validator("source")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in SOURCES:
            raise ValueError(unknown("source", value, list(SOURCES)))
        return value

    @model_validator(mode="after")
    def _split_of_the_source(self) -> "BuildSource":
        if self.split not in SOURCES[self.source].splits:
            raise ValueError(f"{self.source}: {unknown('split', self.split, SOURCES[self.source].splits)}")
        return self


class BuildRecipe(Strict):
    """A store of instruction records: the faces, what is asked about them, and how often."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$")
    output: str
    seed: int = 0
    sources: tuple[BuildSource, ...] = Field(min_length=1)
    families: dict[str, float] = Field(
        default_factory=lambda: dict.fromkeys(FAMILIES, 1.0), description="shares of the conversation families"
    )
    records_per_face: float = Field(1.0, gt=0, description="for a face of average rarity; a fraction is drawn by lot")
    max_records: int | None = Field(None, ge=1, description="at most so many records, drawn by lot from all")
    balance: float = Field(0.0, ge=0, le=1, description="0: faces as they come; 1: rare classes as often as the median")
    most_repeats: float = Field(6.0, ge=1, description="a rare face counts at most so many times")
    present_at: float | None = Field(
        None, gt=0, le=5, description="strength from which a graded unit counts as present; any above 0 if not given"
    )
    exclude_flags: tuple[str, ...] = ("near_copy_in_test", "copy")
    describe: DescribeRecipe | None = Field(None, description="a model that rewrites the free answers")
    format: Literal["jsonl", "parquet"] = "jsonl"
    shard_size: int = Field(10_000, ge=1, description="records of one file")
    engine: Literal["local", "ray"] = "local"
    workers: int | None = Field(None, ge=1, description="processes; as many as there are processors if not given")

    @field_validator("families")
    @classmethod
    def _families(cls, value: dict[str, float]) -> dict[str, float]:
        for name, share in value.items():
            if name not in FAMILIES:
                raise ValueError(unknown("family", name, sorted(FAMILIES)))
            if share < 0:
                raise ValueError(f"the share of {name} is {share}: give 0 or more")
        used = {name: share for name, share in sorted(value.items()) if share > 0}
        if not used:
            raise ValueError("no family has a share above 0")
        return used

    def of_the_records(self) -> dict[str, Any]:
        """The keys that the records depend on: two recipes that agree in them build the same store."""
        return self.model_dump(
            mode="json", exclude={**dict.fromkeys(NOT_THE_RECORDS, True), "describe": set(HOW_ASKED)}
        )
