"""FEA-AU, FEABench-mini's action units: our codes of FER2013's validation pictures, two independent passes each."""

from collections.abc import Mapping

from feallm.bench import mini
from feallm.bench.tasks.asked import unit_task
from feallm.bench.tasks.fer2013 import SHARES
from feallm.data.records import LabelledFace
from feallm.facs.action_units import SCORED_AUS
from feallm.prompts import ask


def both_passes(face: LabelledFace) -> tuple[Mapping[str, float], ...]:
    """Each pass over a coded face; units hidden from the coder are absent."""
    return tuple(one.strengths for one in mini.codes()[face.id])


MINI_FEA_AU = unit_task(
    "mini_fea_au",
    "FEABench-mini: fifteen action units",
    "fer2013",
    "val",
    SCORED_AUS,
    "The 239 coded pictures of PublicTest that repeat no training picture. Fifteen units, present at any strength: F1 "
    "of each unit against each of two passes, averaged over the passes, then the mean over the units. The codes are "
    "model-coded, by eye after a written guide, and no certified FACS coder took part; one pass scored against the "
    "other reaches a mean F1 of 0.853, which is as much as the codes can tell.",
    faces=mini.coded,
    passes=both_passes,
    question=ask("aus"),
    graded=True,
    is_crop=True,
    shares=SHARES,
)
