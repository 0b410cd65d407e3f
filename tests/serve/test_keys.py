"""Wrong keys: counted a client address, answered 429 for a while, and forgotten in the end."""

import pytest

from feallm.serve import keys
from feallm.serve.errors import ApiError
from feallm.serve.keys import GUESSES, REMEMBERED, WINDOW, Keys, network

RIGHT, WRONG = b"Bearer sesame", b"Bearer simsim"


class Clock:
    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(keys, "time", found)
    return found


@pytest.fixture
def door():
    return Keys("sesame")


def status(door, given, client="192.0.2.1"):
    try:
        door.check(given, client)
    except ApiError as error:
        return error.status_code
    return 200


def guess(door, times, client="192.0.2.1"):
    return [status(door, WRONG, client) for _ in range(times)]


def test_after_some_wrong_keys_the_address_is_shut_out_for_a_while(door, clock):
    assert guess(door, GUESSES + 2) == [401] * GUESSES + [429] * 2
    assert status(door, RIGHT) == 429  # else it could go on guessing
    assert status(door, RIGHT, "192.0.2.2") == 200
    clock.now += WINDOW - 0.5
    with pytest.raises(ApiError) as caught:
        door.check(WRONG, "192.0.2.1")
    assert caught.value.headers == {"Retry-After": "1"}
    clock.now += 0.5
    assert guess(door, 1) == [401]
    assert status(door, RIGHT) == 200


def test_who_had_the_right_key_is_not_locked_out_by_others_at_the_address(door, clock):
    assert status(door, RIGHT) == 200
    assert guess(door, GUESSES + 1)[-1] == 429
    assert status(door, RIGHT) == 200
    assert status(door, WRONG) == 429


def test_wrong_keys_far_apart_and_requests_without_one_are_no_guessing(door, clock):
    for _ in range(3):
        assert guess(door, GUESSES - 1) == [401] * (GUESSES - 1)
        clock.now += WINDOW
    assert {status(door, given) for given in (b"", b"sesame", b"Basic c2VzYW1l") for _ in range(GUESSES)} == {401}
    assert status(door, RIGHT) == 200


def test_memory_is_bounded(door, clock):
    guess(door, GUESSES + 1, "10.0.0.0")
    for number in range(REMEMBERED):
        guess(door, 1, f"host{number}")
        status(door, RIGHT, f"other{number}")
        status(door, RIGHT, f"more{number}")
    assert guess(door, 1, "10.0.0.0") == [401]
    assert len(door._wrong) == len(door._right) == REMEMBERED


def test_addresses_of_one_subscriber_are_one():
    assert network("2001:db8:1:2::1") == network("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("") == ""


def test_without_a_key_everybody_may_come():
    assert status(Keys(None), b"") == 200
