import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from feallm.faces import Face, MtcnnDetector

Picture = NDArray[np.uint8]


@pytest.fixture(scope="session")
def astronaut() -> Picture:
    """512 x 512, one face of about 90 x 115 pixels at (179, 59)."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


@pytest.fixture(scope="session")
def face(astronaut: Picture, detector: MtcnnDetector) -> Face:
    return detector.detect(astronaut)[0]
