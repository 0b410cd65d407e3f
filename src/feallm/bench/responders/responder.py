"""What the benchmark asks of a model, whatever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field

from feallm.bench.items import Kind, Request, Response
from feallm.settings import Strict


class ResponderError(ValueError):
    """A model that cannot be used, or an endpoint that is dead; the message says why and what to do."""


class Options(Strict):
    """How a model is to be run; each responder uses what concerns it. `feallm bench run --set KEY=VALUE` sets them."""

    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = Field(16, ge=1)
    max_new_tokens: int = Field(160, ge=1)
    seed: int = 0
    label_scoring: bool = True
    detector: str = "mtcnn"
    data: str | None = None
    """Folder of the task's data, for baselines that look at its training split."""
    trained_on: tuple[str, ...] | None = None
    """Sources the model was trained on ("fer2013", "rafdb:train"); () for none of them, None: not known."""
    base_url: str | None = None
    api_key_env: str | None = None
    concurrency: int = Field(8, ge=1)
    retries: int = Field(4, ge=0)
    timeout: float = Field(120.0, gt=0)
    max_requests: int | None = Field(None, ge=1)
    max_tokens_total: int | None = Field(None, ge=1)
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the endpoint calls `max_new_tokens`."""
    temperature: float | None = 0.0
    form: str | None = None
    """Form of a table of predictions: pyfeat, openface, libreface, emotiefflib, deepface, feallm; None: found out."""


@dataclass(frozen=True)
class ResponderInfo:
    """What a run writes down about its model.

    `kinds` it can answer. `trained_on`: see `Options`. `decoding` how answers are made, for each kind that differs;
    `image_size` what it sees ("96", "native" …); `note` anything a reader of the number must know, such as which label
    set was restricted to the task's classes and renormalised. `independent`: an answer does not depend on the requests
    beside it, so that a run asks a batch that was answered in part for the rest alone (else for all of it again).
    """

    name: str
    model: str
    revision: str
    kinds: frozenset[Kind]
    decoding: Mapping[str, Any] = field(default_factory=dict)
    image_size: str = ""
    trained_on: tuple[str, ...] | None = None
    note: str = ""
    independent: bool = False


class Responder(Protocol):
    """Answers requests, in order and as many as were asked."""

    info: ResponderInfo

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        """One response a request. All requests of a call belong to one task. Raises ResponderError where going on is
        useless (a dead endpoint); a single request that fails is a response with status "failed"."""
        ...
