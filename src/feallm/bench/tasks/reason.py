"""Reasons: which emotion, and which action units make it."""

from feallm.bench.references import NOTE
from feallm.bench.tasks.describe import CODES, mini_faced
from feallm.bench.tasks.described import text_task
from feallm.facs.emotions import LABEL_SETS
from feallm.prompts import ask

MINI_REASON = text_task(
    "mini_reason",
    "FEABench-mini: the emotion and why",
    "reason",
    ask("unaided", LABEL_SETS["ferplus"]),
    "The coded pictures of PublicTest that repeat no training picture and have a leading emotion in FER+'s votes. A "
    "reason is sound where it settles on that emotion, asserts and denies no unit against both passes, and names a "
    f"unit as a cause, unless the face is neutral. {CODES} {NOTE}",
    mini_faced("reason"),
    "sound_rate",
)
