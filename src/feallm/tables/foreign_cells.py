"""Cells of another tool's row as numbers, units, emotions and boxes. What each tool's columns are: `foreign_rows`.

A line maps the names of columns, in lower case, to cells; "" is a cell without a value.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from feallm.facs.action_units import parse_au
from feallm.facs.emotions import EMOTIONS, parse_emotion

PRESENT = 0.5
"""Probability, or strength on 0..5, from which a unit counts as present where the tool does not decide by itself."""
NAMES = (
    "input", "image", "image_path", "img_path", "path", "file", "filename", "file_name", "img", "picture",
    "input_image_path",
)  # fmt: skip
"""Columns that name a picture; the last is of LibreFace's first releases."""
FACE_RECT = ("facerectx", "facerecty", "facerectwidth", "facerectheight")
LANDMARKS = 68
Line = Mapping[str, str]
Box = tuple[float, float, float, float]


def number(line: Line, name: str) -> float | None:
    """A cell as a number, None where it is empty, "nan" or not there. Raises ValueError for anything else."""
    cell = line.get(name, "")
    if cell.lower() in ("", "nan", "none", "null"):
        return None
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(f"{name} is {cell[:40]!r}, expected a number") from error
    if not math.isfinite(value):
        raise ValueError(f"{name} is {cell}, expected a finite number")
    return value


def whole(line: Line, name: str, first: int = 0) -> int | None:
    """A cell as a whole number, counted from `first` on."""
    value = number(line, name)
    return None if value is None else int(value) - first


def units(line: Line, pattern: str, low: float, high: float) -> dict[str, float]:
    """Unit -> value of the columns that match `pattern`, in order of number. Raises ValueError outside low..high."""
    found = {}
    for name in line:
        unit = _unit(name, pattern)
        value = number(line, name) if unit else None
        if unit is None or value is None:
            continue
        if not low <= value <= high:
            raise ValueError(f"{name} is {value:g}, expected {low:g} to {high:g}")
        found[unit] = value
    return dict(sorted(found.items()))


@lru_cache(maxsize=4096)  # tables have thousands of columns, the same in every row
def _unit(name: str, pattern: str) -> str | None:
    match = re.fullmatch(pattern, name)
    return parse_au(int(match[1])) if match else None


@lru_cache(maxsize=4096)
def _emotion(name: str, prefix: str) -> str | None:
    return parse_emotion(name.removeprefix(prefix)) if name.startswith(prefix) else None


def strengths(line: Line, pattern: str) -> dict[str, float]:
    """As `units`, cut to 0..5: what regressions predict may lie a little outside."""
    return {unit: min(max(value, 0.0), 5.0) for unit, value in units(line, pattern, -math.inf, math.inf).items()}


def decided(detected: Mapping[str, float], rated: Mapping[str, float]) -> dict[str, bool]:
    """Presence as the tool decided it; of units with a strength alone, from PRESENT on."""
    by_strength = {unit: value >= PRESENT for unit, value in rated.items()}
    return dict(sorted({**by_strength, **{unit: value >= PRESENT for unit, value in detected.items()}}.items()))


def emotions(line: Line, prefix: str = "") -> dict[str, float]:
    """Emotion -> value of the columns that name one, in the order of EMOTIONS."""
    found = {}
    for name in line:
        emotion = _emotion(name, prefix)
        value = number(line, name) if emotion else None
        if emotion is not None and value is not None:
            found[emotion] = value
    return {name: found[name] for name in EMOTIONS if name in found}


def shares(values: Mapping[str, float]) -> dict[str, float]:
    """Values of 0 and more, divided by their sum; nothing for nothing. Raises ValueError for a negative one."""
    if any(value < 0 for value in values.values()):
        raise ValueError(f"emotions have negative values ({min(values.values()):g}), expected probabilities")
    total = sum(values.values())
    return {name: value / total for name, value in values.items()} if total else {}


def softmax(values: Mapping[str, float]) -> dict[str, float]:
    """Scores of any sign as shares."""
    top = max(values.values(), default=0.0)
    return shares({name: math.exp(value - top) for name, value in values.items()})


def leading(scores: Mapping[str, float]) -> str | None:
    """The emotion with the largest share, None for none."""
    return max(scores, key=lambda name: scores[name], default=None)


def named(label: str) -> str:
    """The emotion that a cell names. Raises ValueError where it names none."""
    emotion = parse_emotion(label)
    if emotion is None:
        raise ValueError(f"{label[:40]!r} is not the name of an emotion: expected one of {', '.join(EMOTIONS)}")
    return emotion


def picture(line: Line, file: Path | None = None) -> str:
    """The name that the row gives its picture, else the file's own without suffix. Raises ValueError without either."""
    found = next((line[name] for name in NAMES if line.get(name)), None)
    if found is None and file is None:
        raise ValueError(f"no picture is named: expected a column {', '.join(NAMES[:5])} …")
    return found if found is not None else str(file.stem if file else "")


def box(line: Line, names: tuple[str, str, str, str]) -> Box | None:
    """x, y, width, height in pixels; None where one of them is missing."""
    x, y, width, height = (number(line, name) for name in names)
    return None if x is None or y is None or width is None or height is None else (x, y, width, height)


def around(line: Line) -> Box | None:
    """The box around the 68 landmarks x_0 … y_67, in pixels; None where the table has none."""
    if "x_0" not in line or "y_0" not in line:
        return None
    across, down = (
        [value for place in range(LANDMARKS) if (value := number(line, f"{axis}_{place}")) is not None] for axis in "xy"
    )
    if not across or not down:
        return None
    return min(across), min(down), max(across) - min(across), max(down) - min(down)
