"""The delivery log of one seller: what it was or is to be notified of, and sending it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.services.operations import audit
from tallystick.store.records import outbox
from tallystick.store.records.outbox import DEAD, DELIVERED, UNWANTED, WAITING, EventRecord, Unfinished

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "DEAD",
    "DELIVERED",
    "UNWANTED",
    "WAITING",
    "EventRecord",
    "Unfinished",
    "find",
    "log",
    "replay",
    "replay_dead",
    "unfinished",
]


async def log(
    service: Service,
    books: Sequence[BookId],
    maximum: int,
    *,
    state: str | None = None,
    about: str | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[EventRecord]:
    """The events of a seller's books, the newest first, without the messages; never those that nobody wanted.

    `about`: only of one transaction or token, or one event. `before`: only those after this one in the list.
    """
    return await outbox.log(service.pool, books, state=state, about=about, before=before, maximum=maximum)


async def find(service: Service, books: Sequence[BookId], event_id: str) -> EventRecord | None:
    """One event of a seller's books with its message; None: there is none, or nobody wanted to hear of it."""
    entry = await outbox.find(service.pool, books, event_id)
    return None if entry is None or entry.state == UNWANTED else entry


async def unfinished(service: Service, books: Sequence[BookId]) -> Unfinished:
    """What of a seller's books has not arrived yet, or never will."""
    return await outbox.unfinished(service.pool, books)


async def replay(service: Service, actor: Actor, seller_id: PartyId, environment: str, entry: EventRecord) -> bool:
    """Send one again; False, and nothing is written down, when it waits already or no address is set."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await outbox.replay_of_book(connection, entry.book_id, entry.event_id, now):
            return False
        await audit.record(
            connection,
            actor,
            "notification.replay",
            entry.event_id,
            business_id=seller_id,
            environment=environment,
            at=now,
        )
    return True


async def replay_dead(
    service: Service, actor: Actor, seller_id: PartyId, environment: str, books: Sequence[BookId]
) -> int:
    """Send all again that were given up; how many there were. None: nothing is written down."""
    now = service.clock()
    # Book by book, each in a commit of its own: thousands of events would else be locked until the last one.
    count = sum([await outbox.replay_of_book(service.pool, book_id, None, now) for book_id in books])
    if count:
        await audit.record(
            service.pool,
            actor,
            "notification.replay_dead",
            business_id=seller_id,
            environment=environment,
            details={"count": count},
            at=now,
        )
    return count
