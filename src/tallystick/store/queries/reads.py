"""What the readers of the API ask the books. Every function reads one consistent state and changes nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from tallystick.db.database import plan_each_time
from tallystick.db.statements import load_statements
from tallystick.domain.decide.receipts import SUCCESS_CODE, message_of
from tallystick.domain.ids import BookId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind, UsageLimit

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Connection, Database, Pool

AT_A_TIME: Final = 25
"""Transactions whose rows become values before other calls go on: a third of a millisecond's work."""

_READS: Final = load_statements("reads.sql", __package__)
ACTIVITY: Final = {
    (name, ascending): _READS[name] if ascending else _READS[name].replace("_id ASC", "_id DESC")
    for name in ("activity", "own_activity")
    for ascending in (True, False)
}
"""By name and by whether the oldest come first; for tests of what they cost, too."""


@dataclass(frozen=True, slots=True)
class InstrumentTotal:
    """All instruments of one kind together, in micro-units."""

    balance_micros: int
    pending_micros: int


@dataclass(frozen=True, slots=True)
class Cash:
    """What the service holds for a seller, in micro-units; `pending_in_micros` is on its way, less our fees.

    `refundable_micros`: how much of it is where refunds in real money are taken from.
    """

    balance_micros: int
    refundable_micros: int
    pending_in_micros: int


@dataclass(frozen=True, slots=True)
class Person:
    """One side of a transaction."""

    party_id: PartyId
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transaction as the books have it.

    `seller` is the caller, whose book it is, and the recipient too where `recipient` is None. In a refund money goes
    back from the recipient to `buyer`; a refund without a buyer gives the caller's share back to the recipient.
    `fee_payer` and `marketplace_fee_micros` as in the domain.
    """

    transaction_id: TransactionId
    environment: str
    operation: str
    status: str
    status_code: str
    status_message: str | None
    amount_micros: int
    fee_micros: int
    payment_method: str
    token_id: str | None
    instrument_id: str | None
    instrument_kind: str | None
    original_id: TransactionId | None
    caller_reference: str
    caller_description: str | None
    sender_description: str | None
    requested_at: datetime
    received_at: datetime
    completed_at: datetime | None
    seller: Person
    buyer: Person | None
    recipient: Person | None = None
    recipient_token_id: str | None = None
    fee_payer: str = "Recipient"
    marketplace_fee_micros: int = 0

    @property
    def merchant(self) -> Person:
        """Who is paid for goods."""
        return self.recipient or self.seller

    @property
    def payer(self) -> Person | None:
        """Who pays in this transaction."""
        if not self.is_refund:
            return self.buyer
        return self.seller if self.buyer is None else self.merchant

    @property
    def payee(self) -> Person | None:
        """Who is paid in this transaction."""
        if not self.is_refund:
            return self.merchant
        return self.merchant if self.buyer is None else self.buyer

    @property
    def fee_role(self) -> str:
        """The role of whoever pays the fee, or gets it back: who was paid for goods is the sender of their refund."""
        repays = self.is_refund and self.buyer is not None
        return "Sender" if repays and self.fee_payer == "Recipient" else self.fee_payer

    @property
    def is_refund(self) -> bool:
        """Whether the money goes back."""
        return self.operation == "Refund"

    @property
    def was_pending(self) -> bool:
        """Whether it waited, or still waits, for an answer from outside."""
        return self.completed_at is None or self.completed_at != self.received_at


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """A status that a slow transaction came to after its first, with the amount that it had then."""

    status: str
    status_code: str
    amount_micros: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """Which transactions to list: ids from `ids_from` until before `ids_until`, filters where they are not None.

    `parts`: the books of the asking party.
    """

    parts: tuple[BookId, ...]
    party_id: PartyId
    environment: str
    ids_from: str
    ids_until: str
    ascending: bool
    maximum: int
    skip: int
    operation: str | None = None
    payment_method: str | None = None
    status: str | None = None
    roles: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """A transaction with the asking seller's cash after it."""

    transaction: TransactionRecord
    cash_after_micros: int


async def instrument_totals(database: Database, parts: Sequence[BookId], kind: str) -> InstrumentTotal:
    """The sum over all instruments of `kind`, ``prepaid`` or ``credit``, in the books of one owner."""
    row = _certain(await database.fetchrow(_READS["instrument_totals"], parts, kind))
    return InstrumentTotal(row["balance_micros"], row["pending_micros"])


async def cash_balance(database: Database, parts: Sequence[BookId]) -> Cash:
    """What the service holds for a seller, in all its books; the first of them comes first."""
    row = _certain(await database.fetchrow(_READS["cash_balance"], parts))
    return Cash(row["balance_micros"], row["refundable_micros"], row["pending_in_micros"])


async def transaction(database: Database, book_id: BookId, transaction_id: TransactionId) -> TransactionRecord | None:
    """One transaction of a seller's book, or None."""
    row = await database.fetchrow(_READS["transaction"], book_id, transaction_id)
    return None if row is None else _transaction(row)


async def total_of_tab(database: Database, book_id: BookId, token_id: TokenId) -> UsageLimit | None:
    """What may be charged in all with a token that puts charges on a tab, and what was; None for other tokens."""
    row = await database.fetchrow(_READS["total_of_tab"], book_id, token_id)
    if row is None:
        return None
    start = row["valid_from"]
    return UsageLimit(LimitKind.AMOUNT, row["total_limit_micros"], None, start, start, used=row["charged_micros"])


async def payment_method(database: Database, book_id: BookId, token_id: TokenId) -> str | None:
    """What a token charges; None for tokens of instruments, for those that receive, and for unknown ones."""
    found = await database.fetchval(_READS["payment_method"], book_id, token_id)
    return None if found is None else str(found)


async def refunds(database: Database, book_id: BookId, transaction_id: TransactionId) -> list[TransactionId]:
    """The refunds of a transaction, oldest first."""
    rows = await database.fetch(_READS["refunds"], book_id, transaction_id)
    return [TransactionId(row["transaction_id"]) for row in rows]


async def later_statuses(database: Database, book_id: BookId, transaction_id: TransactionId) -> list[StatusRecord]:
    """The statuses of a slow transaction after its first, in their order."""
    rows = await database.fetch(_READS["later_statuses"], book_id, transaction_id)
    return [StatusRecord(**dict(row)) for row in rows]


async def activity(
    pool: Pool, query: ActivityQuery, step_aside: Callable[[], Awaitable[None]] | None = None
) -> list[ActivityEntry]:
    """Transactions in the order of their ids, or the other way round, with the cash of `query.parts` after each.

    `step_aside` is awaited after the statements and between pieces of what they found, with no connection held.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        if await connection.fetchval(_READS["takes_part_elsewhere"], query.party_id, query.parts) is None:
            name = "own_activity"
        else:
            name = "activity"
            await plan_each_time(connection)  # a plan for everybody reads all that other sellers have
        if len(query.parts) == 1:
            rows = await _activity_with(connection, name, query, query.parts[0], query.maximum, query.skip)
        else:
            found = {  # what the party did with others is found beside each of its books
                row["transaction_id"]: row
                for part in query.parts
                for row in await _activity_with(connection, name, query, part, query.maximum + query.skip, 0)
            }
            in_order = sorted(found, reverse=not query.ascending)[query.skip : query.skip + query.maximum]
            rows = [found[transaction_id] for transaction_id in in_order]
        balances = await _cash_after(connection, query.parts, rows)
    entries: list[ActivityEntry] = []
    for start in range(0, len(rows), AT_A_TIME):
        if step_aside is not None:
            await step_aside()
        piece = slice(start, start + AT_A_TIME)
        entries += map(ActivityEntry, map(_transaction, rows[piece]), balances[piece])
    return entries


async def _activity_with(
    connection: Connection, name: str, query: ActivityQuery, book_id: BookId, maximum: int, skip: int
) -> list[asyncpg.Record]:
    return await connection.fetch(
        ACTIVITY[name, query.ascending],
        book_id,
        query.party_id,
        query.environment,
        query.ids_from,
        query.ids_until,
        query.operation,
        query.payment_method,
        query.status,
        query.roles,
        maximum,
        skip,
    )


async def _cash_after(
    connection: Connection, parts: Sequence[BookId], transactions: Sequence[asyncpg.Record]
) -> list[int]:
    """The present cash, less all that moved after each transaction; an unfinished one has the present cash."""
    present = (await cash_balance(connection, parts)).balance_micros
    ends = [row["completed_at"] for row in transactions if row["completed_at"] is not None]
    if not ends:
        return [present] * len(transactions)
    latest: int = await connection.fetchval(_READS["cash_moved_after"], parts, max(ends))
    rows = await connection.fetch(_READS["cash_movements"], parts, min(ends), max(ends))
    movements = sorted(((row["booked_at"], row["transaction_id"]), int(row["micros"])) for row in rows)
    moments = [moment for moment, _ in movements]
    moved_by = [0, *accumulate(micros for _, micros in movements)]
    balances = []
    for row in transactions:
        if row["completed_at"] is None:
            balances.append(present)
        else:
            before = bisect_right(moments, (row["completed_at"], row["transaction_id"]))
            balances.append(present - latest - (moved_by[-1] - moved_by[before]))
    return balances


def _certain(row: asyncpg.Record | None) -> asyncpg.Record:
    if row is None:
        raise LookupError("there is no such book")
    return row


def _transaction(row: asyncpg.Record) -> TransactionRecord:
    code = row["status_code"] or SUCCESS_CODE
    return TransactionRecord(
        transaction_id=TransactionId(row["transaction_id"]),
        environment=row["environment"],
        operation=row["operation"],
        status=row["status"],
        status_code=code,
        status_message=message_of(row["operation"], code, row["status_message"]),
        amount_micros=row["amount_micros"],
        fee_micros=row["fee_micros"] or 0,
        payment_method=row["payment_method"],
        token_id=row["paid_with"],
        instrument_id=row["paid_from"],
        instrument_kind=row["instrument_kind"],
        original_id=row["original_id"],
        caller_reference=row["caller_reference"],
        caller_description=row["caller_description"],
        sender_description=row["sender_description"],
        requested_at=row["requested_at"],
        received_at=row["received_at"],
        completed_at=row["completed_at"],
        seller=Person(PartyId(row["seller_party_id"]), row["seller_name"], row["seller_email"]),
        buyer=_person(row, "sender"),
        recipient=_person(row, "recipient"),
        recipient_token_id=row["recipient_token_id"],
        fee_payer=row["fee_payer"] or "Recipient",
        marketplace_fee_micros=row["marketplace_fee_micros"] or 0,
    )


def _person(row: asyncpg.Record, role: str) -> Person | None:
    party_id = row[f"{role}_party_id"]
    return None if party_id is None else Person(PartyId(party_id), row[f"{role}_name"], row[f"{role}_email"])
