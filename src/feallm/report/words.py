"""The words and choices that the terminal and the annotated picture share."""

from __future__ import annotations

from feallm.analyze.reading import ActionUnitReading, FaceReading

HONEST = "A face shows an expression, not what a person feels. This is a model's reading and can be wrong."
REPAIRED = "The words were repaired to agree with the numbers."
LOW_SUPPORT = "* Few training examples: less reliable."
NO_FACE = "The detector found no face in this picture, so nothing was read from it."
STATUS_WORDS = {
    "no_face": "No face found",
    "unreadable": "Cannot be read",
    "low_quality": "Low quality: do not rely on this reading",
    "unparsed": "The explanation could not be made to agree with the numbers",
}
LEAST_UNITS = 6
"""Action units shown at least: the present ones, then the next most probable up to this many."""


def percent(share: float) -> str:
    """A share of 0..1 in whole per cent, never rounded to none or to all of it."""
    whole = f"{100 * share:.0f}%"
    if whole == "0%" and share > 0:
        return "<1%"
    return ">99%" if whole == "100%" and share < 1 else whole


def doubts(reading: FaceReading) -> list[str]:
    """What stands between the picture and the numbers: status, the quality's flags, the reason of a failure."""
    lines = []
    if reading.emotion is not None and reading.status != "ok":
        lines.append(STATUS_WORDS.get(reading.status, reading.status))
    if reading.quality is not None and reading.quality.flags:
        lines.append("The face is " + ", ".join(flag.replace("_", " ") for flag in reading.quality.flags))
    if reading.status == "no_face":
        lines.append(NO_FACE)
    if reading.error:
        lines.append(reading.error[:1].upper() + reading.error[1:])
    return lines


def strongest(reading: FaceReading) -> list[tuple[str, ActionUnitReading]]:
    """Present action units, then the next most probable up to `LEAST_UNITS`, each part in order of number."""
    present = sorted((unit, au) for unit, au in reading.action_units.items() if au.present)
    others = [(unit, au) for unit, au in reading.action_units.items() if not au.present]
    others.sort(key=lambda pair: -pair[1].probability)
    return [*present, *sorted(others[: max(2, LEAST_UNITS - len(present))])]
