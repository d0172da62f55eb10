"""Amounts of money: integers of micro-units, text only at the edges, rounding in one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NewType

from tallystick.domain.speedups import compiled

Currency = NewType("Currency", str)
"""An ISO 4217 code. The protocol knows USD only."""

USD: Final = Currency("USD")
MICROS_PER_UNIT: Final = 1_000_000
MICROS_PER_MINOR_UNIT: Final = 10_000
"""A cent of a dollar. Currencies with other minor units need a table here first."""

USUAL_SMALLEST_CHARGE_MICROS: Final = MICROS_PER_MINOR_UNIT
"""The least that one payment may be, where nobody has said otherwise: docs/protocol/flows.md, 1."""

SANDBOX_SMALLEST_CHARGE_MICROS: Final = 1
"""The same for the sandboxes of new sellers: what a program tries there is not refused before its seller has chosen."""

GREATEST_SMALLEST_CHARGE_MICROS: Final = 10_000 * MICROS_PER_UNIT
"""A greater one could never be charged by a card: nobody means it."""

MAX_AMOUNT_MICROS: Final = 10**18
"""Amounts from here on are refused as text: sums of very many of them still fit 64 bits."""

_AMOUNT: Final = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,6}))?", re.ASCII)


@lru_cache(maxsize=1024)  # prices repeat
def parse_amount(text: str) -> int:
    """Read decimal text such as ``10``, ``10.00`` or ``0.000001`` as micro-units.

    Raises ValueError for anything else: signs, blanks, exponents, more than six decimals, a bare point.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"not an amount: {text[:40]!r}")
    whole, fraction = match.groups()
    micros = int(whole) * MICROS_PER_UNIT + int((fraction or "").ljust(6, "0"))
    if micros >= MAX_AMOUNT_MICROS:
        raise ValueError(f"amount too large: {text[:40]!r}")
    return micros


def format_amount_in_python(micros: int) -> str:
    """Write micro-units with six decimals, as the protocol answers: ``5.000000``, ``-0.100000``."""
    sign = "-" if micros < 0 else ""
    whole, fraction = divmod(abs(micros), MICROS_PER_UNIT)
    return f"{sign}{whole}.{fraction:06d}"


format_amount: Final[Callable[[int], str]] = format_amount_in_python if compiled is None else compiled.format_amount


def display_amount(micros: int) -> str:
    """Write micro-units for people: two decimals, more only where they carry something (``0.05``, ``0.000125``)."""
    text = format_amount(micros)
    return text[:-4] + text[-4:].rstrip("0")


def whole_minor_units(micros: int) -> int:
    """The part of an amount that a rail can move: rounded down to whole cents, still in micro-units.

    Down, because nobody may be charged more than was asked for; what is left over stays where it was (as debt, or
    not funded) and shows in the transaction's amount.
    """
    return micros - micros % MICROS_PER_MINOR_UNIT


def is_dust(micros: int) -> bool:
    """Whether an amount owed or left is less than a cent: real money cannot move it by itself."""
    return 0 < micros < MICROS_PER_MINOR_UNIT


def round_half_up_to_minor_unit(micros_numerator: int, denominator: int) -> int:
    """Round the exact fraction ``micros_numerator / denominator`` to whole cents, halves up. For fees."""
    step = MICROS_PER_MINOR_UNIT * denominator
    return (2 * micros_numerator + step) // (2 * step) * MICROS_PER_MINOR_UNIT
