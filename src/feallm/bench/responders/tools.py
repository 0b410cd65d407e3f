"""Py-feat and DeepFace asked directly, where they are installed.

Untested against the real packages, which the project cannot install: what is tested is how their documented results are
read (as rows of `tables.foreign`), and what is said where a package is missing. Safer, and the same numbers: run the
tool by itself, write its table, and use "table:FILE".
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feallm.bench.items import Kind, Request, Response
from feallm.bench.responders.responder import Options, ResponderError, ResponderInfo
from feallm.bench.responders.table import RESTRICTED, answer
from feallm.tables.foreign import FORMS, ForeignRow, of_frames

NO_DEEPFACE = "Face could not be detected"


class ToolResponder:
    """A detector whose results become rows: `detect` takes the batch and gives each picture's faces, or a response."""

    def __init__(
        self, info: ResponderInfo, detect: Callable[[Sequence[Request]], list[list[ForeignRow] | Response]]
    ) -> None:
        self.info, self._detect = info, detect

    def respond(self, requests: Sequence[Request]) -> list[Response]:
        return [
            each if isinstance(each, Response) else _largest(each, request)
            for request, each in zip(requests, self._detect(requests), strict=True)
        ]


def open_deepface(what: str, options: Options) -> ToolResponder:
    """DeepFace's emotion model. `what`: its detector ("": the one of `Options.detector`); face crops are not searched.

    Raises ResponderError where it is not installed.
    """
    analyze = _package("deepface", "DeepFace", "deepface").analyze
    backend = what or ("skip" if options.detector == "none" else options.detector)

    def detect(requests: Sequence[Request]) -> list[list[ForeignRow] | Response]:
        return [_deepface(analyze, request, "skip" if request.is_crop else backend) for request in requests]

    return ToolResponder(_info("deepface", "deepface", ("emotion",), backend, options), detect)


def open_pyfeat(what: str, options: Options) -> ToolResponder:
    """Py-feat's detector. `what`: the name of its class ("": Detector; Detectorv2 …); it also searches face crops.

    Raises ResponderError where it is not installed or has no such class.
    """
    detector = _package("feat", what or "Detector", "py-feat")()

    def detect(requests: Sequence[Request]) -> list[list[ForeignRow] | Response]:
        with TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{place:06d}.png" for place in range(len(requests))]
            for path, request in zip(paths, requests, strict=True):
                Image.fromarray(request.picture).save(path)
            same = len({request.picture.shape for request in requests}) == 1  # it cannot batch pictures of mixed sizes
            batch = options.batch_size if same else 1
            records = detector.detect([str(path) for path in paths], batch_size=batch, progress_bar=False)
            rows = pyfeat_rows(records.to_dict("records"))
        return [[row for row in rows if row.picture == str(path)] for path in paths]

    return ToolResponder(_info("pyfeat", "py-feat", ("emotion", "aus"), what or "Detector", options), detect)


def deepface_rows(results: Sequence[Mapping[str, Any]], picture: str = "picture") -> list[ForeignRow]:
    """What `DeepFace.analyze` returns for one picture: a mapping a face (emotion in per cent, dominant_emotion, region,
    face_confidence)."""
    rows = []
    for result in results:
        flat = {"input": picture, "dominant_emotion": result["dominant_emotion"]}
        flat |= {f"emotion.{name}": value for name, value in result["emotion"].items()}
        flat |= {f"region.{name}": value for name, value in (result.get("region") or {}).items()}
        flat["face_confidence"] = result.get("face_confidence")
        rows.append(FORMS["deepface"].row(_cells(flat), Path(picture)))
    return rows


def pyfeat_rows(records: Sequence[Mapping[str, Any]]) -> list[ForeignRow]:
    """The records of a `Fex`: a row a face, named by `input`."""
    return [FORMS["pyfeat"].row(_cells(record), Path()) for record in records]


def _deepface(analyze: Callable[..., Any], request: Request, backend: str) -> list[ForeignRow] | Response:
    bgr: NDArray[np.uint8] = np.ascontiguousarray(request.picture[:, :, ::-1])
    try:
        results = analyze(
            img_path=bgr,
            actions=["emotion"],
            detector_backend=backend,
            enforce_detection=backend != "skip",
            silent=True,
        )
    except ValueError as error:  # its way of saying that there is no face, and of refusing a picture
        if NO_DEEPFACE in str(error):
            return Response("no_face")
        return Response("unreadable", error=str(error))
    return deepface_rows(results if isinstance(results, list) else [results])


def _largest(rows: Sequence[ForeignRow], request: Request) -> Response:
    found = list(of_frames([*rows]).values())
    return answer(found[0], request, "head") if found else Response("no_face")


def _cells(record: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).strip().lower(): "" if value is None else str(value) for name, value in record.items()}


def _package(module: str, name: str, package: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise ResponderError(f"{package} cannot be used ({error}): pip install {package}") from error
    except AttributeError as error:
        raise ResponderError(f"this version of {package} has no {name}: check the name") from error


def _info(name: str, package: str, kinds: tuple[Kind, ...], detector: str, options: Options) -> ResponderInfo:
    try:
        installed = version(package)
    except PackageNotFoundError:
        installed = "unknown"
    return ResponderInfo(
        name=name,
        model=package,
        revision=installed,
        kinds=frozenset(kinds),
        decoding={"method": f"{package}'s own head", "detector": detector},
        image_size="native",
        trained_on=options.trained_on,
        note=f"{FORMS[name].note}; {RESTRICTED}",
    )
