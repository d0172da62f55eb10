"""What rails were asked, for good: which rail, what it calls the order, what it kept, what the buyer has to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.rails.commands import RailOperation

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("rail_operations.sql", __package__)


@dataclass(frozen=True, slots=True)
class RailOperationRecord:
    """One order. `reference`: the rail's own, None while it is not known. `decline`: the rail's own word for a decline.

    `action_url`: where the buyer confirms, empty where the means of payment is set up once more; asked for at
    `action_at`, None where it never was. `acted_at`: when the buyer came back from there.
    `payment_method_id`: with what it was paid; None for orders of an early version.
    """

    book_id: BookId
    transaction_id: TransactionId
    operation: RailOperation
    rail: str
    reference: str | None
    fee_micros: int | None
    decline: str | None
    action_url: str | None
    action_at: datetime | None
    acted_at: datetime | None
    payment_method_id: int | None


async def note(
    database: Database,
    book_id: BookId,
    transaction_id: TransactionId,
    operation: RailOperation,
    rail: str,
    *,
    reference: str | None = None,
    fee_micros: int | None = None,
    decline: str | None = None,
) -> None:
    """Keep what a rail has said about an order; what it said before and does not say now stays."""
    await database.execute(_SQL["note"], book_id, transaction_id, operation.value, rail, reference, fee_micros, decline)


async def ask_for_action(
    database: Database,
    book_id: BookId,
    transaction_id: TransactionId,
    operation: RailOperation,
    url: str | None,
    now: datetime,
) -> bool:
    """The buyer has to confirm; False when that was known before."""
    arguments = (book_id, transaction_id, operation.value, url or "", now)
    return await database.fetchrow(_SQL["ask_for_action"], *arguments) is not None


async def acted(database: Database, book_id: BookId, transaction_id: TransactionId, now: datetime) -> None:
    """The buyer came back from the confirmation."""
    await database.execute(_SQL["acted"], book_id, transaction_id, now)


async def of_transaction(
    database: Database, book_id: BookId, transaction_id: TransactionId
) -> list[RailOperationRecord]:
    """All that a rail was asked for a transaction, in its order; nothing for those before there were several rails."""
    return [_record(row) for row in await database.fetch(_SQL["of_transaction"], book_id, transaction_id)]


async def by_reference(database: Database, rail: str, reference: str, environment: str) -> RailOperationRecord | None:
    """The order that a rail calls so; None: it is none of ours."""
    row = await database.fetchrow(_SQL["by_reference"], rail, reference, environment)
    return None if row is None else _record(row)


async def of_reference(database: Database, reference: str) -> list[RailOperationRecord]:
    """The orders that rails call so, whichever they are."""
    return [_record(row) for row in await database.fetch(_SQL["of_reference"], reference)]


def _record(row: Any) -> RailOperationRecord:  # noqa: ANN401 - asyncpg's own shape
    return RailOperationRecord(**{**row, "operation": RailOperation(row["operation"])})
