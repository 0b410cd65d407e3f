"""Finding faces, bringing them into the one framing the model reads, and the sixteen clue crops."""

from .align import DEFAULT_MARGIN, TEMPLATE, align_face, align_matrix, crop_to_picture
from .crops import CLUE_CROPS, ClueCrop, crop_boxes
from .detect import DETECTORS, Detector, MtcnnDetector, NoneDetector, YuNetDetector, make_detector
from .face import POINT_NAMES, Face, Picture, as_rgb, whole_picture
from .quality import Quality, assess

__all__ = [
    "CLUE_CROPS",
    "DEFAULT_MARGIN",
    "DETECTORS",
    "POINT_NAMES",
    "TEMPLATE",
    "ClueCrop",
    "Detector",
    "Face",
    "MtcnnDetector",
    "NoneDetector",
    "Picture",
    "Quality",
    "YuNetDetector",
    "align_face",
    "align_matrix",
    "as_rgb",
    "assess",
    "crop_boxes",
    "crop_to_picture",
    "make_detector",
    "whole_picture",
]
