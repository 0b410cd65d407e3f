"""A Hugging Face chat model run on this machine, in the place of an endpoint. Imports transformers when first asked."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from feallm.data.briefs import Message
from feallm.data.describe_recipe import DescribeRecipe
from feallm.data.replies import Reply
from feallm.data.tally import DescribeError, Tally


class LocalModel:
    """A `text-generation` pipeline, or `image-text-to-text` where pictures are shown. One reply at a time."""

    def __init__(self, recipe: DescribeRecipe, tally: Tally) -> None:
        self.recipe = recipe
        self.tally = tally
        self._pipe: Any = None
        self._turn = asyncio.Semaphore(1)

    async def ask(self, messages: Sequence[Message], picture: str | None) -> Reply:
        """The reply to a conversation. Raises RequestFailed over the budget, DescribeError where no model loads."""
        async with self._turn:
            self.tally.request()
            reply = await asyncio.to_thread(self._generate, messages, picture)
            self.tally.reply(reply)
            return reply

    async def close(self) -> None:
        self._pipe = None

    def _generate(self, messages: Sequence[Message], picture: str | None) -> Reply:
        pipe = self._load()
        temperature = self.recipe.temperature
        sampled = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        wishes = {"max_new_tokens": self.recipe.max_tokens, "return_full_text": False, **sampled}
        if self.recipe.seed is not None:
            from transformers import set_seed

            set_seed(self.recipe.seed)
        given: list[dict[str, Any]] = [dict(message) for message in messages]
        if self.recipe.with_picture:
            for message in given:
                message["content"] = [{"type": "text", "text": message["content"]}]
            if picture is not None:
                given[0]["content"].insert(0, {"type": "image", "image": _decode(picture)})
            found = pipe(text=given, **wishes)
        else:
            found = pipe(given, **wishes)
        text = str(found[0]["generated_text"])
        count = len(pipe.tokenizer(text)["input_ids"])
        asked = sum(len(message["content"]) for message in messages)
        finish = "length" if count >= self.recipe.max_tokens else "stop"
        return Reply(text, finish, asked // 4, count, estimated=True)

    def _load(self) -> Any:
        if self._pipe is None:
            from transformers import pipeline

            task = "image-text-to-text" if self.recipe.with_picture else "text-generation"
            try:
                self._pipe = pipeline(task, model=self.recipe.model, **self.recipe.extra)
            except (OSError, ValueError, ImportError) as error:
                raise DescribeError(
                    f"the model {self.recipe.model!r} cannot be loaded for {task}: {' '.join(str(error).split())[:300]}"
                ) from error
        return self._pipe


def _decode(url: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    image.load()
    return image
