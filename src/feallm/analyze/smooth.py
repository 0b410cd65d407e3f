"""Smoothing over time: each number of a face becomes the mean over the same face's frames around it.

The window is centred, so that nothing comes later than it was; rows wait for half of it. Means of calibrated
probabilities are steadier, and no longer calibrated for the single frame: the metadata say so.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from feallm.analyze.reading import ActionUnitReading, FaceReading

Rows = list[FaceReading]
ROUNDING = 1e-6
"""Seconds by which a frame may be farther away and still be within reach: times are not exact."""


class Smoother:
    """The rows of a video's frames, averaged over `seconds` around each; 0 leaves them as they are.

    `thresholds` say from which probability an action unit counts as present; below `min_confidence` no emotion is
    named. Raises ValueError where `seconds` is negative.
    """

    def __init__(self, seconds: float, thresholds: Mapping[str, float], min_confidence: float = 0.0) -> None:
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"smoothing is over 0 or more seconds, got {seconds}")
        self.reach = seconds / 2 + (ROUNDING if seconds else 0.0)
        self.thresholds = thresholds
        self.min_confidence = min_confidence
        self._near: deque[tuple[float, Rows]] = deque()
        self._done = 0  # of the near frames, how many have been given out

    def add(self, timestamp: float | None, rows: Rows) -> list[Rows]:
        """Take the next frame's rows; returns the frames whose window is complete now, in order."""
        if timestamp is None or self.reach == 0:
            return [*self.finish(), rows]
        ready = self._until(timestamp - self.reach)
        self._near.append((timestamp, rows))
        return ready

    def finish(self) -> list[Rows]:
        """The frames that still waited."""
        ready = self._until(float("inf"))
        self._near.clear()
        self._done = 0
        return ready

    def _until(self, limit: float) -> list[Rows]:
        """Frames before `limit`; those that no later frame needs are forgotten."""
        ready = []
        while self._done < len(self._near) and self._near[self._done][0] < limit:
            now, rows = self._near[self._done]
            while self._near[0][0] < now - self.reach:
                self._near.popleft()
                self._done -= 1
            around = [near for time, near in self._near if time <= now + self.reach]
            ready.append([self._smooth(row, around) for row in rows])
            self._done += 1
        return ready

    def _smooth(self, row: FaceReading, around: Sequence[Rows]) -> FaceReading:
        if not row.emotion_scores:
            return row
        same = [each for near in around for each in near if each.face_id == row.face_id and each.emotion_scores]
        scores = {name: _mean([each.emotion_scores[name] for each in same]) for name in row.emotion_scores}
        leading = max(scores, key=lambda name: scores[name])
        units = {unit: self._unit(unit, leading, same) for unit in row.action_units}
        named = scores[leading] >= self.min_confidence
        status = row.status if row.status == "low_quality" else "ok" if named else "abstained"
        emotion = leading if named else None
        return replace(row, status=status, emotion=emotion, emotion_scores=scores, action_units=units)

    def _unit(self, unit: str, leading: str, same: Sequence[FaceReading]) -> ActionUnitReading:
        """The mean of a unit; its effect is that on the leading emotion, over the frames that have the same."""
        measured = [each.action_units[unit] for each in same]
        effects = [each.action_units[unit].effect for each in same if each.leading == leading]
        known = [effect for effect in effects if effect is not None]
        probability = _mean([au.probability for au in measured])
        return ActionUnitReading(
            probability=probability,
            intensity=_mean([au.intensity for au in measured]),
            present=probability >= self.thresholds.get(unit, 0.5),
            low_support=measured[0].low_support,
            effect=_mean(known) if known else None,
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
