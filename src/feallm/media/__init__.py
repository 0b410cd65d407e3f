"""Pictures from anywhere: files, folders, patterns, URLs, arrays, bytes."""

from .images import Picture, count, pictures
from .limits import Limits

__all__ = ["Limits", "Picture", "count", "pictures"]
