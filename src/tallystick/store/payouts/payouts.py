"""Which way payouts go: lists for people, and those that an automatic rail is to be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId, TransactionId

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database

_SQL: Final = load_statements("payouts.sql", __package__)


@dataclass(frozen=True, slots=True)
class PayoutRecord:
    """A payout with its transaction and its seller. Amounts in micro-units.

    `due_at`: when an automatic rail is asked next. `returned_micros`: what the bank sent back. `ended_at`: when it was
    known to be sent, or that it never will be.
    """

    book_id: BookId
    transaction_id: TransactionId
    rail: str
    amount_micros: int
    destination_id: int | None
    opened_at: datetime
    due_at: datetime | None
    attempts: int
    last_error: str | None
    message_id: str | None
    bank_reference: str | None
    ended_at: datetime | None
    status: str
    status_message: str | None
    caller_description: str | None
    returned_micros: int
    seller_id: PartyId
    environment: str
    seller_name: str


@dataclass(frozen=True, slots=True)
class PayoutTotals:
    """What a seller has with the service, and what left it, in micro-units."""

    cash_micros: int
    under_way_micros: int
    paid_out_micros: int


@dataclass(frozen=True, slots=True)
class DuePayout:
    """One that an automatic rail is to be asked for. `attempts` counts the claims so far, this one included.

    `asked_first`: when it was claimed the first time; None: it was not yet.
    """

    book_id: BookId
    transaction_id: TransactionId
    rail: str
    amount_micros: int
    destination_id: int
    attempts: int
    due_at: datetime
    asked_first: datetime | None
    environment: str


@dataclass(frozen=True, slots=True)
class WaitingPayout:
    """One that is put into a file."""

    book_id: BookId
    transaction_id: TransactionId
    amount_micros: int
    destination_id: int


async def of_books(
    database: Database, books: Sequence[BookId], maximum: int, before: TransactionId | None = None
) -> list[PayoutRecord]:
    """The newest first."""
    return [PayoutRecord(**row) for row in await database.fetch(_SQL["of_books"], [*books], maximum, before)]


async def find(database: Database, book_id: BookId, transaction_id: TransactionId) -> PayoutRecord | None:
    """One payout; None where there is none, or its transaction is in the archive."""
    row = await database.fetchrow(_SQL["find"], book_id, transaction_id)
    return None if row is None else PayoutRecord(**row)


async def under_way(database: Database, environment: str, maximum: int) -> list[PayoutRecord]:
    """Of all sellers, the oldest first."""
    return [PayoutRecord(**row) for row in await database.fetch(_SQL["open"], environment, maximum)]


async def latest_ended(database: Database, environment: str, maximum: int) -> list[PayoutRecord]:
    """Of all sellers, the newest first."""
    return [PayoutRecord(**row) for row in await database.fetch(_SQL["latest_ended"], environment, maximum)]


async def totals(database: Database, books: Sequence[BookId]) -> PayoutTotals:
    """Of all books of one seller."""
    row = await database.fetchrow(_SQL["totals"], [*books])
    assert row is not None, "there are sums, even of nothing"  # noqa: S101
    return PayoutTotals(**row)


async def cash(database: Database, books: Sequence[BookId]) -> Mapping[BookId, int]:
    """The cash in each of these books, in micro-units."""
    return {row["book_id"]: row["balance_micros"] for row in await database.fetch(_SQL["cash"], [*books])}


async def due(database: Database, now: datetime, limit: int) -> list[DuePayout]:
    """Those whose time has come, the longest waiting first."""
    return [DuePayout(**row) for row in await database.fetch(_SQL["due"], now, limit)]


async def claim(database: Database, payout: DuePayout, now: datetime, until: datetime) -> bool:
    """Claim one for this worker, with a lease until `until`; False when another one was quicker or it is over."""
    tag = await database.execute(
        _SQL["claim"], payout.book_id, payout.transaction_id, payout.due_at, until, payout.attempts, now
    )
    return tag == "UPDATE 1"


async def put_off(database: Database, payout: DuePayout, until: datetime, error: str | None = None) -> None:
    """Ask again at `until`. `error` tells people why nothing is known; None: the rail said that it needs its time."""
    await database.execute(_SQL["put_off"], payout.book_id, payout.transaction_id, until, error)


async def put_into_file(connection: Connection, environment: str, message_id: str) -> list[WaitingPayout]:
    """All that wait for a file are in this one from now on, and in no other; in their order."""
    waiting: list[WaitingPayout] = []
    for book in await connection.fetch(_SQL["books_with_files_to_make"], environment):
        rows = await connection.fetch(_SQL["put_into_file"], book["book_id"], message_id)
        waiting += (WaitingPayout(**row) for row in rows)
    return sorted(waiting, key=lambda one: one.transaction_id)
