"""Amounts and moments, between Python's types and the texts that the service takes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

Money = str | Decimal
"""An amount in a request: text, or a Decimal. No float, which is not exact, and no int, which might be cents."""
Moment = datetime | str
"""A moment in a request: with a time zone, or its text of RFC 3339."""

_CENTS: Final = 2
"""Decimal places that are always there."""


def amount_text(name: str, value: Money) -> str:
    """What is sent of an amount. Raises TypeError, ValueError."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Decimal):
        raise TypeError(f"{name} must be a str or a Decimal such as {name}='0.25', not {type(value).__name__}")
    if not value.is_finite():
        raise ValueError(f"{name} must be a number")
    return f"{value:f}"


def moment_text(name: str, value: Moment) -> str:
    """What is sent of a moment. Raises ValueError: it has no time zone."""
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{name} must have a time zone, such as datetime.now(UTC)")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def trimmed(value: Decimal) -> Decimal:
    """The same amount without zeros at its end, but with cents: 9.997500 is 9.9975, 10.000000 is 10.00.

    By its text, since arithmetic rounds to whatever precision the program has set.
    """
    whole, _, places = f"{value:f}".partition(".")
    return Decimal(f"{whole}.{places.rstrip('0'):0<{_CENTS}}")
