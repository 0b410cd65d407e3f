"""One form for every error: `{"error": {"type", "message", "code"}}`, as OpenAI's clients expect it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

log = logging.getLogger("feallm.serve")
TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "server_error",
    501: "server_error",
    503: "overloaded_error",
}
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 500: "internal"}
INTERNAL = "something went wrong here; the server's terminal says what"
RETRY = {"Retry-After": "1"}


class ErrorDetail(BaseModel):
    """`message` is one clear sentence; `code` is stable, for programs."""

    type: str
    message: str
    code: str


class ErrorAnswer(BaseModel):
    """The body of every answer with a status of 400 and more."""

    error: ErrorDetail


class ApiError(HTTPException):
    """An error that a client is told as it is."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code


def queue_full() -> ApiError:
    return ApiError(503, "queue_full", "the server has as much to do as it takes: try again in a moment", RETRY)


def stopping() -> ApiError:
    return ApiError(503, "stopping", "the server is stopping and takes nothing new", RETRY)


def internal(scope: Scope, error: Exception) -> ApiError:
    """What is told of an error that nobody expected; the terminal gets its name and words."""
    log.error("%s %s: %s: %s", scope["method"], scope["path"], type(error).__name__, error)
    log.debug("where it happened", exc_info=error)
    return ApiError(500, "internal", INTERNAL)


def error_body(error: HTTPException) -> dict[str, Any]:
    """An exception as the body that clients are told."""
    status = error.status_code
    code = error.code if isinstance(error, ApiError) else CODES.get(status, "invalid_request")
    kind = TYPES.get(status, "invalid_request_error")
    return {"error": {"type": kind, "message": str(error.detail), "code": code}}


def answer_error(error: HTTPException) -> JSONResponse:
    return JSONResponse(error_body(error), error.status_code, headers=error.headers)


def install(app: FastAPI) -> None:
    """Let `app` tell all its errors in this form."""

    @app.exception_handler(HTTPException)
    async def _told(request: Request, error: HTTPException) -> JSONResponse:
        if not isinstance(error, ApiError) and error.status_code in (404, 405):
            error.detail = _nowhere(request, error.status_code)
        if error.status_code == 405:
            error.headers = {"Allow": _allowed(error.headers or {})}
        return answer_error(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer_error(ApiError(422, "invalid_request", explain_invalid(error.errors())))

    @app.exception_handler(Exception)
    async def _internal(_: Request, __: Exception) -> JSONResponse:
        return answer_error(ApiError(500, "internal", INTERNAL))


def explain_invalid(issues: Any) -> str:
    """Pydantic's list of issues in one sentence."""
    told = []
    for issue in issues:
        where = ".".join(str(part) for part in issue["loc"] if part not in ("body", "query"))
        told.append(f"{where}: {issue['msg']}" if where else str(issue["msg"]))
    return "; ".join(dict.fromkeys(told)) or "the request is not understood"


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route for OpenAPI: these statuses and those that any request may get."""
    always = (400, 401, 403, 408, 413, 422, 429, 500, 503)
    return {
        status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase}
        for status in sorted({*always, *statuses})
    }


def _allowed(headers: Mapping[str, str]) -> str:
    """The methods of a route that came by another one; the guard answers HEAD where there is GET."""
    methods = {each.strip() for each in headers.get("Allow", "GET").split(",")}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def _nowhere(request: Request, status: int) -> str:
    path = request.url.path
    return f"there is nothing at {path}" if status == 404 else f"{path} takes no {request.method}"
