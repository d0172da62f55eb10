"""The intents that wait for a rail: claim them, put them off. They end with the result, in the money's own commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tallystick.db.connections import Database
from tallystick.domain.commands import RailOperation
from tallystick.domain.ids import BookId, TransactionId


@dataclass(frozen=True, slots=True)
class DueRequest:
    """One charge to be asked for. `attempts` counts the claims so far, this one included."""

    book_id: BookId
    transaction_id: TransactionId
    rail: str
    rail_token: str
    operation: RailOperation
    earlier_id: TransactionId | None
    amount_micros: int
    attempts: int
    due_at: datetime


async def due(database: Database, now: datetime, limit: int) -> list[DueRequest]:
    """Requests whose time has come, the longest waiting first."""
    rows = await database.fetch(
        "SELECT book_id, transaction_id, rail_request.rail, rail_token, operation, earlier_id, amount_micros,"
        "       attempts + 1 AS attempts, due_at"
        "  FROM rail_request JOIN payment_method USING (payment_method_id)"
        " WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
        now,
        limit,
    )
    return [DueRequest(**{**row, "operation": RailOperation(row["operation"])}) for row in rows]


async def claim(database: Database, request: DueRequest, until: datetime) -> bool:
    """Take a request for this worker until `until`; False when another one was quicker or it is done."""
    tag = await database.execute(
        "UPDATE rail_request SET due_at = $4, attempts = $5"
        " WHERE book_id = $1 AND transaction_id = $2 AND operation = $6 AND due_at = $3",
        request.book_id,
        request.transaction_id,
        request.due_at,
        until,
        request.attempts,
        request.operation.value,
    )
    return tag == "UPDATE 1"


async def put_off(database: Database, request: DueRequest, until: datetime, error: str | None = None) -> None:
    """Ask again at `until`. `error` tells people why nothing is known; None: the rail said that it needs its time."""
    await database.execute(
        "UPDATE rail_request SET due_at = $3, last_error = $5"
        " WHERE book_id = $1 AND transaction_id = $2 AND operation = $4",
        request.book_id,
        request.transaction_id,
        until,
        request.operation.value,
        error,
    )


async def run_out(database: Database, now: datetime, limit: int) -> list[tuple[BookId, TransactionId]]:
    """Transactions whose time is over by their book's clock: reservations, and charges no rail was asked for yet."""
    rows = await database.fetch(
        "SELECT transaction.book_id, transaction_id FROM transaction JOIN book USING (book_id)"
        " WHERE status = 'Reserved' AND reserved_until <= $1::timestamptz + make_interval(secs => clock_offset_seconds)"
        " UNION ALL "
        "SELECT transaction.book_id, transaction_id FROM rail_request JOIN transaction USING (book_id, transaction_id)"
        "  JOIN book USING (book_id)"
        " WHERE attempts = 0 AND status = 'Pending' AND rail_request.operation IN ('charge', 'authorize')"
        "   AND times_out_at <= $1::timestamptz + make_interval(secs => clock_offset_seconds)"
        " LIMIT $2",
        now,
        limit,
    )
    return [(row["book_id"], row["transaction_id"]) for row in rows]
