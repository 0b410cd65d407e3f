"""Running: the socket, slow clients, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from feallm.serve.app import make_app
from feallm.serve.options import ServeOptions
from feallm.serve.service import Service

GRACE = 0.2
"""Seconds after the signal in which what had been sent by then is still heard."""


class ServeError(ValueError):
    """A server that cannot be started; the message says why and what to do."""


def listen(options: ServeOptions) -> socket.socket:
    """The socket that will be served. Raises ServeError where the address cannot be had."""
    where = f"{options.host}:{options.port}"
    try:
        (*kind, _, address), *_ = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
        listener = socket.socket(
            *kind
        )  # with its protocol: asyncio sends at once (TCP_NODELAY) only where that is told
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ServeError(f"{where} is in use by another program: choose another --port, or 0 for any") from error
        if error.errno == errno.EACCES:
            raise ServeError(f"{where} needs special rights: choose a --port of 1024 or more") from error
        raise ServeError(f"cannot listen at {where}: {error.strerror or error}") from error
    listener.set_inheritable(True)
    return listener


def address(listener: socket.socket, host: str) -> str:
    """The page's address: "http://127.0.0.1:8000"."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def serve(service: Service, listener: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, and then until all that was accepted is answered."""
    config = uvicorn.Config(
        make_app(service),
        http=_patient(service.options.timeout),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",  # the guard tells errors; uvicorn's own have stack traces
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(service.options.stop_timeout),
    )
    _Server(config, service, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when it is ready, and ends in two steps: nothing new is taken, then nothing is kept."""

    def __init__(self, config: uvicorn.Config, service: Service, ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._service = service
        self._ready = ready

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit  # a second signal does not wait any more
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready is not None:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._service.stopping = True
        await asyncio.sleep(GRACE)  # uvicorn cuts connections whose request is on its way: those get a 503
        await super().shutdown(sockets)


def _patient(seconds: float) -> type[H11Protocol]:
    """HTTP/1.1 that waits `seconds` for the head of a request once its connection or its first byte is there."""

    class Patient(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self._rest()
            elif self._waiting is None and (before is None or before.response_complete):
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._rest()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._waiting = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

        def _rest(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

    return Patient
