"""Who has the key: compared in constant time, and not guessed at for long.

An address that has sent `GUESSES` wrong keys within `WINDOW` is answered 429 for `WINDOW`, the right key included:
else it could go on guessing. Only where the right key has come from before it is let in all the same, so that nobody
behind the same proxy can lock the others out. Memory is bounded: the addresses heard of least recently are forgotten.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from secrets import compare_digest
from typing import TypeVar

from feallm.serve.errors import ApiError

GUESSES, WINDOW = 10, 60.0
"""Wrong keys from one address, and the seconds that they are counted over and that it is shut out for then."""
REMEMBERED = 4096
"""Addresses that wrong keys came from, and as many that the right one did."""
Value = TypeVar("Value")
WANTED = "this server wants a key: send the header Authorization: Bearer KEY"


@dataclass
class _Guesses:
    """Wrong keys since `begun`, in seconds of `time.monotonic`."""

    begun: float
    number: int = 0


class Keys:
    """Checks the keys of requests against `key`; None lets everybody in. Used by the event loop's thread alone."""

    def __init__(self, key: str | None) -> None:
        self._key = None if key is None else key.encode()
        self._wrong: OrderedDict[str, _Guesses] = OrderedDict()
        self._right: OrderedDict[str, None] = OrderedDict()

    def check(self, authorization: bytes, client: str) -> None:
        """Raises ApiError: 401 without the right key, 429 where `client` has sent too many wrong ones."""
        if self._key is None:
            return
        scheme, _, given = authorization.partition(b" ")
        if scheme.lower() != b"bearer":  # the page asks without one before it knows that there is one: no guess
            raise _unknown()
        place, now = network(client), time.monotonic()
        right = compare_digest(given.strip(), self._key)
        left = self._shut_out(place, now)
        if left > 0 and not (right and place in self._right):
            told = f"too many wrong keys came from your address: try again in {left} s"
            raise ApiError(429, "rate_limited", told, {"Retry-After": str(left)})
        if not right:
            self._guessed(place, now)
            raise _unknown()
        _keep(self._right, place, None)

    def _shut_out(self, place: str, now: float) -> int:
        """For how many seconds, rounded up; 0 where it is not."""
        guesses = self._wrong.get(place)
        if guesses is None or guesses.number < GUESSES:
            return 0
        return max(0, math.ceil(guesses.begun + WINDOW - now))

    def _guessed(self, place: str, now: float) -> None:
        guesses = self._wrong.get(place)
        if guesses is None or now - guesses.begun >= WINDOW:
            guesses = _Guesses(now)
        guesses.number += 1
        if guesses.number == GUESSES:
            guesses.begun = now
        _keep(self._wrong, place, guesses)


def network(client: str) -> str:
    """An address as its guesses are counted: of IPv6 the network of 64 bits that one subscriber has."""
    try:
        found = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _keep(held: OrderedDict[str, Value], place: str, value: Value) -> None:
    held[place] = value
    held.move_to_end(place)
    if len(held) > REMEMBERED:
        held.popitem(last=False)


def _unknown() -> ApiError:
    return ApiError(401, "invalid_key", WANTED, {"WWW-Authenticate": "Bearer"})
