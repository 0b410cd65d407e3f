"""From the pictures of requests to the aligned faces that a FEALLM reads."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from feallm.bench.items import Request, Response
from feallm.faces import Detector, align_face, whole_picture


def crop(request: Request, size: int, detector: Detector) -> NDArray[np.uint8] | Response:
    """The aligned face [size, size, 3] of a request, or why there is none.

    A picture that is a face crop is only resized; in any other the detector's first face (largest by score times area)
    is cut out.
    """
    try:
        face = whole_picture(request.picture)
        if not request.is_crop:
            found = detector.detect(request.picture)
            if not found:
                return Response("no_face")
            face = found[0]
        return align_face(request.picture, face, size)
    except (ValueError, cv2.error) as error:  # one picture that cannot be cut must not stop the others
        return Response("unreadable", error=f"no face could be cut out: {type(error).__name__}: {error}")


def crops(
    requests: Sequence[Request], size: int, detector: Detector
) -> tuple[list[tuple[int, NDArray[np.uint8]]], dict[int, Response]]:
    """The faces by the place of their request, and the responses of requests without one."""
    cut = [crop(request, size, detector) for request in requests]
    faces = [(place, each) for place, each in enumerate(cut) if not isinstance(each, Response)]
    return faces, {place: each for place, each in enumerate(cut) if isinstance(each, Response)}
