"""One face of a clip, reading by reading: the state in force, the changes that may come to count, its segments."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from feallm.analyze.reading import FaceReading, Status
from feallm.facs import EMOTIONS

NEUTRAL = EMOTIONS[0]
EMOTION, QUALITY = "emotion", "quality"
LEAST_SHARE = 2 / 3
"""Of the readings since a change began, so many must agree: a flicker within it does not undo it."""
ROUNDING = 1e-6  # tables keep six decimals of a second

Rank = tuple[bool, bool, float, float]
Value = str | bool | None
State = dict[str, Value]
"""What a face shows: its emotion, whether its quality is low, and for each action unit whether it is present."""


@dataclass(frozen=True)
class Segment:
    """One stretch of a clip in which one face shows the same emotion and the same action units.

    `input` and `face_id` as in the readings. `status`: ok, low_quality (the readings are not to be relied on) or
    abstained (no `emotion` is named). `action_units`: the present ones, in order of number.
    `onset`, `apex`, `offset`: seconds of the clip's clock; the segment holds from `onset` until just before `offset`,
    which is the time of the next sampled frame. `onset_frame` and `offset_frame`: its first and last sampled frame.
    `apex_reading` is the reading where the emotion is most probable, or, for neutral and where none is named, where the
    present action units are strongest in sum; of low quality only where all are. `explanation`: why, in words, where
    they were asked for at the apex.
    """

    input: str
    face_id: int
    status: Status
    emotion: str | None
    action_units: tuple[str, ...]
    onset: float
    apex: float
    offset: float
    onset_frame: int
    apex_frame: int
    offset_frame: int
    apex_reading: FaceReading
    explanation: str | None = None

    @property
    def duration(self) -> float:
        """Seconds from onset to offset."""
        return self.offset - self.onset

    def to_dict(self) -> dict[str, Any]:
        """Plain values all the way down, without NaN."""
        own = {name: value for name, value in asdict(self).items() if name != "apex_reading"}
        units = list(self.action_units)
        return {**own, "action_units": units, "apex_reading": self.apex_reading.to_dict()}


@dataclass
class _Change:
    """A value that differs from the one in force, since its first reading."""

    since: float
    readings: int = 0
    agreeing: int = 0


@dataclass
class _Open:
    """A segment that still grows."""

    onset: float
    frame: int
    strongest: dict[str | None, tuple[Rank, FaceReading]] = field(default_factory=dict)
    last_frame: int = 0

    def take(self, reading: FaceReading) -> None:
        self.last_frame = _frame(reading)
        moved = sum(reading.present_units.values())
        for emotion in {*reading.emotion_scores, reading.emotion, None}:
            rank, best = _rank(reading, emotion, moved), self.strongest.get(emotion)
            if best is None or rank > best[0]:
                self.strongest[emotion] = rank, reading


class Track:
    """One face: the state in force, the changes that may come to count, and the readings that wait for them."""

    def __init__(self, min_duration: float, first: FaceReading) -> None:
        self.min_duration = min_duration
        self.state = _state(first)
        self.changes: dict[tuple[str, Value], _Change] = {}
        self.waiting: deque[FaceReading] = deque()
        self.open = _Open(_time(first), _frame(first))
        self.last = _time(first)
        self.seen = 0
        self.gone_at: float | None = None
        self.face = first.face_id or 0

    def add(self, reading: FaceReading) -> list[Segment]:
        """Take a reading; returns the segments that end before it."""
        self.last = _time(reading)
        self.waiting.append(reading)
        self._compare(_state(reading))
        closed = []
        for name, value, since in self._lasting(_state(reading)):
            if since > self.open.onset and self._lasts(since - self.open.onset):
                closed += self.close(since)
                first = next(each for each in self.waiting if _time(each) >= since)
                self.open = _Open(since, _frame(first))
            self.state[name] = value
            self.changes = {key: change for key, change in self.changes.items() if key[0] != name}
        self._settle(min((change.since for change in self.changes.values()), default=None))
        return closed

    def close(self, offset: float, *, cut: bool = False) -> list[Segment]:
        """The open segment as it ends at `offset`; none where it is too short and was not cut off by the clip's end."""
        self._settle(offset)
        if not (cut or self._lasts(offset - self.open.onset)):
            return []
        return [self._segment(offset)]

    def _compare(self, state: State) -> None:
        """Begin, continue or drop the changes of each part of the state."""
        for name in {*state, *self.state}:
            value = state.get(name, False)
            if value != self.state.get(name, False):
                self.changes.setdefault((name, value), _Change(self.last))
        for (name, value), change in list(self.changes.items()):
            change.readings += 1
            change.agreeing += state.get(name, False) == value
            if change.agreeing < LEAST_SHARE * change.readings:
                del self.changes[name, value]

    def _lasting(self, state: State) -> list[tuple[str, Value, float]]:
        """Name, value and first time of the changes that count with this reading, by time."""
        found = [
            (name, value, change.since)
            for (name, value), change in self.changes.items()
            if state.get(name, False) == value and change.agreeing > 1 and self._lasts(self.last - change.since)
        ]
        return sorted(found, key=lambda change: change[2])

    def _lasts(self, seconds: float) -> bool:
        return seconds >= self.min_duration - ROUNDING

    def _settle(self, until: float | None) -> None:
        """Give the open segment the waiting readings before `until`; the others may belong to the next one."""
        while self.waiting and (until is None or _time(self.waiting[0]) < until):
            self.open.take(self.waiting.popleft())

    def _segment(self, offset: float) -> Segment:
        emotion = cast("str | None", self.state[EMOTION])
        apex = self.open.strongest.get(emotion, self.open.strongest[None])[1]
        units = tuple(sorted(name for name, there in self.state.items() if there is True and name != QUALITY))
        status: Status = "low_quality" if self.state[QUALITY] else "abstained" if emotion is None else "ok"
        times = self.open.onset, _time(apex), offset
        frames = self.open.frame, _frame(apex), self.open.last_frame
        return Segment(apex.input, self.face, status, emotion, units, *times, *frames, apex)


def _state(reading: FaceReading) -> State:
    units = {unit: True for unit, au in reading.action_units.items() if au.present}
    return {EMOTION: reading.emotion, QUALITY: reading.status == "low_quality", **units}


def _rank(reading: FaceReading, emotion: str | None, moved: float) -> Rank:
    """How good an apex a reading is for a segment of `emotion`: usable first, then of that emotion, then how strong.

    `moved` is the sum of its present units' intensities.
    """
    share = reading.emotion_scores.get(emotion, 0.0) if emotion is not None else 0.0
    strength = (moved, share) if emotion in (None, NEUTRAL) else (share, moved)
    return reading.status != "low_quality", reading.emotion == emotion, *strength


def _time(reading: FaceReading) -> float:
    return cast(float, reading.timestamp)


def _frame(reading: FaceReading) -> int:
    return cast(int, reading.frame)
