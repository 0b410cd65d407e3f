"""A composed answer with what it says, known from how it was composed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """`text`, and in the machine's terms what it says: see `data.records.Claims`. Units are in no fixed order."""

    text: str
    emotion: str | None = None
    asserted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
