"""Answers that come piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack

from fastapi import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from feallm.serve.errors import ApiError, internal
from feallm.serve.service import Service, while_connected

Pieces = AsyncGenerator[str, None]


class Streamed(StreamingResponse):
    """Pieces, and what must be given back when they end, whether or not all were sent."""

    def __init__(self, pieces: Pieces, held: AsyncExitStack, media_type: str) -> None:
        super().__init__(pieces, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._pieces = pieces
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()
            await self._held.aclose()


async def streamed(
    request: Request,
    service: Service,
    source: Pieces,
    held: AsyncExitStack,
    media_type: str,
    tell: Callable[[ApiError], str],
) -> Streamed:
    """An answer of the pieces of `source`, which owns `held` from here on.

    The first piece is waited for, so that what is refused still has its status; an error after it is told by a
    last piece.
    """
    try:
        first = await while_connected(request, service, anext(source))
    except BaseException:
        await source.aclose()
        await held.aclose()
        raise
    return Streamed(_pieces(request, first, source, tell), held, media_type)


async def _pieces(request: Request, first: str, source: Pieces, tell: Callable[[ApiError], str]) -> Pieces:
    try:
        yield first
        async for piece in source:
            yield piece
    except Exception as error:  # noqa: BLE001 half an answer must not look like a whole one
        yield tell(error if isinstance(error, ApiError) else internal(request.scope, error))
    finally:
        await source.aclose()
