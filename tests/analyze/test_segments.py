"""Segments: lasting changes begin one, flickers do not, and times are those of the sampled frames."""

import json
import weakref
from dataclasses import replace
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feallm.analyze.segments import Segmenter, segments
from tests.timelines import no_face, shown, spoken

SMILE = "AU06 AU12"


def brief(found):
    return [(each.onset, each.offset, each.emotion, each.action_units) for each in found]


def test_a_smile_between_two_neutral_stretches_has_onset_apex_and_offset():
    clip = spoken(10, (20, "neutral", ""), (20, "happiness", SMILE), (20, "neutral", ""))
    clip[33] = shown(33, 3.3, "happiness", SMILE.split(), strength=0.95)
    first, smile, last = segments(clip)
    assert brief([first, smile, last]) == [
        (0.0, 2.0, "neutral", ()),
        (2.0, 4.0, "happiness", ("AU06", "AU12")),
        (4.0, 6.0, "neutral", ()),
    ]
    assert (smile.onset_frame, smile.apex_frame, smile.offset_frame) == (20, 33, 39)
    assert smile.apex == 3.3
    assert smile.apex_reading is clip[33]
    assert smile.duration == 2.0
    assert (smile.input, smile.face_id, smile.status, smile.explanation) == ("clip.mp4", 0, "ok", None)


def test_flickers_of_emotion_and_units_make_no_segment():
    clip = spoken(10, (20, "neutral", ""), (20, "happiness", SMILE))
    clip[5] = shown(5, 0.5, "anger", ["AU04"])
    clip[25] = shown(25, 2.5, "fear", ["AU06"])
    clip[26] = shown(26, 2.6, "surprise", ["AU06", "AU12", "AU26"])
    found = segments(clip)
    assert brief(found) == [(0.0, 2.0, "neutral", ()), (2.0, 4.0, "happiness", ("AU06", "AU12"))]
    assert all(each.apex_reading.emotion == each.emotion for each in found)


def test_a_shorter_minimum_finds_a_shorter_expression():
    clip = spoken(25, (25, "neutral", ""), (6, "fear", "AU05"), (25, "neutral", ""))
    assert [each.emotion for each in segments(clip)] == ["neutral"]
    found = segments(clip, min_duration=0.2)
    assert brief(found) == [(0.0, 1.0, "neutral", ()), (1.0, 1.24, "fear", ("AU05",)), (1.24, 2.24, "neutral", ())]


def test_changes_close_together_begin_one_segment():
    clip = spoken(10, (10, "neutral", ""), (2, "neutral", "AU06"), (2, "neutral", SMILE), (16, "happiness", SMILE))
    assert brief(segments(clip)) == [(0.0, 1.0, "neutral", ()), (1.0, 3.0, "happiness", ("AU06", "AU12"))]


def test_a_unit_that_comes_later_begins_a_segment_of_its_own():
    clip = spoken(10, (10, "happiness", "AU12"), (10, "happiness", "AU12 AU25"))
    assert brief(segments(clip)) == [(0.0, 1.0, "happiness", ("AU12",)), (1.0, 2.0, "happiness", ("AU12", "AU25"))]


def test_the_apex_of_a_neutral_segment_is_where_its_units_are_strongest():
    clip = spoken(10, (10, "neutral", "AU04"))
    clip[7] = shown(7, 0.7, "neutral", ["AU04", "AU17"], strength=0.6)
    clip[3] = shown(3, 0.3, "neutral", ["AU04"], strength=0.99)
    (found,) = segments(clip)
    assert found.apex_frame == 7
    assert found.action_units == ("AU04",)


def test_a_short_occlusion_is_bridged_and_a_long_one_ends_the_segment():
    clip = spoken(10, (30, "happiness", SMILE))
    hidden = [no_face(each.frame, each.timestamp) if 8 <= each.frame < 16 else each for each in clip]
    assert brief(segments(hidden)) == [(0.0, 3.0, "happiness", ("AU06", "AU12"))]
    before, after = segments(hidden, max_gap=0.5)
    assert (before.onset, before.offset, before.offset_frame) == (0.0, 0.8, 7)
    assert (after.onset, after.offset, after.onset_frame) == (1.6, 3.0, 16)


def test_frames_far_apart_are_no_gap():
    clip = [shown(300 * n, 10.0 * n, "happiness" if n > 2 else "neutral") for n in range(6)]
    assert brief(segments(clip)) == [(0.0, 30.0, "neutral", ()), (30.0, 60.0, "happiness", ())]


def test_a_face_that_comes_and_goes_at_once_makes_no_segment():
    clip = [each for n in range(40) for each in (no_face(n, n / 10), *([shown(n, n / 10, "anger")] if n == 9 else []))]
    assert segments(clip) == []


@pytest.mark.parametrize(("count", "offset"), [(1, 0.0), (2, 0.08)])
def test_the_shortest_clips_have_a_segment_all_the_same(count, offset):
    (found,) = segments(spoken(25, (count, "happiness", SMILE)))
    assert (found.onset, found.offset, found.onset_frame) == (0.0, offset, 0)
    (known,) = segments(spoken(25, (count, "happiness", SMILE)), end=0.1)
    assert known.offset == 0.1


def test_several_people_and_clips_are_kept_apart():
    one = spoken(10, (20, "happiness", SMILE))
    other = [replace(each, face_id=4, emotion="sadness", action_units={}) for each in one[10:]]
    both = sorted([*one, *other], key=lambda each: each.timestamp)
    second = [replace(each, input="b.mp4") for each in both]
    found = segments([*second, *both])
    assert [(each.input, each.face_id, each.emotion, each.onset) for each in found] == [
        ("b.mp4", 0, "happiness", 0.0),
        ("b.mp4", 4, "sadness", 1.0),
        ("clip.mp4", 0, "happiness", 0.0),
        ("clip.mp4", 4, "sadness", 1.0),
    ]


def test_low_quality_and_abstained_stretches_say_so():
    clip = spoken(10, (10, "happiness", SMILE), (10, None, SMILE), (30, "happiness", SMILE))
    dark = range(30, 40)
    clip = [replace(each, status="low_quality") if each.frame in dark else each for each in clip]
    found = segments(clip)
    assert [(each.status, each.emotion) for each in found] == [
        ("ok", "happiness"),
        ("abstained", None),
        ("ok", "happiness"),
        ("low_quality", "happiness"),
        ("ok", "happiness"),
    ]
    clip = spoken(10, (10, "happiness", SMILE))
    clip[4] = shown(4, 0.4, "happiness", SMILE.split(), strength=0.99, status="low_quality")
    assert segments(clip)[0].apex_frame != 4, "a usable reading is there"


def test_readings_without_time_are_refused_and_unreadable_clips_have_none():
    assert segments([replace(no_face(0, 0.0), frame=None, timestamp=None, status="unreadable", error="cut")]) == []
    with pytest.raises(ValueError, match="still pictures have none"):
        segments([replace(shown(0, 0.0, "anger"), frame=None, timestamp=None)])
    with pytest.raises(ValueError, match=r"0\.1 s came after 0\.5 s"):
        segments([shown(5, 0.5, "anger"), shown(1, 0.1, "anger")])
    with pytest.raises(ValueError, match=r"face 0 comes twice at 0\.5 s"):
        segments([shown(5, 0.5, "anger"), shown(5, 0.5, "anger")])
    with pytest.raises(ValueError, match="seconds, 0 or more; -1"):
        Segmenter(min_duration=-1)


def test_a_segment_as_plain_values():
    (found,) = segments(spoken(10, (10, "happiness", SMILE)))
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["action_units"] == ["AU06", "AU12"]
    assert plain["apex_reading"]["frame"] == found.apex_frame
    assert (plain["onset"], plain["offset"], plain["emotion"]) == (0.0, 1.0, "happiness")


def test_readings_are_let_go():
    segmenter, seen, alive = Segmenter(), [], []
    for number in range(600):
        emotion = ("neutral", "happiness", "fear")[number // 40 % 2 if number % 7 else 2]
        reading = shown(number, number / 25, emotion, ["AU12"] if number % 3 else [])
        seen.append(weakref.ref(reading))
        closed = segmenter.add(reading)
        del reading
        closed.clear()
        if number % 50 == 49:
            alive.append(sum(each() is not None for each in seen))
    assert max(alive) < 40


emotions = st.sampled_from(["neutral", "happiness", "anger"])
long_runs = st.lists(st.tuples(emotions, st.integers(8, 14), st.integers(0, 14)), min_size=1, max_size=6)
any_runs = st.lists(st.tuples(emotions, st.integers(1, 9)), min_size=2, max_size=14)


@given(runs=long_runs)
@settings(max_examples=40)
def test_every_lasting_run_is_a_segment_whatever_flickers_in_it(runs):
    clip = spoken(10, *((count, emotion, "") for emotion, count, _ in runs))
    runs_of_one_emotion = [list(run) for _, run in groupby(clip, key=lambda reading: reading.emotion)]
    first = 0
    for _, count, flicker in runs:
        if 3 <= flicker < count - 3:  # at a run's ends nobody could tell a flicker from the run
            clip[first + flicker] = shown(first + flicker, (first + flicker) / 10, "fear", ["AU05"])
        first += count
    found = segments(clip)
    assert [(each.onset, each.emotion) for each in found] == [
        (run[0].timestamp, run[0].emotion) for run in runs_of_one_emotion
    ]


@given(runs=any_runs, rate=st.sampled_from([1.0, 4.0, 10.0]))
@settings(max_examples=40)
def test_segments_follow_each_other_without_gap_and_none_is_short(runs, rate):
    clip = spoken(rate, *((count, emotion, "") for emotion, count in runs))
    found = segments(clip)
    assert (found[0].onset, found[-1].offset) == (0.0, pytest.approx(len(clip) / rate))
    assert all(before.offset == after.onset for before, after in pairwise(found))
    assert all(before.emotion != after.emotion for before, after in pairwise(found))
    assert all(each.duration >= 0.5 - 1e-6 for each in found) or len(found) == 1
    for each in found:
        assert each.onset <= each.apex < each.offset
        assert each.onset_frame <= each.apex_frame <= each.offset_frame
        assert clip[each.apex_frame] is each.apex_reading
    segmenter = Segmenter()
    assert [each for reading in clip for each in segmenter.add(reading)] + segmenter.finish() == found
