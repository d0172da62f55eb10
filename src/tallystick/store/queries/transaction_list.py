"""A seller's activity as the console lists it: filtered, page by page, or all of it for an export.

Pages go on where the last one ended, by id. A filter without an index is applied to at most REACH transactions a page,
so that a page costs the same however long the history is; it says how far back it has searched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final

from tallystick.db.patterns import containing
from tallystick.db.statements import load_statements
from tallystick.domain.decide.receipts import SUCCESS_CODE
from tallystick.domain.ids import BookId, PartyId, TransactionId, book_of_transaction, transaction_ids_from

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Database

REACH: Final = 10_000
"""How many transactions one query scans for those that match a filter."""

_SQL: Final = load_statements("transaction_list.sql", __package__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_NO_END: Final = transaction_ids_from(1 << 48)
_ROWS_AT_ONCE: Final = 200


class About(Enum):
    """What a list of transactions is about; its value names the statement."""

    BOOK = "of_book"
    INSTRUMENT = "of_instrument"
    TOKEN = "of_token"  # noqa: S105 - a statement's name
    BUYER = "of_buyer"
    ORIGINAL = "of_original"  # its refunds


@dataclass(frozen=True, slots=True)
class TransactionQuery:
    """Which transactions: of a seller with all its books in one environment, and what else is not None.

    `subject` is the instrument, token, buyer (the number of their account) or original that the list is `about`.
    `since` is included, `until` is not; both are the book's time. `text` occurs in a reference, a description, an id,
    or the buyer's name or e-mail address, in whatever case.
    """

    parts: tuple[BookId, ...]
    seller_id: PartyId
    environment: str
    about: About = About.BOOK
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    operation: str | None = None
    status: str | None = None
    payment_method: str | None = None
    min_micros: int | None = None
    max_micros: int | None = None
    text: str | None = None

    @property
    def filters(self) -> tuple[object, ...]:
        """What the statements compare rows with, in their order."""
        amounts = (self.min_micros, self.max_micros)
        return (self.operation, self.status, self.payment_method, *amounts, containing(self.text))

    @property
    def needs_bounded_scan(self) -> bool:
        """Whether rows that match may be rare, with no index to find them."""
        return self.about is About.BOOK and any(value is not None for value in self.filters)


@dataclass(frozen=True, slots=True)
class TransactionLine:
    """A transaction in a list. `own`: in a book of the seller's own; else another seller called and this one received.

    References and ids of another caller's are its own affair and are left out. Amounts in micro-units; `fee_micros` and
    `marketplace_fee_micros` as in the domain.
    """

    own: bool
    transaction_id: TransactionId
    operation: str
    status: str
    status_code: str
    amount_micros: int
    fee_micros: int
    fee_payer: str
    marketplace_fee_micros: int
    payment_method: str
    caller_reference: str | None
    caller_description: str | None
    sender_description: str | None
    instrument_id: str | None
    sender_token_id: str | None
    original_id: str | None
    completed_at: datetime | None
    buyer_name: str | None
    buyer_email: str | None
    recipient_name: str | None


@dataclass(frozen=True, slots=True)
class TransactionPage:
    """A page of the list, newest first. `earlier`: the cursor, an id, for the next page; None: this is the last one.

    `full`: it holds as many as were asked for; else the search went back to `earlier` and found no more.
    """

    lines: list[TransactionLine]
    earlier: TransactionId | None
    full: bool


async def page(
    database: Database, wanted: TransactionQuery, maximum: int, before: str | None = None, reach: int = REACH
) -> TransactionPage:
    """The latest transactions that are wanted, at most `maximum`, those before the id `before`."""
    first = "" if wanted.since is None else _ids_from(wanted.since)
    end = _NO_END if wanted.until is None else _ids_from(wanted.until)
    if before is not None:
        end = min(end, before)
    reached: str | None = None
    if wanted.needs_bounded_scan:
        reached = await _reach(database, wanted, first, end, reach)
    limits = reached or first, end, maximum + 1
    more = wanted.subject, wanted.seller_id, wanted.environment, *wanted.filters
    rows = [
        row for part in wanted.parts for row in await database.fetch(_SQL[wanted.about.value], part, *limits, *more)
    ]
    if wanted.about is About.BOOK:
        rows += await database.fetch(_SQL["received"], wanted.parts, *limits, *more)
    rows.sort(key=lambda row: row["transaction_id"], reverse=True)
    lines = [_line(row, wanted.parts) for row in rows[:maximum]]
    if len(rows) > maximum:
        return TransactionPage(lines, lines[-1].transaction_id, full=True)
    return TransactionPage(lines, None if reached is None else TransactionId(reached), full=False)


async def named(
    database: Database, wanted: TransactionQuery, transaction_ids: Collection[TransactionId]
) -> list[TransactionLine]:
    """Those of some transactions that the seller called for or was paid by, whatever else is wanted."""
    books = {book_of_transaction(one) for one in transaction_ids}
    rows = await database.fetch(
        _SQL["named"], list(books), list(transaction_ids), wanted.parts, len(transaction_ids), wanted.seller_id,
        wanted.environment,
    )  # fmt: skip
    return [_line(row, wanted.parts) for row in rows]


async def everything(database: Database, wanted: TransactionQuery) -> AsyncIterator[TransactionLine]:
    """All that is wanted, newest first, by short queries: nothing is held in memory, and no connection kept."""
    before: TransactionId | None = None
    while True:
        piece = await page(database, wanted, _ROWS_AT_ONCE, before)
        for line in piece.lines:
            yield line
        before = piece.earlier
        if before is None:
            return


async def known_by_reference(
    database: Database, parts: Sequence[BookId], caller_reference: str
) -> TransactionId | None:
    """The transaction that the seller's reference stands for, also when it is archived."""
    found: str | None = await database.fetchval(_SQL["by_reference"], parts, caller_reference)
    return None if found is None else TransactionId(found)


async def _reach(database: Database, wanted: TransactionQuery, first: str, end: str, reach: int) -> str | None:
    """The id at which a search ends: where the first of the seller's lists has `reach` rows; None: at the beginning."""
    places = [await database.fetchval(_SQL["reach"], part, first, end, reach) for part in wanted.parts]
    places.append(await database.fetchval(_SQL["reach_received"], wanted.seller_id, first, end, reach))
    return max((place for place in places if place is not None), default=None)


def _ids_from(moment: datetime) -> str:
    return transaction_ids_from(max(0, (moment - _EPOCH) // _MILLISECOND))


def _line(row: asyncpg.Record, parts: Sequence[BookId]) -> TransactionLine:
    own = row["book_id"] in parts
    return TransactionLine(
        own=own,
        transaction_id=TransactionId(row["transaction_id"]),
        operation=row["operation"],
        status=row["status"],
        status_code=row["status_code"] or SUCCESS_CODE,
        amount_micros=row["amount_micros"],
        fee_micros=row["fee_micros"] or 0,
        fee_payer=row["fee_payer"] or "Recipient",
        marketplace_fee_micros=row["marketplace_fee_micros"] or 0,
        payment_method=row["payment_method"],
        caller_reference=row["caller_reference"] if own else None,
        caller_description=row["caller_description"] if own else None,
        sender_description=row["sender_description"],
        instrument_id=row["instrument_id"] if own else None,
        sender_token_id=row["paid_with"] if own else None,
        original_id=row["original_id"],
        completed_at=row["completed_at"],
        buyer_name=row["sender_name"],
        buyer_email=row["sender_email"],
        recipient_name=row["recipient_name"],
    )
