"""The ASGI application: routes, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from feallm._version import __version__
from feallm.serve import errors
from feallm.serve.chat_completions import chat_routes
from feallm.serve.documents import document_routes
from feallm.serve.guard import Guard
from feallm.serve.page import page_files
from feallm.serve.reading_routes import reading_routes
from feallm.serve.service import Service
from feallm.serve.system_routes import system_routes

DESCRIPTION = (
    "Reads faces: the emotion shown, the facial action units that make it, and why. A face shows an expression, "
    "not what a person feels: no use for decisions about people. Pictures stay in memory and are not stored."
)


def make_app(service: Service) -> ASGIApp:
    """Everything that `feallm serve` answers. The service is closed when the application ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="FEALLM",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # both load their scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    errors.install(app)
    app.include_router(reading_routes(service))
    app.include_router(chat_routes(service))
    app.include_router(document_routes(service))
    app.include_router(system_routes(service))
    app.mount("/static", page_files(), name="static")
    guarded: ASGIApp = Guard(app, service)
    if service.options.cors:
        guarded = CORSMiddleware(
            guarded,
            allow_origins=service.options.cors,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Authorization", "Content-Type"),
        )
    return guarded
