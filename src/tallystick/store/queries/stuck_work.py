"""What the operator may have to look after, over all books: requests to rails, notifications that do not arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.ids import BookId, TransactionId

if TYPE_CHECKING:
    from tallystick.db.connections import Database


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
    rows = await database.fetch(
        """
        SELECT rail_request.book_id, transaction_id, operation, rail, amount_micros, opened_at, due_at, attempts,
               last_error, environment, party.party_id AS seller_id, party.name AS seller
          FROM rail_request
          JOIN book USING (book_id)
          LEFT JOIN party ON party.party_id = book.party_id
         WHERE ($2::text IS NULL OR rail = $2) AND (NOT $3 OR last_error IS NOT NULL)
           AND ($4::text IS NULL OR transaction_id > $4)
         ORDER BY transaction_id, operation
         LIMIT $1
        """,
        count,
        rail,
        unknown,
        after,
    )
    return [RailCase(**row) for row in rows]


async def ask_again(database: Database, book_id: BookId, transaction_id: TransactionId, now: datetime) -> bool:
    """Let the rail be asked now instead of later; False when nothing waits any more. Harmless: same key."""
    tag = await database.execute(
        "UPDATE rail_request SET due_at = $3 WHERE book_id = $1 AND transaction_id = $2 AND due_at > $3",
        book_id,
        transaction_id,
        now,
    )
    return tag != "UPDATE 0"


async def event_cases(
    database: Database, count: int, *, state: str, before: tuple[datetime, str] | None = None
) -> list[EventCase]:
    """Notifications in trouble, the newest first. `state`: ``dead`` or ``waiting``, the latter only after a failure.

    `before`: moment and id of the last one that was shown.
    """
    moment, event_id = before or (None, None)
    rows = await database.fetch(
        """
        SELECT outbox.book_id, event_id, outbox.kind, subject_id, outbox.status, state, destination, announced_at,
               due_at, attempts, last_error, environment, party.party_id AS seller_id, party.name AS seller
          FROM outbox
          JOIN book USING (book_id)
          LEFT JOIN party ON party.party_id = book.party_id
         WHERE state = $2 AND (state = 'dead' OR last_error IS NOT NULL)
           AND ($3::timestamptz IS NULL OR (announced_at, event_id) < ($3, $4))
         ORDER BY announced_at DESC, event_id DESC
         LIMIT $1
        """,
        count,
        state,
        moment,
        event_id,
    )
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
    rows = await database.fetch(
        """
        SELECT party.party_id AS seller_id, party.name AS seller, environment, destination,
               count(*) FILTER (WHERE state = 'dead') AS dead, count(*) FILTER (WHERE state = 'waiting') AS waiting,
               (array_agg(last_error ORDER BY announced_at DESC))[1] AS latest_error
          FROM outbox
          JOIN book USING (book_id)
          LEFT JOIN party ON party.party_id = book.party_id
         WHERE state = 'dead' OR (state = 'waiting' AND last_error IS NOT NULL)
         GROUP BY party.party_id, party.name, environment, destination
         ORDER BY count(*) DESC, party.party_id
         LIMIT $1
        """,
        count,
    )
    return [Destination(**row) for row in rows]
