"""The sixteen clue crops of the Local Clue Aggregator, as pure geometry.

The paper's figure (arXiv 2505.13419) shows sixteen crops of the face and fixes three of them: the first is
the top half, the second the top three quarters, the last the bottom-left quadrant. The other thirteen are
ours: strips along each edge at one half and three quarters, and the four corners at both sizes.

"Left" and "right" are those of the picture as it is looked at, not those of the person.
"""

from dataclasses import dataclass

HALF = 1 / 2
THREE_QUARTERS = 3 / 4


@dataclass(frozen=True)
class ClueCrop:
    """One rectangle, in fractions of the face picture from its top left corner."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise ValueError(
                f"clue crop {self.name!r}: expected 0 <= left < right <= 1 and 0 <= top < bottom <= 1, got "
                f"({self.left}, {self.top}, {self.right}, {self.bottom})"
            )


def _strip(side: str, share: float) -> ClueCrop:
    left, top, right, bottom = {
        "top": (0.0, 0.0, 1.0, share),
        "bottom": (0.0, 1 - share, 1.0, 1.0),
        "left": (0.0, 0.0, share, 1.0),
        "right": (1 - share, 0.0, 1.0, 1.0),
    }[side]
    return ClueCrop(f"{side}_{_percent(share)}", left, top, right, bottom)


def _corner(vertical: str, horizontal: str, share: float) -> ClueCrop:
    left, right = (0.0, share) if horizontal == "left" else (1 - share, 1.0)
    top, bottom = (0.0, share) if vertical == "top" else (1 - share, 1.0)
    return ClueCrop(f"{vertical}_{horizontal}_{_percent(share)}", left, top, right, bottom)


def _percent(share: float) -> int:
    return round(100 * share)


CLUE_CROPS: tuple[ClueCrop, ...] = (
    *(_strip(side, share) for side in ("top", "bottom", "left", "right") for share in (HALF, THREE_QUARTERS)),
    *(
        _corner(vertical, horizontal, share)
        for share in (THREE_QUARTERS, HALF)
        for vertical, horizontal in (
            ("top", "left"),
            ("top", "right"),
            ("bottom", "right"),
            ("bottom", "left"),
        )
    ),
)
"""The sixteen crops in the order the model numbers them (saved weights depend on it)."""


def crop_boxes(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The clue crops of a face picture of `width` x `height` pixels, as (left, top, right, bottom).

    Right and bottom are exclusive, so `picture[top:bottom, left:right]` is the crop. No box is empty.
    Raises ValueError when a side has fewer than two pixels.
    """
    if width < 2 or height < 2:
        raise ValueError(f"a face picture needs at least 2 x 2 pixels to be cut into clues, got {width} x {height}")
    return [
        (
            _pixel(crop.left, width),
            _pixel(crop.top, height),
            _pixel(crop.right, width),
            _pixel(crop.bottom, height),
        )
        for crop in CLUE_CROPS
    ]


def _pixel(fraction: float, length: int) -> int:
    """The pixel border nearest to a fraction of a side; halves go to the larger one, on every side
    alike."""
    return int(fraction * length + 0.5)
