"""Reading the events of a seller: one after the other, and each by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.services.events.objects import moment
from tallystick.store.events import events
from tallystick.store.events.events import EventBounds, EventGap, StoredEvent

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId
    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "KEPT",
    "EventBounds",
    "EventGap",
    "StoredEvent",
    "bounds",
    "event_id",
    "event_object",
    "find",
    "gaps",
    "page",
]

KEPT: Final = timedelta(days=30)
"""How long events can be read, from when they got their numbers."""

_ID: Final = re.compile(r"evt_([0-9a-f]{1,16})_([1-9][0-9]{0,17})", re.ASCII)


def event_id(event: StoredEvent) -> str:
    """What an event is called: by its book and its number, the same in every delivery."""
    return f"evt_{event.book_id:x}_{event.sequence}"


def event_object(event: StoredEvent) -> Mapping[str, Any]:
    """An event as programs read it, and as it is delivered."""
    return {
        "object": "event",
        "id": event_id(event),
        "sequence": event.sequence,
        "type": event.type,
        "occurred_at": moment(event.occurred_at),
        "data": msgspec.Raw(event.data.encode()),
    }


async def page(books: BookContext, after: int, types: Sequence[str] | None, maximum: int) -> list[StoredEvent]:
    """Events with higher numbers than `after`, the oldest first; of the given types, None: of all."""
    return await events.page(books.service.pool, books.parts[0], after, types, maximum)


async def find(books: BookContext, text: str) -> StoredEvent | None:
    """An event of the seller by its id; None for any other id, and when it is not kept any more."""
    match = _ID.fullmatch(text)
    if match is None or int(match[1], 16) != books.parts[0]:
        return None
    return await events.find(books.service.pool, books.parts[0], int(match[2]))


async def bounds(books: BookContext) -> EventBounds:
    """Which numbers can be read, and which was given last."""
    return await events.bounds(books.service.pool, books.parts[0])


async def gaps(service: Service, home_id: BookId | None = None) -> list[EventGap]:
    """Sellers whose events have not every number that was given, among those that are kept."""
    return await events.gaps(service.pool, home_id)
