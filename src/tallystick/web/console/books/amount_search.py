"""Amounts among what people type into a search: ``12.50``, ``$5``, ``5..20``, ``1.00 - 2.50``."""

import re
from typing import Final

from tallystick.domain.money import parse_amount

_NUMBER: Final = r"(?:USD\s*|\$\s*)?([0-9]{1,9}(?:\.[0-9]{1,6})?)(?:\s*USD)?"
_ONE: Final = re.compile(_NUMBER, re.IGNORECASE)
_RANGE: Final = re.compile(rf"{_NUMBER}\s*(?:\.\.|\s-\s|\u2013|\bto\b)\s*{_NUMBER}", re.IGNORECASE)
_MONEY: Final = re.compile(r"\$|USD|\.[0-9]", re.IGNORECASE)
"""What tells an amount from a plain number, which may be a reference."""


def amounts_in(text: str) -> tuple[int, int] | None:
    """The least and the greatest amount that a search asks for, in micro-units; None: it is no amount."""
    if match := _RANGE.fullmatch(text):
        least, most = sorted((parse_amount(match[1]), parse_amount(match[2])))
        return least, most
    match = _ONE.fullmatch(text)
    if match is None or _MONEY.search(text) is None:
        return None
    micros = parse_amount(match[1])
    return micros, micros
