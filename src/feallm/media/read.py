"""Encoded bytes from a file, a file object or a data URL, never more than the limit."""

from __future__ import annotations

import base64
import binascii
import io
import os
from typing import Any
from urllib.parse import unquote_to_bytes

from .find import VIDEO_SUFFIXES, suffix
from .limits import Limits, UnreadableError

VIDEO = "a video: it is read from a file on this machine, named as a video (clip.mp4); save it so and give its path"
BLOCK = 1 << 20


def from_path(path: str, limits: Limits) -> bytes:
    """The bytes of the file at `path`.

    Raises UnreadableError: a folder, a video by its suffix, not to be opened, over max_bytes.
    """
    if os.path.isdir(path):
        raise UnreadableError("the folder cannot be listed: check its permissions")
    if suffix(path) in VIDEO_SUFFIXES:
        raise UnreadableError(VIDEO)
    try:
        with open(path, "rb") as file:
            limits.check_bytes(os.fstat(file.fileno()).st_size)
            return from_file(file, limits)
    except OSError as error:
        raise UnreadableError(f"the file cannot be opened: {error.strerror or error}") from error


def from_file(file: Any, limits: Limits) -> bytes:
    """What `file.read` still gives, from where the file stands.

    Raises UnreadableError: opened as text, closed or failing, over max_bytes.
    """
    if isinstance(file, io.TextIOBase):
        raise UnreadableError("the file object gives text: open the file with mode 'rb'")
    data = bytearray()
    while True:
        try:
            block = file.read(min(BLOCK, limits.max_bytes + 1 - len(data)))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UnreadableError(f"the file object cannot be read: {error}") from error
        if block is not None and not isinstance(block, bytes | bytearray | memoryview):
            raise UnreadableError(f"read() must give bytes; it gave {type(block).__name__}")
        if not block:
            return bytes(data)
        data += block
        limits.check_bytes(len(data))


def from_data_url(url: str, limits: Limits) -> bytes:
    """The bytes inside `data:[type][;base64],...` (RFC 2397).

    Raises UnreadableError: no comma, broken base64, over max_bytes.
    """
    head, comma, body = url.partition(",")
    if not comma:
        raise UnreadableError("the data URL has no comma: data:image/png;base64,... is expected")
    limits.check_bytes(len(body) // 4)  # neither base64 nor percent text holds less
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    plain = b"".join(unquote_to_bytes(body).split()).translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise UnreadableError(f"the data URL's base64 is broken: {error}") from error
