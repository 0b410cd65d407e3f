"""How an OpenAI-compatible endpoint is asked: which model, how fast, how often, how patiently."""

from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from feallm.settings import Strict


class EndpointRecipe(Strict):
    """A model behind `base_url` (with `/v1` where the server has one) and how it is asked.

    The key of an endpoint never stands in a recipe: `api_key_env` names the environment variable that holds it.
    """

    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key_env: str | None = None
    concurrency: int = Field(8, ge=1, description="requests in flight")
    timeout: float = Field(120.0, gt=0, description="seconds for one request")
    retries: int = Field(5, ge=0, description="how often a failed request is sent again")
    backoff: float = Field(1.0, ge=0, description="seconds before the first retry; they double each time")
    longest_wait: float = Field(300.0, ge=0, description="a Retry-After above this many seconds counts as a failure")
    give_up_after: int = Field(10, ge=1, description="requests that fail in a row before the endpoint counts as dead")
    max_tokens: int = Field(512, ge=1, description="tokens of one reply; thinking models need a few thousand")
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = Field(0.7, ge=0)
    seed: int | None = None
    extra: dict[str, Any] = Field(
        default_factory=dict, description="more fields of the request, or keywords of the local pipeline"
    )

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

    @field_validator("extra")
    @classmethod
    def _extra(cls, value: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(value.keys() & {"model", "messages", "stream", "n"})
        if taken:
            raise ValueError(f"{', '.join(taken)} cannot be set in extra: one whole reply is asked for, as described")
        return value
