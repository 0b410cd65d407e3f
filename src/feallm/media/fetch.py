"""Pictures from http and https addresses, without becoming a way into the network this runs on.

Every connection, a redirect's too, goes through `_CheckedBackend`: it resolves the name once, checks every
address, and connects to the very address it checked, so that a name cannot change its mind in between (DNS
rebinding). TLS still verifies the name. Proxies from the environment are not used: they would resolve the
name again.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import httpcore
import httpx

from .find import VIDEO_SUFFIXES, suffix
from .limits import Limits, UnreadableError
from .read import VIDEO

REDIRECTS = (301, 302, 303, 307, 308)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
HTTP_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.InvalidURL,
    OSError,
    UnicodeError,
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def fetch(url: str, limits: Limits) -> bytes:
    """The bytes at an http or https address.

    Raises UnreadableError: another scheme, a private address, no such host, an HTTP status that is not 200,
    too many redirects, over max_bytes, over timeout.
    """
    deadline = time.monotonic() + limits.timeout
    try:
        with httpcore.ConnectionPool(
            ssl_context=_ssl_context(), network_backend=_CheckedBackend(limits, deadline)
        ) as pool:
            return _follow(pool, httpx.URL(url), limits)
    except httpcore.TimeoutException as error:
        raise UnreadableError(f"no complete answer within {limits.timeout:g} s (Limits.timeout)") from error
    except HTTP_ERRORS as error:
        raise UnreadableError(f"the address cannot be read: {error or type(error).__name__}") from error


def is_public(address: Address) -> bool:
    """Whether an address is on the open internet; of an IPv4 address inside an IPv6 one, that address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped or address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour or address.teredo or address.is_site_local:
            return False
    return address.is_global and not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )


@cache
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _follow(pool: httpcore.ConnectionPool, url: httpx.URL, limits: Limits) -> bytes:
    for _ in range(limits.max_redirects + 1):
        if url.scheme not in ("http", "https") or not url.host:
            raise UnreadableError(f"only http and https addresses are read; {str(url)[:80]!r} came")
        if suffix(url.path) in VIDEO_SUFFIXES:
            raise UnreadableError(VIDEO)
        request = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        headers = [(b"Host", url.netloc), (b"User-Agent", b"feallm"), (b"Accept", b"image/*,*/*;q=0.5")]
        headers.append((b"Accept-Encoding", b"identity"))
        with pool.stream("GET", request, headers=headers) as response:
            answer = httpx.Headers(response.headers)
            if response.status in REDIRECTS and "location" in answer:
                url = url.join(answer["location"])
                continue
            return _body(response, answer, limits)
    raise UnreadableError(f"more than {limits.max_redirects} redirects (Limits.max_redirects)")


def _body(response: httpcore.Response, headers: httpx.Headers, limits: Limits) -> bytes:
    if response.status != 200:
        phrase = httpx.codes.get_reason_phrase(response.status)
        raise UnreadableError(f"the server answered {response.status} {phrase}".rstrip())
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise UnreadableError(f"the server sent it packed ({headers['content-encoding']}), though asked not to")
    if headers.get("content-length", "").isdigit():
        limits.check_bytes(int(headers["content-length"]))
    data = bytearray()
    for part in response.iter_stream():
        data += part
        limits.check_bytes(len(data))
    return bytes(data)


def _resolve(host: str, port: int, limits: Limits) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreadableError(f"the host {host!r} is not found: check the address and the connection") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not limits.allow_private_urls and not all(is_public(ipaddress.ip_address(each)) for each in addresses):
        raise UnreadableError(
            f"{host!r} leads to a private or reserved address, which is refused; for a server of your own, "
            "set Limits.allow_private_urls"
        )
    return addresses


class _CheckedBackend(httpcore.SyncBackend):
    """Connects to checked addresses only, and lets no single step outlast the deadline."""

    def __init__(self, limits: Limits, deadline: float) -> None:
        self.limits = limits
        self.deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        addresses = _resolve(host, port, self.limits)
        for index, address in enumerate(addresses):
            share = _left(self.deadline) / (len(addresses) - index)  # a silent address leaves time for the next
            try:
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self.deadline)
        raise failure or httpcore.ConnectError(f"the host {host!r} has no address")


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every step gets what is left until the deadline: a slow drip cannot hold it open."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self.stream = stream
        self.deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self.stream.start_tls(ssl_context, server_hostname, _left(self.deadline))
        return _TimedStream(stream, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline is past")
    return left
