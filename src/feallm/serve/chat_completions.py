"""POST /v1/chat/completions in OpenAI's form, answered by the same code as `feallm chat`."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from feallm.analyze import Analyzer, Chat
from feallm.media import Picture
from feallm.serve.batching import Wish
from feallm.serve.chat_wishes import refuse_unmet
from feallm.serve.errors import ApiError, declared, error_body
from feallm.serve.service import Load, Service, while_connected
from feallm.serve.shapes import text
from feallm.serve.streams import streamed
from feallm.serve.uploads import picture_load

_WORD = re.compile(r"\s*\S+")
CHUNK = "chat.completion.chunk"
LONGEST = 4000
"""Characters of the longest question."""
FIRST_QUESTION = "What emotion does the face show?"
"""What a picture without words asks."""
NO_PICTURE = (
    "there is no picture to ask about: add a content part "
    '{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,..."}}'
)


class Open(BaseModel):
    """Clients send settings that mean nothing here, such as a temperature: they are let be."""

    model_config = ConfigDict(extra="allow", frozen=True)


class ImageUrl(Open):
    url: str


class Part(Open):
    type: Literal["text", "image_url"]
    text: str | None = None
    image_url: ImageUrl | None = None


class Message(Open):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None

    @property
    def parts(self) -> Sequence[Part]:
        if isinstance(self.content, str):
            return [Part(type="text", text=self.content)]
        return self.content or []


class StreamOptions(Open):
    include_usage: bool = False


class ChatBody(Open):
    """`face`, `label_set` and `min_confidence` are ours: which face (largest first) and how it is read.

    Fields that ask for another answer than plain sentences (tools, a JSON format, log-probabilities, several answers)
    get a 400 that says what to do instead.
    """

    model: str
    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    n: Annotated[int | None, Field(ge=1)] = 1
    face: Annotated[int, Field(ge=0)] = 0
    label_set: str | None = None
    min_confidence: Annotated[float | None, Field(ge=0, le=1)] = None

    @property
    def stops(self) -> list[str]:
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [each for each in given if each]

    @property
    def most(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wish(self) -> Wish:
        return Wish(label_set=self.label_set, min_confidence=self.min_confidence)


class Usage(BaseModel):
    """Counted in words: many sentences are composed from numbers, not sampled token by token."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatAnswer(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: Usage


def chat_routes(service: Service) -> APIRouter:
    """The route, answered by `service`."""
    router = APIRouter(prefix="/v1", tags=["chat"])
    answers = {
        200: {"model": ChatAnswer, **text("text/event-stream")},
        **declared(404),
    }

    @router.post("/chat/completions", response_model=None, responses=answers)
    async def chat_completions(request: Request, body: ChatBody) -> Response:
        """Ask about one face; the last picture of the conversation is the one that is asked about."""
        service.check_model(body.model)
        service.check(body.wish)
        refuse_unmet({**(body.model_extra or {}), "n": body.n})
        question = last_question(body.messages)
        talk = _Talk(service, body, question, await picture_load(last_image(body.messages), 0, service))
        async with AsyncExitStack() as stack:
            stack.enter_context(service.reader.place())
            if body.stream:
                kind = "text/event-stream"
                return await streamed(request, service, talk.events(), stack.pop_all(), kind, _error_event)
            return JSONResponse(await while_connected(request, service, talk.answer()))

    return router


def last_image(messages: Sequence[Message]) -> str:
    """The address of the conversation's last picture. Raises ApiError 422 where there is none."""
    urls = [part.image_url.url for each in messages for part in each.parts if part.image_url is not None]
    if not urls:
        raise ApiError(422, "no_image", NO_PICTURE)
    return urls[-1]


def last_question(messages: Sequence[Message]) -> str:
    """The words of the last message, which must be the user's. Raises ApiError 422."""
    last = messages[-1]
    if last.role != "user":
        raise ApiError(422, "invalid_request", f"the last message must be the user's question, not the {last.role}'s")
    text = " ".join(part.text for part in last.parts if part.text).strip()
    if len(text) > LONGEST:
        raise ApiError(422, "invalid_request", f"the question has {len(text)} characters; {LONGEST} are read")
    return text or FIRST_QUESTION


class _Talk:
    """One question about one face, and its answer in either form."""

    def __init__(self, service: Service, body: ChatBody, question: str, load: Load) -> None:
        self._service = service
        self._body = body
        self._question = question
        self._load = load
        self._about = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": body.model}
        self._cut = Cut(body.stops, body.most)

    async def answer(self) -> dict[str, Any]:
        """The whole answer at once."""
        text = "".join([piece async for piece in self._words(await self._open())])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": self._cut.reason, "logprobs": None}
        return {**self._about, "object": "chat.completion", "choices": [choice], "usage": self._usage()}

    async def events(self) -> AsyncGenerator[str, None]:
        """Server-sent events: the role, the words as each sentence is ready, why it ends, [DONE]."""
        chat = await self._open()
        yield self._event({"role": "assistant", "content": ""})
        async with aclosing(self._words(chat)) as words:
            async for piece in words:
                yield self._event({"content": piece})
        yield self._event({}, self._cut.reason)
        if self._body.stream_options is not None and self._body.stream_options.include_usage:
            yield _event({**self._about, "object": CHUNK, "choices": [], "usage": self._usage()})
        yield "data: [DONE]\n\n"

    async def _open(self) -> Chat:
        def opened(analyzer: Analyzer, picture: Picture) -> Chat:
            try:
                return Chat(analyzer, picture, self._body.face)
            except ValueError as error:
                raise ApiError(422, "invalid_request", str(error)) from error

        return await self._service.alone(self._load, self._body.wish, opened)

    async def _words(self, chat: Chat) -> AsyncGenerator[str, None]:
        first = True
        async with aclosing(spoken(self._service, chat, self._question)) as sentences:
            async for sentence in sentences:
                for piece in self._cut.take(sentence if first else f" {sentence}"):
                    yield piece
                first = False
                if self._cut.done:
                    break
        if rest := self._cut.rest():
            yield rest

    def _usage(self) -> dict[str, int]:
        asked, answered = len(self._question.split()), self._cut.words
        return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}

    def _event(self, delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return _event({**self._about, "object": CHUNK, "choices": [choice]})


async def spoken(service: Service, chat: Chat, question: str) -> AsyncGenerator[str, None]:
    """The sentences of `Chat.ask`, said on the analyzer's thread; it falls silent where nobody listens any more."""
    loop, sentences = asyncio.get_running_loop(), asyncio.Queue[str | None]()
    silent = threading.Event()

    def speak(_: Analyzer) -> None:
        for sentence in chat.ask(question):
            if silent.is_set():
                return
            loop.call_soon_threadsafe(sentences.put_nowait, sentence)

    said = asyncio.wrap_future(service.reader.call(speak))
    said.add_done_callback(lambda _: sentences.put_nowait(None))
    try:
        while (sentence := await sentences.get()) is not None:
            yield sentence
        said.result()
    finally:
        silent.set()
        said.cancel()


class Cut:
    """A text that comes in pieces, until one of `stops` is said or `most` words are."""

    def __init__(self, stops: Sequence[str], most: int | None) -> None:
        self.words = 0
        self.reason: Literal["stop", "length"] = "stop"
        self.done = False
        self._stops = stops
        self._most = most
        self._kept = ""

    def take(self, text: str) -> Iterator[str]:
        """The words of `text` that may be said already: what could be the beginning of a stop is kept."""
        for word in _WORD.findall(text):
            if self.done:
                return
            if self.words == self._most:
                self.reason, self.done = "length", True
                return
            self.words += 1
            if said := self._say(word):
                yield said

    def rest(self) -> str:
        """What was kept, at the end."""
        rest, self._kept = self._kept, ""
        return rest

    def _say(self, word: str) -> str:
        text = self._kept + word
        ends = [text.find(stop) for stop in self._stops if stop in text]
        if ends:
            self.done, self._kept = True, ""
            return text[: min(ends)]
        begun = (size for size in range(len(text), 0, -1) if any(stop.startswith(text[-size:]) for stop in self._stops))
        size = next(begun, 0)
        self._kept = text[len(text) - size :]
        return text[: len(text) - size]


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False, allow_nan=False)}\n\n"


def _error_event(error: ApiError) -> str:
    return _event(error_body(error))
