"""Who may ask, how much and how often; and what a bad client cannot do."""

import json
import socket
from contextlib import contextmanager, suppress

import httpx
import pytest

from feallm.serve.keys import GUESSES
from tests.serve.conftest import running

SMALL = {"json": {"image": "data:,"}}
PAIRS = [
    (404, "get", "/nothing"),
    (405, "get", "/v1/analyze"),
    (405, "delete", "/healthz"),
    (405, "delete", "/static/words.json"),
    (404, "get", "/static/x"),
    (404, "get", "/static/__init__.py"),
]


@contextmanager
def spoken(url, text):
    """A plain connection on which `text` has been said."""
    host, port = httpx.URL(url).host, httpx.URL(url).port
    with socket.create_connection((host, port), timeout=30) as line:
        line.sendall(text)
        yield line


def heard(line):
    """All that comes until the other side ends."""
    found = b""
    try:
        while block := line.recv(65536):
            found += block
    except ConnectionResetError:
        return found
    return found


def error_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.mark.parametrize(("status", "method", "path"), PAIRS)
def test_what_is_not_there_has_the_same_form(client, status, method, path):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"type", "message", "code"}


def test_head_is_get_without_a_body(client):
    described = client.get("/openapi.json").json()["paths"]
    gets = [path.replace("{model}", "feallm-tiny") for path, methods in described.items() if "get" in methods]
    for path in (*gets, "/", "/openapi.json", "/static/words.json", "/static/x", "/nothing"):
        get, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("content-type", "cache-control", "content-encoding", "x-content-type-options"):
            assert head.headers.get(name) == get.headers.get(name)
        if path not in ("/metrics", "/healthz"):  # whose numbers change
            assert head.headers.get("content-length") == get.headers.get("content-length")
    assert 'method="HEAD",path="/healthz",status="200"' in client.get("/metrics").text
    assert "/v1/models" in gets


def test_a_wrong_method_is_told_the_right_ones(client):
    for method, path, right in (("HEAD", "/v1/analyze", "POST"), ("PUT", "/healthz", "GET, HEAD")):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, right)
    assert client.delete("/static/index.html").headers["allow"] == "GET, HEAD"


def test_every_answer_forbids_foreign_hosts_and_guessing(client):
    for path in ("/", "/healthz", "/nothing", "/v1/models"):
        answer = client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "http" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example:8000", "evil.example", "127.0.0.1.evil.example", ""])
def test_another_name_of_this_machine_is_refused(client, host):
    answer = client.get("/v1/models", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_not_allowed")


def test_pages_of_others_may_not_use_it(server, client):
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        answer = client.post("/v1/analyze", headers={"Origin": origin}, **SMALL)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
    own = client.post("/v1/analyze", headers={"Origin": server.url}, **SMALL)
    assert own.status_code == 422
    assert "access-control-allow-origin" not in own.headers


def test_a_gigabyte_is_refused_before_it_is_read(server):
    head = b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with spoken(server.url, head + b"Content-Length: 1000000000\r\n\r\n") as line:
        answer = heard(line)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert error_of(answer)["code"] == "too_large"
    sent = 0
    with spoken(server.url, head + b"Transfer-Encoding: chunked\r\n\r\n") as line, suppress(OSError):
        while sent < 1_000_000_000:  # its size is not told
            line.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
            sent += 1 << 20
    assert sent < 100_000_000


def test_a_streamed_gigabyte_gets_its_413(server):
    def blocks():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        for _ in range(20):
            yield bytes(1 << 20)

    answer = httpx.post(
        f"{server.url}/v1/analyze", content=blocks(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_what_is_no_http_is_refused(server):
    with spoken(server.url, b"\x16\x03\x01 hello\r\n\r\n") as line:
        assert heard(line).startswith(b"HTTP/1.1 400 ")


def test_key_rate_and_origin_are_as_told(portrait):
    with running("--rate", "6/minute", "--cors", "https://lab.example", key="sesame") as server:
        with httpx.Client(base_url=server.url) as client:
            for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "sesame"}):
                answer = client.get("/v1/models", headers=given)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_key")
            assert client.get("/metrics").status_code == 401
            assert client.get("/healthz").status_code == 200
            key = {"Authorization": "Bearer sesame"}
            told = client.get("/v1/models", headers={**key, "Origin": "https://lab.example"})
            assert told.headers["access-control-allow-origin"] == "https://lab.example"
            before = client.options(
                "/v1/analyze",
                headers={"Origin": "https://lab.example", "Access-Control-Request-Method": "POST"},
            )
            assert before.status_code == 200
            statuses = [client.get("/v1/models", headers=key).status_code for _ in range(8)]
            assert statuses == [200] * 5 + [429] * 3
            late = client.get("/v1/models", headers=key)
            assert late.json()["error"]["code"] == "rate_limited"
            assert 1 <= int(late.headers["retry-after"]) <= 60
            guesses = [client.get("/v1/models", headers={"Authorization": f"Bearer {n}"}) for n in range(GUESSES)]
            assert [each.status_code for each in guesses] == [401] * (GUESSES - 1) + [429]  # one was wrong above
            assert "wrong keys" in guesses[-1].json()["error"]["message"]
            assert 1 <= int(guesses[-1].headers["retry-after"]) <= 60
            assert client.get("/v1/models").status_code == 401  # without a key it is no guess
        assert server.stop() == 0
