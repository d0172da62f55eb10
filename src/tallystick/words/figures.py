"""Amounts and dates as people of each language write them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.dates import format_date
from babel.numbers import NumberFormatError, format_decimal, parse_decimal

from tallystick.domain.money import USD, display_amount, parse_amount
from tallystick.words.languages import spoken

_LEFT_TO_RIGHT: Final = "\N{LEFT-TO-RIGHT ISOLATE}"
_POP_ISOLATE: Final = "\N{POP DIRECTIONAL ISOLATE}"
_AMOUNT: Final = "#,##0.00####"  # two decimals, more only for digits that are not zero, as `display_amount` has it


def dollars(micros: int) -> str:
    """An amount with its currency: ``1,250.00 USD``. Within right-to-left text it keeps its order."""
    return _written(micros, _AMOUNT)


def signed(micros: int) -> str:
    """A change with its currency, always with a sign: ``+20.00 USD``. A minus sign, not a hyphen, as type has it."""
    return _written(micros, f"+{_AMOUNT};\N{MINUS SIGN}{_AMOUNT}")


def _written(micros: int, pattern: str) -> str:
    language = spoken()
    text = f"{_figure(micros, pattern, language.locale)} {USD}"
    return f"{_LEFT_TO_RIGHT}{text}{_POP_ISOLATE}" if language.direction == "rtl" else text


@lru_cache(maxsize=4096)
def _figure(micros: int, pattern: str, locale: str) -> str:
    """An amount as a locale writes it. Cached: lists repeat amounts, and formatting by CLDR's patterns is slow."""
    return format_decimal(Decimal(display_amount(micros)), pattern, locale=locale)


def typed_amount(micros: int) -> str:
    """An amount as it would be typed into a field: ``1250.00``."""
    return format_decimal(Decimal(display_amount(micros)), _AMOUNT, locale=spoken().locale, group_separator=False)


def read_amount(text: str) -> int:
    """Read what somebody typed, written as their language does or plainly: ``1.250,50``. Raises ValueError."""
    text = latin_digits(text.strip())
    try:
        return parse_amount(str(parse_decimal(text, locale=spoken().locale, strict=True)))
    except NumberFormatError:
        return parse_amount(text)


def latin_digits(text: str) -> str:
    """The text with all digits as 0 to 9, since keyboards of other scripts type their own."""
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in text)


def percent(ppm: int) -> str:
    """A share of a million as a percentage: ``2.5 %``."""
    text = format_decimal(Decimal(ppm).scaleb(-4), "0.####", locale=spoken().locale)
    return f"{text} %"


def number(count: int) -> str:
    """A whole number: ``12,000``."""
    return format_decimal(count, locale=spoken().locale)


def day(moment: datetime) -> str:
    """A date; with its time unless that is midnight. UTC, and it says so."""
    moment = moment.astimezone(UTC)
    text = date_of(moment)
    return text if (moment.hour, moment.minute) == (0, 0) else f"{text}, {moment:%H:%M} UTC"


def date_of(moment: datetime) -> str:
    """A date without the time of day: ``1 March 2027``. UTC."""
    return format_date(moment.astimezone(UTC).date(), "long", locale=spoken().locale)


def month_of(moment: datetime) -> str:
    """A month as people write it: ``March 2027``. UTC."""
    return format_date(moment.astimezone(UTC).date(), "MMMM y", locale=spoken().locale)
