"""WebVTT, SubRip, ELAN text and the table of segments: read back as their readers do, a browser among them."""

import csv
import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise

import pytest

from feallm.analyze.segments import segments
from feallm.report.elan import elan, write_elan
from feallm.report.subtitles import srt, vtt, write_srt, write_vtt
from feallm.report.words import HONEST
from feallm.tables import OutputError, read, segments_table, write_segments
from tests.timelines import spoken

SMILE = "AU06 AU12"
NASTY = "The cheeks <i>rise</i> & AU12\n\n00:00:01.000 --> 00:00:02.000\tpulls {\\an8}\x00, so: happy."
FLAT = "The cheeks <i>rise</i> & AU12 00:00:01.000 --> 00:00:02.000 pulls {\\an8}, so: happy."
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE = """<!doctype html><meta charset="utf-8"><video><track id="t" default></video><pre id="found"></pre><script>
t.track.mode = "hidden";
t.onload = () => found.textContent = JSON.stringify(
  [...t.track.cues].map(cue => [cue.id, cue.startTime, cue.endTime, cue.getCueAsHTML().textContent,
                                cue.getCueAsHTML().firstElementChild.title]));
t.onerror = () => found.textContent = "refused";
t.src = URL.createObjectURL(new Blob([TEXT], {type: "text/vtt"}));
</script>"""


@pytest.fixture(scope="module")
def people():
    """Two people at once: a smile of the first from 1 s to 2 s, the second half a second later."""
    first = segments(spoken(10, (10, "neutral", ""), (10, "happiness", SMILE), (10, None, "")))
    second = [
        replace(each, face_id=3, onset=each.onset + 0.5, apex=each.apex + 0.5, offset=each.offset + 0.5)
        for each in first
    ]
    return [replace(first[0], explanation=NASTY), *first[1:], *second]


def cues(text, point):
    """(begin, end, text) of each block that has times, in seconds."""
    clock = rf"(\d+):(\d\d):(\d\d)\{point}(\d\d\d)"
    found = []
    for block in text.split("\n\n"):
        match = re.search(rf"^{clock} --> {clock}\n", block, re.MULTILINE)
        if match:
            hours, minutes, seconds, rest = ([int(match[n]), int(match[n + 4])] for n in (1, 2, 3, 4))
            begin, end = (hours[n] * 3600 + minutes[n] * 60 + seconds[n] + rest[n] / 1000 for n in (0, 1))
            found.append((begin, end, block[match.end() :].strip("\n")))
    return found


def test_webvtt_has_a_cue_a_segment_in_order(people):
    text = vtt(people)
    assert text.startswith("WEBVTT\n\nNOTE\n")
    assert HONEST in text
    found = cues(text, ".")
    assert [(begin, end) for begin, end, _ in found] == [(0, 1), (0.5, 1.5), (1, 2), (1.5, 2.5), (2, 3), (2.5, 3.5)]
    assert found[2][2] == "<v face 0>Face 0: happiness 80%, AU6+AU12</v>"
    assert found[3][2].startswith("<v face 3>Face 3: happiness")
    assert "no verdict, no action units" in found[4][2]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_reads_the_same_cues(people, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("TEXT", json.dumps(vtt(people)).replace("<", "\\u003c")), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    call = [CHROMIUM, *flags, "--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
    shown = subprocess.run(call, capture_output=True, text=True, timeout=120, check=True).stdout
    found = json.loads(unescaped(re.search(r'<pre id="found">(.*)</pre>', shown)[1]))
    assert [cue[0] for cue in found] == [f"{n}-face-{3 * (n % 2 == 0)}" for n in range(1, 7)]
    assert [(cue[1], cue[2]) for cue in found] == [(0, 1), (0.5, 1.5), (1, 2), (1.5, 2.5), (2, 3), (2.5, 3.5)]
    assert found[0][3].split("\n") == ["Face 0: neutral 80%, no action units", FLAT, HONEST]
    assert [cue[4] for cue in found] == ["face 0", "face 3"] * 3


def unescaped(text):
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_subrip_never_shows_two_at_once_and_loses_nobody(people):
    text = srt(people)
    found = cues(text, ",")
    assert re.findall(r"^(\d+)\n\d\d:", text, re.MULTILINE) == [str(number) for number in range(1, 8)]
    assert [begin for begin, _, _ in found] == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert found[2][2] == "Face 0: happiness 80%, AU6+AU12\nFace 3: neutral 80%, no action units"
    assert not set("<>{}") & set(found[0][2])
    assert "cheeks ‹i›rise‹/i› & AU12 00:00:01" in found[0][2]


def test_long_clips_short_segments_and_one_person(people):
    late = replace(people[1], onset=360_000.0004, offset=360_000.0004)
    assert "100:00:00.000 --> 100:00:00.001\n<v face 0>Happiness 80%, AU6+AU12\n" in vtt([late])
    assert "100:00:00,000 --> 100:00:00,001\nHappiness 80%" in srt([late])
    assert vtt([]).startswith("WEBVTT\n")
    assert srt([]) == ""
    with pytest.raises(ValueError, match="segments of 2 came: clip"):
        vtt([people[0], replace(people[1], input="other.mp4")])


def test_elan_finds_tabs_and_reads_tiers_of_whole_milliseconds(people):
    lines = elan(people).splitlines()
    first = "\n".join(lines[:10])  # what ELAN guesses the delimiter from
    assert first.count("\t") > max(first.count(other) for other in ";:,|")
    rows = [line.split("\t") for line in lines]
    assert {len(row) for row in rows} == {5}
    assert rows[0] == ["Tier", "Begin Time - msec", "End Time - msec", "Duration - msec", "Annotation"]
    tiers = {}
    for tier, begin, end, duration, text in rows[1:]:
        assert int(end) - int(begin) == int(duration) > 0
        tiers.setdefault(tier, []).append((int(begin), int(end), text))
    kinds = ["emotion", "AUs", "apex"]
    assert list(tiers) == [*(f"{kind}@face{face}" for kind in kinds for face in (0, 3)), "explanation@face0"]
    assert tiers["emotion@face0"] == [(0, 1000, "neutral"), (1000, 2000, "happiness"), (2000, 3000, "no verdict")]
    assert tiers["AUs@face3"][1] == (1500, 2500, "AU6+AU12")
    assert tiers["apex@face0"][1] == (1000, 1100, "happiness 80%, AU6+AU12")
    assert tiers["explanation@face0"] == [(0, 1000, FLAT)]
    for annotations in tiers.values():
        assert all(before[1] <= after[0] for before, after in pairwise(annotations)), "ELAN's tiers hold no overlaps"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_table_of_segments_reads_back(people, tmp_path, suffix):
    nasty = [replace(each, input="=cmd.mp4", explanation="=1+1") for each in people]
    path = write_segments(nasty, tmp_path / f"new/segments{suffix}")
    found = read(path)
    rows = list(segments_table(nasty))
    if suffix == ".csv":
        assert "./=cmd.mp4" in path.read_text("utf-8")
        assert "'=1+1" in path.read_text("utf-8")
        rows = [{**row, "input": "./=cmd.mp4"} for row in rows]
    assert found == rows
    smile = found[1]
    assert (smile["onset"], smile["apex"], smile["offset"], smile["duration"]) == (1.0, 1.0, 2.0, 1.0)
    assert (smile["onset_frame"], smile["offset_frame"], smile["action_units"]) == (10, 19, "AU06;AU12")
    assert smile["confidence"] == 0.8
    assert found[2]["emotion"] is None


def test_json_holds_all_of_a_segment(people, tmp_path):
    whole = json.loads(write_segments(people, tmp_path / "s.json").read_text("utf-8"))
    lines = write_segments(people, tmp_path / "s.jsonl").read_text("utf-8").splitlines()
    assert whole == [json.loads(line) for line in lines] == [each.to_dict() for each in people]
    assert whole[1]["apex_reading"]["action_units"]["AU12"]["present"] is True


def test_an_empty_table_has_its_columns(tmp_path):
    with write_segments([], tmp_path / "s.csv").open(encoding="utf-8", newline="") as stream:
        assert "onset" in next(csv.reader(stream))


WRITERS = [(write_vtt, "a.vtt"), (write_srt, "a.srt"), (write_elan, "a.txt"), (write_segments, "a.csv")]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_what_cannot_be_written_is_said_and_leaves_what_was_there(people, tmp_path, write, name):
    path = write(people, tmp_path / "made" / name)
    before = path.read_bytes()
    assert b"\r" not in before
    with pytest.raises(OutputError, match="is a folder: give the path of a file"):
        write(people, (tmp_path / name).mkdir() or tmp_path / name)
    with pytest.raises(OutputError, match="choose another path"):
        write(people, path / name)

    def breaking():
        yield people[0]
        raise RuntimeError("the clip broke")

    with pytest.raises(RuntimeError, match="the clip broke"):
        write(breaking(), path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [name]
