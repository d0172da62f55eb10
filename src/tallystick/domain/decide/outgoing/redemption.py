"""Redemption: which prepaid balances are paid back because their buyers ask for it, and over which fundings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.domain.money import whole_minor_units


@dataclass(frozen=True, slots=True)
class Redemption:
    """Which balances a buyer may have paid back, in micro-units; the seller need not be asked.

    `up_to_micros`: balances of at most so much; None: every balance. `below_micros`: balances of less than so much, as
    laws about small balances put it. Either is enough; both 0: none.
    """

    up_to_micros: int | None = 0
    below_micros: int = 0

    def allows(self, balance_micros: int) -> bool:
        """Whether a balance of so much may be paid back."""
        if balance_micros <= 0:
            return False
        return self.up_to_micros is None or balance_micros <= self.up_to_micros or balance_micros < self.below_micros


NEVER: Final = Redemption()
ALWAYS: Final = Redemption(None)


def most_generous(terms: Iterable[Redemption]) -> Redemption:
    """What is allowed by any of them."""
    found = [NEVER, *terms]
    ups = [one.up_to_micros for one in found]
    return Redemption(
        None if None in ups else max(up for up in ups if up is not None),
        max(one.below_micros for one in found),
    )


def shares(left_micros: Sequence[int], wanted_micros: int) -> list[int]:
    """What each of several fundings gives back, in micro-units: whole cents, what the first ones can before the others.

    `left_micros`: what each brought in, did not give back yet and is not disputed; the newest first, for networks take
    old charges back less readily.
    """
    parts = []
    for left in left_micros:
        part = whole_minor_units(max(0, min(left, wanted_micros)))
        parts.append(part)
        wanted_micros -= part
    return parts
