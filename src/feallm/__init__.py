"""FEALLM reads a face: its emotion, the facial action units that make it, and why.

    from feallm import Analyzer
    reading = Analyzer().analyze("photo.jpg")[0]

Nothing heavy is imported until `Analyzer` is first used.
"""

from typing import TYPE_CHECKING, Any

from feallm._version import __version__

if TYPE_CHECKING:
    from feallm.analyze import ActionUnitReading, Analyzer, Consistency, FaceReading, Quality

__all__ = ["ActionUnitReading", "Analyzer", "Consistency", "FaceReading", "Quality", "__version__"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from feallm import analyze

        return getattr(analyze, name)
    raise AttributeError(f"module 'feallm' has no attribute {name!r}")
