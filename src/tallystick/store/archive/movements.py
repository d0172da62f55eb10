"""What an archived batch moved, summed by month as a month's close sums what is still in the books.

The twin of the statement `moved` in store/closes/sql/month_close.sql: what that one says of transfers that are here is
said of those that leave, so that the close of a month is the same before and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from tallystick.db.statements import load_statements
from tallystick.domain.accounts import TOTALS, AccountKind

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("movements.sql", __package__)
_CASH: Final = TOTALS[AccountKind.CASH]
_FEES: Final = TOTALS[AccountKind.FEES]
_NOT_THE_MAIN: Final = frozenset({_FEES, TOTALS[AccountKind.COMMISSIONS]})

TRANSFER: Final = (
    "book_id",
    "transaction_id",
    "number",
    "debit_account",
    "credit_account",
    "amount_micros",
    "booked_at",
)
"""Columns of a transfer that the sums are made of."""


class MovedOut(NamedTuple):
    """A transfer that leaves: TRANSFER."""

    book_id: int
    transaction_id: str
    number: int
    debit_account: int
    credit_account: int
    amount_micros: int
    booked_at: datetime


class MovementKey(NamedTuple):
    """What is summed together. `of_debit`, `of_credit`: of a fee; else empty."""

    book_id: int
    month: date
    debit: str
    credit: str
    takes_back: bool
    of_debit: str
    of_credit: str


@dataclass(slots=True)
class MovementSum:
    """How often, and how many micro-units."""

    number: int = 0
    amount_micros: int = 0

    def add(self, number: int, amount_micros: int) -> None:
        """So many more."""
        self.number += number
        self.amount_micros += amount_micros


MovementSums = Mapping[MovementKey, MovementSum]


async def kinds_of(database: Database, transfers: Iterable[MovedOut]) -> dict[tuple[int, int], str]:
    """The kinds of the accounts that transfers touch, by book and account."""
    accounts: dict[int, set[int]] = defaultdict(set)
    for one in transfers:
        accounts[one.book_id] |= {one.debit_account, one.credit_account}
    found = {}
    for book_id in sorted(accounts):
        for row in await database.fetch(_SQL["kinds"], book_id, sorted(accounts[book_id])):
            found[book_id, row["account_id"]] = row["kind"]
    return found


def movements_of(
    transfers: Iterable[MovedOut], kinds: Mapping[tuple[int, int], str], book_id: int, reversals: Collection[str]
) -> dict[MovementKey, MovementSum]:
    """The sums. `book_id`: that of the batch's transactions, `reversals` those of them that reverse a refund."""
    sums: dict[MovementKey, MovementSum] = defaultdict(MovementSum)
    by_transaction = attrgetter("book_id", "transaction_id")
    ordered = sorted(transfers, key=lambda one: (one.book_id, one.transaction_id, one.number))
    for (book, transaction_id), group in groupby(ordered, by_transaction):
        those = list(group)
        reverses = book == book_id and transaction_id in reversals
        for place, one in enumerate(those):
            takes_back, main = False, None
            if _CASH in (one.debit_account, one.credit_account):
                takes_back = reverses or any(_undoes(one, earlier) for earlier in those[:place])
                main = _main(those) if _FEES in (one.debit_account, one.credit_account) else None
            key = MovementKey(
                book,
                one.booked_at.astimezone(UTC).date().replace(day=1),
                kinds[book, one.debit_account],
                kinds[book, one.credit_account],
                takes_back,
                "" if main is None else kinds[book, main.debit_account],
                "" if main is None else kinds[book, main.credit_account],
            )
            sums[key].add(1, one.amount_micros)
    return sums


async def keep(database: Database, sums: MovementSums) -> None:
    """Add them to what left before."""
    keys = sorted(sums)
    if keys:
        columns = [list(column) for column in zip(*keys, strict=True)]
        numbers, amounts = [sums[key].number for key in keys], [sums[key].amount_micros for key in keys]
        await database.execute(_SQL["keep"], *columns, numbers, amounts)


async def kept(database: Database) -> dict[MovementKey, MovementSum]:
    """All that is kept, of all books."""
    return {
        MovementKey(*(row[name] for name in MovementKey._fields)): MovementSum(row["number"], row["amount_micros"])
        for row in await database.fetch(_SQL["kept"])
    }


def _undoes(one: MovedOut, earlier: MovedOut) -> bool:
    return (one.debit_account, one.credit_account) == (earlier.credit_account, earlier.debit_account)


def _main(those: Sequence[MovedOut]) -> MovedOut | None:
    """What a fee was taken for: the first of the transaction that is neither fee nor share."""
    return next((one for one in those if not _NOT_THE_MAIN & {one.debit_account, one.credit_account}), None)
