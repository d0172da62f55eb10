"""Moments as the protocol writes them: ISO 8601 in, xs:dateTime with milliseconds and a numeric offset out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

# the offset's sign may arrive as a blank: a "+" that was not encoded
_TEXT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d{1,24}))?(?:(Z)|([-+ ])(\d\d):?(\d\d))?", re.ASCII
)
_MICROSECOND_DIGITS: Final = 6


@lru_cache(maxsize=1024)  # requests that arrive together carry the same few moments
def parse_moment(text: str) -> datetime:
    """Read ``2010-08-28T12:00:00Z``, also with fractions of a second or another offset; without any it is UTC.

    Digits past microseconds are cut off. Raises ValueError for any other text and for moments that do not exist.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"not a moment: {text[:40]!r}")
    day, time, fraction, _, sign, hours, minutes = match.groups()
    moment = datetime.fromisoformat(f"{day}T{time}")
    if fraction:
        moment += timedelta(microseconds=int(fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")))
    offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
    try:
        return moment.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"not a moment: {text[:40]!r}") from error


def fraction_digits(text: str) -> str:
    """The digits after the point of a text that parse_moment reads, as written."""
    match = _TEXT.fullmatch(text)
    return (match[3] or "") if match else ""


def precise_moment(moment: datetime) -> str:
    """Write ``2010-08-28T12:00:00.000000Z``: RFC 3339 in UTC, with microseconds, as /v1 and events have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_moment(moment: datetime) -> str:
    """Write ``2010-08-28T12:00:00.000+00:00``. What is less than a millisecond is cut off."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
