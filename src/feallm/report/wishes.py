"""What `feallm analyze` was asked for, and what of it cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feallm.analyze import Analyzer
from feallm.analyze.errors import CheckpointError
from feallm.analyze.journal import JournalError
from feallm.faces.follow import Search
from feallm.media import Limits
from feallm.media.limits import DEFAULT_LIMITS
from feallm.media.video import Sampling
from feallm.tables import OutputError


class WishError(ValueError):
    """Something asked for that there is not: a checkpoint, detector, device or label set; or that does not fit."""


MISTAKES = (WishError, OutputError, JournalError, CheckpointError)
"""What `analyze` raises for a user's mistake; the message is for the user."""


@dataclass(frozen=True)
class VideoWishes:
    """How videos are to be read (see `analyze.video.Video`), and what is to be written of a single one."""

    sampling: Sampling | None = None
    smooth: float = 0.0
    search: Search = "near"
    camera: int | None = None
    subtitles: Path | None = None
    elan: Path | None = None
    segments: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """The files about one video that were asked for, by the name of their option."""
        asked = {"--subtitles": self.subtitles, "--elan": self.elan, "--segments": self.segments}
        return {name: path for name, path in asked.items() if path is not None}


@dataclass(frozen=True)
class ReaderWishes:
    """Who reads the faces: arguments of `Analyzer`, by their names there."""

    model: str | None = None
    detector: str = "mtcnn"
    device: str = "auto"
    batch_size: int = 16
    label_set: str | None = None
    min_confidence: float = 0.0
    limits: Limits = DEFAULT_LIMITS

    @property
    def options(self) -> dict[str, Any]:
        """All of them, for `Analyzer(**options)`."""
        return dict(vars(self))

    def analyzer(self) -> Analyzer:
        """The analyzer; what it cannot be made of is the user's mistake (WishError)."""
        try:
            return Analyzer(**self.options)
        except (ValueError, FileNotFoundError) as error:
            raise WishError(str(error)) from error


@dataclass(frozen=True)
class Wishes:
    """What `feallm analyze` was asked for."""

    inputs: Sequence[str]
    as_json: bool = False
    output: Path | None = None
    annotate: Path | None = None
    explain: bool = True
    evidence: bool = False
    reader: ReaderWishes = field(default_factory=ReaderWishes)
    video: VideoWishes = field(default_factory=VideoWishes)
    resume: bool = False

    @property
    def is_told(self) -> bool:
        """Whether readings get something beside their numbers."""
        return self.explain or self.evidence

    @property
    def asked(self) -> dict[str, Any]:
        return {"explain": self.explain, "evidence": self.evidence}
