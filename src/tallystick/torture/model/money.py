"""Fees, shares and simulated faults, as they are documented: services/operations/fees.toml, docs/sandbox.md."""

from __future__ import annotations

from typing import Final

CENT: Final = 10_000
UNIT: Final = 1_000_000
MOST: Final = 10_000 * UNIT
"""The most that real money may be moved at once; the least is a cent."""


def whole_cents(amount: int) -> int:
    """Real money moves in whole cents, rounded down."""
    return amount - amount % CENT


def half_up(numerator: int, denominator: int) -> int:
    """A fraction of micro-units, rounded to whole cents, halves up."""
    return (2 * numerator + denominator * CENT) // (2 * denominator * CENT) * CENT


def fee(amount: int) -> int:
    """0.05, 5 % of what lies below 5.00, nothing up to 10.00, 2.75 % of what lies above."""
    parts = 50_000 * 10_000 + min(amount, 5 * UNIT) * 500 + max(0, amount - 10 * UNIT) * 275
    return half_up(parts, 10_000)


def fault_of(amount: int) -> str | None:
    """The refusal that the first decimal of an amount asks for, where no network is asked."""
    return {6: "AccessFailure", 7: "InsufficientBalance"}.get(amount // (UNIT // 10) % 10)


def declined(amount: int) -> bool:
    """Whether the simulated network declines such an amount."""
    return fault_of(amount) is not None
