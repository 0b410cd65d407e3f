"""Numbers that papers report, to be set beside measured ones and never among them.

None was measured here: another prompt, reader, crop or set of frames lies behind each. Values are percent points.
DISFA and BP4D of Facial-R1 and of the models that it ran are over 12 and 27 action units on selected frames, and only
over units that occur in its test file, where the standard is 8 and 12 units over all frames.
"""

from dataclasses import dataclass, replace
from typing import Literal

Flag = Literal[
    "zero-shot",
    "tuned",
    "setting not stated",
    "not the standard frames or AU set",
    "unverified",
    "of PrivateTest, other pictures",
]
NEAR: dict[str, tuple[str, Flag]] = {"mini_fer2013": ("fer2013", "of PrivateTest, other pictures")}
"""Tasks of this benchmark's own -> the published task that comes nearest, and what sets it apart."""


@dataclass(frozen=True)
class Published:
    """One number out of a paper.

    `task` and `metric` are the names that this benchmark has for what comes closest; `value` in percent points.
    `source` is who reports it, `flags` what must be said with it.
    """

    system: str
    task: str
    metric: str
    value: float
    source: str
    flags: tuple[Flag, ...]


def _rows(
    system: str, source: str, flags: tuple[Flag, ...], values: dict[str, float], other_frames: bool = False
) -> list[Published]:
    rows = []
    for task, value in values.items():
        units = task in {"disfa", "bp4d"}
        said: tuple[Flag, ...] = (*flags, "not the standard frames or AU set") if units and other_frames else flags
        rows.append(Published(system, task, "mean_f1" if units else "accuracy", value, source, said))
    return rows


PUBLISHED: tuple[Published, ...] = (
    *_rows(
        "GPT-4o",
        "Facial-R1",
        ("zero-shot",),
        {"rafdb": 62.7, "affectnet8": 48.9, "disfa": 56.5, "bp4d": 59.5, "fer2013": 61.1},
        other_frames=True,
    ),
    *_rows(
        "Qwen2.5-VL-7B",
        "Facial-R1",
        ("zero-shot",),
        {"rafdb": 34.3, "affectnet8": 32.6, "disfa": 22.1, "bp4d": 16.9, "fer2013": 24.3},
        other_frames=True,
    ),
    *_rows("Face-LLaVA", "Face-LLaVA", ("zero-shot",), {"rafdb": 78.0}),
    *_rows("EmoLA", "EmoLA", ("zero-shot",), {"rafdb": 74.1}),
    *_rows("EmoLA", "EmoLA", ("tuned",), {"rafdb": 92.1}),
    *_rows("EmoLA", "EmoLA", ("setting not stated",), {"disfa": 65.1, "bp4d": 64.2, "fer2013": 59.7}),
    *_rows(
        "Facial-R1-7B",
        "Facial-R1",
        ("tuned",),
        {"rafdb": 92.1, "affectnet8": 65.2, "disfa": 73.1, "bp4d": 67.4, "fer2013": 69.8},
        other_frames=True,
    ),
    *_rows("ActFER", "ActFER", ("zero-shot",), {"disfa": 58.2}),
    *_rows(
        "FEALLM (paper)",
        "a machine-written summary, not the paper (arXiv 2505.13419); another paper implies about 42.6 on DISFA",
        ("unverified",),
        {"rafdb": 89.7, "affectnet8": 62.3, "disfa": 68.5, "bp4d": 74.1},
    ),
)
"""In the order of the tables they come from."""


def published(task: str) -> tuple[Published, ...]:
    """The numbers that papers report on a task or, flagged, on the one that comes nearest (`NEAR`)."""
    if task in NEAR:
        near, apart = NEAR[task]
        return tuple(replace(row, flags=(*row.flags, apart)) for row in published(near))
    return tuple(row for row in PUBLISHED if row.task == task)
