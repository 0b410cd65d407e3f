"""Readings of a clip, written by hand: what a face shows from when to when."""

from collections.abc import Iterable

from feallm.analyze.reading import ActionUnitReading, FaceReading
from feallm.facs import CODED_AUS, EMOTIONS
from tests.report.conftest import make_reading


def shown(frame: int, time: float, emotion: str | None, units: Iterable[str] = (), **changes: object) -> FaceReading:
    """A face that shows `emotion` with 80 % (None: abstained, sadness leading) and `units` with intensity 3."""
    strength = changes.pop("strength", 0.8)
    leading = emotion or "sadness"
    scores = {name: strength if name == leading else (1 - strength) / 7 for name in EMOTIONS}
    read = {
        unit: ActionUnitReading(0.9, 3.0, True) if unit in units else ActionUnitReading(0.1, 0.2, False)
        for unit in CODED_AUS
    }
    values = {"status": "abstained" if emotion is None else "ok", "explanation": None, "consistency": None, **changes}
    return make_reading(
        input=values.pop("input", "clip.mp4"),
        frame=frame,
        timestamp=time,
        emotion=emotion,
        emotion_scores=scores,
        action_units=read,
        **values,
    )


def no_face(frame: int, time: float, **changes: object) -> FaceReading:
    return FaceReading(**{"input": "clip.mp4", "frame": frame, "timestamp": time, "status": "no_face", **changes})


def spoken(rate: float, *spans: tuple[int, str | None, str], **changes: object) -> list[FaceReading]:
    """A face at `rate` frames a second: spans of (frames, emotion, "AU06 AU12")."""
    found: list[FaceReading] = []
    for count, emotion, units in spans:
        for _ in range(count):
            found.append(shown(len(found), len(found) / rate, emotion, units.split(), **changes))
    return found
