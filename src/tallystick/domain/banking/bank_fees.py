"""Fees of a bank that two statements tell in other words, as a CAMT.053 and a table of one month do. Pure.

An entry is known by all that is said of it, so the same fee is another entry in another form. What both have is the
day, the amount and the currency. A statement has each of its days from the beginning: a fee that is booked of an entry
which the statement does not have is therefore, by all appearance, one that the statement has in other words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from msgspec import Struct

from tallystick.domain.banking.bank_statements import BankEntry


class BookedFee(Struct, frozen=True):
    """An entry with a fee of its own. `number`: among those of its day and amount. `account`: its statement's hint."""

    entry_id: str
    day: date
    fee_micros: int
    number: int
    account: str


def repeated(entries: Sequence[BankEntry], account: str, booked: Collection[BookedFee]) -> list[BankEntry]:
    """The entries of a statement whose fees are, by all appearance, booked of another statement's entries.

    `account`: what is told of the statement's account; fees of another one that is told are none of its own.
    """
    mine = {entry.entry_id for entry in entries}
    known = {fee.entry_id for fee in booked}
    found = []
    for key in dict.fromkeys((entry.day, entry.fee_micros) for entry in entries if has_fee(entry)):
        new = [one for one in entries if has_fee(one) and _key(one) == key and one.entry_id not in known]
        others = [
            fee
            for fee in booked
            if (fee.day, fee.fee_micros) == key and fee.entry_id not in mine and _may_be_one(fee.account, account)
        ]
        found += new[: len(others)]
    return found


def has_fee(entry: BankEntry) -> bool:
    """Whether there is a fee to be booked of it."""
    return entry.fee_micros != 0 and entry.is_ours


def _key(entry: BankEntry) -> tuple[date, int]:
    return entry.day, entry.fee_micros


def _may_be_one(one: str, other: str) -> bool:
    """Whether two hints can be of one account: they are the same, or one of them is not told."""
    return one == other or not (one.startswith("…") and other.startswith("…"))
