"""Faults on order: the simulated rail fails the next order of its kind, or leaves it unanswered until it is let go.

For sandboxes only, and on the outside of our walls: the books see nothing but a rail that says no, or that takes its
time. What a rail is never asked for (payments from a prepaid balance, on account or from an account balance) fails by
amount instead. An ordered fault meets one order, and that order for good: asked again, the rail answers as before.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from tallystick.domain.commands import Declined, RailOperation
from tallystick.domain.ids import BookId, MalformedIdError, TransactionId, book_of_transaction
from tallystick.processors.rail import RailOrder

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


class Memory(Protocol):
    """What the rail remembers with: a pool of database connections."""

    async def fetch(self, query: str, *arguments: Any) -> Sequence[Any]:  # noqa: ANN401 - asyncpg's own shape
        """Run a statement in a commit of its own and return its rows."""
        ...

    async def fetchrow(self, query: str, *arguments: Any) -> Any:  # noqa: ANN401 - same
        """Run a statement in a commit of its own and return its first row."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
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


async def place(memory: Memory, book_id: BookId, operation: RailOperation, decline: str | None, now: datetime) -> str:
    """Let the next order of a kind fail with a status code, or with None stay unanswered; the fault's id.

    Raises TooManyFaultsError.
    """
    row = await memory.fetchrow(
        "INSERT INTO simulated_fault (book_id, fault_id, operation, decline, holds, ordered_at)"
        " SELECT $1, $2, $3, $4::text, $4::text IS NULL, $5"
        "  WHERE (SELECT count(*) FROM simulated_fault WHERE book_id = $1 AND idempotency_key IS NULL) < $6"
        " RETURNING fault_id",
        book_id,
        secrets.token_hex(8),
        operation.value,
        decline,
        now,
        MAX_WAITING,
    )
    if row is None:
        raise TooManyFaultsError(book_id)
    return str(row["fault_id"])


async def take_back(memory: Memory, book_id: BookId, fault_id: str) -> bool:
    """Forget a fault that has met no order yet; False when it has, or when there is none."""
    row = await memory.fetchrow(
        "DELETE FROM simulated_fault WHERE book_id = $1 AND fault_id = $2 AND idempotency_key IS NULL RETURNING 1",
        book_id,
        fault_id,
    )
    return row is not None


async def release(memory: Memory, book_id: BookId, fault_id: str, decline: str | None, now: datetime) -> bool:
    """Let an order go that was left unanswered: it is declined, or with None goes well. False: nothing was held."""
    row = await memory.fetchrow(
        "UPDATE simulated_fault SET released_at = $4, decline = $3"
        " WHERE book_id = $1 AND fault_id = $2 AND holds AND idempotency_key IS NOT NULL AND released_at IS NULL"
        " RETURNING 1",
        book_id,
        fault_id,
        decline,
        now,
    )
    return row is not None


async def exists(memory: Memory, book_id: BookId, fault_id: str) -> bool:
    """Whether a book has this fault, whatever became of it."""
    row = await memory.fetchrow("SELECT FROM simulated_fault WHERE book_id = $1 AND fault_id = $2", book_id, fault_id)
    return row is not None


async def of_book(memory: Memory, book_id: BookId, maximum: int) -> list[Fault]:
    """Those that wait for an order, those that hold one, then the latest others."""
    rows = await memory.fetch(
        "SELECT fault_id, operation, decline, holds, ordered_at, idempotency_key AS key, met_at, released_at"
        "  FROM simulated_fault WHERE book_id = $1"
        " ORDER BY idempotency_key IS NOT NULL, NOT (holds AND released_at IS NULL), ordered_at DESC, fault_id"
        " LIMIT $2",
        book_id,
        maximum,
    )
    return [_fault(row) for row in rows]


async def met_by(memory: Memory, order: RailOrder, now: datetime) -> Fault | None:
    """The fault that an order meets: the one it met before, else now the one that waits longest for its kind.

    An order of a seller with several books meets what is ordered in the first of them.
    """
    transaction_id = _transaction_of(order.idempotency_key)
    if order.operation not in OPERATIONS or transaction_id is None:
        return None
    row = await memory.fetchrow(
        "UPDATE simulated_fault SET idempotency_key = $2, met_at = coalesce(met_at, $4)"
        " WHERE book_id = $1 AND fault_id = ("
        "       SELECT fault_id FROM simulated_fault"
        "        WHERE book_id = $1 AND (idempotency_key = $2 OR idempotency_key IS NULL AND operation = $3)"
        "        ORDER BY idempotency_key, ordered_at, fault_id LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING fault_id, operation, decline, holds, ordered_at, idempotency_key AS key, met_at, released_at",
        await _first_book(memory, book_of_transaction(transaction_id)),
        order.idempotency_key,
        order.operation.value,
        now,
    )
    return None if row is None else _fault(row)


async def _first_book(memory: Memory, book_id: BookId) -> BookId:
    """The first book of the seller that has this one, where faults are ordered."""
    row = await memory.fetchrow(
        "SELECT first.book_id FROM book AS own JOIN book AS first"
        "    ON first.party_id = own.party_id AND first.environment = own.environment"
        "   AND first.currency = own.currency AND first.part = 0"
        " WHERE own.book_id = $1",
        book_id,
    )
    return book_id if row is None else BookId(row["book_id"])  # the operator's book is nobody's


def _transaction_of(key: str) -> TransactionId | None:
    transaction_id = key.partition(".")[0]
    try:
        book_of_transaction(transaction_id)
    except MalformedIdError:
        return None
    return TransactionId(transaction_id)


def _fault(row: Any) -> Fault:  # noqa: ANN401 - asyncpg's own shape
    return Fault(**{**row, "operation": RailOperation(row["operation"])})
