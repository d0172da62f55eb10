"""Reading the events of a seller: one after the other, and each by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.notify.webhook_content import event_id, event_object
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
    "number_of",
    "page",
]

KEPT: Final = timedelta(days=30)
"""How long events can be read, from when they got their numbers."""

_ID: Final = re.compile(r"evt_([0-9a-f]{1,16})_([1-9][0-9]{0,17})", re.ASCII)


async def page(books: BookContext, after: int, types: Sequence[str] | None, maximum: int) -> list[StoredEvent]:
    """Events with higher numbers than `after`, the oldest first; of the given types, None: of all."""
    return await events.page(books.service.pool, books.parts[0], after, types, maximum)


async def find(books: BookContext, text: str) -> StoredEvent | None:
    """An event of the seller by its id; None for any other id, and when it is not kept any more."""
    sequence = number_of(text, books.parts[0])
    return None if sequence is None else await events.find(books.service.pool, books.parts[0], sequence)


def number_of(text: str, home_id: BookId) -> int | None:
    """The number in an event's id; None: it is no id of an event in this book."""
    match = _ID.fullmatch(text)
    return int(match[2]) if match is not None and int(match[1], 16) == home_id else None


async def bounds(books: BookContext) -> EventBounds:
    """Which numbers can be read, and which was given last."""
    return await events.bounds(books.service.pool, books.parts[0])


async def gaps(service: Service, home_id: BookId | None = None) -> list[EventGap]:
    """Sellers whose events have not every number that was given, among those that are kept."""
    return await events.gaps(service.pool, home_id)
