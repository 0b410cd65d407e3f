"""The HTML report as a parser sees it: whole in itself, readable by anybody, its claims tied to what was measured."""

import json
import re
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from skimage import data

from feallm.analyze.reading import ActionUnitReading, FaceReading, RegionEvidence
from feallm.media import Picture
from feallm.report.claims import pieces
from feallm.report.html import html_report, key_frames, material
from feallm.report.html.material import find_segments
from feallm.report.words import HONEST
from tests.report.conftest import make_reading
from tests.report.html_page import Page

EVIL = '"><script>alert(1)</script><img src=http://elsewhere/x onerror=alert(2)>{{ 7 * 7 }}</style>\u202e'
SHOWN = EVIL.replace("\u202e", "?")
CORNERS = (
    ((190.0, 128.0), (217.0, 130.0), (215.0, 155.0), (188.0, 153.0)),
    ((231.0, 131.0), (258.0, 133.0), (256.0, 158.0), (229.0, 156.0)),
)
CHEEKS = (((178.0, 93.0), (217.0, 96.0), (215.0, 125.0), (176.0, 123.0)),)
ASTRONAUT = Picture("photos/astronaut.png", data.astronaut(), None)
METADATA = {"model": "feallm-tiny", "thresholds": {"AU06": 0.3, "AU12": 0.55}, "decoding": {"top_p": 0.95}}


def seen(**changes):
    """The smile with the places of AU6 and AU12, but not of AU25."""
    reading = make_reading(**changes)
    evidence = {"AU12": RegionEvidence(CORNERS, 0.9, 0.02), "AU06": RegionEvidence(CHEEKS, 0.4, 0.1)}
    units = {
        unit: replace(au, evidence=evidence.get(unit), effect=0.3 if unit in evidence else 0.0)
        for unit, au in reading.action_units.items()
    }
    return replace(reading, action_units=units)


def clip_readings(seconds=6.0, rate=5, **changes):
    """Two faces: one that smiles in the middle, one that comes late and goes for a while."""
    readings = []
    for number in range(int(seconds * rate)):
        time = number / rate
        smiles = seconds / 3 <= time < 2 * seconds / 3
        readings.append(_at(time, number, 0, "happiness" if smiles else "neutral", smiles, **changes))
        if time > 1 and not 3 <= time < 4.5:
            readings.append(_at(time, number, 1, "sadness", False, **changes))
    return readings


def _at(time, number, face, emotion, smiles, **changes):
    rest = dict.fromkeys(("neutral", "happiness", "sadness", "anger"), 0.02)
    units = {unit: ActionUnitReading(0.9, 3.0, smiles) for unit in ("AU06", "AU12")}
    values = {
        "input": "photos/talk.mp4",
        "frame": number * 2,
        "timestamp": time,
        "face_id": face,
        "emotion": emotion,
        "emotion_scores": {**rest, emotion: 0.94},
        "action_units": units,
        "explanation": None,
        "box": (40.0 + 200 * face, 40.0, 90.0, 110.0),
    }
    return make_reading(**{**values, **changes})


@pytest.fixture(scope="module")
def page():
    """One picture, one with two faces, one without, one that cannot be read, and a clip."""
    two = Picture("photos/two.png", np.ascontiguousarray(np.concatenate([data.astronaut()] * 2, axis=1)), None)
    readings = [
        seen(),
        seen(input="photos/two.png"),
        seen(input="photos/two.png", face_id=1, box=(688.0, 66.0, 96.0, 120.0), emotion=None, status="abstained"),
        FaceReading("photos/blank.png", status="no_face"),
        FaceReading("photos/broken.png", status="unreadable", error="the file is cut short"),
        *clip_readings(),
    ]
    blank = Picture("photos/blank.png", np.zeros((60, 60, 3), np.uint8), None)
    broken = Picture("photos/broken.png", None, "the file is cut short")
    return Page(html_report(readings, [ASTRONAUT, two, blank, broken], METADATA))


def assert_nothing_foreign(page):
    assert not {each.tag for each in page.root.walk()} & {"script", "link", "iframe", "object", "embed", "form", "base"}
    for element in page.root.walk():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), (element.tag, name)
            if name in {"href", "xlink:href"}:
                assert value.startswith("#"), value
            elif name in {"src", "srcset", "data", "action", "poster", "background"}:
                assert value.startswith("data:image/jpeg;base64,"), value[:60]
            elif name not in {"aria-label", "alt", "content"}:
                assert "://" not in (value or ""), (element.tag, name)
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import|expression\(", page.style)
    (policy,) = [m for m in page.all("meta") if m.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:")


def test_nothing_is_asked_from_elsewhere(page):
    assert_nothing_foreign(page)
    assert page.pictures()


def test_every_link_leads_somewhere_and_every_description_is_there(page):
    ids = page.ids
    for link in page.all("a"):
        assert link.attributes["href"][1:] in ids
        assert link.text.strip() or link.attributes.get("aria-label")
    for element in page.root.walk():
        for name in ("aria-describedby", "aria-labelledby"):
            if name in element.attributes:
                assert ids[element.attributes[name]].text.strip()


def test_it_can_be_read_by_ear_and_by_keyboard(page):
    (html,) = page.all("html")
    assert html.attributes["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("header")) == 1
    assert page.all("nav")[0].attributes["aria-label"]
    first = next(each for each in page.root.walk() if each.tag == "a")
    assert first.attributes["href"] == "#main"
    levels = [int(each.tag[1]) for each in page.root.walk() if re.fullmatch("h[1-6]", each.tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(image.attributes["alt"].strip() for image in page.all("img"))
    for drawing in page.all("svg"):
        assert drawing.attributes.get("aria-hidden") == "true" or drawing.attributes["aria-label"].strip()
    for table in page.all("table"):
        assert table.all("caption")[0].text.strip()
        assert all(cell.attributes.get("scope") in {"col", "row"} for cell in table.all("th"))
        if table.parent.attributes.get("role") == "region":
            assert table.parent.attributes["tabindex"] == "0"
            assert table.parent.attributes["aria-label"]
    assert HONEST in page.all("header")[0].text
    assert "identified" in page.ids["limits"].text


@pytest.mark.parametrize("scheme", [0, 1])
def test_contrast(page, scheme):
    blocks = re.findall(r":root \{(.*?)\}", page.style, re.DOTALL)
    colours = dict(re.findall(r"--(\w+):\s*(#[0-9a-f]{3,6})", blocks[scheme]))

    def light(name):
        digits = colours[name][1:]
        digits = digits if len(digits) == 6 else "".join(each * 2 for each in digits)
        parts = [int(digits[k : k + 2], 16) / 255 for k in (0, 2, 4)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one, other):
        high, low = sorted((light(one), light(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for ink in ("ink", "soft", "accent"):
        assert all(contrast(ink, ground) >= 4.5 for ground in ("ground", "card")), ink
    assert contrast("ink", "warn") >= 4.5
    assert contrast("accent", "warn") >= 4.5
    assert contrast("marked", "mark") >= 4.5
    for line in ("s1", *(f"e{number}" for number in range(1, 9))):
        assert contrast(line, "card") >= 3, line
    assert contrast("s1", "track") >= 3
    assert contrast("quiet", "track") >= 3


def test_a_claim_leads_to_the_place_that_was_measured(page):
    reading = seen()
    (why, *_) = page.all("p", "why")
    assert why.text == reading.explanation
    face = why.within("face")
    ids = page.ids
    linked = {}
    for claim in why.all("a"):
        target = ids[claim.attributes["href"][1:]]
        assert target.within("face") is face
        linked.setdefault(claim.text, set()).add(next((k for k in target.classes if k.startswith("r-")), target.tag))
    assert linked["cheeks are raised (AU6)"] == linked["AU6"] == {"r-AU06"}
    assert linked["corners of the lips are pulled up (AU12)"] == linked["AU12"] == {"r-AU12"}
    assert linked["lips are parted (AU25)"] == linked["happiness"] == {"tr"}
    drawn = {
        region.attributes["id"].rsplit("-", 1)[1]: [
            tuple(tuple(map(float, point.split(","))) for point in polygon.attributes["points"].split())
            for polygon in region.all("polygon")
            if "under" not in polygon.classes
        ]
        for region in face.all("g", "region")
    }
    assert drawn == {"AU06": list(CHEEKS), "AU12": list(CORNERS)}
    for unit in drawn:
        assert f".face:has(.c-{unit}:is(:hover, :focus" in page.style
        row = next(each for each in face.all("tr") if f"c-{unit}" in each.classes)
        assert row.attributes["id"] in {claim.attributes["aria-describedby"] for claim in why.all("a")}
    where = ids["p1f0-AU12-row"].text
    assert "97%, 7% with it hidden, 95% with as much hidden elsewhere" in where


def test_what_is_claimed_is_read_and_not_matched():
    text = (
        "The face shows happiness, not anger. The brows are not lowered (AU4), but AU1 is present. "
        "The cheeks are raised (AU6). Perhaps AU25 is there. Because of AU12 it is happiness."
    )
    found = {(piece.text, piece.values): piece.role for piece in pieces(seen(explanation=text)) if piece.values}
    assert found["happiness", ("happiness",)] == "emotion"
    assert found["anger", ("anger",)] == "open"
    assert found["AU1", ("AU01",)] == "open"
    assert found["cheeks are raised (AU6)", ("AU06",)] == "seen"
    assert found["AU25", ("AU25",)] == "open"
    assert found["AU12", ("AU12",)] == "cause"
    assert {role for (_, values), role in found.items() if values == ("AU04",)} == {"absent"}
    assert "".join(piece.text for piece in pieces(seen(explanation=text))) == text
    page = Page(html_report([seen(explanation=text)]))
    (why,) = page.all("p", "why")
    leads = {claim.text: claim.attributes.get("href") for claim in (*why.all("a"), *why.all("span"))}
    assert leads["AU12"] == "#p1f0-AU12"
    assert leads["AU1"] is None, "a unit that is not there has no place"
    assert "is not in" not in page.all("p", "note")[0].text or "AU25" not in text


def test_the_numbers_are_those_of_the_reading(page):
    reading = seen()
    face = page.ids["p1f0"]
    emotions, units = face.all("table")
    rows = [[cell.text.strip() for cell in row.children] for row in emotions.all("tr")[1:]]
    assert [row[0] for row in rows] == list(reading.emotion_scores)
    assert ["happiness", "", "92%"] in rows
    lengths = [float(row.all("rect")[1].attributes["width"]) for row in emotions.all("tr")[1:]]
    assert lengths == pytest.approx([100 * share for share in reading.emotion_scores.values()], abs=0.06)
    listed = [row.all("th")[0].text for row in units.all("tr")[1:]]
    assert listed[:3] == ["AU6 cheek raiser", "AU12 lip corner puller", "AU25 lips part"]
    row = [cell.text for cell in page.ids["p1f0-AU12-row"].children]
    assert row[2:5] == ["97%", "4.2", "-30.0"]
    made = page.ids["made"].text
    assert "feallm-tiny" in made
    assert "AU06 0.3, AU12 0.55" in made
    assert "top p 0.95" in made


def test_the_summary_counts_and_leads_to_each_face(page):
    rows = page.table("All readings, in the order they were made")
    assert [row[:3] for row in rows[1:]] == [
        ["astronaut.png", "0", "happiness 92%"],
        ["two.png", "0", "happiness 92%"],
        ["two.png", "1", "No verdict (0.92 happiness)"],
        ["blank.png", "", ""],
        ["broken.png", "", ""],
    ]
    assert rows[4][4] == "No face found"
    assert "the file is cut short" in rows[5][4]
    links = [link.attributes["href"] for link in page.ids["summary"].all("a")]
    assert links == ["#p1f0", "#p2f0", "#p2f1", "#p3", "#p4"]
    assert page.table("Emotions named")[1:] == [["happiness", "", "2 (67%)"]]


def test_names_and_words_cannot_become_markup():
    readings = [
        seen(input=f"a/{EVIL}.png", explanation=f"The face shows happiness. {EVIL}", model=EVIL),
        FaceReading(f"a/{EVIL}2.png", status="unreadable", error=EVIL),
        *clip_readings(input=f"a/{EVIL}.mp4", explanation=EVIL),
    ]
    page = Page(html_report(readings, (), {EVIL: {"b": EVIL}}, title=EVIL))
    assert_nothing_foreign(page)
    assert page.all("h1")[0].text == SHOWN
    assert page.all("title")[0].text == SHOWN
    assert SHOWN in page.ids["made"].text
    assert any(SHOWN in heading.text for heading in page.all("h3"))
    assert "{{ 7 * 7 }}" in page.all("p", "why")[0].text
    assert "\u202e" not in page.source
    html_report([seen(input="a/\udcff.png")]).encode("utf-8")


def test_a_clip_has_timelines_segments_and_key_frames(page):
    found = find_segments(clip_readings())
    first = [segment for segment in found if segment.face_id == 0]
    assert [segment.emotion for segment in first] == ["neutral", "happiness", "neutral"]
    rows = page.table("Segments of Face 0")[1:]
    told = [(row[0], row[1], row[2], row[3], row[5]) for row in rows]
    assert told == [
        (
            str(n),
            f"{s.onset:.2f}",
            f"{s.apex:.2f}",
            f"{s.offset:.2f}",
            ", ".join(u.replace("AU0", "AU") for u in s.action_units) or "none",
        )
        for n, s in enumerate(first, start=1)
    ]
    timelines = page.all("figure", "timeline")
    assert len(timelines) == 2
    drawn = timelines[0].all("svg")[0]
    assert "Face 0: neutral" in drawn.attributes["aria-label"]
    words = {each.text for each in drawn.all("text")}
    assert {"seconds", "happiness", "lip corner puller AU12", "segments"} <= words
    assert "sadness" not in words, "what it never shows has no line"
    assert page.table("Face 0, 30 steps of talk.mp4")[1] == ["0.00", "neutral", "94%", "none"]
    keys = [each for each in page.all("article") if re.fullmatch(r"v1k\d+", each.attributes["id"])]
    assert len(keys) == len({segment.apex_frame for segment in found}) == len(key_frames(found))
    assert {link.attributes["href"] for link in page.ids["v1a1"].all("a")} <= {f"#{name}" for name in page.ids}


def test_a_long_clip_stays_small():
    readings = clip_readings(seconds=900.0, rate=4)
    text = html_report(readings)
    assert len(text) < 600_000, "lines are averaged"
    page = Page(text)
    assert len(page.table("Face 0, 40 steps of talk.mp4")) == 41


def test_without_matplotlib_the_page_says_so_and_has_the_tables(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(html_report(clip_readings()))
    assert not page.all("figure", "timeline")
    assert any("feallm[report]" in note.text for note in page.all("p", "note"))
    assert page.table("Segments of Face 0")


def test_many_pictures_are_shown_up_to_a_limit_and_folded(monkeypatch):
    monkeypatch.setattr(material, "MOST_PICTURES", 20)
    grey = np.full((900, 1200, 3), 90, np.uint8)
    readings = [seen(input=f"p{number}.png") for number in range(45)]
    page = Page(html_report(readings, (Picture(each.input, grey, None) for each in readings)))
    shown = [each for each in page.all("article") if each.attributes["id"].startswith("p")]
    assert len(shown) == 20
    assert [each.parent.tag for each in shown].count("details") == 8
    assert max(max(pixels.shape) for pixels in page.pictures()) <= 480
    assert any("25 more pictures" in note.text for note in page.all("p", "note"))
    assert len(page.table("All readings, in the order they were made")) == 46


def test_pictures_that_come_in_another_order_or_not_at_all(page):
    red, blue = (np.full((300, 300, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))
    readings = [seen(input="a.png"), seen(input="b.png"), seen(input="a.png"), seen(input="c.png")]
    page = Page(
        html_report(readings, [Picture("b.png", blue, None), Picture("a.png", red, None), Picture("a.png", blue, None)])
    )
    colours = ["red" if pixels[0, 0, 0] > 100 else "blue" for pixels in page.pictures()]
    assert colours == ["red", "red", "blue", "blue", "blue", "blue"]
    assert "not at hand" in page.ids["p4"].text
    assert page.ids["p4"].all("g", "region"), "the places are known without the picture"


def test_no_readings_is_a_mistake():
    with pytest.raises(ValueError, match="at least one reading"):
        html_report([])


def test_the_same_readings_give_the_same_bytes():
    assert html_report(clip_readings(), (), METADATA) == html_report(clip_readings(), (), METADATA)
    assert json.dumps(METADATA)
