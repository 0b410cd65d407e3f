"""FeallmProcessor: aligned faces and conversations -> model inputs.

The text of a face begins with its placeholders, `num_visual_tokens` times the image token and, where the model has
them, one clue token and `num_reading_tokens` times the reading token; then the conversation in the tokenizer's chat
template.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers import BatchFeature
from transformers.processing_utils import ProcessorMixin

IMAGE_TOKEN = "<image>"
CLUE_TOKEN = "<clue>"
READING_TOKEN = "<reading>"
Conversation = Sequence[dict[str, str]]


class FeallmProcessor(ProcessorMixin):
    """Image processor and tokenizer in one, with what the model needs between them.

    `grayscale` turns colour faces grey before the image processor (FEALLM-tiny learned from grey pictures).
    """

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        num_visual_tokens: int = 1,
        use_local_token: bool = True,
        num_reading_tokens: int = 0,
        grayscale: bool = False,
        chat_template: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_visual_tokens = num_visual_tokens
        self.use_local_token = use_local_token
        self.num_reading_tokens = num_reading_tokens
        self.grayscale = grayscale
        self.image_token = IMAGE_TOKEN
        self.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
        self.clue_token_id = tokenizer.convert_tokens_to_ids(CLUE_TOKEN)
        self.reading_token_id = tokenizer.convert_tokens_to_ids(READING_TOKEN)
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    @property
    def placeholders(self) -> str:
        """The text that stands for one face: [V] [F_local] [F_read]."""
        clue = CLUE_TOKEN if self.use_local_token else ""
        return IMAGE_TOKEN * self.num_visual_tokens + clue + READING_TOKEN * self.num_reading_tokens

    def expand(self, text: str) -> str:
        """Put the placeholders of one face at the front; a text that already names `<image>` once has it expanded.

        One that has all placeholders is returned as it is.
        """
        if self.placeholders in text:
            return text
        if text.count(IMAGE_TOKEN) == 1:
            return text.replace(IMAGE_TOKEN, self.placeholders)
        return text if IMAGE_TOKEN in text else self.placeholders + text

    def pixels(self, images: Any) -> Any:
        """Faces ([H, W, 3] uint8 arrays or PIL pictures, or one) -> pixel_values [B, 3, S, S]."""
        faces = list(images) if isinstance(images, (list, tuple)) else [images]
        ready = [_grey(face) if self.grayscale else face for face in faces]
        return self.image_processor(ready, return_tensors="pt")["pixel_values"]

    def chat(self, conversations: Sequence[Conversation]) -> list[str]:
        """Conversations of `{"role", "content"}` turns -> texts with placeholders in front; the assistant is next."""
        texts = self.tokenizer.apply_chat_template(
            [list(turns) for turns in conversations], tokenize=False, add_generation_prompt=True
        )
        return [self.placeholders + text for text in texts]

    def __call__(self, images: Any = None, text: Any = None, **kwargs: Any) -> BatchFeature:
        """Faces and/or texts -> `pixel_values`, `input_ids`, `attention_mask` (padding on the left, for generation).

        Raises:
            ValueError: neither faces nor text, or not one text for each face.
        """
        if images is None and text is None:
            raise ValueError("give faces, text, or both")
        data: dict[str, Any] = {}
        if images is not None:
            data["pixel_values"] = self.pixels(images)
        if text is not None:
            texts = [text] if isinstance(text, str) else list(text)
            if images is not None:
                if len(texts) != len(data["pixel_values"]):
                    raise ValueError(f"{len(data['pixel_values'])} faces but {len(texts)} texts: give one text a face")
                texts = [self.expand(t) for t in texts]
            options = {"padding": True, "padding_side": "left", "add_special_tokens": False, **kwargs}
            options.setdefault("return_tensors", "pt")
            encoded = self.tokenizer(texts, **options)
            data |= {key: encoded[key] for key in ("input_ids", "attention_mask")}
        return BatchFeature(data=data)

    @property
    def model_input_names(self) -> list[str]:
        return ["pixel_values", "input_ids", "attention_mask"]


def _grey(face: Any) -> NDArray[np.uint8]:
    """Rec. 601 luma repeated over three channels: [H, W, 3] -> [H, W, 3]."""
    picture = face if isinstance(face, Image.Image) else Image.fromarray(face)
    return np.repeat(np.asarray(picture.convert("L"))[:, :, None], 3, axis=2)
