"""The picture of a face as it is shown to a describing model."""

import base64
import io

from PIL import Image

from feallm.data.records import LabelledFace

MARGIN = 0.25
"""How much of the face box's sides is shown around it."""


def data_url(face: LabelledFace, side: int) -> str:
    """The face with a margin, no side longer than `side` pixels, as the data URL of a JPEG.

    Other people in the picture stay out as far as the box allows. Raises OSError where the picture cannot be read.
    """
    image = Image.fromarray(face.picture())
    if face.box is not None:
        x, y, width, height = face.box
        left, top = max(0, x - MARGIN * width), max(0, y - MARGIN * height)
        right, bottom = x + (1 + MARGIN) * width, y + (1 + MARGIN) * height
        image = image.crop((int(left), int(top), min(image.width, int(right)), min(image.height, int(bottom))))
    image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=92)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
