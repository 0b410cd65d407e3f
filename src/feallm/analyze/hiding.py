"""Evidence by hiding: the place of each present action unit is covered, and so is as much of the face elsewhere."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from feallm.analyze.engine import Engine
from feallm.analyze.reading import FaceReading, RegionEvidence
from feallm.faces import Face
from feallm.faces.align import crop_to_picture
from feallm.faces.regions import AU_REGIONS, Box, control_boxes

Crop = NDArray[np.uint8]


def hide(face: Crop, boxes: Sequence[Box]) -> Crop:
    """An aligned face with boxes (fractions of its side) covered in its mean colour."""
    covered = face.copy()
    size = len(face)
    for left, top, right, bottom in boxes:
        rows, columns = slice(round(top * size), round(bottom * size)), slice(round(left * size), round(right * size))
        covered[rows, columns] = face.mean(axis=(0, 1)).round().astype(np.uint8)
    return covered


def region_evidence(
    engine: Engine, faces: Sequence[Crop], places: Sequence[Face], readings: Sequence[FaceReading], batch: int
) -> list[FaceReading]:
    """The readings with `evidence` for each present unit; all hidden faces are read in batches of 4 x `batch`."""
    asked = [
        (row, unit) for row, reading in enumerate(readings) for unit in reading.present_units if unit in AU_REGIONS
    ]
    hidden = [hide(faces[row], AU_REGIONS[unit]) for row, unit in asked]
    hidden += [hide(faces[row], control_boxes(AU_REGIONS[unit])) for row, unit in asked]
    parts = [
        engine.scores(engine.encode(hidden[start : start + 4 * batch])).presence
        for start in range(0, len(hidden), 4 * batch)
    ]
    presence = np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)
    units = [dict(reading.action_units) for reading in readings]
    for number, (row, unit) in enumerate(asked):
        column = engine.info.action_units.index(unit)
        seen = units[row][unit].probability
        corners = [crop_to_picture(box, places[row]).round(1).tolist() for box in AU_REGIONS[unit]]
        evidence = RegionEvidence(
            regions=tuple(tuple((float(x), float(y)) for x, y in region) for region in corners),
            drop=seen - float(presence[number, column]),
            control_drop=seen - float(presence[len(asked) + number, column]),
        )
        units[row][unit] = replace(units[row][unit], evidence=evidence)
    return [replace(reading, action_units=changed) for reading, changed in zip(readings, units, strict=True)]
