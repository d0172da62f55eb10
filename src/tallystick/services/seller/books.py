"""Which books a seller has: one, or several shards, in each environment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tallystick.store.ledger.shards import shards_of_seller
from tallystick.store.records import sandbox_clocks

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service


async def books_of(service: Service, seller_id: PartyId, environment: str) -> tuple[BookId, ...]:
    """The seller's books in an environment; none where it has none.

    What all of them have in common is kept with the first: notification settings, the sandbox's clock, ordered faults.
    """
    return tuple(await shards_of_seller(service.pool, seller_id, environment))


async def first_book_of(service: Service, seller_id: PartyId, environment: str) -> BookId | None:
    """The first of them, for what all of them have in common."""
    books = await books_of(service, seller_id, environment)
    return books[0] if books else None


async def clock_offset(service: Service, books: tuple[BookId, ...]) -> timedelta:
    """How far the seller's own time is ahead of the wall clock: in a live environment, or without books, not at all."""
    return await sandbox_clocks.offset(service.pool, books[0]) if books else timedelta(0)
