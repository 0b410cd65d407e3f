"""Which rows of two tables are the same face: by picture, frame or time, box, number or size; and what is left over."""

import pytest

from feallm.compare.faces import overlap
from feallm.compare.matching import match_tables
from feallm.tables.foreign import ForeignRow
from tests.compare.faces import boxless, face, table


def pairs(a, b, **options):
    return [(pair.a.text, pair.b.text, pair.how) for pair in match_tables(a, b, **options).pairs]


def test_boxes_are_matched_by_overlap_whatever_their_order():
    a = table(face(x=0, text="left"), face(x=300, text="right"))
    b = table(face(x=310, text="RIGHT"), face(x=8, text="LEFT"), face(x=700, text="third"))
    found = match_tables(a, b)
    assert pairs(a, b) == [("left", "LEFT", "box"), ("right", "RIGHT", "box")]
    assert found.unmatched_a == {}
    assert found.unmatched_b == {"no box of the other lies on its box": 1}


def test_a_face_has_one_partner_the_best():
    a = table(face(x=0, text="a"), face(x=30, text="b"))
    assert pairs(a, table(face(x=28, text="B"))) == [("b", "B", "box")]


def test_boxes_apart_are_two_faces_though_each_is_alone():
    found = match_tables(table(face(x=0)), table(face(x=500)))
    assert not found.pairs
    assert found.unmatched_a == found.unmatched_b == {"no box of the other lies on its box": 1}
    assert "another size" in found.notes[-1]
    assert len(match_tables(table(face(x=0)), table(face(x=60)), least=0.2).pairs) == 1
    assert len(match_tables(table(face(x=0)), table(face(x=60))).pairs) == 0


def test_overlap():
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_without_boxes_by_number_else_the_largest():
    a = table(face(x=0, face=0, text="0"), face(x=300, face=1, text="1"))
    numbered = table(boxless(face=1, text="I"), boxless(face=0, text="O"))
    assert pairs(a, numbered) == [("0", "O", "number"), ("1", "I", "number")]
    assert "paired by their numbers" in match_tables(a, numbered).notes[0]
    large = table(face(x=0, text="small"), face(x=300, size=200, text="large"))
    sure = table(boxless(confidence=0.4, text="unsure"), boxless(confidence=0.9, text="sure"))
    assert pairs(large, sure) == [("large", "sure", "largest")]
    assert pairs(table(face(text="one")), table(boxless(text="ONE"))) == [("one", "ONE", "only")]


def test_pictures_are_known_by_the_ends_of_their_paths():
    a = table(face("/photos/faces/1.png"), face("/photos/masks/1.png"), face("/photos/2.png"), face("3.png"))
    b = table(face(r"D:\set\faces\1.png"), face("2"), face("4.png"))
    found = match_tables(a, b)
    assert [(pair.a.picture, pair.b.picture) for pair in found.pairs] == [
        ("/photos/faces/1.png", r"D:\set\faces\1.png"),
        ("/photos/2.png", "2"),
    ]
    assert found.unmatched_a == {"its picture is not in the other table": 2}
    assert found.unmatched_b == {"its picture is not in the other table": 1}


def test_a_name_that_is_of_several_pictures_is_of_none():
    a = table(face("cats/1.png"), face("dogs/1.png"))
    assert not match_tables(a, table(face("/elsewhere/1.png"))).pairs


def test_a_table_named_by_its_file_is_about_the_only_picture_there_is():
    ours, theirs = table(face("/v/clip.mp4", frame=0), form="feallm"), table(boxless("results", 0), form="openface")
    found = match_tables(ours, theirs)
    assert len(found.pairs) == 1
    assert "/v/clip.mp4 and results were taken for the same" in found.notes[0]
    assert not match_tables(ours, table(boxless("results", 0), form="pyfeat")).pairs, "that one names its pictures"


def test_frames_by_number():
    a = table(*[face("v.mp4", frame=frame, text=str(frame)) for frame in (0, 5, 10)])
    b = table(*[face("v.mp4", frame=frame, text=str(frame)) for frame in range(8)])
    assert pairs(a, b) == [("0", "0", "box"), ("5", "5", "box")]
    found = match_tables(a, b)
    assert found.unmatched_a == {"its frame is not in the other table": 1}
    assert found.unmatched_b == {"its frame is not in the other table": 6}


def test_frames_by_time_within_half_of_the_finer_step():
    a = table(*[boxless("v", timestamp=0.2 * step + 0.01, text=str(step)) for step in range(4)])
    b = table(*[boxless("v", timestamp=step / 30, text=f"{step}'") for step in range(24)])
    assert pairs(a, b) == [(str(step), f"{6 * step}'", "only") for step in range(4)]
    between = table(boxless("v", timestamp=0.11), boxless("v", timestamp=0.16))
    assert not match_tables(a, between).pairs, "0.05 s from 0.21 is more than half of the finer step, 0.05"


def test_numbers_go_before_times_unless_asked_otherwise():
    a = table(boxless("v", 0, timestamp=0.0, text="a0"), boxless("v", 1, timestamp=0.5, text="a1"))
    b = table(boxless("v", 1, timestamp=0.0, text="b1"), boxless("v", 2, timestamp=0.5, text="b2"))
    assert pairs(a, b) == [("a1", "b1", "only")]
    assert pairs(a, b, by="time") == [("a0", "b1", "only"), ("a1", "b2", "only")]


def test_frames_against_times_and_stills_against_videos_are_left_with_their_reason():
    numbered = table(*[boxless("v", frame) for frame in range(3)])
    timed = table(*[boxless("v", timestamp=time / 10) for time in range(3)])
    assert match_tables(numbered, timed).unmatched_a == {"one table numbers frames, the other tells their time": 3}
    still = table(boxless("v"))
    assert match_tables(still, numbered).unmatched_a == {"one frame in one table, several in the other": 1}


def test_the_frame_of_a_still_picture_is_its_place_in_a_list():
    ours, theirs = table(face("b.png"), form="feallm"), table(face("a.png", frame=0), face("b.png", frame=1))
    assert len(match_tables(ours, theirs).pairs) == 1
    assert len(match_tables(table(face("b.png", frame=0)), theirs).pairs) == 1


def test_pictures_without_faces_are_counted_by_whose_word_it_is():
    def none(picture, status="no_face"):
        return ForeignRow(picture, status=status)

    a = table(none("1"), face("2"), face("3"), none("4"))
    b = table(none("1"), none("2"), none("3", "unreadable"), face("4"))
    found = match_tables(a, b)
    assert (found.faces_a, found.faces_b, found.both_none, found.pairs) == (2, 1, 1, ())
    assert found.unmatched_a == {"the other found no face there": 1, "the other could not read its picture": 1}
    assert found.unmatched_b == {"the other found no face there": 1}
