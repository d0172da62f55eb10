"""The intents that wait for a rail: claim them, put them off. They end with the result, in the money's own commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements
from tallystick.domain.commands import RailOperation
from tallystick.domain.ids import BookId, TransactionId

_SQL: Final = load_statements("rail_requests.sql", __package__)


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
    rows = await database.fetch(_SQL["due"], now, limit)
    return [DueRequest(**{**row, "operation": RailOperation(row["operation"])}) for row in rows]


async def claim(database: Database, request: DueRequest, until: datetime) -> bool:
    """Claim a request for this worker, with a lease until `until`; False when another one was quicker or it is done."""
    tag = await database.execute(
        _SQL["claim"],
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
        _SQL["put_off"], request.book_id, request.transaction_id, until, request.operation.value, error
    )


async def run_out(database: Database, now: datetime, limit: int) -> list[tuple[BookId, TransactionId]]:
    """Transactions whose time is over by their book's clock: reservations, and charges no rail was asked for yet."""
    rows = await database.fetch(_SQL["run_out"], now, limit)
    return [(row["book_id"], row["transaction_id"]) for row in rows]
