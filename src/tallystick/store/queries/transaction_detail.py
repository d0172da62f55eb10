"""Details of a transaction: its transfers, its notifications, and what is kept of its request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.accounts import AccountKind
from tallystick.domain.ids import BookId, TransactionId

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("transaction_detail.sql", __package__)


@dataclass(frozen=True, slots=True)
class AccountName:
    """An account of a book: what it is and, where there are many of its kind, whose or of which instrument."""

    kind: AccountKind
    subject: str


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """A transfer, in micro-units."""

    debit: AccountName
    credit: AccountName
    amount_micros: int
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification about the transaction. `occurred_at` is the book's time, the others are real time."""

    event_id: str
    status: str | None
    state: str
    destination: str | None
    occurred_at: datetime
    due_at: datetime | None
    attempts: int
    delivered_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class RetainedRequest:
    """What is retained of the request, and what was refunded or is disputed since, in micro-units.

    `fingerprint`, `first_answer` and `answered_at` are deleted with the idempotency record.
    """

    notification_url: str | None
    times_out_at: datetime | None
    reserved_until: datetime | None
    refunded_micros: int
    marketplace_refunded_micros: int
    disputed_micros: int
    fingerprint: bytes | None
    first_answer: str | None
    answered_at: datetime | None


async def transfers(database: Database, book_id: BookId, transaction_id: TransactionId) -> list[TransferRecord]:
    """What a transaction moved in a book: its caller's or, where that is another one, the recipient's."""
    return [
        TransferRecord(
            AccountName(AccountKind(row["debit_kind"]), row["debit_subject"]),
            AccountName(AccountKind(row["credit_kind"]), row["credit_subject"]),
            row["amount_micros"],
            row["booked_at"],
        )
        for row in await database.fetch(_SQL["transfers"], book_id, transaction_id)
    ]


async def notices(database: Database, book_id: BookId, transaction_id: TransactionId) -> list[Notice]:
    """The notifications about a transaction, in the order of its statuses."""
    rows = await database.fetch(_SQL["notices"], book_id, transaction_id)
    return [Notice(**dict(row)) for row in rows]


async def remains(database: Database, book_id: BookId, transaction_id: TransactionId) -> RetainedRequest:
    """What is retained of the request. Raises LookupError: there is no such transaction."""
    row = await database.fetchrow(_SQL["remains"], book_id, transaction_id)
    if row is None:
        raise LookupError(transaction_id)
    return RetainedRequest(**dict(row))
