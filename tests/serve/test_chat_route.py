"""POST /v1/chat/completions, asked by OpenAI's own client."""

import json

import openai
import pytest
from PIL import Image

from feallm import Analyzer
from feallm.analyze import Chat
from feallm.serve.chat_completions import Cut
from tests.serve.conftest import as_data_url, encoded

MODEL = "feallm-tiny"
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture
def asks(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as found:
        yield found


@pytest.fixture(scope="module")
def talk(portrait):
    return Chat(Analyzer(), portrait)


def said(talk, question):
    return " ".join(talk.ask(question))


def turn(text, *urls):
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [{"type": "text", "text": text}, *pictures]}


@pytest.mark.parametrize("question", ["Why?", "What would change it?", "Is AU12 there?", "Who is this woman?"])
def test_answers_are_those_of_the_chat_verb(asks, talk, data_url, question):
    answer = asks.chat.completions.create(model=MODEL, messages=[turn(question, data_url)])
    (choice,) = answer.choices
    assert choice.message.content == said(talk, question)
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert answer.usage.completion_tokens == len(choice.message.content.split())
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_gives_the_same_words_in_pieces(asks, talk, data_url):
    stream = asks.chat.completions.create(
        model=MODEL, messages=[turn("Why?", data_url)], stream=True, stream_options={"include_usage": True}
    )
    *pieces, end, usage = list(stream)
    texts = [piece.choices[0].delta.content for piece in pieces]
    assert "".join(texts) == said(talk, "Why?")
    assert len(texts) > 5
    assert end.choices[0].finish_reason == "stop"
    assert usage.usage.completion_tokens == len("".join(texts).split())


def test_a_stream_ends_with_done(client, data_url):
    body = {"model": MODEL, "messages": [turn("Why?", data_url)], "stream": True}
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert all(json.loads(event.removeprefix("data: "))["object"] == "chat.completion.chunk" for event in events[:-1])


def test_stop_and_most_tokens_end_an_answer(asks, talk, data_url):
    whole = said(talk, "Why?")
    words = whole.split()
    stopped = asks.chat.completions.create(model=MODEL, messages=[turn("Why?", data_url)], stop=[f" {words[3]}"])
    assert stopped.choices[0].message.content == " ".join(words[:3])
    few = asks.chat.completions.create(model=MODEL, messages=[turn("Why?", data_url)], max_tokens=4)
    assert few.choices[0].message.content == " ".join(words[:4])
    assert few.choices[0].finish_reason == "length"


def test_the_last_picture_of_the_conversation_is_asked_about(asks, talk, data_url):
    blank = as_data_url(encoded(Image.new("RGB", (60, 60), "navy")))
    earlier = [
        {"role": "system", "content": "Be brief."},
        turn("What is this?", blank),
        {"role": "assistant", "content": "Nothing."},
        turn("And this?", data_url),
        {"role": "assistant", "content": "A face."},
    ]
    answer = asks.chat.completions.create(model=MODEL, messages=[*earlier, turn("How sure is that?")])
    assert answer.choices[0].message.content == said(talk, "How sure is that?")


def test_a_picture_without_words_asks_for_the_emotion(asks, talk, data_url):
    only = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_url}}]}
    answer = asks.chat.completions.create(model=MODEL, messages=[only])
    assert answer.choices[0].message.content == said(talk, "What emotion does the face show?")


@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_asked_is_said_as_openais_errors(asks, data_url, stream):
    blank = as_data_url(encoded(Image.new("RGB", (60, 60), "navy")))
    wrong = [
        (MODEL, [turn("Why?")], openai.UnprocessableEntityError, "no_image"),
        (MODEL, [turn("Why?", blank)], openai.UnprocessableEntityError, "no_face"),
        (MODEL, [turn("Why?", "data:image/png;base64,AAAA")], openai.UnprocessableEntityError, "unreadable"),
        (MODEL, [turn("Why?", "https://example.com/a.jpg")], openai.UnprocessableEntityError, "invalid_request"),
        ("gpt-4o", [turn("Why?", data_url)], openai.NotFoundError, "model_not_found"),
        (MODEL, [{"role": "assistant", "content": "Hi"}], openai.UnprocessableEntityError, "invalid_request"),
    ]
    for model, messages, kind, code in wrong:
        with pytest.raises(kind) as caught:
            asks.chat.completions.create(model=model, messages=messages, stream=stream)
        assert caught.value.code == code


UNMET = [
    {"n": 2},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
    {"logprobs": True},
    {"logprobs": True, "top_logprobs": 3},
    {"tools": [TOOL]},
    {"tools": [TOOL], "tool_choice": "required"},
    {"functions": [{"name": "look"}]},
    {"logit_bias": {"50256": -100}},
    {"modalities": ["text", "audio"], "audio": {"format": "wav", "voice": "alloy"}},
    {"web_search_options": {}},
    {"store": True},
    {"extra_body": {"guided_json": {"type": "object"}}},
]


@pytest.mark.parametrize("given", UNMET, ids=lambda given: "-".join(given))
def test_what_no_answer_here_can_be_is_refused(asks, data_url, given):
    with pytest.raises(openai.BadRequestError) as caught:
        asks.chat.completions.create(model=MODEL, messages=[turn("Why?", data_url)], **given)
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.body["type"] == "invalid_request_error"
    assert "leave it out" in caught.value.body["message"]


def test_what_changes_nothing_is_let_be(asks, talk, data_url):
    answer = asks.chat.completions.create(
        model=MODEL,
        messages=[turn("How sure is that?", data_url)],
        n=1,
        response_format={"type": "text"},
        logprobs=False,
        tools=[TOOL],
        tool_choice="none",
        functions=[],
        parallel_tool_calls=False,
        logit_bias={},
        modalities=["text"],
        store=False,
        metadata={"run": "3"},
        user="someone",
        seed=7,
        temperature=0,
        top_p=0.9,
        frequency_penalty=0.5,
        reasoning_effort="low",
        service_tier="auto",
        extra_body={"top_k": 5},
    )
    assert answer.choices[0].message.content == said(talk, "How sure is that?")


def test_models_names_the_one_that_answers(asks):
    assert [model.id for model in asks.models.list()] == [MODEL]
    assert asks.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError, match="it is 'feallm-tiny'"):
        asks.models.retrieve("gpt-4o")


def test_a_stop_is_found_where_pieces_meet():
    cut = Cut(["a b", "zz"], None)
    said = [piece for text in ("one a", " c a", " b z") for piece in cut.take(text)]
    assert ("".join(said), cut.done) == ("one a c ", True)
    cut = Cut(["END"], None)
    assert "".join([*cut.take("the E"), cut.rest()]) == "the E"
