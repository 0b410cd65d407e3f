"""What is told of a video that is damaged or was cut short: what, when, and what is kept."""

from rich.console import Console

from feallm.media.video_decode import DAMAGED, ENDS_HERE
from feallm.report.clip_view import clip_view
from feallm.report.damage import Damage, damage
from feallm.report.outlets import Tally
from tests.timelines import no_face, shown, spoken

END = f"{ENDS_HERE}, though it states 6.0 s: get a complete copy"


def lost(frame, time, error=DAMAGED):
    return no_face(frame, time, status="unreadable", error=error)


def test_a_whole_video_and_what_has_no_frame_are_not_told():
    assert damage(spoken(5, (5, "happiness", "AU12"))) == ""
    told = Damage()
    for row in (no_face(None, None, status="unreadable", error="not a video"), *spoken(5, (3, "anger", ""))):
        told.add(row)
    assert told.notes() == []


def test_a_file_cut_short_says_where_and_what_is_kept():
    rows = [*spoken(5, (3, "happiness", "AU12")), lost(3, 0.6, END)]
    assert damage(rows) == ("the file ends at 0:00.6, though it states 6.0 s: get a complete copy; 3 frames are kept")


def test_damaged_frames_are_counted_by_frame_not_by_row():
    rows = [shown(0, 0.0, "anger"), shown(0, 0.0, "anger", face_id=1), lost(1, 1.5), lost(2, 90.0), no_face(3, 91.0)]
    assert damage(rows) == f"2 of 4 frames could not be read, from 0:01.5 to 1:30.0 ({DAMAGED}); 2 frames are kept"
    assert damage(rows[2:3]) == f"1 of 1 frame could not be read, at 0:01.5 ({DAMAGED}); no frame is left"
    both = damage([*rows[:3], lost(2, 2.0, END)])
    assert both.startswith(f"1 of 2 frames could not be read, at 0:01.5 ({DAMAGED}), and the file ends at 0:02.0, ")
    assert both.endswith("; 1 frame is kept")


def test_each_video_has_its_note_and_the_end_is_no_frame():
    tally = Tally()
    for name in ("a.mp4", "b\x1b.mp4"):
        for row in (shown(0, 0.0, "anger", input=name), lost(1, 0.2, END)):
            tally.add(row if row.input == name else no_face(1, 0.2, input=name, status="unreadable", error=END))
    assert [note.split(": ")[:2] for note in tally.damage.notes()] == [["note", "a.mp4"], ["note", "b?.mp4"]]
    assert tally.sentence() == "2 faces read in 2 frames (2 unreadable)"


def test_without_segments_it_is_told_whether_there_was_a_face(capsys):
    console = Console(width=200)
    for has_face, words in ((False, "No face was found in any frame"), (True, "long enough")):
        console.print(clip_view([], has_face=has_face))
        assert words in capsys.readouterr().out
