"""Transactions of a seller: the list, and all that is known of one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.domain.ids import book_of_transaction
from tallystick.services.seller import archived
from tallystick.store.queries import reads, transaction_detail, transaction_list
from tallystick.store.queries.reads import TransactionRecord
from tallystick.store.queries.transaction_detail import AccountName, Notice, RetainedRequest, TransferRecord
from tallystick.store.queries.transaction_list import About, TransactionLine, TransactionPage, TransactionQuery
from tallystick.store.rails import rail_operations
from tallystick.store.rails.rail_operations import RailOperationRecord
from tallystick.store.records import kept_requests
from tallystick.store.records.kept_requests import KeptRequest

if TYPE_CHECKING:
    from tallystick.domain.ids import InstrumentId, TokenId, TransactionId
    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "About",
    "AccountName",
    "KeptRequest",
    "Notice",
    "RailOperationRecord",
    "RetainedRequest",
    "TransactionLine",
    "TransactionPage",
    "TransactionQuery",
    "TransactionRecord",
    "TransferRecord",
    "all_of",
    "archived_before",
    "find",
    "known_by_reference",
    "list_",
    "may_be_archived",
    "named",
    "notices",
    "rail_orders",
    "refunds_of",
    "remains",
    "requests_of",
    "transfers",
]

_MAX_REFUNDS = 100


def all_of(books: BookContext) -> TransactionQuery:
    """What lists every transaction of the seller in this environment."""
    return TransactionQuery(books.parts, books.seller_id, books.environment)


async def list_(
    books: BookContext, wanted: TransactionQuery, maximum: int, before: str | None = None
) -> TransactionPage:
    """The latest transactions that are wanted, at most `maximum`, those before the id `before`."""
    return await transaction_list.page(books.service.pool, wanted, maximum, before)


async def named(books: BookContext, transaction_ids: Collection[TransactionId]) -> list[TransactionLine]:
    """Those of some transactions that the seller called for or was paid by, in this environment."""
    return await transaction_list.named(books.service.pool, all_of(books), transaction_ids)


async def known_by_reference(books: BookContext, caller_reference: str) -> TransactionId | None:
    """The transaction that the seller's reference stands for, as long as references are remembered."""
    return await transaction_list.known_by_reference(books.service.pool, books.parts, caller_reference)


async def find(books: BookContext, transaction_id: TransactionId) -> TransactionRecord | None:
    """A transaction that the seller called for or was paid by, in this environment; None for any other."""
    found = await reads.transaction(books.service.pool, book_of_transaction(transaction_id), transaction_id)
    if found is None or found.environment != books.environment:
        return None
    return found if books.seller_id in (found.seller.party_id, found.merchant.party_id) else None


async def remains(books: BookContext, transaction_id: TransactionId) -> RetainedRequest:
    """What is kept of the request. Raises LookupError: there is no such transaction."""
    return await transaction_detail.remains(books.service.pool, book_of_transaction(transaction_id), transaction_id)


async def transfers(books: BookContext, transaction_id: TransactionId) -> list[TransferRecord]:
    """What a transaction moved: in its own book or, where another seller called for it, in this one's first."""
    book_id = book_of_transaction(transaction_id)
    of = book_id if book_id in books.parts else books.parts[0]
    return await transaction_detail.transfers(books.service.pool, of, transaction_id)


async def notices(books: BookContext, transaction_id: TransactionId) -> list[Notice]:
    """The notifications about a transaction, in the order of its statuses."""
    return await transaction_detail.notices(books.service.pool, book_of_transaction(transaction_id), transaction_id)


async def rail_orders(books: BookContext, transaction_id: TransactionId) -> list[RailOperationRecord]:
    """What a rail was asked for this transaction, in its order; nothing where none was, or long ago."""
    return await rail_operations.of_transaction(books.service.pool, book_of_transaction(transaction_id), transaction_id)


async def refunds_of(books: BookContext, transaction_id: TransactionId) -> list[TransactionLine]:
    """The latest refunds of a transaction."""
    wanted = replace(all_of(books), about=About.ORIGINAL, subject=transaction_id)
    return (await list_(books, wanted, _MAX_REFUNDS)).lines


async def requests_of(books: BookContext, transaction_id: TransactionId) -> Sequence[KeptRequest]:
    """The requests as they came. What this process has not written down yet is written first, so that it shows."""
    await books.service.requests.write(books.service.pool)
    return await kept_requests.of_transaction(books.service.pool, book_of_transaction(transaction_id), transaction_id)


async def may_be_archived(books: BookContext, transaction_id: TransactionId) -> datetime | None:
    """From before which moment on the archive may have a transaction that is not there; None: it does not."""
    if book_of_transaction(transaction_id) not in books.parts:
        return None
    return await archived.may_hold(books.service.pool, transaction_id)


async def archived_before(
    books: BookContext, held_id: TokenId | InstrumentId | None = None, created_at: datetime | None = None
) -> datetime | None:
    """From before which moment on transactions may be in the archive, of all books or of one token or instrument."""
    if held_id is None or created_at is None:
        return await archived.latest_of(books.service.pool, books.parts)
    return await archived.history_of(books.service.pool, held_id, created_at)
