"""Disputes as pages, letters and the worker read them. What moves money is in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.disputes.dispute import DisputedSettlements, DisputeStatus
from tallystick.domain.ids import BookId, PartyId, TransactionId

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

_SQL: Final = load_statements("disputes.sql", __package__)


@dataclass(frozen=True, slots=True)
class DisputeRecord:
    """A dispute with its charge and the people in it. Amounts in micro-units, as in domain/disputes.

    `charged_by`: the operation of the charge; it and all else of the charge is None where that is in the archive.
    """

    book_id: BookId
    transaction_id: TransactionId
    rail: str
    reference: str
    original_id: TransactionId
    bearer_party_id: PartyId
    instrument_id: str | None
    status: DisputeStatus
    asked_micros: int
    claimed_micros: int
    borne_micros: int
    fee_micros: int
    due_micros: int
    told: tuple[DisputeStatus, ...]
    reason: str | None
    evidence_due_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    environment: str
    charged_by: str | None
    payment_method: str | None
    caller_reference: str | None
    sender_description: str | None
    sender_token_id: str | None
    charged_at: datetime | None
    buyer_name: str | None
    buyer_email: str | None
    bearer_name: str
    bearer_email: str

    @property
    def is_open(self) -> bool:
        """Whether it is not over yet."""
        return self.closed_at is None

    @property
    def lost_micros(self) -> int:
        """What the seller bears of a lost one, or would of an open one: what the instrument does not."""
        return self.claimed_micros - self.borne_micros

    @property
    def is_contradicted(self) -> bool:
        """Whether the rail has told both ends; the first one is booked."""
        return DisputeStatus.WON in self.told and DisputeStatus.LOST in self.told


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One movement of the instrument or token that was charged. Amount in micro-units."""

    transaction_id: TransactionId
    operation: str
    status: str
    amount_micros: int
    received_at: datetime
    sender_description: str | None
    caller_reference: str


async def of_books(
    database: Database,
    parts: Sequence[BookId],
    seller_id: PartyId,
    environment: str,
    maximum: int,
    before: str | None = None,
) -> list[DisputeRecord]:
    """Disputes of a seller: open ones first, by deadline, then the latest; with `before` only those over, before it."""
    rows = await database.fetch(_SQL["of_books"], list(parts), seller_id, environment, before, maximum)
    return [_record(row) for row in rows]


async def newest(
    database: Database,
    parts: Sequence[BookId],
    seller_id: PartyId,
    environment: str,
    maximum: int,
    before: str | None = None,
    status: DisputeStatus | None = None,
) -> list[DisputeRecord]:
    """Disputes of a seller, the newest first."""
    wanted = None if status is None else status.value
    rows = await database.fetch(_SQL["newest"], list(parts), seller_id, environment, before, maximum, wanted)
    return [_record(row) for row in rows]


async def latest(database: Database, maximum: int) -> list[DisputeRecord]:
    """Disputes of all sellers, in the same order."""
    return [_record(row) for row in await database.fetch(_SQL["latest"], maximum)]


async def find(database: Database, book_id: BookId, transaction_id: TransactionId) -> DisputeRecord | None:
    """One dispute."""
    row = await database.fetchrow(_SQL["find"], book_id, transaction_id)
    return None if row is None else _record(row)


async def of_charge(database: Database, book_id: BookId, original_id: TransactionId) -> list[DisputeRecord]:
    """All disputes of one charge, in the order in which they were opened."""
    return [_record(row) for row in await database.fetch(_SQL["of_charge"], book_id, original_id)]


async def with_dues(database: Database, maximum: int) -> list[tuple[BookId, TransactionId, TransactionId]]:
    """Disputes that are not paid for yet: book, dispute and charge."""
    rows = await database.fetch(_SQL["with_dues"], maximum)
    return [(row["book_id"], row["transaction_id"], row["original_id"]) for row in rows]


async def untold(database: Database, maximum: int) -> list[tuple[BookId, TransactionId]]:
    """Disputes of which the seller has not had the latest letter."""
    return [(row["book_id"], row["transaction_id"]) for row in await database.fetch(_SQL["untold"], maximum)]


async def mark_told(database: Database, dispute: DisputeRecord) -> bool:
    """The letter about all that `dispute` says is written. False: somebody else wrote it."""
    marked = await database.fetchval(_SQL["mark_told"], dispute.book_id, dispute.transaction_id, len(dispute.told))
    return bool(marked)


async def charges_since(database: Database, dispute: DisputeRecord, maximum: int) -> list[ChargeLine]:
    """What the disputed instrument or token was used for, newest first."""
    rows = await database.fetch(
        _SQL["charges_since"], dispute.book_id, dispute.instrument_id, dispute.sender_token_id, maximum
    )
    return [ChargeLine(**dict(row)) for row in rows]


async def choose_settlements(database: Database, parts: Sequence[BookId], choice: DisputedSettlements) -> None:
    """What becomes of settlements that are lost from now on."""
    await database.execute(_SQL["choose_settlements"], list(parts), choice.value)


async def chosen_settlements(database: Database, book_id: BookId) -> DisputedSettlements:
    """What the seller chose."""
    return DisputedSettlements(await database.fetchval(_SQL["chosen_settlements"], book_id))


def _record(row: asyncpg.Record) -> DisputeRecord:
    values: dict[str, Any] = dict(row)
    values["status"] = DisputeStatus(values["status"])
    values["told"] = tuple(DisputeStatus(word) for word in values["told"])
    return DisputeRecord(**values)
