"""What comes when an answer breaks off, or the server ends while something is still at work."""

import asyncio
import json
import threading
from contextlib import AsyncExitStack

import pytest
from starlette.requests import Request

from feallm import Analyzer
from feallm.serve.batching import Reader, Wish
from feallm.serve.errors import ApiError
from feallm.serve.metrics import Metrics
from feallm.serve.options import ServeOptions
from feallm.serve.reading_routes import _error_line
from feallm.serve.service import Service
from feallm.serve.streams import streamed
from feallm.serve.videos import to_end


@pytest.mark.parametrize(
    ("error", "code"), [(ZeroDivisionError("secret"), "internal"), (ApiError(413, "too_large", "no"), "too_large")]
)
def test_an_answer_that_breaks_off_says_so_in_its_last_line(error, code):
    async def source():
        yield "{}\n"
        raise error

    async def never():
        await asyncio.Event().wait()

    async def told():
        request = Request({"type": "http", "method": "POST", "path": "/v1/analyze", "headers": []}, never)
        held = AsyncExitStack()
        answer = await streamed(request, service, source(), held, "application/x-ndjson", _error_line)
        return [piece async for piece in answer.body_iterator]

    service = Service(Analyzer(), ServeOptions())
    try:
        first, last = asyncio.run(told())
    finally:
        service.close()
    assert first == "{}\n"
    line = json.loads(last)
    assert (line["type"], line["error"]["code"]) == ("error", code)
    assert "secret" not in last


def test_a_thread_that_is_left_over_does_not_wait_for_a_reader_that_has_ended():
    reader = Reader(Analyzer(), 4, Metrics())
    before = reader.call(lambda analyzer: analyzer.label_set)
    reader.close()
    assert before.result(0) == "ferplus"
    for late in (reader.call(lambda _: 1), reader.read([], Wish())):
        assert late.exception(10).code == "stopping"


def test_who_is_cancelled_waits_for_the_thread_that_works_for_him():
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait(30)
        ended.set()

    async def cancelled_twice():
        waiting = asyncio.ensure_future(to_end(work))
        while not begun.is_set():
            await asyncio.sleep(0)
        for _ in range(2):
            waiting.cancel()
            await asyncio.sleep(0)
        assert not waiting.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert ended.is_set()

    asyncio.run(cancelled_twice())
