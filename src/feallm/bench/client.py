"""Many conversations with an OpenAI-compatible endpoint, asked at once and answered in order, within a budget.

The patience is `data.endpoint`'s: retries with backoff, Retry-After, time-outs, one event loop in a thread of its own.
Connections stay open between calls.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from concurrent.futures import Future

from PIL import Image

from feallm.bench.items import Picture
from feallm.bench.responders.responder import ResponderError
from feallm.data.briefs import Message
from feallm.data.endpoint import Endpoint, is_local
from feallm.data.endpoint_recipe import EndpointRecipe
from feallm.data.loop import Loop
from feallm.data.replies import Reply
from feallm.data.tally import OVER_BUDGET, DescribeError, RequestFailed, Tally

Conversation = tuple[Sequence[Message], str | None]
"""Messages {"role", "content"}, and a picture as a data URL (see `png_url`) that is shown with the first of them."""
SIDE = 1024
"""The longest side of a picture that is sent, in pixels; larger ones are made smaller."""
DEAD = "the endpoint stopped answering"


class Client:
    """Asks one endpoint.

    `max_requests` counts every request, retries included; `max_tokens` those asked and answered. Requests in flight
    when the tokens are spent are still answered, so that the budget is passed by `concurrency` replies at most.

    Raises:
        ResponderError: no address, or the environment variable of the key holds none.
    """

    def __init__(self, recipe: EndpointRecipe, max_requests: int | None = None, max_tokens: int | None = None) -> None:
        if recipe.base_url is None:
            raise ResponderError(
                f"where is {recipe.model!r}? Give the address of an OpenAI-compatible endpoint as base_url, such as "
                "http://localhost:8000/v1"
            )
        self.recipe = recipe
        self.tally = Tally(max_requests, max_tokens)
        try:
            self._endpoint = Endpoint(recipe, self.tally)
        except DescribeError as error:
            raise ResponderError(str(error)) from error
        self._loop: Loop | None = None
        self._over: str | None = None
        self._warned = False

    def ask(self, conversations: Sequence[Conversation]) -> list[Reply | RequestFailed]:
        """A reply, or why there is none, for each conversation.

        Raises:
            ResponderError: the endpoint is dead, refuses the key or fails every time, or the budget is spent, and
                nothing of this call was answered. Where something was, it is returned, and the next call raises.
        """
        if self._over is None:
            self._warn(conversations)
            if self._loop is None:
                self._loop = Loop(self._endpoint.close).__enter__()
            asked = [self._loop.submit(self._endpoint.ask(messages, picture)) for messages, picture in conversations]
            try:
                found = [self._result(each) for each in asked]
            finally:
                for each in asked:
                    each.cancel()  # after Ctrl-C
            if self._over is None or any(isinstance(each, Reply) for each in found):
                return found
        raise ResponderError(self._over)

    def close(self) -> None:
        """Let go of the connections; `ask` raises from then on."""
        if self._loop is not None:
            self._loop.__exit__(None, None, None)
            self._loop, self._over = None, "this client was closed"

    def _result(self, asked: Future[Reply]) -> Reply | RequestFailed:
        try:
            return asked.result()
        except RequestFailed as failed:
            if failed.reason == OVER_BUDGET:
                self._over = self._over or self._spent()
            return failed
        except DescribeError as error:
            end = "" if str(error).endswith((".", "?", "!")) else "."
            self._over = f"{error}{end} What was answered is kept: run again to go on"
            return RequestFailed(DEAD, str(error))

    def _spent(self) -> str:
        tally = self.tally
        limits = [f"max_requests={tally.budget_requests}"] if tally.budget_requests is not None else []
        limits += [f"max_tokens_total={tally.budget_tokens}"] if tally.budget_tokens is not None else []
        return (
            f"the budget is spent ({' and '.join(limits)}): {tally.requests} requests and "
            f"{tally.tokens_in + tally.tokens_out} tokens. What was answered is kept: run again, with a new budget, to "
            "go on"
        )

    def _warn(self, conversations: Sequence[Conversation]) -> None:
        url = str(self.recipe.base_url)
        if not self._warned and not is_local(url) and any(picture for _, picture in conversations):
            self._warned = True
            warnings.warn(
                f"pictures of faces are sent to {url}, which is another machine: many data sets forbid to give their "
                "pictures to third parties",
                stacklevel=3,
            )


def png_url(picture: Picture, side: int = SIDE) -> str:
    """A picture [H, W, 3] uint8 RGB as the data URL of a PNG: the same pixels, up to `side` of them a side."""
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
