"""Track ids over simulated faces: through occlusions, crossings and uneven sampling, by time stamps."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.faces import Face
from feallm.faces.track import PATIENCE, Tracker, _assigned

SIDE = 100.0


def face(x, y=200.0, side=SIDE):
    return Face((x - side / 2, y - side / 2, side, side), 0.99)


def follow(paths, times, hidden=lambda name, time: False, noise=0.0):
    """Names of the people with their ids at each time: each path is time -> (x, y)."""
    rng = np.random.default_rng(0)
    tracker, given_ids = Tracker(), {}
    for time in times:
        there = [name for name in paths if not hidden(name, time)]
        rng.shuffle(there)
        jitter = rng.normal(0, noise * SIDE, (len(there), 2))
        faces = [face(*(np.array(paths[name](time)) + shift)) for name, shift in zip(there, jitter, strict=True)]
        ids = tracker.update(faces, time)
        assert len(set(ids)) == len(ids) == len(there)
        for name, number in zip(there, ids, strict=True):
            given_ids.setdefault(name, []).append(number)
    return given_ids


def uneven(rate):
    steps = np.random.default_rng(1).uniform(0.5, 1.5, int(4 * rate)) / rate
    return np.cumsum(steps)


@pytest.mark.parametrize("times", [np.arange(0, 4, 1 / 30), np.arange(0, 4, 0.2), uneven(12)], ids=["30", "5", "vfr"])
def test_a_moving_face_keeps_its_id_behind_a_bar(times):
    paths = {"a": lambda t: (100 + 150 * t, 200), "b": lambda t: (900, 500 - 40 * t)}
    found = follow(paths, times, lambda name, t: name == "a" and 1.5 < t < 2.5, noise=0.02)
    assert {name: set(ids) for name, ids in found.items()} in ({"a": {0}, "b": {1}}, {"a": {1}, "b": {0}})


@pytest.mark.parametrize("times", [np.arange(0, 4, 1 / 30), np.arange(0, 4, 0.1), uneven(15)], ids=["30", "10", "vfr"])
def test_people_who_cross_keep_their_ids(times):
    """One walks before the other, who is hidden while they overlap."""
    paths = {"a": lambda t: (100 + 200 * t, 200), "b": lambda t: (900 - 200 * t, 215)}
    found = follow(paths, times, lambda name, t: name == "b" and abs(800 - 400 * t) < 80, noise=0.01)
    assert len(set(found["a"])) == len(set(found["b"])) == 1
    assert set(found["a"]) != set(found["b"])


def test_a_crowd_is_not_mixed_up():
    paths = {number: lambda t, n=number: (150 + 130 * n + 60 * np.sin(2 * t + n), 200 + 20 * n) for number in range(6)}
    found = follow(paths, np.arange(0, 3, 0.1), noise=0.01)
    assert all(len(set(ids)) == 1 for ids in found.values())


def test_ids_are_given_in_order_and_never_again():
    tracker = Tracker()
    assert tracker.update([face(100), face(600)], 0.0) == [0, 1]
    assert tracker.update([face(600)], 0.2) == [1]
    assert tracker.update([face(600), face(100)], 0.2 + PATIENCE + 0.1) == [1, 2]
    assert tracker.update([], 10.0) == []
    assert tracker.update([face(600)], 20.0) == [3]


def test_frames_far_apart_are_still_followed():
    """Key frames stand seconds apart: whoever was in the last frame is looked for however long ago that was."""
    tracker = Tracker()
    assert [tracker.update([face(100 + 5 * n), face(700)], 8.0 * n) for n in range(4)] == [[0, 1]] * 4


def test_a_face_elsewhere_or_of_another_size_is_another():
    tracker = Tracker()
    tracker.update([face(200)], 0.0)
    assert tracker.update([face(200 + 3 * SIDE)], 0.1) == [1]
    assert tracker.update([face(200 + 3 * SIDE, side=4 * SIDE)], 0.2) == [2]


def test_time_that_goes_back_is_refused():
    tracker = Tracker()
    tracker.update([face(1)], 1.0)
    for time in (0.5, float("nan")):
        with pytest.raises(ValueError, match="order of time"):
            tracker.update([face(1)], time)


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_the_assignment_is_the_cheapest_of_the_fullest(rows, columns, data):
    cost = st.one_of(st.just(np.inf), st.integers(0, 5).map(float))
    costs = np.array([[data.draw(cost) for _ in range(columns)] for _ in range(rows)])
    flipped = costs if rows <= columns else costs.T
    best = min(
        (-sum(np.isfinite(picked)), sum(value for value in picked if np.isfinite(value)))
        for order in permutations(range(flipped.shape[1]), len(flipped))
        for picked in [[flipped[row, column] for row, column in enumerate(order)]]
    )
    pairs = _assigned(costs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert (-len(pairs), sum(costs[pair] for pair in pairs)) == best
