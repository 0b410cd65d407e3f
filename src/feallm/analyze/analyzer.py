"""`Analyzer`: pictures in, one `FaceReading` a face out."""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from feallm._version import __version__
from feallm.analyze.effects import Units, evidence_rows, parse_change
from feallm.analyze.engine import TEMPERATURE, TOP_P, Engine
from feallm.analyze.evidence import agree, evidence_conversation
from feallm.analyze.hiding import region_evidence
from feallm.analyze.look import Look, pick_face
from feallm.analyze.numbers import named, read_numbers
from feallm.analyze.opening import EngineName, open_engine
from feallm.analyze.reading import FaceReading, WhatIf
from feallm.faces import Detector, Face, align_face, assess, make_detector
from feallm.faces.quality import SHARPNESS_SIDE
from feallm.media import Limits, Picture, count, pictures

MAX_NEW_TOKENS = 160
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Slot:
    """A reading that waits for its numbers, with its aligned face and where it was found; without, it is ready."""

    reading: FaceReading
    face: NDArray[np.uint8] | None = None
    found: Face | None = None


class Analyzer:
    """Reads faces in pictures.

    Args:
        model: a checkpoint folder or hub id; None loads FEALLM-tiny from the package (CPU, offline).
        device: "auto", "cpu", "cuda", …
        detector: "mtcnn", "none" (each picture is one face crop), "yunet:FILE.onnx", or an object with `detect`.
        batch_size: faces read together, across pictures.
        label_set: the classes to answer in, one of the checkpoint's (`label_sets`); None is its default.
        limits: what pictures and addresses are accepted (see `media.Limits`).
        min_confidence: below this calibrated confidence no emotion is named (status "abstained"); 0 always names one.
        engine: "onnx" (an exported checkpoint, on the processor), "torch" (any), or "auto": ONNX Runtime where the
            checkpoint has graphs and the device allows it, else torch.

    Raises:
        CheckpointError: the checkpoint is missing, damaged, or not a FEALLM.
        ValueError: an unknown detector, device, engine or label set, a batch size below 1, a confidence outside 0 to 1.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        device: str = "auto",
        detector: str | Detector = "mtcnn",
        batch_size: int = 16,
        label_set: str | None = None,
        limits: Limits | None = None,
        min_confidence: float = 0.0,
        engine: EngineName = "auto",
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
        self.min_confidence = _share(min_confidence)
        self.detector = make_detector(detector)
        self.engine: Engine = open_engine(model, device, engine)
        info = self.engine.info
        self.label_sets = info.label_sets
        self.label_set = info.default_label_set if label_set is None else _known(label_set, self.label_sets)
        self.classes = self.label_sets[self.label_set]
        self.batch_size = batch_size
        self.limits = limits if limits is not None else Limits()
        self._detector_name = detector if isinstance(detector, str) else type(detector).__name__

    @property
    def metadata(self) -> dict[str, Any]:
        """How readings were made: versions, model, label set, detector, preprocessing, decoding."""
        info = self.engine.info
        return {
            "tool": "feallm",
            "version": __version__,
            "model": info.model,
            "revision": info.revision,
            "engine": info.engine,
            "device": info.device,
            "label_set": self.label_set,
            "classes": list(self.classes),
            "action_units": list(info.action_units),
            "thresholds": info.thresholds,
            "low_support": sorted(info.low_support),
            "detector": self._detector_name,
            "preprocessing": info.preprocessing,
            "min_confidence": self.min_confidence,
            "decoding": {
                "method": "sampling, seeded by the face",
                "temperature": TEMPERATURE,
                "top_p": TOP_P,
                "max_new_tokens": MAX_NEW_TOKENS,
            },
        }

    def analyze(
        self, source: Any, *, explain: bool = True, evidence: bool = False, progress: Progress | None = None
    ) -> list[FaceReading]:
        """All readings of `source`: one a face, one a picture without a face, one a picture that cannot be read.

        `source` is a path, folder, pattern, URL, data URL, PIL picture, RGB array, bytes, or an iterable of these.
        `evidence` adds to each present action unit where it is seen and what hiding that place does.
        `progress(done, total)` is called after each picture (total None when it is not known).
        Raises TypeError for a source of another type; a picture that fails is a reading with its status.
        """
        return list(self.stream(source, explain=explain, evidence=evidence, progress=progress))

    def stream(
        self, source: Any, *, explain: bool = True, evidence: bool = False, progress: Progress | None = None
    ) -> Iterator[FaceReading]:
        """The readings of `analyze`, in the order of the pictures, as they are ready."""
        total = count(source) if progress is not None else None
        waiting: list[Slot] = []
        faces = 0
        for done, picture in enumerate(pictures(source, limits=self.limits), start=1):
            slots = list(self.find(picture))
            waiting += slots
            faces += sum(slot.face is not None for slot in slots)
            while faces >= self.batch_size:
                ready, waiting = split(waiting, self.batch_size)
                faces -= self.batch_size
                yield from self.read(ready, explain, evidence)
            if not faces:
                yield from self.read(waiting, explain, evidence)
                waiting = []
            if progress is not None:
                progress(done, total)
        while waiting:
            ready, waiting = split(waiting, self.batch_size)
            yield from self.read(ready, explain, evidence)

    def what_if(self, source: Any, *, without: Units = (), adding: Units = ()) -> list[WhatIf]:
        """What each face's emotions would be with action units taken out of the evidence, or put into it.

        Units in any usual form ("AU4", "AU04", 4, "brow lowerer"), one or several. Pictures without a face give
        nothing.
        Raises ValueError for a unit this model does not read, one that is both taken out and put in, and a picture
        that cannot be read; TypeError for what can be no unit.
        """
        change = parse_change(without, adding, self.engine.info.action_units)
        rows = evidence_rows(self.engine.info.action_units, [change])
        found: list[WhatIf] = []
        for picture in pictures(source, limits=self.limits):
            slots = list(self.find(picture))
            if slots[0].reading.status == "unreadable":
                raise ValueError(f"{picture.input} cannot be read: {slots[0].reading.error}")
            faces = [slot.face for slot in slots if slot.face is not None]
            if not faces:
                continue
            encoded = self.engine.encode(faces)
            readings = self._numbers(encoded, slots)
            after = self.engine.judge(encoded, np.tile(rows, (len(faces), 1, 1)))[self.label_set][:, 0]
            found += [
                WhatIf(reading, *change, named(row, self.classes)) for reading, row in zip(readings, after, strict=True)
            ]
        return found

    def look(self, source: Any, face: int = 0) -> Look:
        """One face of one picture with its features, for further questions; faces count from 0, largest first.

        Raises ValueError where there is not exactly one picture, it cannot be read, or it has no such face.
        """
        seen = list(islice(pictures(source, limits=self.limits), 2))
        if len(seen) != 1:
            raise ValueError(f"one picture is needed, and {source} holds {'more' if seen else 'none'}")
        slots = list(self.find(seen[0]))
        chosen = pick_face([slot.reading for slot in slots], face)
        crop, found = slots[chosen].face, slots[chosen].found
        if crop is None or found is None:
            raise AssertionError(f"face {face} of {seen[0].input} has an id and no crop")
        encoded = self.engine.encode([crop])
        (reading,) = self._numbers(encoded, [slots[chosen]])
        return Look(reading, crop, found, encoded, len(slots))

    def like(
        self,
        *,
        label_set: str | None = None,
        min_confidence: float | None = None,
        detector: str | Detector | None = None,
    ) -> "Analyzer":
        """An analyzer with the same engine, other wishes: what is None stays as it is here.

        Raises ValueError as the constructor does.
        """
        other = copy(self)
        if detector is not None:
            other.detector = make_detector(detector)
            other._detector_name = detector if isinstance(detector, str) else type(detector).__name__
        other.label_set = _known(label_set, self.label_sets) if label_set is not None else self.label_set
        other.classes = self.label_sets[other.label_set]
        other.min_confidence = self.min_confidence if min_confidence is None else _share(min_confidence)
        return other

    def find(self, picture: Picture) -> Iterator[Slot]:
        """A slot a face; one without a face for a faceless or unreadable picture.

        Uses the detector alone: threads may find at once, best with an analyzer and a detector each (`like`).
        """
        blank = FaceReading(
            input=picture.input,
            frame=picture.frame,
            timestamp=picture.timestamp,
            model=self.engine.info.model,
            label_set=self.label_set,
        )
        if picture.pixels is None:
            yield Slot(replace(blank, status="unreadable", error=picture.error))
            return
        try:
            slots = [
                self._slot(blank, picture.pixels, face, number)
                for number, face in enumerate(self.detector.detect(picture.pixels))
            ]
        except (ValueError, cv2.error) as error:  # one picture that a detector stumbles over must not stop the others
            reason = f"no face could be cut out: {type(error).__name__}: {error}"
            slots = [Slot(replace(blank, status="unreadable", error=reason))]
        yield from slots or [Slot(replace(blank, status="no_face"))]

    def _slot(self, blank: FaceReading, pixels: NDArray[np.uint8], face: Face, number: int) -> Slot:
        size = self.engine.info.face_size
        aligned = align_face(pixels, face, size)
        sharp = aligned if size >= SHARPNESS_SIDE else align_face(pixels, face, SHARPNESS_SIDE)
        quality = assess(pixels, face, sharp)
        reading = replace(
            blank,
            face_id=number,
            status="ok" if quality.usable else "low_quality",
            box=(float(face.box[0]), float(face.box[1]), float(face.box[2]), float(face.box[3])),
            score=float(face.score),
            quality=quality,
        )
        return Slot(reading, aligned, face)

    def read(self, slots: Sequence[Slot], explain: bool, evidence: bool) -> Iterator[FaceReading]:
        """The slots' readings, filled: numbers of all faces at once, then, if asked, evidence and words for all."""
        faces = [slot.face for slot in slots if slot.face is not None]
        if not faces:
            yield from (slot.reading for slot in slots)
            return
        encoded = self.engine.encode(faces)
        filled = self._numbers(encoded, slots)
        if explain or evidence:
            filled = self._told(encoded, slots, filled, explain, evidence)
        ready = iter(filled)
        yield from (slot.reading if slot.face is None else next(ready) for slot in slots)

    def tell(self, slots: Sequence[Slot], explain: bool, evidence: bool) -> list[FaceReading]:
        """The slots' readings, which have their numbers and a face, with evidence and words for those numbers."""
        faces = [slot.face for slot in slots if slot.face is not None]
        if not faces or not (explain or evidence):
            return [slot.reading for slot in slots]
        readings = [slot.reading for slot in slots]
        return self._told(self.engine.encode(faces), slots, readings, explain, evidence)

    def _told(
        self, encoded: Any, slots: Sequence[Slot], readings: list[FaceReading], explain: bool, evidence: bool
    ) -> list[FaceReading]:
        faces = [slot.face for slot in slots if slot.face is not None]
        if evidence:
            places = [slot.found for slot in slots if slot.found is not None]
            readings = region_evidence(self.engine, faces, places, readings, self.batch_size)
        return self._words(encoded, faces, readings) if explain else readings

    def _numbers(self, encoded: Any, slots: Sequence[Slot]) -> list[FaceReading]:
        blanks = [slot.reading for slot in slots if slot.face is not None]
        return read_numbers(self.engine, encoded, blanks, self.label_set, self.min_confidence)

    def _words(
        self, encoded: Any, faces: Sequence[NDArray[np.uint8]], readings: list[FaceReading]
    ) -> list[FaceReading]:
        """The readings with explanations of their verdicts; none where no emotion is named."""
        told = [row for row, reading in enumerate(readings) if reading.emotion is not None]
        if not told:
            return readings
        seen = encoded if len(told) == len(readings) else self.engine.pick(encoded, told)
        verdicts = [(readings[row].verdict, readings[row].present_units) for row in told]
        conversations = [evidence_conversation(*verdict, self.classes) for verdict in verdicts]
        seeds = [zlib.crc32(faces[row].tobytes()) for row in told]
        texts = self.engine.generate(seen, conversations, MAX_NEW_TOKENS, seeds=seeds)
        worded = list(readings)
        for row, verdict, text, seed in zip(told, verdicts, texts, seeds, strict=True):
            explanation, consistency = agree(text, *verdict, seed)
            reading = readings[row]
            status = reading.status if consistency.agrees or reading.status != "ok" else "unparsed"
            worded[row] = replace(
                reading, status=status, explanation=explanation, consistency=consistency, raw_text=text
            )
        return worded


def _known(label_set: str, label_sets: Iterable[str]) -> str:
    if label_set not in label_sets:
        raise ValueError(f"label set {label_set!r} is not of this model: it has {', '.join(label_sets)}")
    return label_set


def _share(min_confidence: float) -> float:
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must lie between 0 and 1, got {min_confidence}")
    return min_confidence


def split(slots: list[Slot], faces: int) -> tuple[list[Slot], list[Slot]]:
    """The first slots that hold `faces` faces (or all), and the rest."""
    seen = 0
    for position, slot in enumerate(slots):
        seen += slot.face is not None
        if seen == faces:
            return slots[: position + 1], slots[position + 1 :]
    return slots, []
