"""The same drawn faces through two engines: how far do their numbers lie apart?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Engine
from feallm.analyze.evidence import question

FACES = 8


@dataclass(frozen=True)
class Differences:
    """The largest difference of any probability of the head, and of any label's share of all labels in words."""

    probability: float
    word: float


def compare(one: Engine, other: Engine) -> Differences:
    """Both engines must hold the same model."""
    faces = draw_faces(FACES, one.info.face_size)
    return Differences(_largest(_numbers(one, faces), _numbers(other, faces)), _words(one, other, faces))


def _numbers(engine: Engine, faces: list[NDArray[np.uint8]]) -> list[NDArray[Any]]:
    encoded = engine.encode(faces)
    scores = engine.scores(encoded)
    evidence = np.full((len(faces), 3, len(engine.info.action_units)), np.nan, np.float32)
    evidence[:, 1, 0], evidence[:, 2, -1] = 1.0, 0.0
    judged = engine.judge(encoded, evidence)
    return [scores.presence, scores.intensity / 5, *scores.emotions.values(), *judged.values()]


def _words(one: Engine, other: Engine, faces: list[NDArray[np.uint8]]) -> float:
    classes = one.info.label_sets[one.info.default_label_set]
    asked = [question("emotion", classes), question("aus")]
    turns = [asked[number % 2] for number in range(len(faces))]  # two lengths, so that some rows are padded
    found = [engine.score_labels(engine.encode(faces), turns, classes) for engine in (one, other)]
    shares = [np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True)) for logs in found]
    return _largest(shares[:1], shares[1:])


def _largest(ours: list[NDArray[Any]], theirs: list[NDArray[Any]]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def draw_faces(count: int, size: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Ovals with eyes, brows and a mouth of changing shape, [S, S, 3] uint8, with a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    faces = []
    for _ in range(count):
        light, bend, gap, tilt = random.uniform(-1, 1, 4)
        face = np.where((x / 0.38) ** 2 + (y / 0.47) ** 2 < 1, 170 + 30 * light, 60.0)
        for side in (-1, 1):
            eye = ((x - 0.16 * side) / 0.07) ** 2 + ((y + 0.1) / (0.03 + 0.015 * gap)) ** 2 < 1
            brow = (np.abs(y + 0.2 + tilt * side * 0.3 * (x - 0.16 * side)) < 0.015) & (np.abs(x - 0.16 * side) < 0.1)
            face[eye | brow] = 40
        mouth = (np.abs(y - 0.22 - bend * (x**2 - 0.02) * 2) < 0.02 + 0.015 * abs(gap)) & (np.abs(x) < 0.16)
        face[mouth] = 80
        noisy = face[:, :, None] + random.normal(0, 6, (size, size, 3))
        faces.append(noisy.clip(0, 255).astype(np.uint8))
    return faces
