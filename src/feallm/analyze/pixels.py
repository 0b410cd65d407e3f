"""Aligned faces -> pixel_values without transformers: what `FeallmProcessor.pixels` does, in numpy.

Aligned faces have the side that the model takes, so that an image processor that resizes or crops to that side does
nothing to them; what is left is a table of 256 values a channel. Shapes: B faces, S their side in pixels.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ValidationError

from feallm.analyze.errors import CheckpointError


class ImageSettings(BaseModel):
    """What is read of a Hugging Face image processor's settings."""

    do_resize: bool = False
    size: dict[str, int] = {}
    do_center_crop: bool = False
    crop_size: dict[str, int] = {}
    do_rescale: bool = True
    rescale_factor: float = 1 / 255
    do_normalize: bool = True
    image_mean: list[float] = [0.0, 0.0, 0.0]
    image_std: list[float] = [1.0, 1.0, 1.0]
    do_pad: bool | None = None


class Preprocessing(BaseModel):
    """processor_config.json: the image processor, and how many placeholders a face has in the text."""

    image_processor: ImageSettings
    grayscale: bool = False
    num_visual_tokens: int
    use_local_token: bool = True
    num_reading_tokens: int = 0

    @classmethod
    def of(cls, folder: Path, size: int) -> "Preprocessing":
        """Raises CheckpointError: missing, damaged, or of a kind that is more than a table."""
        path = folder / "processor_config.json"
        try:
            found = cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(
                f"{path} cannot be used ({reason}): read this checkpoint with engine='torch'"
            ) from error
        images = found.image_processor
        made = (images.size if images.do_resize else {}, images.crop_size if images.do_center_crop else {})
        sides = {side for each in made for side in each.values()}
        if sides - {size} or images.do_pad:
            raise CheckpointError(
                f"{path} makes faces of {sorted(sides)} pixels where the model takes {size}, which only the torch "
                "engine does: read this checkpoint with engine='torch'"
            )
        return found

    @property
    def placeholders(self) -> str:
        """The text that stands for one face, as `FeallmProcessor.placeholders`."""
        clue = "<clue>" if self.use_local_token else ""
        return "<image>" * self.num_visual_tokens + clue + "<reading>" * self.num_reading_tokens

    def table(self) -> NDArray[np.float32]:
        """[3, 256]: what becomes of each value of each channel, in the arithmetic of transformers."""
        images = self.image_processor
        values = np.arange(256, dtype=np.float64)
        scaled = (values * images.rescale_factor if images.do_rescale else values).astype(np.float32)
        if not images.do_normalize:
            return np.repeat(scaled[None], 3, axis=0)
        mean, std = (np.array(each, np.float32)[:, None] for each in (images.image_mean, images.image_std))
        normal: NDArray[np.float32] = (scaled - mean) / std
        return normal


def to_pixels(faces: Sequence[NDArray[np.uint8]], table: NDArray[np.float32], grayscale: bool) -> NDArray[np.float32]:
    """Faces, each [S, S, 3] uint8 RGB -> pixel_values [B, 3, S, S]."""
    if grayscale:
        grey = np.stack([np.asarray(Image.fromarray(face).convert("L")) for face in faces])
        return np.stack([channel[grey] for channel in table], axis=1)
    colours = np.stack(faces)
    return np.stack([channel[colours[..., number]] for number, channel in enumerate(table)], axis=1)
