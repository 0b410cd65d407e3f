"""The web page: its files as they are served, and its words, taken from where the package says them.

Plain files without a build step: what is in this folder is what a browser gets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from feallm.facs import ACTION_UNITS, CODED_AUS
from feallm.report.words import HONEST, LOW_SUPPORT, NO_FACE, REPAIRED, STATUS_WORDS

__all__ = ["PAGE", "page_files", "page_words"]

PAGE = Path(__file__).parent
"""The folder with `index.html` and everything it refers to."""
WORDS = "words.json"


def page_files() -> ASGIApp:
    """What is served under /static: the files of the page, and `words.json`; compressed where the browser can."""
    return GZipMiddleware(_Files(directory=PAGE))


def page_words() -> dict[str, Any]:
    """What the page must say as the rest of the package says it: action units, statuses, notes."""
    units = {}
    for name in CODED_AUS:
        unit = ACTION_UNITS[name]
        units[name] = {"short": unit.short, "name": unit.name, "region": unit.region, "appearance": unit.appearance}
    return {
        "action_units": units,
        "statuses": STATUS_WORDS,
        "no_face": NO_FACE,
        "honest": HONEST,
        "low_support": LOW_SUPPORT,
        "repaired": REPAIRED,
    }


class _Files(StaticFiles):
    """Asked for anew each time (an unchanged file costs a 304): after an upgrade no old file meets a new one."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path == WORDS and scope["method"] in ("GET", "HEAD"):
            response = Response(json.dumps(page_words()), media_type="application/json")
        elif path.endswith((".py", ".pyc")):  # this file
            raise HTTPException(404)
        else:
            response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response
