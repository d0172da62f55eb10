"""Disputes as sellers and operators see them, and what a seller chose for settlements that are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.disputes.dispute import DisputedSettlements, DisputeStatus
from tallystick.domain.ids import MalformedIdError, TransactionId, book_of_transaction
from tallystick.store.queries import disputes
from tallystick.store.queries.disputes import ChargeLine, DisputeRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "ChargeLine",
    "DisputeRecord",
    "DisputedSettlements",
    "choose",
    "chosen",
    "find",
    "latest",
    "list_",
    "newest",
    "of_charge",
]


async def list_(books: BookContext, maximum: int, before: str | None = None) -> list[DisputeRecord]:
    """Disputes of a seller: open ones first, by deadline, then the latest; with `before` only those over, before it."""
    return await disputes.of_books(books.service.pool, books.parts, books.seller_id, books.environment, maximum, before)


async def newest(
    books: BookContext, maximum: int, before: str | None = None, status: DisputeStatus | None = None
) -> list[DisputeRecord]:
    """Disputes of a seller, the newest first, those with ids before `before`."""
    return await disputes.newest(
        books.service.pool, books.parts, books.seller_id, books.environment, maximum, before, status
    )


async def find(books: BookContext, dispute_id: str) -> DisputeRecord | None:
    """A dispute of a charge that the seller called for or received, in this environment; None for any other."""
    try:
        book_id = book_of_transaction(dispute_id)
    except MalformedIdError:
        return None
    found = await disputes.find(books.service.pool, book_id, TransactionId(dispute_id))
    if found is None or found.environment != books.environment:
        return None
    return found if book_id in books.parts or found.bearer_party_id == books.seller_id else None


async def of_charge(books: BookContext, charge: TransactionId) -> Sequence[DisputeRecord]:
    """The disputes of one charge, oldest first."""
    return await disputes.of_charge(books.service.pool, book_of_transaction(charge), charge)


async def latest(service: Service, maximum: int) -> list[DisputeRecord]:
    """Disputes of all sellers, for operators: open ones first, by their deadline."""
    return await disputes.latest(service.pool, maximum)


async def chosen(books: BookContext) -> DisputedSettlements:
    """What becomes of a settlement that is lost in a dispute."""
    return await disputes.chosen_settlements(books.service.pool, books.parts[0])


async def choose(books: BookContext, choice: DisputedSettlements) -> None:
    """Decide that for disputes that are lost from now on. Audited where it changes anything."""
    if await chosen(books) is choice:
        return
    await disputes.choose_settlements(books.service.pool, books.parts, choice)
    await books.record("disputes.settlements", choice.value)
