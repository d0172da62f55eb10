"""That a key was revoked is an event of its environment, written by the commit that revokes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.messages.events import KEY_REVOKED
from tallystick.store.events import events

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Connection
    from tallystick.domain.ids import PartyId


async def key_revoked(
    connection: Connection, seller_id: PartyId, environment: str, access_key_id: str, now: datetime
) -> None:
    """Write the event down. A seller without books in the environment has none."""
    home = await events.home_of_seller(connection, seller_id, environment)
    if home is not None:
        book_id, offset = home
        happened = (access_key_id, "revoked", 1, KEY_REVOKED)
        await events.enqueue(connection, book_id, [happened], now + offset, now)
