"""Reading faces: `Analyzer`, what it returns, and `Chat` about one face."""

from feallm.analyze.analyzer import Analyzer
from feallm.analyze.chat import Chat
from feallm.analyze.reading import ActionUnitReading, Consistency, FaceReading, Quality, RegionEvidence, WhatIf

__all__ = [
    "ActionUnitReading",
    "Analyzer",
    "Chat",
    "Consistency",
    "FaceReading",
    "Quality",
    "RegionEvidence",
    "WhatIf",
]
