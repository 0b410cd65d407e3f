"""Reading faces: `Analyzer`, and what it returns."""

from feallm.analyze.analyzer import Analyzer
from feallm.analyze.reading import ActionUnitReading, Consistency, FaceReading, Quality

__all__ = ["ActionUnitReading", "Analyzer", "Consistency", "FaceReading", "Quality"]
