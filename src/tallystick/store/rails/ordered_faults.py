"""Faults on order: the simulated rail fails the next order of its kind, or leaves it unanswered until it is let go.

For sandboxes only, and part of the simulated rail: the books see just a rail that declines, or has not answered yet.
What a rail is never asked for (payments from a prepaid balance, on account or from an account balance) fails by amount
instead. An ordered fault meets one order, and that order for good: asked again, the rail answers as before.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, MalformedIdError, TransactionId, book_of_transaction
from tallystick.domain.rails.commands import Declined, RailOperation

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("ordered_faults.sql", __package__)

DECLINES: Final[Mapping[str, Declined]] = {
    decline.status_code: decline
    for decline in (
        Declined("TemporaryDecline", "A system behind the service was not available; it may be tried again."),
        Declined("TransactionDenied", "The payment was declined, for example for lack of funds."),
    )
}
"""How the simulated rail says no, by the status code that the transaction gets."""

OPERATIONS: Final[Mapping[RailOperation, str]] = {
    RailOperation.CHARGE: "FundPrepaid, Pay or SettleDebt",
    RailOperation.AUTHORIZE: "Reserve",
    RailOperation.REFUND: "Refund",
}
"""What can be made to fail, and which actions ask for it; what was held is captured and let go without fail."""

MAX_WAITING: Final = 20
"""Faults that may wait for an order in one book."""


@dataclass(frozen=True, slots=True)
class OrderedFault:
    """One fault. `decline`: a key of DECLINES; None: the order goes well, once it is let go.

    `holds`: no answer before `released_at`. `key`: the order that it met, None while it waits for one.
    """

    fault_id: str
    operation: RailOperation
    decline: str | None
    holds: bool
    ordered_at: datetime
    key: str | None
    met_at: datetime | None
    released_at: datetime | None

    @property
    def holding(self) -> bool:
        """Whether an order waits for this fault to be let go."""
        return self.holds and self.key is not None and self.released_at is None

    @property
    def transaction_id(self) -> TransactionId | None:
        """The transaction whose order it met."""
        return None if self.key is None else _transaction_of(self.key)


class TooManyFaultsError(ValueError):
    """MAX_WAITING faults wait for an order already."""


async def place(
    database: Database, book_id: BookId, operation: RailOperation, decline: str | None, now: datetime
) -> str:
    """Let the next order of a kind fail with a status code, or with None stay unanswered; the fault's id.

    Raises TooManyFaultsError.
    """
    row = await database.fetchrow(
        _SQL["place"], book_id, secrets.token_hex(8), operation.value, decline, now, MAX_WAITING
    )
    if row is None:
        raise TooManyFaultsError(book_id)
    return str(row["fault_id"])


async def take_back(database: Database, book_id: BookId, fault_id: str) -> bool:
    """Forget a fault that has met no order yet; False when it has, or when there is none."""
    row = await database.fetchrow(_SQL["take_back"], book_id, fault_id)
    return row is not None


async def release(database: Database, book_id: BookId, fault_id: str, decline: str | None, now: datetime) -> bool:
    """Let an order go that was left unanswered: it is declined, or with None goes well. False: nothing was held."""
    row = await database.fetchrow(_SQL["release"], book_id, fault_id, decline, now)
    return row is not None


async def exists(database: Database, book_id: BookId, fault_id: str) -> bool:
    """Whether a book has this fault, whatever became of it."""
    row = await database.fetchrow(_SQL["exists"], book_id, fault_id)
    return row is not None


async def find(database: Database, book_id: BookId, fault_id: str) -> OrderedFault | None:
    """One of a book's, whatever became of it."""
    row = await database.fetchrow(_SQL["find"], book_id, fault_id)
    return None if row is None else _fault(row)


async def of_book(database: Database, book_id: BookId, maximum: int) -> list[OrderedFault]:
    """Those that wait for an order, those that hold one, then the latest others."""
    rows = await database.fetch(_SQL["of_book"], book_id, maximum)
    return [_fault(row) for row in rows]


async def met_by(database: Database, key: str, operation: RailOperation, now: datetime) -> OrderedFault | None:
    """The fault that an order meets: the one it met before, else now the one that waits longest for its kind.

    `key`: the order's idempotency key. An order of a seller with several books meets what is ordered in the first of
    them.
    """
    transaction_id = _transaction_of(key)
    if operation not in OPERATIONS or transaction_id is None:
        return None
    row = await database.fetchrow(
        _SQL["met_by"], await _first_book(database, book_of_transaction(transaction_id)), key, operation.value, now
    )
    return None if row is None else _fault(row)


async def _first_book(database: Database, book_id: BookId) -> BookId:
    """The first book of the seller that has this one, where faults are ordered."""
    row = await database.fetchrow(_SQL["first_book"], book_id)
    return book_id if row is None else BookId(row["book_id"])  # the operator's book is nobody's


def _transaction_of(key: str) -> TransactionId | None:
    transaction_id = key.partition(".")[0]
    try:
        book_of_transaction(transaction_id)
    except MalformedIdError:
        return None
    return TransactionId(transaction_id)


def _fault(row: Any) -> OrderedFault:  # noqa: ANN401 - asyncpg's own shape
    return OrderedFault(**{**row, "operation": RailOperation(row["operation"])})
