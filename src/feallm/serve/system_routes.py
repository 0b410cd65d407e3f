"""Routes about the server itself: the page, models, health, metrics."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from feallm._version import __version__
from feallm.facs import ACTION_UNITS
from feallm.serve.errors import ApiError, declared
from feallm.serve.page import PAGE
from feallm.serve.service import Service
from feallm.serve.shapes import Health, Info, Model, Models, text

EXAMPLES = (
    "What emotion does it show?",
    "Why?",
    "How sure is that?",
    "Which action units are there?",
    "What do the brows do?",
    "What would change it?",
)


def system_routes(service: Service) -> APIRouter:
    """The routes, answered by `service`."""
    router = APIRouter()
    info = service.analyzer.engine.info
    about_model = {"id": info.model, "object": "model", "created": 0, "owned_by": "feallm"}

    @router.get("/", include_in_schema=False)
    async def page() -> Response:
        index = PAGE / "index.html"
        if not index.is_file():
            raise ApiError(404, "not_found", "there is no web page in this installation; /openapi.json says the rest")
        return FileResponse(index)

    @router.get("/v1/models", tags=["server"], response_model=Models, responses=declared())
    async def models() -> dict[str, Any]:
        """The one model that is loaded."""
        return {"object": "list", "data": [about_model]}

    @router.get("/v1/models/{model}", tags=["server"], response_model=Model, responses=declared(404))
    async def one_model(model: str) -> dict[str, Any]:
        """The model of this name."""
        service.check_model(model)
        return about_model

    @router.get("/v1/info", tags=["server"], response_model=Info, responses=declared())
    async def about() -> dict[str, Any]:
        """How faces are read, and what a client may send."""
        options = service.options
        return {
            "metadata": service.analyzer.metadata,
            "label_sets": service.analyzer.label_sets,
            "action_units": {unit: {"name": ACTION_UNITS[unit].name} for unit in info.action_units},
            "limits": {
                "max_upload": options.max_upload,
                "max_pixels": options.max_pixels,
                "allow_urls": options.allow_urls,
                "video": service.video,
                "video_seconds": options.max_video_seconds,
            },
            "examples": EXAMPLES,
        }

    @router.get("/healthz", tags=["server"], responses={200: {"model": Health}, **declared()}, response_model=None)
    async def healthz() -> Response:
        """Whether requests are taken: 503 while the server stops."""
        told = {
            "status": "stopping" if service.stopping else "ok",
            "version": __version__,
            "model": info.model,
            "queue": service.reader.taken,
        }
        return JSONResponse(told, 503 if service.stopping else 200)

    @router.get("/metrics", tags=["server"], responses={200: text("text/plain"), **declared()}, response_class=Response)
    async def metrics() -> Response:
        """Numbers for Prometheus."""
        return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
