"""The bytes of a request: no more than is allowed, and no slower."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive

from feallm.serve.errors import ApiError, queue_full
from feallm.serve.options import JSON_BYTES, MILLION, ServeOptions

HELD = 4
"""How many bodies of the largest size may be held at once, all clients together."""
LINGER, LINGER_BYTES = 1.0, 32 * MILLION
"""How long and how far the rest of a refused body is read and thrown away, so that its sender gets to read why."""


@dataclass
class Held:
    """Bytes of all the bodies that are being received or worked on."""

    size: int = 0


class Body:
    """The `receive` of one request, counted and timed. Used in place of the server's own.

    Raises ApiError out of a call: 413 over the limit, 408 where nothing comes for `timeout` or it is not
    complete after `body_timeout`, 503 where the bodies of all clients together are too much.
    """

    def __init__(self, receive: Receive, headers: dict[bytes, bytes], options: ServeOptions, held: Held) -> None:
        self._receive = receive
        self._options = options
        self._held = held
        is_json = b"json" in headers.get(b"content-type", b"").lower()
        self._limit = min(options.max_upload, JSON_BYTES) if is_json else options.max_upload
        self._deadline = time.monotonic() + options.body_timeout
        self.size = 0
        declared = headers.get(b"content-length", b"0")
        self._declared = int(declared) if declared.isdigit() else 0
        self.complete = self._declared == 0 and b"transfer-encoding" not in headers
        self._given = False

    def check(self) -> None:
        """Refuse what is too large by its own account, before any of it is read."""
        if self._declared > self._limit:
            raise self._too_large()
        if self._held.size + self._declared > HELD * self._options.max_upload:
            raise queue_full()

    async def receive(self) -> MutableMapping[str, Any]:
        if self.complete and self._given:
            return await self._receive()  # only a disconnection can follow
        seconds = min(self._options.timeout, self._deadline - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), max(seconds, 0.0))
        except TimeoutError as error:
            raise ApiError(408, "timeout", "the body of the request did not come in time") from error
        self._given = True
        if message["type"] == "http.request":
            self._take(message)
        return message

    def release(self) -> None:
        """At the end of the request: its bytes are no longer held."""
        self._held.size -= self.size
        self.size = 0

    async def drain(self) -> None:
        """Throw away what still comes, for a moment."""
        left, more = LINGER_BYTES, True
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while more and left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    more = message.get("more_body", False)

    def _take(self, message: MutableMapping[str, Any]) -> None:
        size = len(message.get("body", b""))
        self.size += size
        self._held.size += size
        self.complete = not message.get("more_body", False)
        if self.size > self._limit:
            raise self._too_large()
        if self._held.size > HELD * self._options.max_upload:
            raise queue_full()

    def _too_large(self) -> ApiError:
        return ApiError(413, "too_large", f"the body is larger than the {self._limit / MILLION:,.6g} MB taken here")
