"""Literals as values and back to text: money, moments, durations, words.

Readers raise ValueError with words that complete the sentence "… is not …"; what is wrong with where it stands is
for the caller to say.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from tallystick.domain.moments import parse_moment
from tallystick.domain.money import USD, display_amount, parse_amount
from tallystick.domain.periods import Period

_DURATION: Final = re.compile(r"([0-9]{1,9}) +([A-Za-z]{1,20})", re.ASCII)
_UNITS: Final = {"hour": "Hour", "day": "Day", "week": "Week", "month": "Month", "year": "Year"}
_SHORT_UNITS: Final = frozenset({"second", "minute"})
_MAX_OF_A_UNIT: Final = 99_999
MAX_INTEGER_DIGITS: Final = 9


class ShortDurationError(ValueError):
    """A duration that can be read and is no window of a usage limit: under one hour, or longer than all time."""


def read_money(text: str) -> int:
    """``USD 7.5`` in micro-units. Raises ValueError."""
    currency, blank, value = text.partition(" ")
    if currency != USD or not blank:
        raise ValueError(f"an amount such as '{USD} 7.50'")
    try:
        return parse_amount(value)
    except ValueError:
        raise ValueError(f"an amount such as '{USD} 7.50', with at most six decimals") from None


def write_money(micros: int) -> str:
    """What read_money reads."""
    return f"{USD} {display_amount(micros)}"


def read_moment(text: str) -> datetime:
    """ISO 8601 with a numeric offset; ``Z`` and no offset are UTC. Raises ValueError."""
    try:
        return parse_moment(text)
    except ValueError:
        raise ValueError("a date and time such as '2027-01-31T10:00:00+00:00'") from None


def read_duration(text: str) -> Period:
    """``2 months``: hours, days, weeks, months or years. Raises ValueError, ShortDurationError."""
    match = _DURATION.fullmatch(text)
    unit = match[2].lower().removesuffix("s") if match else ""
    if match is None or unit not in _UNITS.keys() | _SHORT_UNITS:
        raise ValueError("a duration such as '2 months'")
    count = int(match[1])
    if unit in _SHORT_UNITS or not 1 <= count <= _MAX_OF_A_UNIT:
        raise ShortDurationError(f"a window of 1 to {_MAX_OF_A_UNIT} hours, days, weeks, months or years")
    return Period(count, _UNITS[unit])


def write_duration(period: Period) -> str:
    """What read_duration reads."""
    return str(period).lower()


def read_integer(text: str) -> int:
    """Digits only. Raises ValueError."""
    if len(text) > MAX_INTEGER_DIGITS:
        raise ValueError(f"a whole number of at most {MAX_INTEGER_DIGITS} digits")
    return int(text)
