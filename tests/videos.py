"""Short clips for tests, encoded on the spot by PyAV: a real face that moves, hides behind a bar, and gets company.

    from tests.videos import face_clip, face_frames, write_clip

`face_clip(path)` writes the clip below; `face_frames()` gives its frames as arrays; `write_clip` encodes any arrays.
Both faces are scikit-image's astronaut, the second one mirrored and darker.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from skimage import data

FACE = (slice(20, 240), slice(110, 330))
"""The astronaut's head with some room, 220 x 220 of the picture."""
BADGE = (slice(160, 220), slice(0, 80))
"""What of that is painted over: a badge on the suit that a detector takes for a small face now and then."""


def face_frames(
    count: int = 24,
    size: tuple[int, int] = (560, 270),
    hidden: tuple[int, int] = (8, 12),
    second_from: int | None = 16,
) -> Iterator[np.ndarray]:
    """`count` RGB frames [H, W, 3], `size` being width and height, at least 460 and 240.

    The head (about 90 x 115 pixels of face) drifts to the right by two pixels a frame; a grey bar covers it in the
    frames hidden[0] <= number < hidden[1]; from frame `second_from` on, a second head stands still at the right edge.
    """
    width, height = size
    room = max(1, width - 2 * 220 - 16)  # how far the first head may go; then it turns round
    head = data.astronaut()[FACE].copy()
    head[BADGE] = 112
    other = (head[:, ::-1] * 0.75).astype(np.uint8)
    for number in range(count):
        frame = np.full((height, width, 3), (96, 112, 128), np.uint8)
        drift = 2 * number % (2 * room)
        left, top = 8 + min(drift, 2 * room - drift), 20
        frame[top : top + 220, left : left + 220] = head[: height - top]
        if hidden[0] <= number < hidden[1]:
            frame[:, left + 20 : left + 200] = 90
        if second_from is not None and number >= second_from:
            frame[top : top + 220, width - 220 :] = other[: height - top]
        yield frame


def face_clip(path: Path | str, rate: int = 12, **options: object) -> Path:
    """Write the clip of `face_frames(**options)` at `rate` frames a second, and return its path.

    As it stands: 24 frames, two seconds, 560 x 270, H.264; face hidden from 0.67 s to 1.0 s, company from 1.33 s.
    """
    steady = {"sc_threshold": "0"}  # a keyframe at the start alone, whatever the encoder thinks of what happens
    return write_clip(path, face_frames(**options), rate=rate, options=steady)  # type: ignore[arg-type]


def write_clip(
    path: Path | str,
    frames: Iterable[np.ndarray],
    rate: int | Fraction = 12,
    *,
    times: Iterable[float] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    sound: float = 0.0,
    options: dict[str, str] | None = None,
    time_base: Fraction | None = None,
) -> Path:
    """Encode RGB frames [H, W, 3] into `path`, the container by its suffix; returns the path.

    times: presentation time of each frame in seconds, for a variable frame rate; otherwise number / rate.
    rotation: degrees clockwise by which a player must turn the frames (0, 90, 180, 270), as phones write them.
    sound: seconds of silence in a second stream.
    options: the encoder's, such as {"g": "12", "bf": "0"}.
    """
    import av

    tick = time_base or (Fraction(1, 90_000) if times is not None else 1 / Fraction(rate))
    with av.open(str(path), "w") as container:
        stream, audio = None, None
        moments = iter(times) if times is not None else None
        for number, pixels in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=rate, options=options or {})
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = pixel_format
                stream.codec_context.time_base = tick
                if rotation:
                    stream.set_display_rotation(-rotation)
                audio = container.add_stream("aac", rate=16_000, layout="mono") if sound else None
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            moment = next(moments) if moments is not None else number / Fraction(rate)
            picture.pts, picture.time_base = round(Fraction(moment) / tick), tick
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode(None))
        if audio is not None:
            write_silence(container, audio, sound)
    return Path(path)


def write_silence(container, stream, seconds: float) -> None:
    """Mux `seconds` of silence into an open audio stream of 16 kHz mono."""
    import av

    for start in range(0, int(seconds * 16_000), 1024):
        block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        block.rate, block.pts, block.time_base = 16_000, start, Fraction(1, 16_000)
        container.mux(stream.encode(block))
    container.mux(stream.encode(None))
