"""From a request to pictures and what is wanted of them: multipart forms, or JSON with data URLs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Generic, TypeVar

from anyio import to_thread
from fastapi import Request
from pydantic import Field, ValidationError
from starlette.datastructures import FormData, UploadFile

from feallm.media import Limits, Picture, pictures
from feallm.media.fetch import fetch
from feallm.media.find import VIDEO_SUFFIXES, suffix
from feallm.media.limits import UnreadableError
from feallm.serve.batching import Wish
from feallm.serve.errors import ApiError, explain_invalid
from feallm.serve.service import Load, Service
from feallm.settings import Strict

Query = TypeVar("Query", bound="AnalyzeQuery")
Model = TypeVar("Model", bound=Strict)
MOST_FILES = 64
VIDEO_TIMEOUT = 3600.0
"""Seconds after which a video that is not streamed is given up."""
FORM = "multipart/form-data"
EXPECTED = "send multipart/form-data with a field `file`, or JSON with an `image` as a data URL"


class AnalyzeQuery(Strict):
    """How faces are to be read; also as fields of the form or of the JSON body, which come first.

    `fps`, `start` and `end` (seconds) are for videos: which frames are read, five a second if nothing is said.
    """

    explain: bool = True
    evidence: bool = False
    label_set: str | None = None
    min_confidence: Annotated[float | None, Field(ge=0, le=1)] = None
    fps: Annotated[float | None, Field(ge=0.001, le=60)] = None
    start: Annotated[float | None, Field(ge=0)] = None
    end: Annotated[float | None, Field(gt=0)] = None

    @property
    def wish(self) -> Wish:
        return Wish(self.explain, self.evidence, self.label_set, self.min_confidence)


class Images(Strict):
    """`image` or `images`: data URLs, or addresses where the server was told to allow them."""

    image: str | None = None
    images: Annotated[list[str] | None, Field(min_length=1, max_length=MOST_FILES)] = None

    @property
    def given(self) -> list[str]:
        return [*([] if self.image is None else [self.image]), *(self.images or [])]


@dataclass(frozen=True)
class Upload:
    """One file of a form, under its own name, in the form that `media.pictures` reads."""

    name: str
    file: Any
    is_video: bool

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.file.read(size)
        return data


@dataclass(frozen=True)
class Asked(Generic[Query]):
    """What a request wants: pictures to load, or one video, and how to read them."""

    loads: Sequence[Load]
    video: Upload | None
    how: Query

    @property
    def seconds(self) -> float | None:
        """How long the answer may take; None is what the server's options say."""
        return None if self.video is None else VIDEO_TIMEOUT


@asynccontextmanager
async def asked(request: Request, query: Query, service: Service) -> AsyncIterator[Asked[Query]]:
    """The request's pictures; its files are closed at the end of the block.

    Raises ApiError: 400 for a broken body, 415 for another kind of body, 422 for fields that cannot be used.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == FORM:
        async with request.form(max_files=MOST_FILES, max_fields=32) as form:
            uploads = _uploads(form)
            fields = {key: value for key, value in form.multi_items() if isinstance(value, str) and value != ""}
            loads: list[Load] = [partial(load_upload, each, service.options.limits) for each in uploads]
            yield Asked(loads, _video(uploads), _merged(query, fields))
    elif kind == "application/json" or kind.endswith("+json"):
        fields = _mapping(await request.body())
        images = _valid(Images, {key: fields.pop(key) for key in tuple(Images.model_fields) if key in fields})
        if not images.given:
            raise ApiError(422, "invalid_request", f"there is no picture: {EXPECTED}")
        loads = [await picture_load(url, place, service) for place, url in enumerate(images.given)]
        yield Asked(loads, None, _merged(query, fields))
    else:
        raise ApiError(415, "invalid_request", f"the body is {kind or 'of no stated type'}: {EXPECTED}")


async def picture_load(url: str, place: int, service: Service) -> Load:
    """How to load the picture at a data URL, or at an address where that is allowed, which is fetched here.

    Raises ApiError 422 for anything else: paths of this machine are nobody's business.
    """
    limits, scheme = service.options.limits, url[:11].lower()
    if scheme == "data:video/":
        raise ApiError(422, "invalid_request", "send a video as a file of a form, not as a data URL")
    if scheme.startswith("data:"):
        return partial(_load, url, f"image[{place}]", limits)
    if not scheme.startswith(("http://", "https://")):
        raise ApiError(422, "invalid_request", f"{url[:40]!r} is no data URL such as data:image/jpeg;base64,...")
    if not service.options.allow_urls:
        raise ApiError(422, "invalid_request", "this server fetches no addresses (--allow-urls): send a data URL")
    try:
        data = await to_thread.run_sync(fetch, url, limits, limiter=service.fetches)
    except UnreadableError as error:
        unread = Picture(url, None, str(error))
        return lambda: unread
    return partial(_load, data, url, limits)


def load_upload(upload: Upload, limits: Limits) -> Picture:
    """The picture in an uploaded file; it may be read again."""
    upload.file.seek(0)
    return _load(upload, upload.name, limits)


def _load(source: Any, name: str, limits: Limits) -> Picture:
    (picture,) = pictures([source], limits=limits)
    return replace(picture, input=name)


def _uploads(form: FormData) -> list[Upload]:
    files = form.getlist("file")
    if not files:
        raise ApiError(422, "invalid_request", f"there is no picture: {EXPECTED}")
    if any(isinstance(each, str) for each in files):
        raise ApiError(422, "invalid_request", "the field `file` must be a file with a file name, not text")
    return [
        Upload(name := each.filename or f"file[{place}]", each.file, _is_video(name, each.content_type))
        for place, each in enumerate(files)
        if isinstance(each, UploadFile)
    ]


def _is_video(name: str, kind: str | None) -> bool:
    return suffix(name) in VIDEO_SUFFIXES or (kind or "").startswith("video/")


def _video(uploads: Sequence[Upload]) -> Upload | None:
    if not any(each.is_video for each in uploads):
        return None
    if len(uploads) > 1:
        raise ApiError(422, "invalid_request", "send a video alone, not with other files")
    return uploads[0]


def _mapping(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "invalid_request", f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ApiError(422, "invalid_request", f"a JSON object is expected; {type(found).__name__} came")
    return found


def _merged(query: Query, fields: dict[str, Any]) -> Query:
    return _valid(type(query), {**query.model_dump(exclude_unset=True), **fields})


def _valid(kind: type[Model], fields: dict[str, Any]) -> Model:
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise ApiError(422, "invalid_request", explain_invalid(error.errors())) from error
