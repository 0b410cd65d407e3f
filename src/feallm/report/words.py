"""The words and choices that the terminal and the annotated picture share."""

from __future__ import annotations

from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.analyze.statements import percent as percent
from feallm.facs import ACTION_UNITS

HONEST = "A face shows an expression, not what a person feels. This is a model's reading and can be wrong."
REPAIRED = "The words were repaired to agree with the numbers."
LOW_SUPPORT = "* Few training examples: less reliable."
NO_FACE = "The detector found no face in this picture, so nothing was read from it."
STATUS_WORDS = {
    "no_face": "No face found",
    "unreadable": "Cannot be read",
    "low_quality": "Low quality: do not rely on this reading",
    "unparsed": "The explanation could not be made to agree with the numbers",
    "abstained": "The confidence is below the one asked for, so no emotion is named",
}
LEAST_UNITS = 6
"""Action units shown at least: the present ones, then the next most probable up to this many."""


def no_verdict(reading: FaceReading) -> str:
    """What stands where no emotion is named: the status, or for a face that was read "No verdict (0.41 sadness)"."""
    if reading.leading is None or reading.confidence is None:
        return STATUS_WORDS.get(reading.status, "No emotion read")
    below = int(100 * reading.confidence) / 100  # never up: 0.999 is not all of it
    return f"No verdict ({below:.2f} {reading.leading})"


def label(unit: str, au: ActionUnitReading) -> str:
    """A unit's name, with the mark of `LOW_SUPPORT` where it applies."""
    return ACTION_UNITS[unit].name + ("*" if au.low_support else "")


def seen(reading: FaceReading) -> list[str]:
    """Where each present unit is seen, in pixels of the picture, and its probability with that place and with as much
    elsewhere hidden: a line a unit, where evidence was asked for."""
    lines = []
    for unit, au in sorted(reading.action_units.items()):
        if au.evidence is None:
            continue
        places = []
        for region in au.evidence.regions:
            columns, rows = zip(*region, strict=True)
            places.append(f"x {min(columns):.0f} to {max(columns):.0f}, y {min(rows):.0f} to {max(rows):.0f}")
        hidden, control = (percent(au.probability - drop) for drop in (au.evidence.drop, au.evidence.control_drop))
        lines.append(
            f"{ACTION_UNITS[unit].short} seen at the {ACTION_UNITS[unit].region} ({' and '.join(places)}): "
            f"{percent(au.probability)}, {hidden} with it hidden, {control} with as much hidden elsewhere"
        )
    return lines


def doubts(reading: FaceReading) -> list[str]:
    """What stands between the picture and the numbers: status, the quality's flags, the reason of a failure."""
    lines = []
    if reading.emotion_scores and reading.status != "ok":
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
