"""What the service takes from a seller when real money moves: marginal brackets, like an income tax.

The documented figures (0.10 on 1.00, 0.30 on 5.00, 0.30 on 10.00, 2.50 on 90.00) lie on one such curve; the shipped
schedule (services/operations/fees.toml) is that curve. Fees are rounded once, half up, to whole cents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.domain.commands import Method
from tallystick.domain.money import round_half_up_to_minor_unit

_PARTS_PER_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Bracket:
    """A rate in parts per million (50_000 is 5 %) on the part of an amount up to `up_to_micros`; None: no end."""

    up_to_micros: int | None
    rate_ppm: int


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """A fixed part and brackets in rising order, the last without end."""

    fixed_micros: int
    brackets: tuple[Bracket, ...]

    def __post_init__(self) -> None:
        bounds = [bracket.up_to_micros for bracket in self.brackets]
        finite = [bound for bound in bounds[:-1] if bound is not None]
        if not bounds or bounds[-1] is not None or len(finite) != len(bounds) - 1 or finite != sorted(set(finite)):
            raise ValueError("the brackets of a fee schedule must rise, and only the last one has no end")
        if self.fixed_micros < 0 or any(not 0 <= b.rate_ppm <= _PARTS_PER_MILLION for b in self.brackets):
            raise ValueError("the fixed part must not be negative and rates must lie between 0 and 100 %")

    def fee(self, amount_micros: int) -> int:
        """The fee on `amount_micros`, in micro-units, whole cents."""
        exact = self.fixed_micros * _PARTS_PER_MILLION
        start = 0
        for bracket in self.brackets:
            end = amount_micros if bracket.up_to_micros is None else min(amount_micros, bracket.up_to_micros)
            exact += max(0, end - start) * bracket.rate_ppm
            start = end
        return round_half_up_to_minor_unit(exact, _PARTS_PER_MILLION)


FeeSchedules = Mapping[Method, FeeSchedule]
"""One schedule per payment method."""
