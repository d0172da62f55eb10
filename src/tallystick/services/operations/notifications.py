"""Notifications of all sellers, for operators: which are not delivered, where, and sending them again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tallystick.services.operations import audit
from tallystick.store.queries import stuck_work
from tallystick.store.queries.stuck_work import Destination, EventCase
from tallystick.store.records import outbox
from tallystick.store.records.outbox import DEAD, DELIVERED, UNWANTED, WAITING, EventRecord

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "DEAD",
    "DELIVERED",
    "UNWANTED",
    "WAITING",
    "Destination",
    "EventCase",
    "EventRecord",
    "cases",
    "destinations",
    "list_",
    "replay",
    "replay_dead",
]


async def cases(
    service: Service, maximum: int, *, state: str, before: tuple[datetime, str] | None = None
) -> list[EventCase]:
    """Events of all sellers that were given up (dead), or that wait for a retry, the newest first."""
    return await stuck_work.event_cases(service.pool, maximum, state=state, before=before)


async def destinations(service: Service, maximum: int) -> list[Destination]:
    """Where most of them do not arrive."""
    return await stuck_work.destinations(service.pool, maximum)


async def list_(service: Service, seller_id: PartyId | None, state: str | None, maximum: int) -> list[EventRecord]:
    """The latest events of one seller or of all, in one state or in any; unwanted ones only when asked for."""
    return await outbox.list_(service.pool, seller_id, state, maximum)


async def replay(service: Service, actor: Actor, event_id: str, book_id: BookId | None = None) -> int:
    """Send one event again; how many there were: 0 when it waits already, has no address, or does not exist.

    `book_id`: where it is; without it, it is looked for in every book.
    """
    now = service.clock()
    if book_id is None:
        count = await outbox.replay(service.pool, event_id, now)
    else:
        count = await outbox.replay_of_book(service.pool, book_id, event_id, now)
    if count:
        await audit.record(service.pool, actor, "notification.replay", event_id, at=now)
    return count


async def replay_dead(service: Service, actor: Actor, seller_id: PartyId | None) -> int:
    """Send all again that were given up, of one seller or of everybody; how many there were."""
    now = service.clock()
    count = await outbox.replay_dead(service.pool, seller_id, now)
    if count:
        await audit.record(
            service.pool, actor, "notification.replay_dead", business_id=seller_id, details={"count": count}, at=now
        )
    return count
