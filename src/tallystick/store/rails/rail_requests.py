"""The intents that wait for a rail: claim them, put them off. They end with the result, in the money's own commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements
from tallystick.domain.commands import Method
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.rails.commands import RailOperation

_SQL: Final = load_statements("rail_requests.sql", __package__)


@dataclass(frozen=True, slots=True)
class DueRequest:
    """One charge to be asked for. `attempts` counts the claims so far, this one included.

    `asked_at`: when the rail was asked first, None if it never was. `reference`: what the rail calls the order, where
    it has said so; `earlier_operation`, `earlier_reference`: the order that is captured, voided or given back.
    """

    book_id: BookId
    transaction_id: TransactionId
    rail: str
    environment: str
    method: Method
    rail_token: str
    operation: RailOperation
    earlier_id: TransactionId | None
    amount_micros: int
    attempts: int
    due_at: datetime
    asked_at: datetime | None
    reference: str | None
    earlier_operation: RailOperation | None
    earlier_reference: str | None


async def due(database: Database, now: datetime, limit: int) -> list[DueRequest]:
    """Requests whose time has come, the longest waiting first."""
    rows = await database.fetch(_SQL["due"], now, limit)
    return [_request(row) for row in rows]


async def of_transaction(database: Database, book_id: BookId, transaction_id: TransactionId) -> list[DueRequest]:
    """What waits for a transaction, whenever it is due."""
    return [_request(row) for row in await database.fetch(_SQL["of_transaction"], book_id, transaction_id)]


async def claim(database: Database, request: DueRequest, now: datetime, until: datetime) -> bool:
    """Claim a request for this worker, with a lease until `until`; False when another one was quicker or it is done."""
    tag = await database.execute(
        _SQL["claim"],
        request.book_id,
        request.transaction_id,
        request.due_at,
        until,
        request.attempts,
        request.operation.value,
        now,
    )
    return tag == "UPDATE 1"


async def put_off(database: Database, request: DueRequest, until: datetime, error: str | None = None) -> None:
    """Ask again at `until`. `error` tells people why nothing is known; None: the rail said that it needs its time."""
    await database.execute(
        _SQL["put_off"], request.book_id, request.transaction_id, until, request.operation.value, error
    )


async def missing_for(database: Database, request: DueRequest) -> timedelta:
    """The rail does not have the order: for how long that is so by now, by the server's clock alone."""
    at: datetime = await database.fetchval(_SQL["server_clock"])
    arguments = (request.book_id, request.transaction_id, request.operation.value, at)
    since: datetime | None = await database.fetchval(_SQL["missing"], *arguments)
    return timedelta() if since is None else at - since


async def sent_again(database: Database, request: DueRequest) -> None:
    """The order is on its way once more: that the rail did not have it before says nothing any more."""
    await database.execute(_SQL["sent_again"], request.book_id, request.transaction_id, request.operation.value)


async def run_out(database: Database, now: datetime, limit: int) -> list[tuple[BookId, TransactionId]]:
    """Transactions whose time is over by their book's clock: reservations, and charges no rail was asked for yet."""
    rows = await database.fetch(_SQL["run_out"], now, limit)
    return [(row["book_id"], row["transaction_id"]) for row in rows]


def _request(row: Any) -> DueRequest:  # noqa: ANN401 - asyncpg's own shape
    earlier = row["earlier_operation"]
    typed = {
        "operation": RailOperation(row["operation"]),
        "method": Method(row["method"]),
        "earlier_operation": None if earlier is None else RailOperation(earlier),
    }
    return DueRequest(**{**row, **typed})
