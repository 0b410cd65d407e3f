"""Routes that read faces: /v1/analyze and /v1/whatif."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from feallm.analyze import Analyzer, WhatIf
from feallm.analyze.effects import parse_change, what_ifs
from feallm.analyze.statements import tell_what_if
from feallm.media import Picture
from feallm.serve.batching import Wish
from feallm.serve.errors import ApiError, declared, error_body
from feallm.serve.service import Service, readable, while_connected
from feallm.serve.shapes import AnalyzeAnswer, WhatIfAnswer, text
from feallm.serve.streams import streamed
from feallm.serve.uploads import MOST_FILES, AnalyzeQuery, Asked, Images, asked, picture_load
from feallm.serve.videos import Clip
from feallm.settings import Strict

NDJSON = "application/x-ndjson"
FILES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "minItems": 1,
    "maxItems": MOST_FILES,
}


def body_declared(query: type[AnalyzeQuery]) -> dict[str, Any]:
    """A form with files or JSON, for OpenAPI: FastAPI declares one of the two alone."""
    fields = query.model_json_schema()
    form = {**fields, "required": ["file"], "properties": {"file": FILES, **fields["properties"]}}
    images = Images.model_json_schema()["properties"]
    body = {**fields, "properties": {**images, **fields["properties"]}}
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": body}}
    return {"requestBody": {"required": True, "content": content}}


class WhatIfBody(Strict):
    """`without` and `adding`: action units in any usual form, such as "AU04", "AU4" or "brow lowerer"."""

    image: str
    face: Annotated[int, Field(ge=0)] = 0
    without: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    adding: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    label_set: str | None = None


def reading_routes(service: Service) -> APIRouter:
    """The routes, answered by `service`."""
    router = APIRouter(prefix="/v1", tags=["reading"])

    @router.post(
        "/analyze",
        response_model=None,
        responses={
            200: {"model": AnalyzeAnswer, **text(NDJSON)},
            **declared(415, 501),
        },
        openapi_extra=body_declared(AnalyzeQuery),
    )
    async def analyze(request: Request, query: Annotated[AnalyzeQuery, Query()]) -> Response:
        """Read the faces in pictures: emotions, action units, explanations."""
        async with AsyncExitStack() as stack:
            ask = await stack.enter_async_context(asked(request, query, service))
            wish = ask.how.wish
            service.check(wish)
            stack.enter_context(service.reader.place())  # not before: who sends slowly must not hold one
            lines, whole = partial(_picture_lines, service, ask), partial(_picture_whole, service, ask)
            if ask.video is not None:
                clip = stack.enter_context(closing(Clip(service, ask.video, ask.how)))
                lines, whole = partial(_clip_lines, clip), partial(_clip_whole, clip)
            if NDJSON in request.headers.get("accept", ""):
                return await streamed(request, service, lines(), stack.pop_all(), NDJSON, _error_line)
            return await while_connected(request, service, whole(), ask.seconds)

    @router.post("/whatif", response_model=None, responses={200: {"model": WhatIfAnswer}, **declared()})
    async def whatif(request: Request, body: WhatIfBody) -> Response:
        """The emotions of one face, with action units taken out of the evidence or put into it."""
        wish = Wish(label_set=body.label_set)
        service.check(wish)

        def changed(analyzer: Analyzer, picture: Picture) -> WhatIf:
            try:
                change = parse_change(body.without, body.adding, analyzer.engine.info.action_units)
                look = analyzer.look(picture, body.face)
            except ValueError as error:
                raise ApiError(422, "invalid_request", str(error)) from error
            return what_ifs(analyzer.engine, look.encoded, look.reading, [change])[0]

        load = await picture_load(body.image, 0, service)
        with service.reader.place():
            work = service.alone(load, wish, changed)
            found = await while_connected(request, service, work)
        return JSONResponse({"metadata": service.metadata(wish), **_whatif(found)})

    return router


def _whatif(found: WhatIf) -> dict[str, Any]:
    return {
        "reading": found.reading.to_dict(),
        "without": list(found.without),
        "adding": list(found.adding),
        "emotion": found.emotion,
        "before": found.reading.emotion_scores,
        "after": found.emotion_scores,
        "difference": found.difference,
        "sentence": tell_what_if(found) if found.without or found.adding else "",
    }


async def _picture_whole(service: Service, ask: Asked[AnalyzeQuery]) -> Response:
    readings = await service.read(ask.loads, ask.how.wish)
    return JSONResponse({"metadata": service.metadata(ask.how.wish), "readings": [each.to_dict() for each in readings]})


async def _picture_lines(service: Service, ask: Asked[AnalyzeQuery]) -> AsyncGenerator[str, None]:
    """How it is read, numbers, the same readings with words, the end."""
    wish = ask.how.wish
    slots = readable(await service.find(ask.loads, wish))
    yield _line({"type": "metadata", "metadata": service.metadata(wish)})
    readings = await service.fill(slots, replace(wish, explain=False, evidence=False))
    for reading in readings:
        yield _line({"type": "reading", "reading": reading.to_dict()})
    if wish.explain or wish.evidence:
        faces = [replace(slot, reading=reading) for slot, reading in zip(slots, readings, strict=True) if slot.found]
        for reading in await service.fill(faces, replace(wish, numbered=True)):
            yield _line({"type": "reading", "reading": reading.to_dict()})
    yield _line({"type": "done", "readings": len(slots)})


async def _clip_whole(clip: Clip) -> Response:
    await clip.open()
    rows = await clip.read()

    def told() -> str:  # thousands of rows, one by one in a thread: other clients must not wait for them
        around = _line({"metadata": clip.metadata, "segments": [each.to_dict() for each in clip.segments]})
        return f'{{"readings": [{",".join(each.to_json() for each in rows)}], {around[1:]}'

    return Response(await to_thread.run_sync(told), media_type="application/json")


async def _clip_lines(clip: Clip) -> AsyncGenerator[str, None]:
    """How it is read, a line a face a frame with how far that is, then the segments with their words."""
    end, number = await clip.open(), 0
    yield _line({"type": "metadata", "metadata": clip.metadata})
    async with aclosing(clip.steps()) as steps:
        async for batch in steps:
            number += len(batch)
            lines = [_line({"type": "reading", "reading": reading.to_dict()}) for reading in batch]
            lines.append(_line({"type": "progress", "seconds": batch[-1].timestamp, "of": end}))
            yield "".join(lines)
    for segment in clip.segments:
        yield _line({"type": "segment", "segment": segment.to_dict()})
    yield _line({"type": "done", "readings": number})


def _error_line(error: ApiError) -> str:
    return _line({"type": "error", **error_body(error)})


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
