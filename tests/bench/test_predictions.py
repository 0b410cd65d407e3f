"""Items and predictions on disk: the same bytes for the same answers, and nothing damaged or foreign taken for one."""

import numpy as np
import pytest

from feallm.bench.fingerprint import differences, fingerprint
from feallm.bench.items import Item, Prediction, Response, Truth
from feallm.bench.predictions import (
    Appender,
    RunError,
    encode,
    item_line,
    prediction_line,
    read_items,
    read_predictions,
)


def item(number, **changes):
    values = {
        "sample": f"face{number}",
        "face": f"face{number}",
        "kind": "emotion",
        "question": "Which?",
        "truth": Truth("anger", ({"AU04": 3.0, "AU12": 0.0},)),
        "picture": f"p{number}",
        "about": {"level": 2, "hidden": ["AU04"]},
        **changes,
    }
    return Item(**values)


ITEMS = [item(number) for number in range(4)]
ASKED = {one.sample: one.asked for one in ITEMS}


def prediction(number, **response):
    return Prediction(f"face{number}", ITEMS[number].asked, Response(**(response or {"text": "Anger."})))


def written(path, *lines):
    path.write_bytes(b"".join(line if isinstance(line, bytes) else prediction_line(line) for line in lines))
    return path


def read(path):
    return read_predictions(path, ASKED, "drawn")


def test_items_come_back_as_they_went(tmp_path):
    path = tmp_path / "items.jsonl"
    items = [*ITEMS, item(4, subject="s1", truth=Truth(), view="dark 2", question="Wie heißt das? \u2028 ok")]
    path.write_bytes(b"".join(map(item_line, items)))
    assert list(read_items(path)) == items
    assert b"null" not in path.read_bytes()


def test_every_field_of_a_response_comes_back(tmp_path):
    full = Response(
        "ok", "head", "Anger.", "anger", (), {"anger": 0.25}, {"AU04": 1.0}, {"AU04": 0.5}, "an empty reply (length)"
    )
    path = written(tmp_path / "p", Prediction("face0", ASKED["face0"], full), prediction(1))
    found = read(path).by_sample
    assert found["face0"].response == full
    assert found["face1"].response.present is None


def test_numbers_are_rounded_and_come_from_numpy_too():
    line = prediction_line(prediction(0, scores={"anger": np.float32(1 / 3), "fear": -1e-9, "joy": np.int64(1)}))
    assert b'"scores": {"anger": 0.333333, "fear": 0.0, "joy": 1}' in line
    with pytest.raises(ValueError, match="not JSON compliant"):
        prediction_line(prediction(0, scores={"anger": float("inf")}))
    with pytest.raises(ValueError, match="object is no value that a line can hold"):
        encode({"what": object()})


def test_nothing_there_is_nothing_predicted(tmp_path):
    found = read(tmp_path / "none")
    assert (dict(found.by_sample), found.size, found.half_line) == ({}, 0, False)


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_a_half_line_is_told_and_left_out(tmp_path, cut):
    last = prediction_line(prediction(1))
    found = read(written(tmp_path / "p", prediction(0), last[:cut]))
    assert found.half_line
    assert list(found.by_sample) == ["face0"]
    assert found.size == len(prediction_line(prediction(0)))


def test_a_last_line_without_its_break_is_whole(tmp_path):
    path = written(tmp_path / "p", prediction(0), prediction_line(prediction(1)).rstrip())
    found = read(path)
    assert list(found.by_sample) == ["face0", "face1"]
    appender = Appender(path, found.size)
    appender.append([prediction_line(prediction(2))])
    appender.close()
    assert path.read_bytes() == b"".join(prediction_line(prediction(number)) for number in range(3))


def test_appending_cuts_a_half_line_away(tmp_path):
    path = written(tmp_path / "p", prediction(0), b'{"asked": "abc", "resp')
    appender = Appender(path, read(path).size)
    appender.append([])
    appender.append([prediction_line(prediction(3))])
    appender.close()
    assert list(read(path).by_sample) == ["face0", "face3"]
    assert not read(path).half_line


def test_repeated_lines_are_counted_and_contradictions_refused(tmp_path):
    assert read(written(tmp_path / "p", prediction(0), prediction(1), prediction(0))).duplicates == 1
    with pytest.raises(RunError, match="line 2: a second answer to 'face0' that differs"):
        read(written(tmp_path / "p", prediction(0), prediction(0, text="Fear.")))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{}\n", r"line 2 is damaged or of another release \(sample: Field required\)"),
        (b"not json\n", "line 2 is damaged"),
        (b'{"sample": "face1", "asked": "x", "response": {}, "time": 3}\n', r"\(time: Extra inputs"),
        (b'{"sample": "face1", "asked": "x", "response": {"status": "fine"}}\n', r"\(response\.status: Input should"),
        (
            b'{"sample": "face9", "asked": "x", "response": {}}\n',
            r"'face9' is no item of this run of drawn",
        ),
        (b'{"sample": "face1", "asked": "0123", "response": {}}\n', r"digest 0123, but drawn asks [0-9a-f]{12}"),
    ],
)
def test_damaged_and_foreign_lines_are_named(tmp_path, line, told):
    with pytest.raises(RunError, match=told):
        read(written(tmp_path / "p", prediction(0), line, prediction(2)))


def test_damaged_items_are_named(tmp_path):
    path = tmp_path / "items.jsonl"
    with pytest.raises(RunError, match=r"no items\.jsonl in"):
        list(read_items(path))
    path.write_bytes(item_line(ITEMS[0]) * 2)
    with pytest.raises(RunError, match="line 2: the sample 'face0' stands there twice"):
        list(read_items(path))
    path.write_bytes(item_line(ITEMS[0]).replace(b'"emotion"', b'"mood"', 1))
    with pytest.raises(RunError, match="line 1 is damaged"):
        list(read_items(path))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"truth": Truth("fear")}, "1 with other labels (face2)"),
        ({"picture": "other"}, "1 with other pictures (face2)"),
        ({"question": "What?"}, "1 with other questions (face2)"),
        ({"subject": "s7"}, "1 otherwise described (face2)"),
        ({"sample": "new"}, "1 missing (face2); 1 new (new)"),
    ],
)
def test_each_difference_is_told_and_changes_the_fingerprint(change, told):
    changed = [*ITEMS[:2], item(2, **change), ITEMS[3]]
    assert differences(ITEMS, changed) == told
    assert fingerprint(changed) != fingerprint(ITEMS)


def test_differences_of_many_and_of_none():
    assert differences(ITEMS, [item(number) for number in range(4)]) == ""
    assert fingerprint(ITEMS) == fingerprint(iter(ITEMS))
    assert differences(ITEMS, []) == "4 missing (face0, face1, face2, …)"
    assert differences(ITEMS, ITEMS[::-1]) == "the same items in another order"
    assert fingerprint(ITEMS) != fingerprint(ITEMS[::-1])
    assert differences(ITEMS, [ITEMS[1], ITEMS[0], ITEMS[2]]) == "1 missing (face3); the others in another order"
