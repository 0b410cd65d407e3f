"""Words where a segment has its apex: faces are kept only as long as one may become an apex, and told in batches."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from feallm.analyze.analyzer import Analyzer, Slot
from feallm.analyze.journal import Journal
from feallm.analyze.reading import FaceReading
from feallm.analyze.segments import Segment, Segmenter
from feallm.analyze.smooth import Rows
from feallm.analyze.video_frames import Frame, restored

Key = tuple[int | None, tuple[float, float, float, float] | None]
"""A face of a video: its frame and its box."""


def key(reading: FaceReading) -> Key:
    return reading.frame, reading.box


class Apexes:
    """The segments of a video's rows, and the readings at their apexes with words and evidence.

    Words come in batches of the analyzer's size, in the order in which segments close, each kept in the journal; those
    it holds already are not made again. Without `explain` and `evidence` there are only segments.
    """

    def __init__(self, analyzer: Analyzer, journal: Journal, job: int, explain: bool, evidence: bool) -> None:
        self.segments: list[Segment] = []
        self._analyzer, self._journal, self._job = analyzer, journal, job
        self._asked = {"explain": explain, "evidence": evidence}
        self._segmenter = Segmenter()
        self._waiting: list[Segment] = []
        self._slots: dict[Key, Slot] = {}
        self._told: dict[Key, FaceReading] = {}
        self._last: int = -1
        stored = (entry["words"] for entry in journal.entries(job) if "words" in entry)
        self._known = deque([restored(each) for each in words] for words in stored)

    def add(self, rows: Rows) -> None:
        """Take the rows of the next frame."""
        for row in rows:
            self._take(self._segmenter.add(row))
            self._last = self._last if row.frame is None else row.frame

    def keep(self, frame: Frame) -> None:
        """Keep the faces of a frame for words; `forget` lets go of those that are not needed."""
        if any(self._asked.values()):
            self._slots.update((key(slot.reading), slot) for slot in frame.slots if slot is not None and slot.found)

    def forget(self) -> None:
        """Let go of faces that can no longer be an apex."""
        needed = self._needed()
        self._slots = {
            place: slot for place, slot in self._slots.items() if place in needed or (place[0] or 0) > self._last
        }

    def missing(self) -> tuple[set[int | None], float]:
        """Frames with a face that words need and that is not kept, since a stopped run had read it; and the number
        of the frame after which all may be needed."""
        if not any(self._asked.values()):
            return set(), math.inf
        return {place[0] for place in self._needed() - set(self._slots)}, self._last

    def recall(self) -> None:
        """Take the words that a stopped run had made."""
        while self._known and len(self._waiting) >= len(self._known[0]):
            told = self._known.popleft()
            self._waiting = self._waiting[len(told) :]
            self._told.update((key(reading), reading) for reading in told)

    def tell(self, least: int | None = None) -> None:
        """Have words for closed segments as long as `least` wait (as many as the analyzer reads together if None)."""
        self.recall()
        size = self._analyzer.batch_size
        while self._waiting and len(self._waiting) >= (size if least is None else least):
            batch, self._waiting = self._waiting[:size], self._waiting[size:]
            told = self._analyzer.tell([self._slot(segment.apex_reading) for segment in batch], **self._asked)
            self._journal.add(self._job, {"words": [reading.to_dict() for reading in told]})
            self._told.update((key(reading), reading) for reading in told)

    def close(self) -> None:
        """Close all segments: no more rows come."""
        self._take(self._segmenter.finish())

    def order(self) -> None:
        """Bring the segments in order, each with its words."""
        ordered = sorted(self.segments, key=lambda segment: (segment.onset, segment.face_id))
        self.segments = [self._worded(segment) for segment in ordered]

    def told(self, row: FaceReading) -> FaceReading:
        """The row, with words where it is an apex."""
        return self._told.get(key(row), row) if row.box is not None else row

    def _take(self, closed: Iterable[Segment]) -> None:
        for segment in closed:
            self.segments.append(segment)
            if any(self._asked.values()):
                self._waiting.append(segment)

    def _needed(self) -> set[Key]:
        open_ones = {key(reading) for reading in self._segmenter.held()}
        return open_ones | {key(segment.apex_reading) for segment in self._waiting}

    def _slot(self, reading: FaceReading) -> Slot:
        return replace(self._slots[key(reading)], reading=reading)

    def _worded(self, segment: Segment) -> Segment:
        told = self.told(segment.apex_reading)
        return replace(segment, apex_reading=told, explanation=told.explanation)
