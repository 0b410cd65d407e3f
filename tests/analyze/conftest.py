"""A random checkpoint on disk, and real photographs."""

import numpy as np
import pytest
from skimage import data

from tests.analyze.wiring import save, smile
from tests.model.conftest import tiny


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory):
    """A FEALLM of random weights as a checkpoint folder: its words are nonsense, which is the point."""
    folder = tmp_path_factory.mktemp("random-feallm")
    model, processor = tiny()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def smile_checkpoint(tmp_path_factory):
    """A checkpoint that reads a smile in every face, by the numbers of `wiring.smile`; its words are nonsense."""
    return save(tmp_path_factory.mktemp("smile-feallm"), *smile())


@pytest.fixture(scope="session")
def astronaut():
    return data.astronaut()


@pytest.fixture(scope="session")
def five_faces(astronaut):
    """Five copies of one portrait in different sizes on one grey canvas."""
    import cv2

    canvas = np.full((520, 1500, 3), 127, np.uint8)
    left = 10
    for side in (400, 320, 260, 220, 200):
        canvas[10 : 10 + side, left : left + side] = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA)
        left += side + 10
    return canvas
