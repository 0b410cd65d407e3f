"""One picture of a source, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture of a source, or the reason why there is none.

    input: what the user gave, as a name: a path, a URL, or for the nameless "image[0]", "bytes[1]",
        "array[2]", where the number is the picture's place among all that `pictures` gives.
    pixels: [H, W, 3] RGB uint8, C-contiguous, a copy of its own; None when unreadable.
    error: why it is unreadable, in plain words; None when readable.
    frame, timestamp: place in a video and presentation time in seconds; None for still pictures.

    Raises ValueError where not exactly one of `pixels` and `error` is there, or the pixels have another form.
    """

    input: str
    pixels: NDArray[np.uint8] | None
    error: str | None
    frame: int | None = None
    timestamp: float | None = None

    def __post_init__(self) -> None:
        if (self.pixels is None) == (self.error is None):
            raise ValueError(f"{self.input}: a Picture has either pixels or an error")
        if self.pixels is None:
            return
        form = str(self.pixels.dtype), self.pixels.ndim, self.pixels.shape[-1], self.pixels.flags.c_contiguous
        if form != ("uint8", 3, 3, True):
            came = f"{list(self.pixels.shape)} {self.pixels.dtype}"
            raise ValueError(f"{self.input}: pixels are [H, W, 3] uint8, C-contiguous; {came} came")
