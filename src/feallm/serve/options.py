"""What a server is told when it starts: who may ask it, how much, and who reads."""

from __future__ import annotations

import ipaddress
from functools import cached_property

from pydantic import Field, field_validator

from feallm.media import Limits
from feallm.settings import Strict

MILLION = 1_000_000
JSON_BYTES = 64 * MILLION
"""Largest JSON body: it is held in memory, pictures within it in base64."""


class ServeOptions(Strict):
    """Options of `feallm serve`; the command line says what they mean. Bytes and seconds."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    model: str | None = None
    device: str = "auto"
    detector: str = "mtcnn"
    label_set: str | None = None
    min_confidence: float = 0.0
    batch_size: int = Field(default=16, ge=1)
    api_key: str | None = Field(default=None, min_length=1, repr=False)
    cors: tuple[str, ...] = ()
    allow_urls: bool = False
    allow_hosts: tuple[str, ...] = ()
    max_upload: int = Field(default=200 * MILLION, gt=0)
    max_pixels: int = Field(default=50 * MILLION, gt=0)
    max_video_seconds: float = Field(default=600.0, gt=0)
    queue: int = Field(default=64, ge=1)
    rate: str | None = None
    timeout: float = Field(default=10.0, gt=0)
    body_timeout: float = Field(default=120.0, gt=0)
    answer_timeout: float = Field(default=120.0, gt=0)
    stop_timeout: float = Field(default=60.0, gt=0)

    @field_validator("rate")
    @classmethod
    def _known_rate(cls, rate: str | None) -> str | None:
        from limits import parse_many

        try:
            if rate is not None:
                parse_many(rate)
        except ValueError as error:
            raise ValueError(f"{rate!r} is no rate: give one such as 60/minute or 5/second") from error
        return rate

    @field_validator("cors")
    @classmethod
    def _plain_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, _, rest = origin.partition("://")
            if origin != "*" and (scheme not in ("http", "https") or not rest or "/" in rest):
                raise ValueError(f"{origin!r} is no origin: give one such as https://lab.example.org, without a path")
        return origins

    @cached_property
    def limits(self) -> Limits:
        """What one picture may cost."""
        return Limits(max_pixels=self.max_pixels, max_bytes=self.max_upload)

    @cached_property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
