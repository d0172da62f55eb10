"""Statements of the operator's bank as the domain sees them: entries, without names of people. Pure."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from tallystick.domain.money import MICROS_PER_MINOR_UNIT, USD, display_amount


class BankEntry(Struct, frozen=True):
    """Something that a bank booked on the account.

    `entry_id`: the same in every statement that has the entry, so that it counts once. `amount_micros`: above 0 came
    in, below 0 left, before the bank's charges; of a fee, the fee. `fee_micros`: what the bank kept for its service,
    below 0 where it gave a fee back. `names`: what may name a payout, the best first. `message_id`: of a file whose
    payouts the bank has booked as one. `reference`: the bank's own, by which people find the entry.
    """

    entry_id: str
    reference: str
    day: date
    amount_micros: int
    fee_micros: int
    currency: str
    is_fee: bool = False
    names: tuple[str, ...] = ()
    message_id: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is in the currency of the books."""
        return self.currency == USD


class BankStatement(Struct, frozen=True):
    """All that a bank booked on an account from a day to another one. `account`: its number, where it is told."""

    name: str
    account: str
    first_day: date
    last_day: date
    entries: tuple[BankEntry, ...]

    @property
    def hint(self) -> str:
        """By what people know the account, without telling it."""
        return f"…{self.account[-4:]}" if self.account else "not told"


def whole_cents(micros: int) -> int:
    """An amount as banks have it. Raises ValueError: it is no whole number of cents."""
    if micros % MICROS_PER_MINOR_UNIT:
        raise ValueError(f"a bank books whole cents, not {display_amount(micros)}")
    return micros
