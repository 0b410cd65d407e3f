"""POST /v1/analyze and /v1/whatif against a running server."""

import io
import json
import struct
import zlib

import pytest
from PIL import Image

from feallm import Analyzer
from tests.serve.conftest import encoded


@pytest.fixture(scope="module")
def direct(portrait):
    """What the analyzer itself says of the portrait."""
    (reading,) = Analyzer().analyze(portrait)
    return reading


def test_form_and_json_give_the_analyzers_own_reading(client, portrait, data_url, direct):
    form = client.post("/v1/analyze", files={"file": ("me.jpg", portrait, "image/jpeg")})
    plain = client.post("/v1/analyze", json={"image": data_url})
    assert form.status_code == plain.status_code == 200, form.text
    (read,) = form.json()["readings"]
    expected = {**direct.to_dict(), "input": "me.jpg"}
    assert read == json.loads(json.dumps(expected))
    assert plain.json()["readings"] == [{**read, "input": "image[0]"}]
    assert form.json()["metadata"] == json.loads(json.dumps(Analyzer().metadata))


def test_wishes_come_from_query_form_and_json(client, portrait, data_url):
    def asked(**given):
        answer = client.post("/v1/analyze", **given)
        assert answer.status_code == 200, answer.text
        (reading,) = answer.json()["readings"]
        return reading, answer.json()["metadata"]

    files = {"file": ("me.jpg", portrait)}
    assert asked(files=files, params={"explain": "false"})[0]["explanation"] is None
    assert asked(files=files, data={"explain": "false"})[0]["explanation"] is None
    assert asked(json={"image": data_url, "explain": False})[0]["explanation"] is None
    reading, metadata = asked(files=files, params={"explain": "false"}, data={"label_set": "fer2013"})
    assert reading["label_set"] == metadata["label_set"] == "fer2013"
    assert len(reading["emotion_scores"]) == 7
    reading, _ = asked(json={"image": data_url, "explain": True, "min_confidence": 1})
    assert (reading["status"], reading["emotion"], reading["explanation"]) == ("abstained", None, None)
    reading, _ = asked(json={"image": data_url, "explain": False, "evidence": True})
    shown = [unit for unit in reading["action_units"].values() if unit["present"]]
    assert shown
    assert all(len(unit["evidence"]["regions"][0]) == 4 for unit in shown)


def test_several_files_are_read_and_the_bad_ones_told(client, portrait):
    blank = encoded(Image.new("RGB", (80, 80), "navy"))
    files = [("file", (name, each)) for name, each in (("a.jpg", portrait), ("b.jpg", blank), ("c.jpg", b"text"))]
    answer = client.post("/v1/analyze", files=files, params={"explain": "false"})
    rows = answer.json()["readings"]
    assert [(row["input"], row["status"]) for row in rows] == [
        ("a.jpg", "ok"),
        ("b.jpg", "no_face"),
        ("c.jpg", "unreadable"),
    ]


def test_lines_give_numbers_first_and_then_words(client, portrait):
    answer = client.post(
        "/v1/analyze", files={"file": ("me.jpg", portrait)}, headers={"Accept": "application/x-ndjson"}
    )
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["type"] for line in lines] == ["metadata", "reading", "reading", "done"]
    numbers, words = lines[1]["reading"], lines[2]["reading"]
    assert numbers["explanation"] is None
    assert words["explanation"]
    assert numbers["emotion_scores"] == words["emotion_scores"]
    assert lines[-1]["readings"] == 1


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_request"),
        ({"json": ["data:,"]}, 422, "invalid_request"),
        ({"json": {}}, 422, "invalid_request"),
        ({"json": {"image": "/etc/passwd"}}, 422, "invalid_request"),
        ({"json": {"image": "file:///etc/passwd"}}, 422, "invalid_request"),
        ({"json": {"image": "http://127.0.0.1/x.png"}}, 422, "invalid_request"),
        ({"json": {"image": "data:image/png;base64,AAAA"}}, 422, "unreadable"),
        ({"json": {"image": "data:,", "colour": "red"}}, 422, "invalid_request"),
        ({"json": {"image": "data:,", "label_set": "moods"}}, 422, "invalid_request"),
        ({"files": {"file": ("x.jpg", b"no picture")}}, 422, "unreadable"),
        ({"files": {"other": ("x.jpg", b"no picture")}}, 422, "invalid_request"),
        ({"data": {"file": "text"}}, 415, "invalid_request"),
        ({"content": b"abc", "headers": {"Content-Type": "image/jpeg"}}, 415, "invalid_request"),
        ({"json": {"image": "data:,"}, "params": {"min_confidence": "2"}}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_used_gets_one_sentence(client, given, status, code):
    answer = client.post("/v1/analyze", **given)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (set(error), error["code"]) == ({"type", "message", "code"}, code)
    assert error["message"]
    assert "Traceback" not in answer.text


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(client):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(10_000_000), 9)  # 10 kB that unpack to 10 MB, of a picture that claims 3.6 GB
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    answer = client.post("/v1/analyze", files={"file": ("bomb.png", io.BytesIO(bomb))})
    assert answer.status_code == 422
    assert "3,600.0 million pixels" in answer.json()["error"]["message"]


def test_whatif_gives_before_after_and_difference(client, data_url, portrait):
    answer = client.post("/v1/whatif", json={"image": data_url, "without": ["AU4", "lip corner puller"]})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    (direct,) = Analyzer().what_if(portrait, without=["AU04", "AU12"])
    assert told["without"] == ["AU04", "AU12"]
    assert told["after"] == pytest.approx(direct.emotion_scores)
    assert told["before"] == pytest.approx(direct.reading.emotion_scores)
    assert told["difference"] == pytest.approx(direct.difference)
    assert told["sentence"].startswith("Without")
    same = client.post("/v1/whatif", json={"image": data_url}).json()
    assert same["after"] == pytest.approx(same["before"], abs=1e-6)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"without": ["AU99"]}, "invalid_request"),
        ({"without": ["AU4"], "adding": ["AU4"]}, "invalid_request"),
        ({"face": 7}, "invalid_request"),
        ({"face": -1}, "invalid_request"),
        ({"image": "data:image/png;base64,AAAA"}, "unreadable"),
    ],
)
def test_whatif_says_what_is_wrong(client, data_url, given, code):
    answer = client.post("/v1/whatif", json={"image": data_url, **given})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_no_face_is_no_ground_for_what_if(client):
    blank = encoded(Image.new("RGB", (80, 80), "navy"))
    from tests.serve.conftest import as_data_url

    answer = client.post("/v1/whatif", json={"image": as_data_url(blank)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_face")
