"""Routes that give what is read as a file: /v1/report and /v1/table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response

from feallm.analyze import FaceReading
from feallm.analyze.segments import Segment
from feallm.media import Picture
from feallm.report.html import html_report
from feallm.serve.errors import ApiError, declared
from feallm.serve.reading_routes import body_declared
from feallm.serve.service import Load, Service, while_connected
from feallm.serve.shapes import text
from feallm.serve.uploads import AnalyzeQuery, Asked, asked
from feallm.serve.videos import Clip
from feallm.tables import OutputError, write

KINDS = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
SEALED = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
"""What a report may do where a browser opens it from here: show itself."""


class ReportQuery(AnalyzeQuery):
    """`blur_faces` covers every face, beyond recovery."""

    blur_faces: bool = False


class TableQuery(AnalyzeQuery):
    """`format` of the table, as the `analyze` verb writes it."""

    format: Literal["csv", "jsonl", "json", "parquet"] = "csv"


def document_routes(service: Service) -> APIRouter:
    """The routes, answered by `service`."""
    router = APIRouter(prefix="/v1", tags=["documents"])
    refused = declared(415, 501)
    page_or_not = {200: text("text/html"), **refused}
    table_or_not = {200: text(*KINDS.values()), **refused}

    @router.post(
        "/report",
        response_class=Response,
        responses=page_or_not,
        openapi_extra=body_declared(ReportQuery),
    )
    async def report(request: Request, query: Annotated[ReportQuery, Query()]) -> Response:
        """What is read as one page that holds everything it shows."""
        async with AsyncExitStack() as stack:
            ask = await stack.enter_async_context(asked(request, query, service))
            shown = ask.how.model_copy(update={"evidence": True})
            work = _read(service, replace(ask, how=shown), stack)
            readings, pictures, metadata, segments = await while_connected(request, service, work, ask.seconds)
            page = await to_thread.run_sync(
                lambda: html_report(readings, pictures, metadata, segments=segments, blur_faces=ask.how.blur_faces)
            )
        headers = {**_attached("feallm-report.html"), "Content-Security-Policy": SEALED}
        return Response(
            page.encode("utf-8", "backslashreplace"), media_type="text/html; charset=utf-8", headers=headers
        )

    @router.post(
        "/table",
        response_class=Response,
        responses=table_or_not,
        openapi_extra=body_declared(TableQuery),
    )
    async def table(request: Request, query: Annotated[TableQuery, Query()]) -> Response:
        """What is read as a table, a row a face."""
        async with AsyncExitStack() as stack:
            ask = await stack.enter_async_context(asked(request, query, service))
            work = _read(service, ask, stack)
            readings, _, metadata, _ = await while_connected(request, service, work, ask.seconds)
        kind = ask.how.format
        data = await to_thread.run_sync(lambda: _table(readings, metadata, kind))
        return Response(data, media_type=KINDS[kind], headers=_attached(f"feallm.{kind}"))

    return router


Read = tuple[list[FaceReading], Iterator[Picture], dict[str, Any], list[Segment]]


async def _read(service: Service, ask: Asked[Any], stack: AsyncExitStack) -> Read:
    wish = ask.how.wish
    service.check(wish)
    stack.enter_context(service.reader.place())
    if ask.video is None:
        readings = await service.read(ask.loads, wish)
        return readings, _again(ask.loads), service.metadata(wish), []
    clip = stack.enter_context(closing(Clip(service, ask.video, ask.how)))
    await clip.open()
    readings = await clip.read()
    return readings, clip.key_pictures(), clip.metadata, clip.segments


def _again(loads: Sequence[Load]) -> Iterator[Picture]:
    return (load() for load in loads)


def _table(readings: Sequence[FaceReading], metadata: dict[str, Any], kind: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="feallm-") as folder:
        try:
            return write(readings, Path(folder) / f"feallm.{kind}", metadata=metadata).read_bytes()
        except OutputError as error:
            raise ApiError(501, "not_available", f"no such table can be made here: {error}") from error


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
