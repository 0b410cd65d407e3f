"""What answers hold, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from feallm.analyze import FaceReading


class AnalyzeAnswer(BaseModel):
    """`metadata`: how the readings were made. `segments`: for videos alone."""

    metadata: dict[str, Any]
    readings: list[FaceReading]
    segments: list[dict[str, Any]] | None = None


class WhatIfAnswer(BaseModel):
    """Shares of each emotion as seen, with the change, and the difference."""

    metadata: dict[str, Any]
    reading: FaceReading
    without: list[str]
    adding: list[str]
    emotion: str
    before: dict[str, float]
    after: dict[str, float]
    difference: dict[str, float]
    sentence: str


class Model(BaseModel):
    id: str
    object: str
    created: int
    owned_by: str


class Models(BaseModel):
    object: str
    data: list[Model]


class Health(BaseModel):
    status: str
    version: str
    model: str
    queue: int


class UnitName(BaseModel):
    name: str


class ServerLimits(BaseModel):
    """Bytes, pixels, seconds; what else a client may send."""

    max_upload: int
    max_pixels: int
    allow_urls: bool
    video: bool
    video_seconds: float


class Info(BaseModel):
    metadata: dict[str, Any]
    label_sets: dict[str, list[str]]
    action_units: dict[str, UnitName]
    limits: ServerLimits
    examples: list[str]


def text(*kinds: str) -> dict[str, Any]:
    """What is declared of an answer of one of these kinds: text, or any JSON."""
    anything: dict[str, Any] = {"schema": {}}
    words = {"schema": {"type": "string"}}
    return {"content": {kind: anything if kind == "application/json" else words for kind in kinds}}
