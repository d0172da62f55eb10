"""What the operator may have to look after, over all books: requests to rails, notifications that do not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, TransactionId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("stuck_work.sql", __package__)


@dataclass(frozen=True, slots=True)
class RailCase:
    """A request whose result is not in the books yet.

    `attempts`: how often the rail was asked. `last_error`: why the result is unknown, None while the rail is only slow.
    """

    book_id: BookId
    transaction_id: TransactionId
    operation: str
    rail: str
    amount_micros: int
    opened_at: datetime
    due_at: datetime
    attempts: int
    last_error: str | None
    environment: str
    seller_id: int | None
    seller: str | None


@dataclass(frozen=True, slots=True)
class EventCase:
    """A notification that did not arrive: given up (``dead``), or still tried after failures (``waiting``)."""

    book_id: BookId
    event_id: str
    kind: str
    subject_id: str
    status: str | None
    state: str
    destination: str | None
    announced_at: datetime
    due_at: datetime | None
    attempts: int
    last_error: str | None
    environment: str
    seller_id: int | None
    seller: str | None


async def rail_cases(
    database: Database,
    count: int,
    *,
    rail: str | None = None,
    unknown: bool = False,
    after: TransactionId | None = None,
) -> list[RailCase]:
    """Requests in the order of their transactions, the oldest first. `unknown`: only those that failed once."""
    rows = await database.fetch(_SQL["rail_cases"], count, rail, unknown, after)
    return [RailCase(**row) for row in rows]


async def ask_again(database: Database, book_id: BookId, transaction_id: TransactionId, now: datetime) -> bool:
    """Let the rail be asked now instead of later; False when nothing waits any more. Harmless: same key."""
    tag = await database.execute(_SQL["ask_again"], book_id, transaction_id, now)
    return tag != "UPDATE 0"


async def event_cases(
    database: Database, count: int, *, state: str, before: tuple[datetime, str] | None = None
) -> list[EventCase]:
    """Undelivered notifications, the newest first. `state`: ``dead`` or ``waiting``, the latter only after a failure.

    `before`: moment and id of the last one that was shown.
    """
    moment, event_id = before or (None, None)
    rows = await database.fetch(_SQL["event_cases"], count, state, moment, event_id)
    return [EventCase(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where notifications of a seller do not arrive: how many were given up, and how many are tried again."""

    seller_id: int | None
    seller: str | None
    environment: str
    destination: str | None
    dead: int
    waiting: int
    latest_error: str | None


async def destinations(database: Database, count: int) -> list[Destination]:
    """The addresses that most notifications did not arrive at."""
    rows = await database.fetch(_SQL["destinations"], count)
    return [Destination(**row) for row in rows]
