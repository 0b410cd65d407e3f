"""A model behind an endpoint, asked over real connections to a server on this machine that behaves as told."""

import base64
import io
import logging
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from feallm.bench.client import Client
from feallm.bench.items import KINDS, Request
from feallm.bench.responders.endpoint import EndpointResponder, open_endpoint
from feallm.bench.responders.responder import Options, ResponderError
from feallm.data.endpoint_recipe import EndpointRecipe
from feallm.data.replies import Reply
from tests.data.describe_server import completion, serving

KEY = "sk-very-secret-1234567890"


def request(number=0, size=(48, 48)):
    pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Request(f"f{number}", "emotion", f"Question {number}?", pixels, is_crop=True, classes=("anger", "fear"))


def requests(count):
    return [request(number) for number in range(count)]


def quick(server, max_requests=None, max_tokens=None, **more):
    """A responder whose retries do not wait long."""
    settings = {"retries": 2, "concurrency": 4, "timeout": 5.0, "backoff": 0.001, "temperature": 0.0, "max_tokens": 32}
    recipe = EndpointRecipe(model="m", base_url=server.url, **{**settings, **more})
    return EndpointResponder(Client(recipe, max_requests, max_tokens), Options())


def asked(sent):
    return sent["messages"][0]["content"][1]["text"]


def echo(server, sent):
    return 200, {}, completion(f"Answer to: {asked(sent)}")


def texts(responses):
    return [response.text for response in responses]


ANSWERS = [f"Answer to: Question {number}?" for number in range(20)]


def test_answers_come_in_order_and_several_requests_are_in_flight():
    together = threading.Barrier(5)

    def behave(server, sent):
        def answer():
            together.wait(30)  # five requests must be there at once, or this breaks
            return echo(server, sent)

        return answer

    with serving(behave) as server:
        responder = open_endpoint("m", Options(base_url=server.url, concurrency=5))
        responses = responder.respond(requests(10))
        responder.client.close()
        assert server.most_in_flight == 5
    assert texts(responses) == ANSWERS[:10]
    assert {(response.status, response.how) for response in responses} == {("ok", "generation")}


def test_what_is_sent_and_what_a_run_writes_down():
    with serving(echo) as server:
        options = Options(base_url=f"{server.url}/", max_new_tokens=7, trained_on=("fer2013",))
        responder = open_endpoint("some/model", options)
        responder.respond([request(3)])
        (sent,) = server.requests
    assert {name: sent[name] for name in sent if name != "messages"} == {
        "model": "some/model", "max_tokens": 7, "temperature": 0.0,
    }  # fmt: skip
    (message,) = sent["messages"]
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["image_url", "text"]
    assert asked(sent) == "Question 3?"
    info = responder.info
    assert (info.name, info.model, info.trained_on) == ("endpoint", "some/model", ("fer2013",))
    assert info.kinds == set(KINDS)
    assert (info.decoding["temperature"], info.decoding["max_new_tokens"]) == (0.0, 7)
    assert "may change" in info.note


def test_sampling_sends_its_seed_and_names_can_be_changed():
    with serving(echo) as server:
        options = Options(base_url=server.url, temperature=0.5, seed=11, max_tokens_name="max_completion_tokens")
        open_endpoint("m", options).respond([request()])
        open_endpoint("m", Options(base_url=server.url, temperature=None)).respond([request()])
        sampled, plain = server.requests
    assert (sampled["temperature"], sampled["seed"], sampled["max_completion_tokens"]) == (0.5, 11, 160)
    assert "max_tokens" not in sampled
    assert "temperature" not in plain
    assert "seed" not in plain


def decoded(sent):
    kind, _, data = sent["messages"][0]["content"][0]["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/png"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_server_sees_the_same_pixels():
    given = [request(0), request(1, (37, 91)), request(2, (1024, 5))]
    with serving(echo) as server:
        quick(server, concurrency=1).respond(given)
        for sent, each in zip(server.requests, given, strict=True):
            assert np.array_equal(decoded(sent), each.picture)


def test_a_large_picture_is_made_smaller():
    with serving(echo) as server:
        quick(server).respond([request(0, (500, 2048))])
        assert decoded(server.requests[0]).shape == (250, 1024, 3)


TROUBLES = {
    "too many": (429, {}, {"error": "slow down"}),
    "server error": (500, {}, "oops"),
    "malformed JSON": (200, {}, '{"choices": [{"mess'),
    "no completion": (200, {}, {"hello": "you"}),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_passing_trouble_is_met_with_another_request(trouble):
    def behave(server, sent):
        return trouble if len(server.requests) <= 2 else echo(server, sent)

    with serving(behave) as server:
        assert texts(quick(server, concurrency=1).respond(requests(3))) == ANSWERS[:3]
        assert len(server.requests) == 5


def test_a_reply_that_takes_too_long_is_asked_for_again():
    def behave(server, sent):
        late = len(server.requests) == 1
        return (lambda: server.release.wait(30) and echo(server, sent)) if late else echo(server, sent)

    with serving(behave) as server:
        assert texts(quick(server, concurrency=1, timeout=1.0).respond(requests(2))) == ANSWERS[:2]
        assert len(server.requests) == 3


def test_retry_after_is_waited_for():
    def behave(server, sent):
        return (429, {"Retry-After": "0.3"}, "") if len(server.requests) == 1 else echo(server, sent)

    with serving(behave) as server:
        assert texts(quick(server, concurrency=1).respond([request()])) == ANSWERS[:1]
        first, second = server.times
    assert second - first >= 0.29


def test_one_request_that_always_fails_is_no_answer_and_says_why():
    def behave(server, sent):
        return (400, {}, {"error": "the picture is too small"}) if "Question 2" in asked(sent) else echo(server, sent)

    with serving(behave) as server:
        responder = quick(server)
        responses = responder.respond(requests(5))
        assert texts(responder.respond(requests(1))) == ANSWERS[:1], "the next call goes on"
    assert [response.status for response in responses] == ["ok", "ok", "failed", "ok", "ok"]
    assert responses[2].text is None
    assert "HTTP 400" in responses[2].error
    assert "the picture is too small" in responses[2].error


def test_an_empty_reply_is_an_answer_without_words():
    replies = [completion(""), completion(None), completion("", finish="length")]
    with serving(lambda server, sent: (200, {}, replies[len(server.requests) - 1])) as server:
        responses = quick(server, concurrency=1).respond(requests(3))
    assert [(response.status, response.text) for response in responses] == [("ok", "")] * 3
    assert "length" in responses[2].error


def test_a_server_that_dies_half_way_loses_no_answer_and_then_stops_the_run():
    def behave(server, sent):
        if len(server.requests) == 4:
            threading.Thread(target=server.die).start()
        if len(server.requests) < 4:
            return echo(server, sent)
        return lambda: server.dead.wait(30) and (500, {"Connection": "close"}, "")

    with serving(behave) as server:
        responder = quick(server, concurrency=1)
        responses = responder.respond(requests(6))
        assert texts(responses[:3]) == ANSWERS[:3]
        assert [response.status for response in responses[3:]] == ["failed"] * 3
        with pytest.raises(ResponderError) as raised:
            responder.respond(requests(2))
    for part in (server.url, "cannot be reached", "Is the server running?", "is kept", "run again"):
        assert part in str(raised.value)


def test_a_server_that_was_never_there():
    with serving() as server:
        pass
    with pytest.raises(ResponderError, match=r"cannot be reached.*Is the server running"):
        quick(server, retries=0).respond(requests(3))


def test_a_server_that_always_fails_stops_the_run():
    with (
        serving(lambda *_: (404, {}, "no such page")) as server,
        pytest.raises(ResponderError, match=r"10 requests in a row.*no such page.*base_url"),
    ):
        quick(server).respond(requests(20))


@pytest.mark.parametrize("told", ["wrong key", f"the key {KEY} is wrong"])
def test_a_wrong_key_stops_the_run_and_stands_nowhere(monkeypatch, caplog, told):
    monkeypatch.setenv("SOME_KEY", KEY)
    with serving(lambda *_: (401, {}, told)) as server, caplog.at_level(logging.DEBUG):
        responder = quick(server, api_key_env="SOME_KEY")
        with pytest.raises(ResponderError, match=r"refuses access.*check the key in SOME_KEY") as raised:
            responder.respond(requests(3))
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    for place in (str(raised.value), caplog.text, repr(responder.info)):
        assert KEY not in place


def test_the_key_is_cut_out_of_failures_and_answers(monkeypatch):
    monkeypatch.setenv("SOME_KEY", KEY)

    def behave(server, sent):
        return (400, {}, f"bad {KEY}") if "Question 1" in asked(sent) else (200, {}, completion(f"I saw {KEY}"))

    with serving(behave) as server:
        responses = quick(server, api_key_env="SOME_KEY").respond(requests(2))
    assert [response.status for response in responses] == ["ok", "failed"]
    assert KEY not in repr(responses)


def test_a_budget_of_requests_keeps_what_is_done_and_then_stops():
    with serving(echo) as server:
        responder = quick(server, max_requests=5, concurrency=1)
        assert texts(responder.respond(requests(3))) == ANSWERS[:3]
        responses = responder.respond(requests(4))
        assert texts(responses) == [*ANSWERS[:2], None, None]
        assert [response.status for response in responses] == ["ok", "ok", "failed", "failed"]
        with pytest.raises(ResponderError, match=r"budget is spent \(max_requests=5\): 5 requests") as raised:
            responder.respond(requests(1))
        assert len(server.requests) == 5
    assert "run again" in str(raised.value)


def test_retries_count_and_a_budget_that_just_suffices_is_no_error():
    def behave(server, sent):
        return (500, {}, "") if len(server.requests) == 1 else echo(server, sent)

    with serving(behave) as server:
        assert texts(quick(server, max_requests=4, concurrency=1).respond(requests(3))) == ANSWERS[:3]
    with serving(behave) as server:
        responses = quick(server, max_requests=3, concurrency=1).respond(requests(3))
        assert [response.status for response in responses] == ["ok", "ok", "failed"]


def test_a_budget_of_tokens():
    with serving(echo) as server:  # 110 tokens a reply
        responder = quick(server, max_tokens=300, concurrency=1)
        assert [response.status for response in responder.respond(requests(4))] == ["ok", "ok", "ok", "failed"]
        with pytest.raises(ResponderError, match="330 tokens"):
            responder.respond(requests(1))


def test_conversations_without_pictures_go_through_the_same_client():
    def behave(server, sent):
        return 200, {}, completion(" | ".join(message["content"] for message in sent["messages"]))

    with serving(behave) as server:
        client = Client(EndpointRecipe(model="judge", base_url=server.url))
        turns = [{"role": "system", "content": "Be strict."}, {"role": "user", "content": "Rate this."}]
        (found,) = client.ask([(turns, None)])
        assert isinstance(found, Reply)
        assert found.text == "Be strict. | Rate this."
        client.close()
        with pytest.raises(ResponderError, match="closed"):
            client.ask([(turns, None)])


@pytest.mark.parametrize(
    ("what", "wrong", "told"),
    [
        ("m", {}, "base_url"),
        ("", {"base_url": "http://localhost:1/v1"}, "endpoint:MODEL"),
        ("m", {"base_url": "localhost:8000"}, "http://localhost:8000/v1"),
        ("m", {"base_url": "http://me:secret@host/v1"}, "api_key_env"),
        ("m", {"base_url": "http://localhost:1/v1", "api_key_env": "NO_SUCH_KEY"}, "NO_SUCH_KEY"),
    ],
)
def test_what_cannot_be_used_is_told_at_once(monkeypatch, what, wrong, told):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ResponderError) as raised:
        open_endpoint(what, Options(**wrong))
    assert told in str(raised.value)
    assert "secret" not in str(raised.value)


def test_pictures_for_another_machine_are_warned_of_once():
    responder = open_endpoint("m", Options(base_url="http://nowhere.invalid/v1", retries=0))
    with pytest.warns(UserWarning, match="another machine"), pytest.raises(ResponderError):
        responder.respond([request()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ResponderError):
            responder.respond([request()])
