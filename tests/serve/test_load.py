"""Many clients at once, clients that go away or hang, and the end of a server."""

import asyncio
import signal
import time
from contextlib import ExitStack

import httpx
import pytest
from typer.testing import CliRunner

from feallm.cli import app
from tests.serve.conftest import running
from tests.serve.test_guard import error_of, heard, spoken

CLIENTS = 32


async def _many(url, portrait, seconds, clients=CLIENTS):
    """What `clients` clients get that ask again and again: statuses and exceptions."""
    end = time.monotonic() + seconds
    got = []

    async def one(client, number):
        while time.monotonic() < end:
            params = {"explain": "true" if number % 16 == 0 else "false"}
            try:
                answer = await client.post("/v1/analyze", files={"file": ("me.jpg", portrait)}, params=params)
            except httpx.HTTPError as error:
                got.append(error)
                return
            got.append(answer.status_code)
            assert answer.status_code != 200 or answer.json()["readings"][0]["input"] == "me.jpg"

    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=clients)) as client:
        await asyncio.gather(*(one(client, number) for number in range(clients)))
    return got


def test_many_clients_get_what_they_ask_for(server, portrait, client):
    got = asyncio.run(_many(server.url, portrait, 0.7))
    assert set(got) == {200}
    assert len(got) >= CLIENTS
    assert client.get("/healthz").json()["queue"] == 0
    metrics = client.get("/metrics").text
    assert 'feallm_requests_total{method="POST",path="/v1/analyze",status="200"}' in metrics
    assert "feallm_queue_length 0.0" in metrics
    count, total = (
        float(next(line for line in metrics.splitlines() if line.startswith(f"feallm_batch_faces_{name}")).split()[1])
        for name in ("count", "sum")
    )
    assert total > 1.5 * count  # faces of several clients were read together


def test_a_server_with_few_places(portrait):
    with running("--queue", "4", "--timeout", "1", "--host", "0.0.0.0") as server:
        assert "can be reached from other machines" in server.lines[0]
        _more_than_the_queue_holds_is_told_to_come_again(server, portrait)
        _half_requests_hold_no_place(server, portrait)
        _clients_that_go_away_free_their_place(server, portrait)
        _a_signal_ends_it_after_all_that_was_accepted(server, portrait)


def _more_than_the_queue_holds_is_told_to_come_again(server, portrait):
    async def flood():
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            asks = (client.post("/v1/analyze", files={"file": ("me.jpg", portrait)}) for _ in range(16))
            return await asyncio.gather(*asks)

    answers = asyncio.run(flood())
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(answer.json()["error"]["code"] == "queue_full" for answer in refused)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def _half_requests_hold_no_place(server, portrait):
    head = b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999\r\n"
    texts = [head + b"\r\n{", head + b"\r\n{", head + b"\r\n{", head, b"POST /v1/ana"]
    with ExitStack() as stack:
        lines = [stack.enter_context(spoken(server.url, text)) for text in texts]
        time.sleep(0.1)
        answer = httpx.post(f"{server.url}/v1/analyze", files={"file": ("me.jpg", portrait)}, timeout=60)
        assert answer.status_code == 200, answer.text
        ends = [heard(line) for line in lines]  # each is ended by the server
    assert [error_of(end)["code"] for end in ends[:3]] == ["timeout"] * 3
    assert ends[3:] == [b"", b""]


def _clients_that_go_away_free_their_place(server, portrait):
    request = httpx.Request(
        "POST", server.url + "/v1/analyze", files=[("file", (f"{n}.jpg", portrait)) for n in range(16)]
    )
    text = b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\n"
    text += b"".join(f"{name}: {value}\r\n".encode() for name, value in request.headers.items() if name != "host")
    text += b"\r\n" + request.read()
    with httpx.Client(base_url=server.url) as client:
        with spoken(server.url, text), spoken(server.url, text):
            _until(lambda: client.get("/healthz").json()["queue"] == 2)
        _until(lambda: client.get("/healthz").json()["queue"] == 0)
        assert "feallm_requests_cancelled_total 2.0" in client.get("/metrics").text


def test_a_stream_that_nobody_reads_any_more_frees_its_place(client, data_url):
    part = {"type": "image_url", "image_url": {"url": data_url}}
    words = {"type": "text", "text": "Why?"}
    chat = {"model": "feallm-tiny", "messages": [{"role": "user", "content": [words, part]}], "stream": True}
    lines = {"headers": {"Accept": "application/x-ndjson"}, "json": {"images": [data_url] * 4}}
    for path, given in (("/v1/chat/completions", {"json": chat}), ("/v1/analyze", lines)):
        with client.stream("POST", path, **given) as answer:
            assert next(answer.iter_lines())
        _until(lambda: client.get("/healthz").json()["queue"] == 0)


def _until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def _a_signal_ends_it_after_all_that_was_accepted(server, portrait):
    """Under load: everything is answered, or refused in so many words, or finds the door closed."""

    async def load():
        pause = asyncio.get_running_loop().call_later(0.7, server.process.send_signal, signal.SIGTERM)
        got = await _many(server.url, portrait, 4, clients=4)
        pause.cancel()
        return got

    got = asyncio.run(load())
    assert server.ended() == 0
    assert server.lines[-1] == "stopped\n"
    refused = [each for each in got if isinstance(each, httpx.ConnectError)]
    statuses = {each for each in got if isinstance(each, int)}
    assert got.count(200) > 4
    assert statuses <= {200, 503}
    assert len(refused) + got.count(200) + got.count(503) == len(got), got
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")


def test_a_port_in_use_is_one_sentence(server):
    port = httpx.URL(server.url).port
    ended = CliRunner().invoke(app, ["serve", "--port", str(port)])
    assert ended.exit_code == 2
    told = f"error: 127.0.0.1:{port} is in use by another program: choose another --port, or 0 for any\n"
    assert ended.stderr == told
    assert httpx.get(f"{server.url}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "99999"], "port: Input should be less than or equal to 65535"),
        (["--rate", "often"], "'often' is no rate: give one such as 60/minute"),
        (["--cors", "lab.example"], "'lab.example' is no origin"),
        (["--host", "no.such.host.invalid"], "cannot listen at no.such.host.invalid:0"),
        (["--model", "no/such/folder/here"], "no/such/folder/here"),
        (["--label-set", "moods"], "label set 'moods' is not of this model"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(options, words):
    ended = CliRunner().invoke(app, ["serve", "--port", "0", *options])
    assert ended.exit_code == 2
    assert words in ended.stderr.replace("\n", " ")
    assert ended.stderr.startswith("error: ")
