"""What a source may cost, and the reason given when a picture cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000


class UnreadableError(Exception):
    """Inside this room: one source gave no picture. Its text becomes `Picture.error`, in plain words."""


@dataclass(frozen=True)
class Limits:
    """What one picture may cost before it is refused. Raise a limit for sources you trust.

    max_pixels: width x height, checked from the header, before the picture is decoded; of a video, each frame's.
    max_bytes: size of the encoded picture, checked before all of it is read. Video files may be of any size: they
        are read as a stream.
    timeout: seconds for one URL from first connection to last byte, redirects included.
    allow_private_urls: whether a URL may lead to this machine or to its own network.
    max_redirects: how many redirects one URL may take.

    Raises ValueError when a limit is not positive (max_redirects: negative).
    """

    max_pixels: int = 100 * MILLION
    max_bytes: int = 100 * MILLION
    timeout: float = 20.0
    allow_private_urls: bool = False
    max_redirects: int = 5

    def __post_init__(self) -> None:
        for name in ("max_pixels", "max_bytes", "timeout"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Limits.{name} must be above 0, not {getattr(self, name)}")
        if self.max_redirects < 0:
            raise ValueError(f"Limits.max_redirects must be 0 or more, not {self.max_redirects}")

    def check_pixels(self, width: int, height: int) -> None:
        """Raise UnreadableError where [height, width] is empty or has more than `max_pixels` pixels."""
        if width < 1 or height < 1:
            raise UnreadableError(f"the picture has no pixels: it is {width} x {height}")
        if width * height > self.max_pixels:
            raise UnreadableError(
                f"the picture is {width} x {height}, {width * height / MILLION:,.1f} million pixels; the "
                f"limit is {self.max_pixels / MILLION:,.6g} million (Limits.max_pixels)"
            )

    def check_bytes(self, size: int) -> None:
        """Raise UnreadableError where `size` is above `max_bytes`."""
        if size > self.max_bytes:
            raise UnreadableError(
                f"more than {self.max_bytes / MILLION:,.6g} MB, the limit for one picture (Limits.max_bytes)"
            )


DEFAULT_LIMITS = Limits()
