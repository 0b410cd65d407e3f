"""Recipes for describing: which model rewrites which answers, how fast, how often, and for how much."""

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from feallm.settings import Strict

FREE_FAMILIES = ("expression", "movements", "reason", "why_not", "discriminate", "counterfactual", "blend")
"""Families that are rewritten if the recipe does not say otherwise."""
REWRITABLE = (*FREE_FAMILIES, "area", "reading")


class DescribeRecipe(Strict):
    """A describing model and how it is asked.

    The model is that of an OpenAI-compatible endpoint (`base_url`, with `/v1` where the server has one) or, with
    `local`, a Hugging Face model run here. The key of an endpoint never stands in a recipe: `api_key_env` names the
    environment variable that holds it. `with_picture` sends each face's picture: the licences of many data sets
    forbid to give their pictures to third parties, so ask for it only where you may.
    """

    model: str = Field(min_length=1)
    base_url: str | None = None
    local: bool = False
    api_key_env: str | None = None
    cache: str = Field(min_length=1, description="the JSONL file that replies are kept in; a stopped run goes on there")
    families: tuple[str, ...] = FREE_FAMILIES
    with_picture: bool = False
    picture_side: int = Field(512, ge=16, description="the longest side of a picture that is sent, in pixels")
    tries: int = Field(3, ge=1, description="replies asked for one answer before the composed one stays")
    max_characters: int = Field(900, ge=20, description="a longer answer is not used")
    concurrency: int = Field(8, ge=1, description="requests in flight")
    timeout: float = Field(120.0, gt=0, description="seconds for one request")
    retries: int = Field(5, ge=0, description="how often a failed request is sent again")
    backoff: float = Field(1.0, ge=0, description="seconds before the first retry; they double each time")
    longest_wait: float = Field(300.0, ge=0, description="a Retry-After above this many seconds counts as a failure")
    give_up_after: int = Field(10, ge=1, description="requests that fail in a row before the endpoint counts as dead")
    budget_requests: int | None = Field(None, ge=0, description="requests of one run, retries included")
    budget_tokens: int | None = Field(None, ge=0, description="tokens of one run, asked and answered")
    max_tokens: int = Field(512, ge=1, description="tokens of one reply; thinking models need a few thousand")
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = Field(0.7, ge=0)
    seed: int | None = None
    extra: dict[str, Any] = Field(
        default_factory=dict, description="more fields of the request, or keywords of the local pipeline"
    )
    price_in: float | None = Field(None, ge=0, description="price of a million tokens asked")
    price_out: float | None = Field(None, ge=0, description="price of a million tokens answered")

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.username or parts.password or parts.query:
            raise ValueError("no user, password or query belongs in base_url: name the key's variable in api_key_env")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected an address such as http://localhost:8000/v1, got {value!r}")
        return value.rstrip("/").removesuffix("/chat/completions")

    @field_validator("families")
    @classmethod
    def _families(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in REWRITABLE:
                raise ValueError(
                    f"answers of the family {name!r} are not rewritten: choose from {', '.join(REWRITABLE)}"
                )
        return value

    @field_validator("extra")
    @classmethod
    def _extra(cls, value: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(value.keys() & {"model", "messages", "stream", "n"})
        if taken:
            raise ValueError(f"{', '.join(taken)} cannot be set in extra: one whole reply is asked for, as described")
        return value

    @model_validator(mode="after")
    def _one_model(self) -> "DescribeRecipe":
        if self.local == (self.base_url is not None):
            raise ValueError("give either base_url, for an endpoint, or local: true, for a model run here")
        return self
