"""Pictures from anywhere: files, folders, patterns, URLs, arrays, bytes, and the frames of videos and cameras."""

from .images import count, pictures
from .limits import Limits
from .picture import Picture
from .video import Sampling

__all__ = ["Limits", "Picture", "Sampling", "count", "pictures"]
