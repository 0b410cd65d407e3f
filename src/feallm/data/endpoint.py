"""An OpenAI-compatible chat endpoint (vLLM, Ollama, a cloud service), asked patiently and within a budget.

One POST to `base_url/chat/completions` a reply. Time-outs, broken connections, 408, 425, 429, 5xx and replies that are
no chat completion are tried again, after `backoff`, 2 `backoff`, 4 `backoff` … seconds (drawn up to half longer), or
after what Retry-After (RFC 9110, seconds or a date) asks for, which then all requests wait for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any

import httpx
from pydantic import BaseModel, Field, ValidationError

from feallm.data.briefs import Message
from feallm.data.endpoint_recipe import EndpointRecipe
from feallm.data.replies import Reply
from feallm.data.tally import DescribeError, RequestFailed, Tally

PASSING = frozenset({408, 425, 429})
"""Statuses below 500 that another try may not meet."""
NO_CONNECTION = "no connection"
CONNECT = 10.0
"""Seconds to wait for a connection at most."""


class _Message(BaseModel):
    content: str | list[dict[str, Any]] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    """A chat completion, as far as it is read; servers add fields of their own."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _Failure(Exception):  # noqa: N818
    """One try that failed: what is counted, what is told, and whether and when to try again."""

    def __init__(self, reason: str, told: str, *, again: bool = True, wait: float | None = None) -> None:
        super().__init__(told)
        self.reason = reason
        self.told = told
        self.again = again
        self.wait = wait


def is_local(url: str) -> bool:
    """Whether an address is this very machine."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def read_key(variable: str | None) -> str | None:
    """The key in an environment variable. Raises DescribeError where there is none, or one that no header can hold."""
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise DescribeError(f"the environment variable {variable} holds no key: set it, or leave api_key_env out")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise DescribeError(f"the environment variable {variable} holds spaces or letters that are in no key")
    return key


class Endpoint:
    """Asks one endpoint, from one event loop. The key goes into the header of requests and nowhere else."""

    def __init__(self, recipe: EndpointRecipe, tally: Tally) -> None:
        self.recipe = recipe
        self.tally = tally
        self.base = str(recipe.base_url)
        self.url = f"{self.base}/chat/completions"
        self._key = read_key(recipe.api_key_env)
        self._client: httpx.AsyncClient | None = None
        self._turn = asyncio.Semaphore(recipe.concurrency)
        self._failed_in_a_row = 0
        self._answered = False
        self._dead: DescribeError | None = None
        self._not_before = 0.0
        self._rng = Random()

    async def ask(self, messages: Sequence[Message], picture: str | None) -> Reply:
        """The reply to a conversation; `picture` is a data URL shown with its first message.

        Raises:
            RequestFailed: this request came to nothing, or the budget is spent.
            DescribeError: the endpoint is dead, refuses the key, or fails every time.
        """
        async with self._turn:
            try:
                attempt = 0
                while True:
                    found = await self._try(messages, picture)
                    if isinstance(found, Reply):
                        return found
                    if not found.again or attempt == self.recipe.retries:
                        raise self._count(found)
                    await self._wait(found, attempt)
                    attempt += 1
            except DescribeError as error:
                self._dead = error
                raise

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _try(self, messages: Sequence[Message], picture: str | None) -> Reply | _Failure:
        if (pause := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        if self._dead is not None:
            raise DescribeError(str(self._dead))
        self.tally.request()
        try:
            async with asyncio.timeout(self.recipe.timeout):
                response = await self._open().post(
                    self.url, json=self._body(messages, picture), headers=self._headers()
                )
            reply = self._read(response, messages)
        except _Failure as failure:
            return failure
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return _Failure(NO_CONNECTION, self._safe(error) or "the server is silent")
        except (httpx.TimeoutException, TimeoutError):
            return _Failure("time-out", f"no answer within {self.recipe.timeout:g} s (timeout)")
        except httpx.TransportError as error:
            return _Failure("broken connection", f"the connection broke ({self._safe(error)})")
        self._failed_in_a_row = 0
        self._answered = True
        self.tally.reply(reply)
        return reply

    async def _wait(self, failure: _Failure, attempt: int) -> None:
        if failure.wait is not None:
            self._not_before = max(self._not_before, time.monotonic() + failure.wait)
        else:
            await asyncio.sleep(self.recipe.backoff * 2**attempt * self._rng.uniform(1, 1.5))

    def _count(self, failure: _Failure) -> Exception:
        """What to raise after the last try: the end of the run, or of this request only."""
        if self._dead is not None:
            return DescribeError(str(self._dead))
        if failure.reason == NO_CONNECTION:
            return DescribeError(f"the endpoint {self.base} cannot be reached: {failure.told}. Is the server running?")
        self._failed_in_a_row += 1
        if self._failed_in_a_row < self.recipe.give_up_after:
            return RequestFailed(failure.reason, failure.told)
        hint = "" if self._answered else ". Check base_url (most servers want it to end in /v1) and model"
        return DescribeError(
            f"the endpoint {self.base} failed {self._failed_in_a_row} requests in a row, last: {failure.told}{hint}"
        )

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            most = self.recipe.concurrency
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(self.recipe.timeout, connect=min(CONNECT, self.recipe.timeout)),
                limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                trust_env=not is_local(self.base),  # no proxy leads to this machine
            )
        return self._client

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"} if self._key else {}

    def _body(self, messages: Sequence[Message], picture: str | None) -> dict[str, Any]:
        sent: list[dict[str, Any]] = [dict(message) for message in messages]
        if picture is not None:
            shown = {"type": "image_url", "image_url": {"url": picture}}
            sent[0]["content"] = [shown, {"type": "text", "text": messages[0]["content"]}]
        return {"model": self.recipe.model, "messages": sent, **sampling(self.recipe)}

    def _read(self, response: httpx.Response, messages: Sequence[Message]) -> Reply:
        """The reply in a response. Raises _Failure, and DescribeError where no other request will fare better."""
        status = response.status_code
        told = f"HTTP {status} {self._safe(response.text)}".rstrip()
        if status in (401, 403):
            variable = self.recipe.api_key_env
            fix = f"check the key in {variable}" if variable else "name the variable that holds your key in api_key_env"
            raise DescribeError(f"the endpoint {self.base} refuses access ({told}): {fix}")
        if status in PASSING or status >= 500:
            reason = "too many requests" if status == 429 else f"HTTP {status}"
            wait = _retry_after(response.headers.get("retry-after"))
            too_long = wait is not None and wait > self.recipe.longest_wait
            raise _Failure(
                reason,
                told + (f", to be asked again in {wait:.0f} s" if too_long else ""),
                again=not too_long,
                wait=wait,
            )
        if status != 200:
            raise _Failure(f"HTTP {status}", told, again=False)
        try:
            found = _Completion.model_validate_json(response.content)
        except ValidationError as error:
            raise _Failure(
                "unreadable reply", f"a reply that is no chat completion: {self._safe(response.text)}"
            ) from error
        return self._reply(found, messages)

    def _reply(self, found: _Completion, messages: Sequence[Message]) -> Reply:
        content = found.choices[0].message.content or ""
        if not isinstance(content, str):
            content = "".join(str(part.get("text", "")) for part in content)
        usage = found.usage or _Usage()
        asked = sum(len(message["content"]) for message in messages)
        return Reply(
            text=self._without_key(content),
            finish=found.choices[0].finish_reason or "stop",
            tokens_in=usage.prompt_tokens if usage.prompt_tokens is not None else asked // 4,
            tokens_out=usage.completion_tokens if usage.completion_tokens is not None else len(content) // 4,
            estimated=usage.prompt_tokens is None or usage.completion_tokens is None,
        )

    def _safe(self, told: object) -> str:
        """The beginning of what a server or a library says, on one line and without the key."""
        return self._without_key(" ".join(str(told).split()))[:200]

    def _without_key(self, text: str) -> str:
        return text.replace(self._key, "[key]") if self._key else text


def sampling(recipe: EndpointRecipe) -> dict[str, Any]:
    """The fields of a request that shape the reply, besides the model and the messages."""
    fields: dict[str, Any] = {recipe.max_tokens_name: recipe.max_tokens}
    if recipe.temperature is not None:
        fields["temperature"] = recipe.temperature
    if recipe.seed is not None:
        fields["seed"] = recipe.seed
    return {**fields, **recipe.extra}


def _retry_after(value: str | None) -> float | None:
    if value is None:
        return None
    if re.fullmatch(r"\d+(\.\d*)?", value.strip()):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
