"""Which books a seller has: one, or several shards, in each environment; and giving it more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tallystick.services.operations import audit
from tallystick.store.ledger import shards
from tallystick.store.ledger.shards import NoBookError
from tallystick.store.records import sandbox_clocks

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party

__all__ = ["NoBookError", "books_of", "clock_offset", "first_book_of", "split"]


async def books_of(service: Service, seller_id: PartyId, environment: str) -> tuple[BookId, ...]:
    """The seller's books in an environment; none where it has none.

    What all of them have in common is kept with the first: notification settings, the sandbox's clock, ordered faults.
    """
    return await shards.shards_of_seller(service.pool, seller_id, environment)


async def first_book_of(service: Service, seller_id: PartyId, environment: str) -> BookId | None:
    """The first of them, for what all of them have in common."""
    books = await books_of(service, seller_id, environment)
    return books[0] if books else None


async def clock_offset(service: Service, books: tuple[BookId, ...]) -> timedelta:
    """How far the seller's own time is ahead of the wall clock: in a live environment, or without books, not at all."""
    return await sandbox_clocks.offset(service.pool, books[0]) if books else timedelta(0)


async def split(service: Service, actor: Actor, seller: Party, environment: str, count: int) -> tuple[BookId, ...]:
    """Give a seller as many books; all of them, the first one first. As many as there are: nothing is written down.

    Raises NoBookError; ValueError: it has more already, and books are never joined.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        before = await shards.shards_of_seller(connection, seller.party_id, environment)
        books = await shards.split(connection, seller.party_id, environment, count, now)
        if len(books) > len(before):
            await audit.record(
                connection,
                actor,
                "account.split",
                seller.email,
                business_id=seller.party_id,
                environment=environment,
                details={"before": len(before), "now": len(books)},
                at=now,
            )
    return books
