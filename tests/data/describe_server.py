"""A real chat endpoint on this machine for the tests of describing: it counts, misbehaves as told, and can die."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SAY = "What to say, in other words than these: "


def composed(request):
    """The composed answer in a request."""
    content = request["messages"][0]["content"]
    return (content if isinstance(content, str) else content[-1]["text"]).rpartition(SAY)[2]


def completion(text, finish="stop", usage=True, **message):
    body = {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": text, **message}}]}
    body["choices"][0]["finish_reason"] = finish
    return {**body, "usage": {"prompt_tokens": 100, "completion_tokens": 10}} if usage else body


def well(server, request):
    """A reply that says the same in other words."""
    return 200, {}, completion(reworded(request))


def reworded(request):
    return f"{composed(request)} Look closely to see it."


def saying(*texts):
    """Replies one after the other; from then on good ones."""

    def behave(server, request):
        number = len(server.requests) - 1
        return (200, {}, completion(texts[number])) if number < len(texts) else well(server, request)

    return behave


def answering(*answers):
    """Responses (status, headers, body) one after the other; from then on good ones."""

    def behave(server, request):
        number = len(server.requests) - 1
        return answers[number] if number < len(answers) else well(server, request)

    return behave


class ChatServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behave):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.lock = threading.Lock()
        self.requests, self.headers, self.times = [], [], []
        self.in_flight = self.most_in_flight = 0
        self.release, self.dead = threading.Event(), threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def die(self):
        """No connection is taken any more, as where the process is gone."""
        self.shutdown()
        self.server_close()
        self.dead.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append(request)
            server.headers.append(dict(self.headers))
            server.times.append(time.monotonic())
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
            answer = server.behave(server, request)
        status, headers, body = answer() if callable(answer) else answer
        with server.lock:
            server.in_flight -= 1
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # the client did not wait

    def log_message(self, *args):
        pass


@contextmanager
def serving(behave=well):
    server = ChatServer(behave)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.die()
