"""One loader for every kind of source: whatever holds pictures or frames in, RGB pictures out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from . import arrays, decode, read
from .find import VIDEO_SUFFIXES, find, suffix
from .limits import DEFAULT_LIMITS, Limits, UnreadableError
from .picture import Picture
from .video import Sampling, frames

ADDRESS = re.compile(r"data:|[a-z][a-z0-9+.-]+://", re.IGNORECASE | re.ASCII)
"""How text begins that is a data URL or URL; other text is a path, a folder or a pattern."""
ACCEPTED = (
    "a path, folder, pattern, URL or data URL (str or Path), a PIL image, a numpy array, bytes, a file "
    "object, a Picture, or a list or other ordered iterable of these"
)


def is_video(source: object) -> bool:
    """Whether a source is a video file, by its name."""
    return isinstance(source, str) and suffix(source) in VIDEO_SUFFIXES and not ADDRESS.match(source)


@dataclass(frozen=True)
class _Item:
    """One picture still to be read."""

    name: str
    load: Callable[[Limits], NDArray[np.uint8]]
    numbered: bool = False


@dataclass(frozen=True)
class _Video:
    """A video file, still to be opened."""

    path: str


def pictures(source: Any, *, limits: Limits = DEFAULT_LIMITS, sampling: Sampling | None = None) -> Iterator[Picture]:
    """The pictures of a source, read one by one as they are asked for, in a stable order.

    source: a path to a picture (any suffix) or a video (by its suffix, `find.VIDEO_SUFFIXES`), a folder (all levels,
        natural order, picture suffixes, hidden names and videos skipped), a pattern ("**/*.png"; one that names its
        suffix, "*.mp4", finds videos too), an http(s) URL, a data URL; a PIL image; a numpy array (shapes and
        ranges: `arrays.from_array`; a batch [N, H, W, C] gives N); an encoded file as bytes or as an object
        with `read`; a `Picture`; or a list, tuple or other ordered iterable of any of these, nested as you like.
    sampling: which frames videos give; every frame where None.

    Every picture comes as upright RGB with transparency over white. What cannot be read (an empty folder, a pattern
    without match and None in a list included) is one Picture with the reason in `error`; the rest goes on. A
    `Picture` is ready: the same object comes out, its name kept, its pixels neither copied nor held to `limits`.

    Raises TypeError where a source is of another type: at once, or inside a generator when it is reached.
    """
    _check(source)
    return _pictures(source, limits, sampling)


def count(source: Any) -> int | None:
    """How many pictures `pictures(source)` gives, without reading any; None where only reading can tell: with a video,
    or an iterable that is no list.

    Raises TypeError as `pictures` does.
    """
    _check(source)
    if isinstance(source, list | tuple):
        counts = [1 if each is None else count(each) for each in source]
        return None if None in counts else sum(each for each in counts if each is not None)
    if _is_leaf(source):
        items = [isinstance(item, _Video) for item in _items(source)]
        return None if any(items) else len(items)
    return None


def _pictures(source: Any, limits: Limits, sampling: Sampling | None) -> Iterator[Picture]:
    place = -1
    for item in _items(source):
        if isinstance(item, _Video):
            for picture in frames(item.path, sampling, limits):
                place += 1
                yield picture
            continue
        place += 1
        if isinstance(item, Picture):
            yield item
            continue
        name = f"{item.name}[{place}]" if item.numbered else item.name
        try:
            picture = Picture(name, item.load(limits), None)
        except UnreadableError as reason:
            picture = Picture(name, None, str(reason))
        yield picture


def _check(source: Any) -> None:
    if isinstance(source, list | tuple):
        for each in source:
            if each is not None:
                _check(each)
    elif not _is_leaf(source) and (isinstance(source, Mapping | Set) or not isinstance(source, Iterable)):
        raise TypeError(f"{ACCEPTED} is expected; {type(source).__name__} came")


def _is_leaf(source: Any) -> bool:
    if isinstance(source, type):
        return False
    if isinstance(source, str | os.PathLike | Image.Image | bytes | bytearray | memoryview | Picture):
        return True
    return hasattr(source, "__array__") or callable(getattr(source, "read", None))


def _items(source: Any) -> Iterator[_Item | _Video | Picture]:
    if isinstance(source, Picture):
        yield source
    elif isinstance(source, str | os.PathLike):
        yield from _named(os.fsdecode(source), is_text=isinstance(source, str))
    elif isinstance(source, Image.Image):
        yield _Item("image", partial(decode.from_image, source), numbered=True)
    elif isinstance(source, bytes | bytearray | memoryview):
        yield _Item("bytes", partial(_decoded, lambda data, limits: bytes(data), source), numbered=True)
    elif hasattr(source, "__array__"):
        yield from _array_items(np.asarray(source))
    elif callable(getattr(source, "read", None)):
        name = getattr(source, "name", None)
        load = partial(_decoded, read.from_file, source)
        yield _Item(name, load) if isinstance(name, str) and name else _Item("file", load, numbered=True)
    else:
        _check(source)
        for each in source:
            if each is None:  # what cv2.imread gives for a file that it cannot read: one bad picture of many
                yield _Item("none", partial(_refuse, "None is no picture: was a file not read?"), numbered=True)
                continue
            _check(each)
            yield from _items(each)


def _named(name: str, is_text: bool) -> Iterator[_Item | _Video]:
    address = ADDRESS.match(name) if is_text else None
    if address is not None and address[0].lower() == "data:":
        yield _Item("data", partial(_decoded, read.from_data_url, name), numbered=True)
    elif address is not None:
        yield _Item(name, partial(_decoded, _fetch, name))
    else:
        try:
            for path in find(name):
                is_video = suffix(path) in VIDEO_SUFFIXES
                yield _Video(path) if is_video else _Item(path, partial(_decoded, read.from_path, path))
        except UnreadableError as reason:
            yield _Item(name, partial(_refuse, str(reason)))


def _array_items(array: NDArray[Any]) -> Iterator[_Item | _Video | Picture]:
    if array.ndim == 1 and array.dtype.kind in "OU":  # a table's column of paths
        yield from _items(array.tolist())
    elif array.ndim == 4 and len(array) == 0:
        yield _Item("array", partial(_refuse, "the batch holds no pictures"), numbered=True)
    else:
        for each in array if array.ndim == 4 else [array]:
            yield _Item("array", partial(arrays.from_array, each), numbered=True)


def _decoded(load: Callable[[Any, Limits], bytes], source: Any, limits: Limits) -> NDArray[np.uint8]:
    return decode.decode(load(source, limits), limits)


def _fetch(url: str, limits: Limits) -> bytes:
    if url.split(":", 1)[0].lower() not in ("http", "https"):
        raise UnreadableError(f"only http, https and data URLs are read, not {url[:40]!r}; give a file as its path")
    from .fetch import fetch  # brings the HTTP library, which local reading does without

    return fetch(url, limits)


def _refuse(reason: str, limits: Limits) -> NDArray[np.uint8]:
    raise UnreadableError(reason)
