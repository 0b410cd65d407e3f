"""Times as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feallm.media.clock import clock, seconds


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("95.5", 95.5),
        ("0", 0.0),
        (".5", 0.5),
        (" 7 ", 7.0),
        ("1:35", 95.0),
        ("01:35.25", 95.25),
        ("0:05,5", 5.5),
        ("2:59:00", 10_740.0),
        ("100:00", 6000.0),
        ("26:00:00.5", 93_600.5),
    ],
)
def test_times(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "x", "-5", "1:", ":5", "1:60", "1:60:00", "1:2:3:4", "1e3", "nan", "1:5.5:3", "٣"]
)
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match="hours:minutes:seconds"):
        seconds(text)


@given(st.integers(0, 10_000_000))
def test_what_is_written_is_read_again(tenths):
    assert seconds(clock(tenths / 10)) == pytest.approx(tenths / 10)


def test_times_in_sentences():
    assert [clock(time) for time in (0, 95.25, 10_740.0)] == ["0:00.0", "1:35.2", "2:59:00.0"]
