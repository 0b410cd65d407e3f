"""Interventions on the evidence, on a model whose numbers are known; confidence, abstention and evidence by hiding."""

import numpy as np
import pytest

from feallm.analyze import Analyzer
from feallm.analyze.effects import evidence_rows, find_turning, parse_units
from feallm.analyze.statements import percent, percents, tell_turning, tell_what_if
from tests.analyze.wiring import wire


@pytest.fixture(scope="module")
def analyzer(smile_checkpoint):
    return Analyzer(smile_checkpoint)


def turning(analyzer, picture, *wiring):
    """What turns the verdict of a face, by a model wired anew, and the sentences that tell it."""
    fresh = Analyzer(analyzer.engine.info.model)
    wire(fresh.engine.model, *wiring)
    look = fresh.look(picture)
    found = find_turning(fresh.engine, look.encoded, look.reading)
    return look.reading, found, " ".join(tell_turning(found))


def test_a_unit_is_taken_out_and_the_verdict_turns(analyzer, astronaut):
    (found,) = analyzer.what_if(astronaut, without=["AU12"])
    seen = 0.9526  # sigmoid(3), the probability of a present unit
    logits = np.array([2.0, seen] + [0.0] * 6)  # neutral, happiness (AU6 alone), the others
    logits[6] = 8 * 0.018  # anger by what little there is of AU4
    expected = np.exp(logits) / np.exp(logits).sum()
    assert list(found.emotion_scores.values()) == pytest.approx(expected, abs=1e-3)
    assert (found.reading.emotion, found.emotion) == ("happiness", "neutral")
    assert (found.without, found.adding) == (("AU12",), ())
    assert found.difference["happiness"] < -0.3
    assert sum(found.difference.values()) == pytest.approx(0, abs=1e-6)
    assert found.reading.action_units["AU12"].effect == pytest.approx(-found.difference["happiness"], abs=1e-6)


def test_units_are_put_in_and_named_in_any_form(analyzer, astronaut):
    (found,) = analyzer.what_if(astronaut, without=["lip corner puller"], adding=[4])
    assert (found.without, found.adding, found.emotion) == (("AU12",), ("AU04",), "anger")
    record = found.to_dict()
    assert record["emotion"] == "anger"
    assert record["difference"]["anger"] == pytest.approx(found.difference["anger"])
    assert record["reading"]["emotion"] == "happiness"


def test_every_face_is_asked_and_pictures_without_one_are_left_out(analyzer, five_faces):
    sources = [five_faces, np.zeros((64, 64, 3), np.uint8)]
    assert [found.reading.face_id for found in analyzer.what_if(sources, without=["AU12"])] == [0, 1, 2, 3, 4]


def test_a_picture_that_cannot_be_read_is_not_one_without_a_face(analyzer, tmp_path):
    with pytest.raises(ValueError, match=r"gone\.png cannot be read: no such file"):
        analyzer.what_if(tmp_path / "gone.png", without=["AU12"])


@pytest.mark.parametrize("units", ["AU12", "12", 12, np.int64(12), "lip corner puller", {"AU12": 1.0}, np.array([12])])
def test_one_unit_needs_no_list(units):
    assert parse_units(units, ["AU04", "AU12"]) == ("AU12",)


def test_a_text_may_hold_several_units():
    assert parse_units("AU12, brow lowerer", ["AU04", "AU12"]) == ("AU12", "AU04")
    assert parse_units(["4,12", 4], ["AU04", "AU12"]) == ("AU04", "AU12")


@pytest.mark.parametrize(
    ("units", "wrong", "named"),
    [
        (12.0, TypeError, "12.0 came"),
        ([12.0], TypeError, "12.0 came"),
        ([None], TypeError, "None came"),
        (None, TypeError, "None came"),
        (True, TypeError, "True came"),
        (b"12", TypeError, "b'12' came"),
        ("", ValueError, "'' is no action unit"),
        ("smirk", ValueError, "'smirk' is no action unit"),
        ("AU18", ValueError, "does not read 'AU18'"),
    ],
)
def test_what_can_be_no_unit_is_refused(units, wrong, named):
    with pytest.raises(wrong, match=named):
        parse_units(units, ["AU04", "AU12"])


def test_units_that_cannot_be_changed_are_named(analyzer, astronaut):
    with pytest.raises(ValueError, match="does not read 'AU18'"):
        analyzer.what_if(astronaut, without=["AU18"])
    with pytest.raises(ValueError, match="AU04 cannot be both"):
        analyzer.what_if(astronaut, without=["AU4"], adding=["brow lowerer"])


def test_rows_of_evidence_change_only_what_is_named():
    rows = evidence_rows(["AU01", "AU04"], [(("AU04",), ()), ((), ("AU01",)), ((), ())])
    assert np.array_equal(rows, np.array([[np.nan, 0], [1, np.nan], [np.nan, np.nan]], np.float32), equal_nan=True)


def test_one_unit_that_turns_the_verdict_is_found(analyzer, astronaut):
    look = analyzer.look(astronaut)
    found = find_turning(analyzer.engine, look.encoded, look.reading)
    assert [each.without for each in found.alone] == [("AU12",)]
    assert (found.pairs, found.added) == ((), ())
    (sentence,) = tell_turning(found)
    before, after = look.reading.emotion_scores["happiness"], found.alone[0].emotion_scores["happiness"]
    assert (
        f"Without AU12, happiness would fall from {percent(before)} to {percent(after)}, and neutral would" in sentence
    )


def test_a_pair_is_looked_for_where_no_unit_alone_turns_it(analyzer, astronaut):
    pull = {("happiness", "AU06"): 2.0, ("happiness", "AU12"): 2.0}
    _, found, text = turning(analyzer, astronaut, {"AU06", "AU12", "AU25"}, {"neutral": 1.5}, pull)
    assert found.alone == ()
    assert [set(each.without) for each in found.pairs] == [{"AU06", "AU12"}]
    assert text.startswith("No single unit turns the verdict. Without AU")
    assert "and neutral would lead" in text


def test_additions_are_looked_for_where_nothing_can_be_taken_away(analyzer, astronaut):
    reading, found, text = turning(analyzer, astronaut, set(), {"neutral": 3.0}, {("anger", "AU04"): 8.0})
    assert reading.present_units == {}
    assert [each.adding for each in found.added] == [("AU04",)]
    assert text.startswith("No action units are present. With AU4 added, neutral would fall")


def test_a_verdict_that_nothing_turns_is_said_to_be_one(analyzer, astronaut):
    _, found, text = turning(analyzer, astronaut, {"AU12"}, {"happiness": 8.0})
    assert (found.alone, found.pairs, found.added) == ((), (), ())
    assert "does not turn the verdict" in text
    assert "comes from the face as a whole" in text


def test_a_small_change_is_told_with_a_decimal(analyzer, astronaut):
    assert percents(0.931, 0.412) == ("93%", "41%")
    assert percents(0.9872, 0.9853) == ("98.7%", "98.5%")
    assert percents(0.99996, 0.99994) == (">99%", ">99%")
    (found,) = analyzer.what_if(astronaut, without=["AU25"])
    assert "would stay at" in tell_what_if(found)


def test_the_confidence_is_the_largest_share_and_carries_the_verdict(analyzer, astronaut):
    (reading,) = analyzer.analyze(astronaut, explain=False)
    assert reading.confidence == reading.emotion_scores["happiness"] == max(reading.emotion_scores.values())
    assert reading.verdict.carrying == ("AU12", "AU06")
    assert reading.to_dict()["confidence"] == reading.confidence


def test_below_the_confidence_asked_for_no_emotion_is_named(smile_checkpoint, astronaut):
    (reading,) = Analyzer(smile_checkpoint, min_confidence=0.999).analyze(astronaut)
    assert (reading.status, reading.emotion, reading.leading) == ("abstained", None, "happiness")
    assert reading.explanation is None
    assert reading.present_units
    (named,) = Analyzer(smile_checkpoint, min_confidence=reading.confidence).analyze(astronaut, explain=False)
    assert (named.status, named.emotion) == ("ok", "happiness")
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Analyzer(smile_checkpoint, min_confidence=wrong)


def test_evidence_by_hiding_is_given_for_present_units_where_it_is_asked_for(random_checkpoint, astronaut):
    analyzer = Analyzer(random_checkpoint)
    (plain,) = analyzer.analyze(astronaut, explain=False)
    (shown,) = analyzer.analyze(astronaut, explain=False, evidence=True)
    assert not any(au.evidence for au in plain.action_units.values())
    assert plain.present_units, "a random model shows some"
    for unit, au in shown.action_units.items():
        assert (au.evidence is not None) == au.present, unit
    x, y, width, height = shown.box
    for unit in shown.present_units:
        evidence = shown.action_units[unit].evidence
        assert -1 <= evidence.drop <= 1
        for region in evidence.regions:
            columns, rows = zip(*region, strict=True)
            assert x - width < min(columns) < max(columns) < x + 2 * width
            assert y - height < min(rows) < max(rows) < y + 2 * height
    assert any(shown.action_units[unit].evidence.drop != 0 for unit in shown.present_units)


def test_looking_at_one_face_names_what_is_missing(analyzer, five_faces, tmp_path):
    assert analyzer.look(five_faces, 4).reading.face_id == 4
    with pytest.raises(ValueError, match=r"no face 5: there are 5 faces, numbered 0 to 4"):
        analyzer.look(five_faces, 5)
    with pytest.raises(ValueError, match="no face was found in array"):
        analyzer.look(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ValueError, match="cannot be read"):
        analyzer.look(tmp_path / "gone.png")
    with pytest.raises(ValueError, match="one picture is needed"):
        analyzer.look([five_faces, five_faces])
