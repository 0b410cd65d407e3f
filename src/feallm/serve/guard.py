"""What stands before every route: who may ask, how often and how much; and what every answer carries."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from feallm.serve.bodies import Body, Held
from feallm.serve.errors import ApiError, answer_error, internal, log, queue_full, stopping
from feallm.serve.keys import Keys
from feallm.serve.service import Service

SECURITY = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"media-src 'self' blob: data:; connect-src 'self' blob:; font-src 'self'; worker-src 'self' blob:; "
        b"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"permissions-policy": b"camera=(self), microphone=(), geolocation=()",
    b"cross-origin-opener-policy": b"same-origin",
}
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
GUARDED = ("/v1/", "/metrics")
Headers = dict[bytes, bytes]


class Guard:
    """The ASGI application around the routes of `service`."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._options = service.options
        self._held = Held()
        self._keys = Keys(service.options.api_key)
        self._rates = parse_many(service.options.rate) if service.options.rate else []
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: Headers = dict(scope["headers"])
        body = Body(receive, headers, self._options, self._held)
        asked: str = scope["method"]
        if asked == "HEAD":  # a copy: the server below must go on knowing that no body is to come
            scope = {**scope, "method": "GET"}
        answer = _Answer(scope, send, body, self._service, asked)
        try:
            self._check(scope, headers, body)
            await self._app(scope, body.receive, answer.send)
        except ApiError as error:
            await answer.refuse(error)
        except TimeoutError:
            log.warning("%s %s: the client did not read its answer", scope["method"], scope["path"])
        except asyncio.CancelledError:
            log.warning("%s %s: cut off, the server waits no longer", scope["method"], scope["path"])
            await answer.refuse(stopping())
        except Exception as error:  # noqa: BLE001 the last place where it can be told
            await answer.refuse(internal(scope, error))
        finally:
            body.release()
            answer.count()

    def _check(self, scope: Scope, headers: Headers, body: Body) -> None:
        path: str = scope["path"]
        if self._service.stopping and path != "/healthz":
            raise stopping()
        self._check_host(headers)
        self._check_origin(headers)
        if path.startswith(GUARDED):
            client: str = (scope.get("client") or ("",))[0]
            self._keys.check(headers.get(b"authorization", b""), client)
            self._check_rate(client)
        body.check()
        reader = self._service.reader
        if scope["method"] == "POST" and reader.taken >= reader.queue:
            raise queue_full()

    def _check_host(self, headers: Headers) -> None:
        """A page elsewhere whose name was pointed at this machine (DNS rebinding) has another Host."""
        host = _name(headers.get(b"host", b""))
        if self._options.loopback and host not in (*LOCAL_NAMES, self._options.host, *self._options.allow_hosts):
            told = f"this server is for this machine alone, and {host!r} is no name of it (--allow-host)"
            raise ApiError(403, "host_not_allowed", told)

    def _check_origin(self, headers: Headers) -> None:
        origin = headers.get(b"origin", b"").decode("latin-1")
        if not origin or "*" in self._options.cors or origin in self._options.cors:
            return
        if urlsplit(origin).netloc.encode("latin-1") != headers.get(b"host", b""):
            raise ApiError(403, "origin_not_allowed", f"pages of {origin[:80]} may not use this server (--cors)")

    def _check_rate(self, client: str) -> None:
        for rate in self._rates:
            if not self._limiter.hit(rate, client):
                until = self._limiter.get_window_stats(rate, client).reset_time
                seconds = max(1, round(until - time.time()))
                message = f"more than {rate}: try again in {seconds} s"
                raise ApiError(429, "rate_limited", message, {"Retry-After": str(seconds)})


class _Answer:
    """The `send` of one request: security headers, no body where HEAD `asked`, and the count of what was answered."""

    def __init__(self, scope: Scope, send: Send, body: Body, service: Service, asked: str) -> None:
        self._scope = scope
        self._send = send
        self._body = body
        self._service = service
        self._asked = asked
        self._began = time.monotonic()
        self._status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            present = {name.lower() for name, _ in message["headers"]}
            extra = [(name, value) for name, value in SECURITY.items() if name not in present]
            if not self._body.complete or self._service.stopping:
                extra.append((b"connection", b"close"))
            message = {**message, "headers": [*message["headers"], *extra]}
        elif self._asked == "HEAD":
            message = {**message, "body": b""}
        elif not self._body.complete and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._body.drain()
            message = {"type": "http.response.body", "body": b""}
        async with asyncio.timeout(self._service.options.body_timeout):  # who does not read holds nothing for ever
            await self._send(message)

    async def refuse(self, error: ApiError) -> None:
        """Answer with an error, where nothing has been answered yet."""
        if not self._status:
            await answer_error(error)(self._scope, self._body.receive, self.send)

    def count(self) -> None:
        metrics, route = self._service.metrics, self._scope.get("route")
        path = getattr(route, "path", "other")
        metrics.requests.labels(self._asked if route else "other", path, self._status or 499).inc()
        metrics.seconds.labels(path).observe(time.monotonic() - self._began)


def _name(host: bytes) -> str:
    """A Host header's name, without its port and brackets."""
    try:
        return (urlsplit(f"//{host.decode('latin-1')}").hostname or "").lower()
    except ValueError:
        return ""
