from collections.abc import Callable

import pytest

from feallm.analyze.reading import ActionUnitReading, Consistency, FaceReading
from feallm.faces.quality import Quality
from feallm.facs import CODED_AUS, EMOTIONS


def make_reading(**changes: object) -> FaceReading:
    """A smiling face, written by hand: boxes and numbers of scikit-image's astronaut."""
    shares = dict(zip(EMOTIONS, (0.055, 0.921, 0.002, 0.013, 0.001, 0.002, 0.001, 0.005), strict=True))
    units = {unit: ActionUnitReading(0.03, 0.1, False) for unit in CODED_AUS}
    units |= {
        "AU06": ActionUnitReading(0.91, 3.1, True),
        "AU12": ActionUnitReading(0.97, 4.2, True),
        "AU25": ActionUnitReading(0.94, 2.6, True),
        "AU26": ActionUnitReading(0.31, 0.9, False),
        "AU07": ActionUnitReading(0.28, 0.8, False),
        "AU14": ActionUnitReading(0.17, 0.4, False, low_support=True),
    }
    values = {
        "input": "photos/astronaut.png",
        "face_id": 0,
        "box": (176.0, 66.0, 96.0, 120.0),
        "score": 0.999,
        "quality": Quality(96.0, 0.09, -8.0, 3.0, 0.55, 0.01, 0.0, 0.0, ()),
        "emotion": "happiness",
        "emotion_scores": shares,
        "action_units": units,
        "explanation": "The face shows happiness. The cheeks are raised (AU6), and the corners of the "
        "lips are pulled up (AU12). Together AU6 and AU12 make the expression happiness. "
        "The lips are parted (AU25) as well.",
        "consistency": Consistency(True, 0, (), "happiness"),
        "model": "feallm-tiny",
        "label_set": "ferplus",
    }
    return FaceReading(**{**values, **changes})


@pytest.fixture(scope="session")
def smile() -> Callable[..., FaceReading]:
    return make_reading
