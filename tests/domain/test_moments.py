"""Moments in and out: every form that clients send, and what is no moment."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.moments import format_moment, fraction_digits, parse_moment

NOON = datetime(2010, 8, 28, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2010-08-28T12:00:00Z", NOON),
        ("2010-08-28T12:00:00", NOON),
        ("2010-08-28T12:00:00.000Z", NOON),
        ("2010-08-28T12:00:00.533Z", NOON + timedelta(milliseconds=533)),
        ("2010-08-28T12:00:00.1234567899Z", NOON + timedelta(microseconds=123456)),
        ("2010-08-28T05:00:00-07:00", NOON),
        ("2010-08-28T17:30:00+0530", NOON),
        ("2010-08-28T13:00:00.000 01:00", NOON),
    ],
)
def test_forms_that_are_read(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(text).utcoffset() == timedelta()


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2010-08-28", "2010-08-28 12:00:00Z", "2010-08-28T12:00Z", "20100828T120000Z",
        "2010-02-29T12:00:00Z",
        "2010-08-28T24:00:00Z", "2010-08-28T12:00:60Z", "2010-08-28T12:00:00z", "2010-08-28T12:00:00.Z",
        "2010-08-28T12:00:00+99:00", "0000-08-28T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "2010-08-28T12:00:00Z\n", " 2010-08-28T12:00:00Z", "\uff12010-08-28T12:00:00Z",
    ],
)  # fmt: skip
def test_forms_that_are_no_moment(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        parse_moment(text)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001
def test_what_is_written_is_read_back_to_the_millisecond(moment: datetime) -> None:
    assert timedelta() <= moment - parse_moment(format_moment(moment)) < timedelta(milliseconds=1)


def test_the_digits_of_a_fraction_are_kept_as_written() -> None:
    assert fraction_digits("2010-08-28T12:00:00.0120000000000071+00:00") == "0120000000000071"
    assert fraction_digits("2010-08-28T12:00:00Z") == ""
    assert fraction_digits("never") == ""
