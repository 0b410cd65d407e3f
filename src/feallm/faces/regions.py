"""Where in the aligned face each action unit is seen, and where to hide as much that is not it.

Boxes are (left, top, right, bottom) in fractions of the crop of `align_face`, after the places that FACS gives for each
unit's appearance changes and the template's five points. "Left" is that of the picture.
"""

Box = tuple[float, float, float, float]


def _both(left: float, top: float, right: float, bottom: float) -> tuple[Box, ...]:
    return ((left, top, right, bottom), (round(1 - right, 3), top, round(1 - left, 3), bottom))


_BROWS = _both(0.14, 0.14, 0.47, 0.36)
_EYES = _both(0.17, 0.30, 0.47, 0.48)
_CORNERS = _both(0.20, 0.66, 0.44, 0.88)
_LIPS: tuple[Box, ...] = ((0.28, 0.68, 0.72, 0.90),)
_JAW: tuple[Box, ...] = ((0.26, 0.70, 0.74, 1.0),)

AU_REGIONS: dict[str, tuple[Box, ...]] = {
    "AU01": ((0.28, 0.10, 0.72, 0.36),),
    "AU02": _both(0.08, 0.10, 0.38, 0.36),
    "AU04": _BROWS,
    "AU05": _EYES,
    "AU06": _both(0.08, 0.36, 0.42, 0.62),
    "AU07": _EYES,
    "AU09": ((0.34, 0.33, 0.66, 0.62),),
    "AU10": ((0.30, 0.58, 0.70, 0.78),),
    "AU12": _CORNERS,
    "AU14": _CORNERS,
    "AU15": _CORNERS,
    "AU16": ((0.32, 0.76, 0.68, 0.94),),
    "AU17": ((0.32, 0.82, 0.68, 1.0),),
    "AU20": _LIPS,
    "AU23": _LIPS,
    "AU24": _LIPS,
    "AU25": _LIPS,
    "AU26": _JAW,
    "AU27": _JAW,
    "AU43": _EYES,
}
"""Action unit -> the boxes that carry it: one, or one on each side."""


def control_boxes(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    """As many boxes of the same size at another height of the face: mirrored top to bottom, or else at an edge.

    The first of these places is taken that covers none of `boxes`.
    """
    top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
    height = bottom - top
    for start in (1 - bottom, 0.0, 1 - height):
        if start >= bottom or start + height <= top:
            return tuple((left, box_top - top + start, right, low - top + start) for left, box_top, right, low in boxes)
    raise ValueError(f"no place of the face is free beside {boxes}: a region may be at most half as high as the face")
