"""Transactions of whatever seller, for whoever runs the service: by id, by a rail's reference, or of one account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystick.domain.environments import ENVIRONMENTS
from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.services.seller.books import books_of
from tallystick.store.queries import customers, reads, transaction_list
from tallystick.store.queries.reads import StatusRecord, TransactionRecord
from tallystick.store.queries.transaction_list import About, TransactionLine, TransactionQuery
from tallystick.store.rails import rail_operations
from tallystick.store.rails.rail_operations import RailOperationRecord

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.accounts import Account

__all__ = ["RailOperationRecord", "StatusRecord", "TransactionLine", "TransactionRecord", "find", "latest_of", "named"]


async def find(service: Service, text: str) -> TransactionRecord | None:
    """The transaction with this id."""
    try:
        book_id = book_of_transaction(text)
    except MalformedIdError:
        return None
    return await reads.transaction(service.pool, book_id, TransactionId(text))


async def named(service: Service, text: str) -> list[TransactionId]:
    """Those with this id, or of which a rail speaks by this reference: an order of that name, on whatever rail."""
    found = await find(service, text)
    if found is not None:
        return [found.transaction_id]
    orders = await rail_operations.of_reference(service.pool, text)
    return list(dict.fromkeys(order.transaction_id for order in orders))


async def latest_of(service: Service, account: Account, maximum: int) -> list[tuple[str, TransactionLine]]:
    """The latest transactions of a seller or a buyer, each with its environment, newest first."""
    found: list[tuple[str, TransactionLine]] = []
    for environment in ENVIRONMENTS:
        if account.kind == "business":
            wanted = TransactionQuery(
                await books_of(service, account.party_id, environment), account.party_id, environment
            )
        else:
            parts = await customers.books_of_buyer(service.pool, account.party_id, environment)
            subject = str(account.party_id)
            wanted = TransactionQuery(parts, account.party_id, environment, About.BUYER, subject)
        page = await transaction_list.page(service.pool, wanted, maximum)
        found += [(environment, line) for line in page.lines]
    return sorted(found, key=lambda one: one[1].transaction_id, reverse=True)[:maximum]


async def statuses(service: Service, record: TransactionRecord) -> Sequence[StatusRecord]:
    """What a transaction came to after its first status."""
    book_id = book_of_transaction(record.transaction_id)
    return await reads.later_statuses(service.pool, book_id, record.transaction_id)


async def rail_orders(service: Service, record: TransactionRecord) -> list[RailOperationRecord]:
    """What a rail was asked for it, and what it calls that."""
    book_id = book_of_transaction(record.transaction_id)
    return await rail_operations.of_transaction(service.pool, book_id, record.transaction_id)
