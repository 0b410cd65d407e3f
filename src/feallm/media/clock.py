"""Times that people type and read: "95.5", "1:35", "2:59:00" <-> seconds."""

from __future__ import annotations

import math
import re

FORMS = "seconds (95.5), minutes:seconds (1:35) or hours:minutes:seconds (2:59:00)"
TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?|[.,]\d+)", re.ASCII)


def seconds(text: str) -> float:
    """The seconds that a time stands for: "95.5", "1:35", "1:35.25", "2:59:00"; a comma serves as the point too.

    Raises ValueError for anything else: another form, minutes or seconds of 60 and more behind a colon.
    """
    match = TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"a time is {FORMS}; {text!r} came")
    hours, minutes, rest = match[1], match[2], float(match[3].replace(",", "."))
    for name, value, above in (("minutes", float(minutes or 0), hours), ("seconds", rest, minutes)):
        if above is not None and value >= 60:
            raise ValueError(f"a time is {FORMS}, with {name} below 60 behind a colon; {text!r} came")
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + rest


def clock(time: float) -> str:
    """Seconds as people read them, to the tenth: "0:05.0", "1:35.2", "2:59:00.0"; for sentences, never for tables."""
    tenths = math.floor(max(0.0, time) * 10 + 1e-6)
    minutes, hours = tenths // 600, tenths // 36_000
    rest = f"{tenths % 600 // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes % 60:02d}:{rest}" if hours else f"{minutes}:{rest}"
