"""How the console and the operator's pages say moments, spans of time and sizes. English, always UTC, short."""

from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from tallystick.domain import texts

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_SIZES: Final = ("bytes", "kB", "MB", "GB", "TB")
_SECOND: Final = timedelta(seconds=1)
_NEXT_SIZE: Final = 1000
_WHOLE_FROM: Final = 10


def moment(at: datetime) -> str:
    """``24 Nov 2026, 03:05 UTC``."""
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def span(length: timedelta | float) -> str:
    """``42 seconds``, ``3 minutes``, ``5 hours``, ``2 days``: one unit, rounded down; a number counts seconds."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    name, size = next(((name, size) for name, size in _UNITS if seconds >= size), _UNITS[-1])
    count = seconds // size
    return texts.counted(count, name)


def ago(at: datetime, now: datetime) -> str:
    """``3 minutes ago``, or ``in 3 minutes`` for what is still to come."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def milliseconds(seconds: float | None) -> str:
    """``3.4 ms``; a dash where there is nothing to tell."""
    if seconds is None:
        return "\N{EN DASH}"
    thousandths = seconds * 1000
    return f"{thousandths:.0f} ms" if thousandths >= _WHOLE_FROM else f"{thousandths:.1f} ms"


def took(length: timedelta) -> str:
    """``340 ms``, ``42 seconds``: how long something took."""
    return span(length) if length >= _SECOND else milliseconds(length.total_seconds())


def size(count: int) -> str:
    """``12.3 MB``: a number of bytes."""
    value, unit = float(count), 0
    while value >= _NEXT_SIZE and unit < len(_SIZES) - 1:
        value, unit = value / _NEXT_SIZE, unit + 1
    return f"{value:.0f} {_SIZES[unit]}" if unit == 0 or value >= _WHOLE_FROM else f"{value:.1f} {_SIZES[unit]}"


def many(count: float) -> str:
    """``12,345`` or ``0.4``: a number with separators, whole from ten on."""
    return f"{count:,.0f}" if count >= _WHOLE_FROM or count == int(count) else f"{count:.1f}"


def address(text: str) -> Markup:
    """An e-mail address that is broken behind its @ where it is longer than a line, and not before its last letter.

    One element, since cells of tables are grids on phones.
    """
    return Markup("<span>{}</span>").format(Markup("@<wbr>").join(text.split("@")))


def counted(number: float, one: str, several: str = "") -> str:
    """``1 tab``, ``12,345 tabs``: a number as `many` has it, and its noun."""
    return f"{many(number)} {texts.noun(number, one, several)}"


FILTERS: Final = {
    "address": address,
    "moment": moment,
    "span": span,
    "ago": ago,
    "milliseconds": milliseconds,
    "took": took,
    "size": size,
    "many": many,
    "counted": counted,
}
